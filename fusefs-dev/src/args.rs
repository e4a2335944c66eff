//! The command line, as `--help` shows it.

use clap::Parser;
use cli::failure::STATUSES;
use cli::mount::MountArgs;

/// Mount /dev as a policy shows it
#[derive(Parser)]
#[command(version, after_help = format!("{EXAMPLES}\n\n{STATUSES}"))]
pub struct Args {
    /// What `fusefs-sysfs` and `fusefs-dev` both take.
    #[command(flatten)]
    pub mount: MountArgs,
    /// Let this cgroup open the devices that show here, and no others, as long as this is mounted; a
    /// directory, or PID: and a process in it
    #[arg(long, value_name = "DIR|PID:N")]
    pub cgroup: Option<String>,
}

const EXAMPLES: &str = "Examples:
  fusefs-dev --policy /etc/devns/rules.yaml --use games /mnt
  mount -t fuse.fusefs-dev none /mnt -o policy=/etc/devns/rules.yaml,use=games
  fusefs-dev --policy rules.yaml --cgroup /sys/fs/cgroup/machine.slice/web1 /srv/web1/dev
  fusefs-dev --policy rules.yaml --cgroup PID:4711 /srv/web1/dev
  fusefs-dev --policy rules.yaml --uid 100000 --gid 100000 /srv/web1/dev
  umount /mnt

Names of users and groups in rules are looked up in this host's files.";
