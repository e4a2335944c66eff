//! The command line, as `--help` shows it.

use clap::Parser;
use cli::failure::STATUSES;
use cli::mount::MountArgs;

/// Mount /sys as a policy shows it
#[derive(Parser)]
#[command(version, after_help = format!("{EXAMPLES}\n\n{STATUSES}"))]
pub struct Args {
    /// What `fusefs-sysfs` and `fusefs-dev` both take.
    #[command(flatten)]
    pub mount: MountArgs,
}

const EXAMPLES: &str = "Examples:
  fusefs-sysfs --policy /etc/devns/rules.yaml --use games /mnt
  mount -t fuse.fusefs-sysfs none /mnt -o policy=/etc/devns/rules.yaml,use=games
  fusefs-sysfs --policy rules.yaml --uid 100000 --gid 100000 /srv/web1/sys
  umount /mnt

A write to a `uevent` file is refused with EOPNOTSUPP here: there is no container to deliver it
to. `devns run` has one. Where the policy says `cpus: cgroup`, the CPUs are those of the cpuset that
this command runs in.";
