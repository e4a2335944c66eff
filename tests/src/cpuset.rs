//! Cpusets of cgroup v1, for containers to run in.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::{sh, unique};

/// A cpuset below the root of its hierarchy; removed when this is dropped, when nobody may be in it any
/// more.
#[derive(Debug)]
pub struct Cpuset {
    dir: PathBuf,
    /// Where the hierarchy is mounted for as long as this, if this host has it nowhere.
    mounted: Option<TempDir>,
}

impl Cpuset {
    /// Make one with these CPUs, a list such as `0-1`.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn new(cpus: &str) -> Cpuset {
        let (root, mounted) = match hierarchy() {
            Some(root) => (root, None),
            None => {
                let place = TempDir::new().expect("a temporary directory");
                sh(&format!(
                    "mount -t cgroup -o cpuset cpuset {}",
                    place.path().display()
                ));
                (place.path().to_owned(), Some(place))
            }
        };
        let dir = root.join(unique("devns-test-"));
        fs::create_dir(&dir).unwrap_or_else(|e| panic!("no cpuset {dir:?}: {e}"));
        let cpuset = Cpuset { dir, mounted };
        let memory = fs::read_to_string(root.join("cpuset.mems")).expect("the root's memory");
        cpuset.put("cpuset.mems", memory.trim());
        cpuset.set(cpus);
        cpuset
    }

    /// Change its CPUs.
    ///
    /// # Panics
    /// When the kernel refuses them.
    pub fn set(&self, cpus: &str) {
        self.put("cpuset.cpus", cpus);
    }

    /// Move process `pid` into it, and nobody else of its container.
    ///
    /// # Panics
    /// When the kernel refuses that.
    pub fn take(&self, pid: i32) {
        self.put("cgroup.procs", &pid.to_string());
    }

    fn put(&self, name: &str, text: &str) {
        let path = self.dir.join(name);
        fs::write(&path, text).unwrap_or_else(|e| panic!("write({path:?}, {text:?}): {e}"));
    }

    /// The file that says who is in it.
    pub fn procs(&self) -> PathBuf {
        self.dir.join("cgroup.procs")
    }
}

/// `program`, to be run in the cgroup with this `cgroup.procs`; arguments may be added.
pub fn within(procs: &Path, program: &Path) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", "echo $$ >\"$0\" && exec \"$@\""])
        .arg(procs)
        .arg(program);
    command
}

impl Drop for Cpuset {
    fn drop(&mut self) {
        let until = Instant::now() + Duration::from_secs(5);
        while let Err(e) = fs::remove_dir(&self.dir) {
            if Instant::now() > until {
                eprintln!("{:?} stays: {e}", self.dir);
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        if let Some(place) = &self.mounted {
            let done = Command::new("umount").arg("-l").arg(place.path()).status();
            if !done.is_ok_and(|status| status.success()) {
                eprintln!("{:?} stays mounted", place.path());
            }
        }
    }
}

/// Where the v1 hierarchy with the cpuset controller is mounted.
fn hierarchy() -> Option<PathBuf> {
    let table = fs::read_to_string("/proc/self/mountinfo").expect("mountinfo");
    table.lines().find_map(|line| {
        let (mount, of_super) = line.split_once(" - ")?;
        let mut of_super = of_super.split(' ');
        let has = of_super.next() == Some("cgroup")
            && of_super.nth(1)?.split(',').any(|option| option == "cpuset");
        let place = Path::new(mount.split(' ').nth(4)?);
        (has && place.join("cpuset.cpus").exists()).then(|| place.to_owned())
    })
}
