//! Mounts one view of /sys without a daemon.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use cli::failure::STATUSES;
use cli::mount::{FileSystem, MountArgs, Served, run};
use fusefs_sysfs::Cpus;

/// Mount /sys as a policy shows it
#[derive(Parser)]
#[command(version, after_help = format!("{EXAMPLES}\n\n{STATUSES}"))]
struct Args {
    #[command(flatten)]
    mount: MountArgs,
}

const EXAMPLES: &str = "Examples:
  fusefs-sysfs --policy /etc/devns/rules.yaml --use games /mnt
  mount -t fuse.fusefs-sysfs none /mnt -o policy=/etc/devns/rules.yaml,use=games
  fusefs-sysfs --policy rules.yaml --uid 100000 --gid 100000 /srv/web1/sys
  umount /mnt

A write to a `uevent` file is refused with EOPNOTSUPP here: there is no container to deliver it
to. `devns run` has one. Where the policy says `cpus: cgroup`, the CPUs are those of the cpuset that
this command runs in.";

fn main() -> ExitCode {
    cli::start_log(fusefs_sysfs::SUBTYPE);
    let args = Args::parse();
    let file_system = FileSystem {
        name: fusefs_sysfs::SUBTYPE,
        dev: false,
        serve: |mount, engine, sysfs, root| {
            let policy = engine.scene().read().view.policy().clone();
            // there is no container: whoever mounts stands for it
            let cpus = fusefs_sysfs::cpus(&policy, std::process::id() as i32);
            let cpus = cpus.map_err(std::io::Error::other)?;
            let cpus = cpus.map(|cpus| cpus as Arc<dyn Cpus>);
            let tree = fusefs_sysfs::tree(engine, sysfs, root, cpus);
            Ok(Served {
                session: mount.serve(Arc::new(tree))?,
                fit: Box::new(move |new| cli::reload::same_cpus(&policy, new)),
            })
        },
        paths: fusefs_sysfs::paths,
    };
    match run(args.mount, &file_system) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("fusefs-sysfs: {e}");
            ExitCode::from(e.status as u8)
        }
    }
}
