//! Containers of other runtimes, runc and crun, whose /dev is a directory of ours.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use host::cgroup::{Hierarchies, Version};
use serde_json::json;
use tempfile::TempDir;

use crate::{Rootfs, Running, unique};

/// What a container of `runtime` (a program's name) is made of.
#[derive(Debug)]
pub struct Foreign {
    runtime: &'static str,
    version: Version,
    name: String,
    bundle: TempDir,
    rootfs: Rootfs,
    /// Device nodes of the container's that came some other way.
    nodes: PathBuf,
}

/// Runs in a mount namespace of its own where one hierarchy is all there is: crun takes no other, runc is to
/// have a device gate of this version.
const ONLY_V2: &str =
    "umount -R /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec \"$@\"";
const ONLY_V1: &str =
    "if mountpoint -q /sys/fs/cgroup/unified; then umount /sys/fs/cgroup/unified; fi; exec \"$@\"";

/// Reads scripts, a line each, and says after each that it is done.
const INSIDE: &str = "echo ready; while read line; do (eval \"$line\") 2>&1; echo done; done";

impl Foreign {
    /// A container whose device gate is of this version.
    ///
    /// # Panics
    /// When a directory cannot be made.
    pub fn new(runtime: &'static str, version: Version) -> Foreign {
        let bundle = TempDir::new().expect("a temporary directory");
        let nodes = bundle.path().join("nodes");
        fs::create_dir(&nodes).expect("a directory");
        let rootfs = Rootfs::new();
        fs::create_dir(rootfs.path("nodes")).expect("a directory");
        Foreign {
            runtime,
            version,
            name: unique("devns-foreign-"),
            bundle,
            rootfs,
            nodes,
        }
    }

    /// A directory of the host's that the container has as /nodes, where nodes can be unpacked.
    pub fn nodes(&self) -> &Path {
        &self.nodes
    }

    /// The directory of its cgroup, on the host.
    ///
    /// # Panics
    /// When the hierarchy is not mounted.
    pub fn cgroup(&self) -> PathBuf {
        let hierarchies = Hierarchies::detect().expect("the hierarchies");
        let root = match self.version {
            Version::V1 => hierarchies.v1(),
            Version::V2 => hierarchies.v2(),
        };
        root.expect("the hierarchy is mounted").join(&self.name)
    }

    /// Start it with `dev` as its /dev; its runtime lets it open /dev/zero, and the block devices of major 7
    /// with these minors.
    ///
    /// # Panics
    /// When it does not start.
    #[track_caller]
    pub fn start(&self, dev: &Path, minors: &[u32]) -> Running {
        let config = self.config(dev, minors).to_string();
        fs::write(self.bundle.path().join("config.json"), config).expect("its configuration");
        let script = match self.version {
            Version::V1 => ONLY_V1,
            Version::V2 => ONLY_V2,
        };
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-euc", script, "sh", self.runtime]);
        command.arg("--root").arg(self.state()).arg("run");
        command
            .arg("--bundle")
            .arg(self.bundle.path())
            .arg(&self.name);
        // never /dev/null, which runtimes give another owner to
        let mut running = Running::start(command.stdin(std::process::Stdio::piped()));
        running.expect("ready");
        running
    }

    fn state(&self) -> PathBuf {
        self.bundle.path().join("state")
    }

    fn config(&self, dev: &Path, minors: &[u32]) -> serde_json::Value {
        let mut devices = vec![
            json!({ "allow": false, "access": "rwm" }),
            json!({ "allow": true, "type": "c", "major": 1, "minor": 5, "access": "rwm" }),
        ];
        devices.extend(minors.iter().map(
            |minor| json!({ "allow": true, "type": "b", "major": 7, "minor": minor, "access": "rwm" }),
        ));
        let bind = |inside: &str, source: &Path| json!({ "destination": inside, "type": "bind", "source": source, "options": ["rbind", "rw"] });
        let namespaces = ["pid", "ipc", "uts", "mount"].map(|kind| json!({ "type": kind }));
        let caps = ["CAP_DAC_OVERRIDE", "CAP_MKNOD"];
        json!({
            "ociVersion": "1.0.2",
            "process": {
                "terminal": false,
                "user": { "uid": 0, "gid": 0 },
                "args": ["/bin/sh", "-c", INSIDE],
                "env": ["PATH=/bin"],
                "cwd": "/",
                "capabilities": { "bounding": caps, "effective": caps, "permitted": caps },
                "noNewPrivileges": true,
            },
            "root": { "path": self.rootfs.dir() },
            "mounts": [
                { "destination": "/proc", "type": "proc", "source": "proc" },
                bind("/dev", dev),
                // its own, as runtimes mount them
                { "destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"] },
                { "destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": ["nosuid", "noexec", "nodev", "mode=1777"] },
                { "destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue", "options": ["nosuid", "noexec", "nodev"] },
                bind("/nodes", &self.nodes),
            ],
            "linux": {
                "cgroupsPath": format!("/{}", self.name),
                "resources": { "devices": devices },
                "namespaces": namespaces,
            },
        })
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        let mut delete = Command::new(self.runtime);
        delete.arg("--root").arg(self.state());
        // it is gone already, unless something went wrong
        let _ = delete.args(["delete", "--force", &self.name]).output();
        let until = std::time::Instant::now() + Duration::from_secs(5);
        let dir = self.cgroup();
        // every v1 hierarchy has one, and v2
        let parents = fs::read_dir("/sys/fs/cgroup")
            .into_iter()
            .flatten()
            .flatten();
        let others = parents.map(|entry| entry.path().join(&self.name));
        for dir in others.chain([dir]) {
            while fs::remove_dir(&dir).is_err_and(|e| e.raw_os_error() == Some(libc::EBUSY)) {
                if std::time::Instant::now() > until {
                    eprintln!("{} stays", dir.display());
                    break;
                }
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    }
}

/// What a script of one line prints in the container, line by line.
///
/// # Panics
/// When it does not answer.
#[track_caller]
pub fn says(container: &mut Running, script: &str) -> Vec<String> {
    container.say(script);
    let mut found = Vec::new();
    loop {
        match container.expect("").as_str() {
            "done" => return found,
            line => found.push(line.to_string()),
        }
    }
}

/// What of `paths` opens in the container, as `r PATH` and `w PATH`.
///
/// # Panics
/// When it does not answer.
#[track_caller]
pub fn opens(container: &mut Running, paths: &[&str]) -> Vec<String> {
    let paths = paths.join(" ");
    let script = format!(
        "for p in {paths}; do (exec 9<$p) 2>/dev/null && echo r $p; [ -e $p ] && (exec 9>>$p) 2>/dev/null && echo w $p; done"
    );
    says(container, &script)
}
