//! `fusefs-sysfs` and `fusefs-dev`: one view on a directory.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::{Running, binaries};

/// A directory to mount on; what is mounted there when this is dropped is unmounted.
#[derive(Debug)]
pub struct Mountpoint {
    dir: TempDir,
}

impl Default for Mountpoint {
    fn default() -> Self {
        Mountpoint::new()
    }
}

impl Mountpoint {
    /// Make one that everybody may look into.
    ///
    /// # Panics
    /// When that fails.
    pub fn new() -> Mountpoint {
        let dir = TempDir::new().expect("a temporary directory");
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).expect("its mode");
        Mountpoint { dir }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// A path below.
    pub fn join(&self, path: &str) -> std::path::PathBuf {
        self.path().join(path)
    }

    /// What mountinfo has of it.
    pub fn mountinfo(&self) -> Option<String> {
        let table = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let place = self.path().to_string_lossy().into_owned();
        table
            .lines()
            .find(|l| l.split(' ').nth(4) == Some(&place))
            .map(str::to_string)
    }

    /// The processes that have it as an argument.
    pub fn servers(&self) -> Vec<i32> {
        let place = self.path().to_string_lossy().into_owned();
        let names = |pid: &i32| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let comm = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            comm.starts_with("fusefs-") && line.split(|b| *b == 0).any(|a| a == place.as_bytes())
        };
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = entries.filter_map(|e| e.file_name().to_string_lossy().parse().ok());
        pids.filter(names).collect()
    }
}

impl Mountpoint {
    /// Take away what is mounted there, if anything is, whoever has files of it open.
    pub fn unmount(&self) {
        while self.mountinfo().is_some() {
            let done = Command::new("umount").arg("-l").arg(self.path()).status();
            if !done.is_ok_and(|s| s.success()) {
                eprintln!("{} stays mounted", self.path().display());
                return;
            }
        }
    }
}

impl Drop for Mountpoint {
    fn drop(&mut self) {
        self.unmount();
    }
}

/// The binary `fusefs-NAME`.
pub fn binary(name: &str) -> std::path::PathBuf {
    if name == "dev" {
        binaries::fusefs_dev()
    } else {
        binaries::fusefs_sysfs()
    }
}

/// Start `fusefs-NAME` in the foreground on `place`, and wait until it is mounted.
///
/// # Panics
/// When it is not.
#[track_caller]
pub fn foreground(name: &str, policy: &Path, place: &Mountpoint) -> Running {
    foreground_with(name, policy, place, |_| ())
}

/// The same with more arguments.
///
/// # Panics
/// When it is not mounted.
#[track_caller]
pub fn foreground_with(
    name: &str,
    policy: &Path,
    place: &Mountpoint,
    more: impl FnOnce(&mut Command),
) -> Running {
    let mut command = Command::new(binary(name));
    command
        .arg("-f")
        .arg("--policy")
        .arg(policy)
        .arg(place.path())
        .stdin(Stdio::null());
    more(&mut command);
    let mut running = Running::start(command.env_remove("RUST_LOG"));
    crate::eventually("it is mounted", std::time::Duration::from_secs(10), || {
        place.mountinfo().is_some() || !running.is_alive()
    });
    assert!(place.mountinfo().is_some(), "{}", running.so_far());
    running
}

/// A tmpfs of the test's own, or what resembles one; unmounted when this is dropped.
#[derive(Debug)]
pub struct Tmpfs(Mountpoint);

impl Tmpfs {
    /// Mount one with these options (tmpfs(5)), nosuid and noexec as /dev is.
    ///
    /// # Panics
    /// When it cannot be mounted.
    pub fn new(options: &str) -> Tmpfs {
        Tmpfs::of("tmpfs", options)
    }

    /// A ramfs: it has no extended attributes, no ACLs, and knows of no holes.
    ///
    /// # Panics
    /// When it cannot be mounted.
    pub fn ramfs() -> Tmpfs {
        Tmpfs::of("ramfs", "mode=755")
    }

    fn of(kind: &str, options: &str) -> Tmpfs {
        let place = Mountpoint::new();
        let mut command = Command::new("mount");
        command.args(["-t", kind, "-o", &format!("nosuid,noexec,{options}")]);
        crate::run(command.arg(kind).arg(place.path())).ok();
        Tmpfs(place)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}
