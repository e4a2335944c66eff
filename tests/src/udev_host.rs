//! A host with a udev.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::{Container, Running, Shell, eventually};

/// A database without a udevd: `$DATABASE` holds pairs of lines, the name of a file and its content.
pub const DATABASE: &str = include_str!("../attacks/udev-database.sh");

/// A udevd with the rules that `$RULES` holds.
pub const UDEVD: &str = include_str!("../attacks/udevd.sh");

/// A host with a udev of its own: a /run in a mount namespace, and a network namespace in which no other
/// udev is heard.
pub struct UdevHost(pub Running);

impl UdevHost {
    /// By this script, with what it needs in a variable of this name.
    ///
    /// # Panics
    /// When it ends, or has no udev within ten seconds.
    #[track_caller]
    pub fn start(script: &str, what: (&str, &str)) -> UdevHost {
        let mut command = Command::new("unshare");
        command
            .args(["-mn", "sh", "-euc", script])
            .env(what.0, what.1);
        let mut host = UdevHost(Running::start(command.stdin(Stdio::null())));
        let control = format!("/proc/{}/root/run/udev/control", host.0.pid());
        let outside = std::fs::read_link("/proc/self/ns/mnt").ok();
        let inside = format!("/proc/{}/ns/mnt", host.0.pid());
        eventually("udev is there", Duration::from_secs(10), || {
            assert!(host.0.is_alive(), "it ended: {}", host.0.so_far());
            std::fs::read_link(&inside).ok() != outside && Path::new(&control).exists()
        });
        host
    }

    /// A shell in a container of this host; `container` has to stay as long as it does.
    ///
    /// # Panics
    /// When devns cannot be started.
    #[track_caller]
    pub fn shell(&self, container: &Container) -> Shell {
        let inner = container.command(&["sh"]);
        let mut command = Command::new("nsenter");
        let pid = self.0.pid();
        command.args([
            format!("--mount=/proc/{pid}/ns/mnt"),
            format!("--net=/proc/{pid}/ns/net"),
        ]);
        command
            .arg("--")
            .arg(inner.get_program())
            .args(inner.get_args());
        command.env("RUST_LOG", "warn,fusefs_dev=debug");
        Shell(Running::start(command.stdin(Stdio::piped())))
    }
}
