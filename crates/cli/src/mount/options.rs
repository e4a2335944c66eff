//! What is said on the command line, in words or as mount(8) says it.

use std::path::PathBuf;

use super::FileSystem;
use crate::failure::{Failure, Status};

/// What both binaries take.
#[derive(Clone, Debug, clap::Args)]
pub struct MountArgs {
    /// Where to mount; mount(8) puts a source, which means nothing, before it
    #[arg(required = true, num_args = 1..=2, value_name = "[SOURCE] MOUNTPOINT")]
    pub(super) places: Vec<PathBuf>,
    /// Rule file, or builtin:NAME
    #[arg(long, value_name = "FILE", default_value = "builtin:minimal")]
    pub(super) policy: String,
    /// Policy of the file to use; may be left out where the file has only one
    #[arg(long = "use", value_name = "POLICY")]
    pub(super) use_: Option<String>,
    /// The host's uid of the container's root, who owns what it may write in /sys, and in /dev what no
    /// rule gives to somebody else; a rule's uid is counted from there, up to 65535 unless this is 0
    #[arg(long, value_name = "N", default_value = "0", value_parser = id)]
    pub(super) uid: u32,
    /// The host's gid of the container's root, as --uid
    #[arg(long, value_name = "N", default_value = "0", value_parser = id)]
    pub(super) gid: u32,
    /// Take the rule file anew whenever it is saved; SIGHUP does so once
    #[arg(long)]
    pub(super) watch: bool,
    /// Options as mount(8) gives them: policy=FILE, use=POLICY, uid=N, gid=N, watch; the usual
    /// others are accepted
    #[arg(short = 'o', value_name = "OPTIONS")]
    options: Vec<String>,
    /// Stay in the foreground
    #[arg(short = 'f', long)]
    pub(super) foreground: bool,
    /// Whose device gate to take over; [`MountArgs::with_cgroup`]
    #[arg(skip)]
    pub(super) cgroup: Option<String>,
}

/// Options of mount(8) that change nothing: they are always so, or are mount's own business.
const ACCEPTED: &[&str] = &[
    "defaults",
    "rw",
    "ro",
    "sync",
    "async",
    "users",
    "nodiratime",
    "strictatime",
    "lazytime",
    // mount(8) adds this and `dev` for root
    "suid",
    "nosuid",
    "exec",
    "noexec",
    "nodev",
    "dev",
    "auto",
    "noauto",
    "user",
    "nouser",
    "_netdev",
    "nofail",
    "default_permissions",
    "allow_other",
    "noatime",
    "relatime",
    "silent",
];

impl MountArgs {
    /// With the device gate of a cgroup: its directory, or `PID:` and a process in it.
    pub fn with_cgroup(self, cgroup: Option<String>) -> MountArgs {
        MountArgs { cgroup, ..self }
    }

    /// Take what `-o` says into the other fields.
    pub(super) fn with_options(mut self, fs: &FileSystem) -> Result<MountArgs, Failure> {
        let options: Vec<String> = self
            .options
            .iter()
            .flat_map(|o| o.split(','))
            .map(str::to_string)
            .collect();
        for option in options.iter().filter(|o| !o.is_empty()) {
            match option.split_once('=') {
                Some(("policy", file)) => self.policy = file.into(),
                Some(("use", name)) => self.use_ = Some(name.into()),
                Some(("uid", uid)) => self.uid = id(uid).map_err(|e| wrong(option, &e))?,
                Some(("gid", gid)) => self.gid = id(gid).map_err(|e| wrong(option, &e))?,
                Some(("cgroup", cgroup)) if fs.dev => self.cgroup = Some(cgroup.into()),
                None if option == "watch" => self.watch = true,
                None if ACCEPTED.contains(&option.as_str()) => {}
                _ if option.starts_with("x-") => {}
                _ => {
                    return Err(Failure::new(
                        Status::Usage,
                        format!("unknown mount option {option:?}"),
                    )
                    .mend(match fs.dev {
                        true => {
                            "the options are policy=FILE, use=POLICY, uid=N, gid=N, watch and cgroup=DIR|PID:N"
                        },
                        false => "the options are policy=FILE, use=POLICY, uid=N, gid=N and watch",
                    }));
                }
            }
        }
        Ok(self)
    }
}

/// An id that a file can have: the last one means none (chown(2)).
fn id(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(id) if id < u32::MAX => Ok(id),
        _ => Err("not an id of the host: a number from 0 to 4294967294".into()),
    }
}

fn wrong(option: &str, why: &str) -> Failure {
    Failure::new(Status::Usage, format!("the mount option {option:?}: {why}"))
}
