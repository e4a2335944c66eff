use std::process::{Child, Command};

use super::super::Hierarchies;
use super::*;

#[test]
fn only_a_containers_directory_will_do() {
    for dir in [
        "/",
        "/sys/fs/cgroup",
        "/devns",
        "devns/x",
        "/sys/fs/cgroup/devns/../x",
        "/a/devns/..",
    ] {
        let refused = kill_and_remove(&[dir.into()], Duration::ZERO).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::InvalidInput, "{dir}");
    }
}

#[test]
fn gone_directories_are_no_error() {
    let gone: Vec<PathBuf> = vec!["/nowhere/devns/x".into(), "/proc/self/devns/y".into()];
    kill_and_remove(&gone, Duration::ZERO).unwrap();
    assert!(procs(&gone[0]).unwrap().is_empty());
}

/// The kernel writes 0 for a process that has no pid here; killing 0 would kill the caller's own group.
#[test]
fn pid_zero_is_nobody() {
    let top = std::env::temp_dir().join(format!("devns-test-procs-{}", std::process::id()));
    fs::create_dir_all(top.join("nested")).unwrap();
    fs::write(top.join("cgroup.procs"), "0\n40\n0\n").unwrap();
    fs::write(top.join("nested/cgroup.procs"), "7\n40\n").unwrap();
    let (pids, found) = (procs(&top), members(&top));
    fs::remove_dir_all(&top).unwrap();
    assert_eq!(pids.unwrap(), [7, 40]);
    assert_eq!(found.unwrap().unseen, 2);
}

/// Deeper than a path can say, on any file system.
#[test]
fn nesting_beyond_paths_is_removed() {
    let top = std::env::temp_dir().join(format!("devns-test-walk-{}/devns/x", std::process::id()));
    fs::create_dir_all(&top).unwrap();
    fs::create_dir_all(top.join("wide/a/b")).unwrap();
    fs::create_dir_all(top.join("wide/c")).unwrap();
    let mut here = nix::dir::Dir::open(
        &top,
        nix::fcntl::OFlag::O_RDONLY,
        nix::sys::stat::Mode::empty(),
    )
    .unwrap();
    for _ in 0..300 {
        let name = "deep-and-deeper-and-deeper";
        nix::sys::stat::mkdirat(&here, name, nix::sys::stat::Mode::from_bits_truncate(0o755))
            .unwrap();
        here = nix::dir::Dir::openat(
            &here,
            name,
            nix::fcntl::OFlag::O_RDONLY,
            nix::sys::stat::Mode::empty(),
        )
        .unwrap();
    }
    drop(here);
    let removed = kill_and_remove(std::slice::from_ref(&top), Duration::ZERO);
    let left = top.parent().unwrap().exists();
    let _ = fs::remove_dir(top.parent().unwrap().parent().unwrap());
    removed.unwrap();
    assert!(!left);
}

/// A v2 cgroup of the test's own, and what is in it; ends when dropped.
struct Own {
    dir: PathBuf,
    children: Vec<Child>,
}

impl Own {
    fn make(name: &str) -> Option<Own> {
        let root = Hierarchies::detect().unwrap().v2().map(Path::to_owned);
        let Some(root) = root.filter(|_| nix::unistd::geteuid().is_root()) else {
            eprintln!("skipped: needs root and a mounted cgroup2");
            return None;
        };
        let dir = root
            .join(PARENT)
            .join(format!("test-{name}-{}", std::process::id()));
        // another test may remove the parent in between
        while fs::create_dir_all(&dir).is_err() {
            thread::yield_now();
        }
        Some(Own {
            dir,
            children: Vec::new(),
        })
    }

    fn spawn(&mut self, script: &str) {
        let script = format!("echo 0 > {:?}/cgroup.procs && {script}", self.dir);
        self.children
            .push(Command::new("sh").args(["-c", &script]).spawn().unwrap());
        while procs(&self.dir).unwrap().is_empty() {
            thread::yield_now();
        }
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let _ = kill_and_remove(std::slice::from_ref(&self.dir), Duration::from_secs(10));
        for child in &mut self.children {
            let _ = child.wait();
        }
    }
}

/// What kernels without cgroup.kill get: freeze and signals, against a fork storm.
#[test]
fn signals_end_a_frozen_storm() {
    let Some(mut own) = Own::make("freeze") else {
        return;
    };
    own.spawn("storm() { while :; do (sleep 0 &) ; done; }; storm & storm & storm");
    thread::sleep(Duration::from_millis(100));
    let mut signalled = HashSet::new();
    let end = Instant::now() + Duration::from_secs(10);
    while !procs(&own.dir).unwrap().is_empty() {
        assert!(
            Instant::now() < end,
            "{} left",
            procs(&own.dir).unwrap().len()
        );
        kill_each(&own.dir, &mut signalled).unwrap();
    }
    assert!(!signalled.is_empty());
}

/// Threaded cgroups refuse to be read; their processes are those of the cgroup above.
#[test]
fn threaded_cgroups_are_walked() {
    let Some(mut own) = Own::make("threaded") else {
        return;
    };
    fs::create_dir(own.dir.join("t")).unwrap();
    fs::write(own.dir.join("t/cgroup.type"), "threaded").unwrap();
    own.spawn("exec sleep 60");
    assert_eq!(procs(&own.dir).unwrap(), [own.children[0].id() as i32]);
    kill_and_remove(std::slice::from_ref(&own.dir), Duration::from_secs(10)).unwrap();
    assert!(!own.dir.exists());
}

#[test]
fn time_runs_out_with_a_count() {
    let Some(mut own) = Own::make("late") else {
        return;
    };
    own.spawn("exec sleep 60");
    let dir = own.dir.clone();
    assert_eq!(
        timed_out(&[&dir]).to_string(),
        format!("{dir:?} still has 1 processes")
    );
}
