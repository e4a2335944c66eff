//! The end of containers on the real kernel: needs root and a mounted hierarchy; elsewhere it says so and
//! passes. Everything that is killed was started here, in cgroups made here.

use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::{sleep, yield_now};
use std::time::{Duration, Instant};

use host::cgroup::{Access, Cgroup, Hierarchies, Range, Version, kill_and_remove, procs};
use kobject::DevKind;

const SOON: Duration = Duration::from_secs(20);

/// A container whose processes are shells; they end when it is dropped.
struct Container {
    cgroup: Cgroup,
    children: Vec<Child>,
}

impl Container {
    fn create(gate: Version) -> Option<Container> {
        let hierarchies = Hierarchies::detect().unwrap();
        if !nix::unistd::geteuid().is_root()
            || (hierarchies.v1().is_none() && gate == Version::V1)
            || hierarchies.v2().is_none()
        {
            eprintln!("skipped: needs root and {gate}");
            return None;
        }
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let id = format!(
            "test-kill-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let cgroup = Cgroup::create(&hierarchies, &id, Some(gate)).unwrap();
        let container = Container {
            cgroup,
            children: Vec::new(),
        };
        // the standard input that a shell gives its background processes
        let null = Range {
            kind: DevKind::Char,
            major: 1,
            minor: Some(3),
        };
        container.cgroup.grant(null, Access::READ).unwrap();
        Some(container)
    }

    /// Runs `script` in the container.
    fn spawn(&mut self, script: &str) -> &mut Child {
        let script = format!("read go; {script}");
        let mut child = Command::new("sh")
            .args(["-c", &script])
            .stdin(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let pid = child.id() as i32;
        let mut go = child.stdin.take().unwrap();
        self.children.push(child);
        self.cgroup.add(pid).unwrap();
        io::Write::write_all(&mut go, b"\n").unwrap();
        self.children.last_mut().unwrap()
    }

    fn wait_for(&self, count: usize) {
        let end = Instant::now() + SOON;
        while procs(&self.cgroup.dirs()[0]).unwrap().len() < count {
            assert!(Instant::now() < end, "no {count} processes");
            yield_now();
        }
    }

    fn end(&mut self, dirs: &[PathBuf]) {
        let all = self.cgroup.dirs();
        kill_and_remove(dirs, SOON).unwrap();
        for dir in dirs {
            assert!(!dir.exists(), "{dir:?}");
        }
        for child in &mut self.children {
            use std::os::unix::process::ExitStatusExt;
            assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGKILL));
        }
        // a second time, and what is left of the others
        kill_and_remove(&all, SOON).unwrap();
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if let Err(e) = kill_and_remove(&self.cgroup.dirs(), SOON) {
            eprintln!("left behind: {e}");
        }
        for child in &mut self.children {
            let _ = child.wait();
        }
    }
}

/// Processes that fork and exit, and processes that fork and stay.
const STORM: &str = "hop() { while :; do (sleep 0 &) ; done; }; \
    stay() { i=0; while [ $i -lt 50 ]; do sleep 60 & i=$((i+1)); done; wait; }; hop & hop & hop & stay";

#[test]
fn a_fork_storm_ends_by_cgroup_kill() {
    for gate in [Version::V2, Version::V1] {
        let Some(mut container) = Container::create(gate) else {
            continue;
        };
        container.spawn(STORM);
        container.wait_for(40);
        let dirs = container.cgroup.dirs();
        let started = Instant::now();
        container.end(&dirs);
        eprintln!("{gate}: {:?}", started.elapsed());
    }
}

/// As on a host that has v1 only: the v2 directory is kept out of it, so signals must do.
#[test]
fn a_fork_storm_ends_by_signals() {
    let Some(mut container) = Container::create(Version::V1) else {
        return;
    };
    container.spawn(STORM);
    container.wait_for(40);
    let v1 = container.cgroup.dirs()[0].clone();
    assert!(v1.join("devices.deny").exists());
    let started = Instant::now();
    container.end(&[v1]);
    eprintln!("{:?}", started.elapsed());
}

#[test]
fn nested_cgroups_go_bottom_up() {
    for gate in [Version::V2, Version::V1] {
        let Some(mut container) = Container::create(gate) else {
            continue;
        };
        let dirs = container.cgroup.dirs();
        for dir in &dirs {
            fs::create_dir_all(dir.join("a/b/c")).unwrap();
            fs::create_dir_all(dir.join("a/d")).unwrap();
        }
        let inner: Vec<String> = dirs
            .iter()
            .map(|dir| format!("echo 0 > {dir:?}/a/b/c/cgroup.procs; "))
            .collect();
        container.spawn(&format!("sleep 60 & {} sleep 60 & wait", inner.concat()));
        container.wait_for(3);
        sleep(Duration::from_millis(50));
        container.end(&dirs);
    }
}

#[test]
fn nobody_else_is_killed() {
    let Some(mut container) = Container::create(Version::V2) else {
        return;
    };
    let Some(mut other) = Container::create(Version::V2) else {
        return;
    };
    container.spawn("sleep 60");
    other.spawn("sleep 60");
    let dirs = container.cgroup.dirs();
    container.end(&dirs);
    assert!(other.children[0].try_wait().unwrap().is_none());
    // and the parent directory stays while somebody is in it
    assert!(other.cgroup.dirs()[0].exists());
}

#[test]
fn ended_from_two_sides_at_once() {
    let Some(mut container) = Container::create(Version::V1) else {
        return;
    };
    container.spawn(STORM);
    container.wait_for(20);
    let dirs = container.cgroup.dirs();
    std::thread::scope(|scope| {
        let ends: Vec<_> = (0..3)
            .map(|_| scope.spawn(|| kill_and_remove(&dirs, SOON)))
            .collect();
        for end in ends {
            end.join().unwrap().unwrap();
        }
    });
    assert!(dirs.iter().all(|dir| !dir.exists()));
}
