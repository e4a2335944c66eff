//! What becomes of those who hold a device that was revoked: in a cgroup of the test's own.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use cli::Revoked;
use engine::OnRevoked;
use host::cgroup::{Hierarchies, kill_all};
use kobject::Devpath;
use policy::{DeviceTable, Events, OnRevoke, Rules, Show, Shown, View};
use viewfs::Scene;

/// A cgroup with a process that has a file open.
struct Held {
    dir: PathBuf,
    child: Child,
}

impl Held {
    fn new(name: &str, file: &str) -> Option<Held> {
        let hierarchies = Hierarchies::detect().unwrap();
        let root = hierarchies.v2().or(hierarchies.v1());
        if !nix::unistd::geteuid().is_root() || root.is_none() {
            eprintln!("skipped: needs root and a cgroup hierarchy");
            return None;
        }
        let dir = root?.join(format!("devns-revoked-{}-{name}", std::process::id()));
        fs::create_dir(&dir).unwrap();
        let mut sleep = Command::new("sleep");
        let child = sleep
            .arg("60")
            .stdin(Stdio::from(File::open(file).unwrap()))
            .spawn();
        let held = Held {
            dir,
            child: child.unwrap(),
        };
        fs::write(held.dir.join("cgroup.procs"), held.child.id().to_string()).unwrap();
        Some(held)
    }

    /// What is called for a device that is revoked, and why the container is to be killed.
    fn watch(&self) -> (OnRevoked, Receiver<String>) {
        let (why, killed) = channel();
        let rules = Rules::builtin("minimal").unwrap();
        let policy = rules.select(None, &policy::Container::default()).unwrap();
        let revoked = Revoked {
            cgroups: vec![self.dir.clone()],
            scene: Arc::new(parking_lot::RwLock::new(Scene {
                table: DeviceTable::new(),
                view: View::new(policy),
                generation: 0,
            })),
            kill: Box::new(move |reason| drop(why.send(reason.to_string()))),
        };
        (revoked.start().unwrap(), killed)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let until = Instant::now() + Duration::from_secs(5);
        while fs::remove_dir(&self.dir).is_err() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn full(on_revoke: OnRevoke) -> Shown {
    Shown {
        devpath: Devpath::parse(b"/devices/virtual/mem/full").unwrap(),
        show: Show::Rw,
        devnum: Some("c 1:7".parse().unwrap()),
        devname: None,
        devmode: None,
        subsystem: None,
        own: false,
        mode: None,
        uid: None,
        gid: None,
        links: Vec::new(),
        no_links: Vec::new(),
        host_links: Vec::new(),
        link_priority: 0,
        order: 0,
        arrival: 0,
        on_revoke,
        events: Events::default(),
    }
}

#[test]
fn who_holds_it_is_killed_if_that_is_asked_for() {
    let Some(mut held) = Held::new("kill", "/dev/full") else {
        return;
    };
    let (revoked, killed) = held.watch();
    revoked(&full(OnRevoke::Report));
    assert!(killed.recv_timeout(Duration::from_millis(1500)).is_err());
    revoked(&full(OnRevoke::Kill));
    let why = killed.recv_timeout(Duration::from_secs(5)).unwrap();
    let expected = format!(
        "c 1:7 was revoked, and is still held by sleep ({}, descriptor 0) \
         (/devices/virtual/mem/full, on_revoke: kill)",
        held.child.id()
    );
    assert_eq!(why, expected);
    // and how it is killed
    assert!(held.child.try_wait().unwrap().is_none());
    kill_all(&[held.dir.clone()], Duration::from_secs(5)).unwrap();
    assert!(held.child.wait().unwrap().code().is_none());
}

#[test]
fn who_holds_nothing_is_spared() {
    let Some(held) = Held::new("spare", "/dev/zero") else {
        return;
    };
    let (revoked, killed) = held.watch();
    revoked(&full(OnRevoke::Kill));
    assert!(killed.recv_timeout(Duration::from_millis(1500)).is_err());
}
