//! What was asked for, checked.

use std::ffi::OsString;
use std::path::PathBuf;

use cli::{Failure, Status};
use host::cgroup::Version;
use policy::Container;
use sys::caps::CapSet;

use crate::args::{CgroupVersion, Net, RunArgs, Statfs};

/// Moby's default capabilities (`DefaultCapabilities`, oci/caps in its source) less MKNOD: what
/// containers are used to, without the means to make a device node.
const DEFAULT_CAPS: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "NET_BIND_SERVICE",
    "NET_RAW",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// Capabilities that end a guarantee, and which one.
const ENDED: [(&str, &str); 8] = [
    (
        "SYS_ADMIN",
        "it can mount sysfs and a devtmpfs of its own, and undo what masks /proc",
    ),
    (
        "MKNOD",
        "it can make nodes of any device; opening them is up to the device cgroup",
    ),
    (
        "SYS_RAWIO",
        "it can reach devices by their ports and memory",
    ),
    ("SYS_MODULE", "it can load code into the kernel"),
    (
        "SYS_PTRACE",
        "it can look into the processes of devns that it can see",
    ),
    (
        "SYSLOG",
        "it can read the kernel log, which names every device of the host",
    ),
    ("DAC_READ_SEARCH", "it can open files of the host by handle"),
    ("BPF", "it can load programs into the kernel"),
];

/// A checked `devns run`.
pub struct Options {
    pub container: Container,
    pub rootfs: Option<PathBuf>,
    pub userns: bool,
    pub net: Net,
    pub caps: CapSet,
    pub env: Vec<(String, String)>,
    pub tty: bool,
    pub init: bool,
    pub gate: Option<Version>,
    pub statfs: Statfs,
    pub command: Vec<OsString>,
    /// What has to be said before the start.
    pub warnings: Vec<String>,
}

fn wrong(message: String) -> Failure {
    Failure::new(Status::Usage, message)
}

/// Check `args`; the container's name is `default_name` unless it has one.
pub fn check(args: &RunArgs, default_name: &str) -> Result<Options, Failure> {
    let name = args
        .name
        .clone()
        .unwrap_or_else(|| default_name.to_string());
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let starts = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    if !starts || name.len() > 48 || !name.chars().all(fits) {
        return Err(wrong(format!("{name:?} is no name for a container"))
            .mend("a name has up to 48 letters, digits, `-`, `_` and `.`, beginning with a letter or digit"));
    }
    let extra = CapSet::of(args.cap_add.iter().map(String::as_str)).map_err(|cap| {
        wrong(format!("there is no capability {cap:?}")).mend("see capabilities(7)")
    })?;
    let defaults = CapSet::of(DEFAULT_CAPS).map_err(|cap| wrong(cap.to_string()))?;
    if let Some(rootfs) = &args.rootfs
        && !rootfs.is_dir()
    {
        return Err(wrong(format!(
            "the root file system {rootfs:?} is not a directory"
        )));
    }
    let pairs = |what: &str, all: &[String]| -> Result<Vec<(String, String)>, Failure> {
        let split = |s: &String| {
            s.split_once('=')
                .map(|(k, v)| (k.to_string(), v.to_string()))
        };
        let checked =
            |s: &String| split(s).ok_or_else(|| wrong(format!("{what} {s:?} is not K=V")));
        all.iter().map(checked).collect()
    };
    let labels = pairs("the label", &args.labels)?.into_iter().collect();
    let annotations = pairs("the annotation", &args.annotations)?;
    Ok(Options {
        container: Container {
            id: name.clone(),
            name,
            image: args.image.clone(),
            labels,
            annotations: annotations.into_iter().collect(),
            // its id is yet to be made
            cgroup: None,
        },
        rootfs: args.rootfs.clone(),
        userns: args.userns,
        net: args.net,
        caps: defaults.and(extra),
        env: pairs("the variable", &args.env)?,
        tty: args.tty,
        init: args.init,
        gate: match args.device_cgroup {
            CgroupVersion::Auto => None,
            CgroupVersion::V1 => Some(Version::V1),
            CgroupVersion::V2 => Some(Version::V2),
        },
        statfs: args.statfs,
        command: args.command.clone(),
        warnings: warnings(args, extra),
    })
}

fn warnings(args: &RunArgs, extra: CapSet) -> Vec<String> {
    let mut all = Vec::new();
    if args.rootfs.is_none() && !args.userns {
        all.push(
            "the host's root is the root file system: root inside is root over the host's files, \
             this is no boundary (--userns or --rootfs DIR makes one)"
                .into(),
        );
    }
    if args.net == Net::Host {
        all.push(
            "in the host's network namespace no device events can be kept apart: uevent sockets \
             and io_uring are refused, writes to uevent files fail with EOPNOTSUPP, \
             hotplug shows in /sys and /dev only"
                .into(),
        );
    }
    for (cap, what) in ENDED {
        if extra.has(cap) {
            let boundary = match (cap, args.userns) {
                ("SYS_ADMIN", false) => "; without --userns this is no boundary",
                _ => "",
            };
            all.push(format!("with CAP_{cap} {what}{boundary}"));
        }
    }
    all
}
