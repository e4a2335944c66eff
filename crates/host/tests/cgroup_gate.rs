//! The device gate of a container on the real kernel, of both kinds: needs root; elsewhere, and for a kind
//! that is not mounted, it says so and passes.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use host::cgroup::{
    Access, Cgroup, CgroupError, Hierarchies, Range, Version, kill_and_remove, procs,
};
use kobject::DevKind;

#[path = "../../sys/tests/agent/mod.rs"]
mod agent;
use agent::Agent;

/// A container's cgroup, a process in it and a directory for nodes; all gone when dropped.
struct Scene {
    cgroup: Cgroup,
    agent: Agent,
    nodes: PathBuf,
}

impl Scene {
    fn set(version: Version) -> Option<Scene> {
        let hierarchies = Hierarchies::detect().unwrap();
        let mounted = match version {
            Version::V1 => hierarchies.v1().is_some(),
            Version::V2 => hierarchies.v2().is_some(),
        };
        if !mounted || !nix::unistd::geteuid().is_root() {
            eprintln!("skipped: needs root and {version}");
            return None;
        }
        let id = unique();
        let cgroup = Cgroup::create(&hierarchies, &id, Some(version)).unwrap();
        assert_eq!(cgroup.version(), version);
        // from here on, dropping removes the cgroup
        let scene = Scene {
            cgroup,
            agent: Agent::spawn(),
            nodes: std::env::temp_dir().join(&id),
        };
        fs::create_dir(&scene.nodes).unwrap();
        scene.cgroup.add(scene.agent.pid()).unwrap();
        Some(scene)
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if let Err(e) = kill_and_remove(&self.cgroup.dirs(), Duration::from_secs(10)) {
            eprintln!("left behind: {e}");
        }
        let _ = fs::remove_dir_all(&self.nodes);
    }
}

fn unique() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!(
        "test-gate-{}-{}",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    )
}

fn char(major: u32, minor: Option<u32>) -> Range {
    Range {
        kind: DevKind::Char,
        major,
        minor,
    }
}

const ZERO: u32 = 5;
const NULL: u32 = 3;
const RW: fn() -> Access = || Access::READ | Access::WRITE;

/// Runs one test for each kind of gate.
fn both(test: fn(Scene)) {
    for version in [Version::V1, Version::V2] {
        eprintln!("{version}");
        if let Some(scene) = Scene::set(version) {
            test(scene);
        }
    }
}

#[test]
fn denied_granted_narrowed_revoked() {
    both(|mut s| {
        let zero = agent::node(&s.nodes, "c", 1, ZERO);
        let fresh = s.nodes.join("fresh");
        let range = char(1, Some(ZERO));
        let state = |s: &mut Scene| {
            [
                s.agent.open("r", &zero),
                s.agent.open("w", &zero),
                s.agent.open("rw", &zero),
                s.agent.mknod("c", 1, ZERO, &fresh),
            ]
            .map(|errno| match errno {
                0 => true,
                libc::EPERM => false,
                other => panic!("errno {other}"),
            })
        };
        assert_eq!(state(&mut s), [false; 4]);
        // one set after the other, each replacing the one before it; twice the same is once
        for (access, expected) in [
            (RW(), [true, true, true, false]),
            (Access::READ, [true, false, false, false]),
            (Access::READ, [true, false, false, false]),
            (Access::WRITE | Access::MKNOD, [false, true, false, true]),
            (Access::NONE, [false; 4]),
            (Access::ALL, [true; 4]),
        ] {
            s.cgroup.grant(range, access).unwrap();
            assert_eq!(state(&mut s), expected, "{access:?}");
        }
        s.cgroup.revoke(range).unwrap();
        s.cgroup.revoke(range).unwrap();
        assert_eq!(state(&mut s), [false; 4]);
    });
}

#[test]
fn block_and_char_are_two() {
    both(|mut s| {
        // a block major without a driver: past the gate it is ENXIO
        let nodes = [
            agent::node(&s.nodes, "b", 42, 7),
            agent::node(&s.nodes, "c", 42, 7),
        ];
        let state = |s: &mut Scene| nodes.clone().map(|node| s.agent.open("r", &node));
        s.cgroup
            .grant(
                Range {
                    kind: DevKind::Block,
                    major: 42,
                    minor: Some(7),
                },
                Access::READ,
            )
            .unwrap();
        assert_eq!(state(&mut s), [libc::ENXIO, libc::EPERM]);
        s.cgroup.grant(char(42, None), Access::READ).unwrap();
        s.cgroup
            .revoke(Range {
                kind: DevKind::Block,
                major: 42,
                minor: Some(7),
            })
            .unwrap();
        assert_eq!(state(&mut s), [libc::EPERM, libc::ENXIO]);
    });
}

#[test]
fn the_exact_entry_decides() {
    both(|mut s| {
        let [zero, null] = [ZERO, NULL].map(|minor| agent::node(&s.nodes, "c", 1, minor));
        let state = |s: &mut Scene| {
            [("r", &zero), ("w", &zero), ("r", &null), ("w", &null)]
                .map(|(mode, node)| s.agent.open(mode, node) == 0)
        };
        // wider than its major
        s.cgroup.grant(char(1, None), Access::READ).unwrap();
        s.cgroup.grant(char(1, Some(ZERO)), RW()).unwrap();
        assert_eq!(state(&mut s), [true, true, true, false]);
        // narrower: in v1 at the cost of its major
        s.cgroup.grant(char(1, None), RW()).unwrap();
        s.cgroup.grant(char(1, Some(ZERO)), Access::READ).unwrap();
        let major_has_write = s.cgroup.version() == Version::V2;
        assert_eq!(state(&mut s), [true, false, true, major_has_write]);
        // nothing at all
        s.cgroup.grant(char(1, Some(ZERO)), Access::NONE).unwrap();
        assert_eq!(
            state(&mut s),
            [false, false, major_has_write, major_has_write]
        );
        // and without it, the major again
        s.cgroup.revoke(char(1, Some(ZERO))).unwrap();
        assert_eq!(state(&mut s), [true; 4]);
        s.cgroup.grant(char(1, Some(ZERO)), Access::READ).unwrap();
        s.cgroup.revoke(char(1, None)).unwrap();
        assert_eq!(state(&mut s), [true, false, false, false]);
    });
}

#[test]
fn children_are_behind_the_gate_too() {
    both(|mut s| {
        let zero = agent::node(&s.nodes, "c", 1, ZERO);
        assert_eq!(s.agent.open_in_child("r", &zero), libc::EPERM);
        s.cgroup.grant(char(1, Some(ZERO)), Access::READ).unwrap();
        assert_eq!(s.agent.open_in_child("r", &zero), 0);
        assert_eq!(s.agent.open_in_child("w", &zero), libc::EPERM);
        s.cgroup.revoke(char(1, Some(ZERO))).unwrap();
        assert_eq!(s.agent.open_in_child("r", &zero), libc::EPERM);
    });
}

#[test]
fn members_are_listed_in_every_directory() {
    both(|s| {
        let dirs = s.cgroup.dirs();
        let v2 = Hierarchies::detect().unwrap().v2().is_some();
        assert_eq!(
            dirs.len(),
            usize::from(s.cgroup.version() == Version::V1) + usize::from(v2)
        );
        for dir in &dirs {
            assert_eq!(procs(dir).unwrap(), [s.agent.pid()], "{dir:?}");
        }
        let gone = s.cgroup.add(i32::MAX).unwrap_err();
        assert!(
            gone.to_string()
                .ends_with("cgroup.procs\", 2147483647): no such process"),
            "{gone}"
        );
    });
}

#[test]
fn numbers_that_mean_all_are_refused() {
    both(|s| {
        for range in [char(u32::MAX, None), char(1, Some(u32::MAX))] {
            assert_eq!(
                s.cgroup.grant(range, Access::READ).unwrap_err().kind(),
                std::io::ErrorKind::InvalidInput
            );
            assert_eq!(
                s.cgroup.revoke(range).unwrap_err().kind(),
                std::io::ErrorKind::InvalidInput
            );
        }
    });
}

#[test]
fn an_id_is_taken_once_and_v2_comes_first() {
    let hierarchies = Hierarchies::detect().unwrap();
    if !nix::unistd::geteuid().is_root() || hierarchies.v2().is_none() {
        return eprintln!("skipped: needs root and cgroup v2");
    }
    struct Remove(Vec<PathBuf>);
    impl Drop for Remove {
        fn drop(&mut self) {
            let _ = kill_and_remove(&self.0, Duration::from_secs(10));
        }
    }
    let id = unique();
    let _remove = Remove(hierarchies.dirs(&id).unwrap());
    let first = Cgroup::create(&hierarchies, &id, None).unwrap();
    assert_eq!(first.version(), Version::V2);
    for gate in [None, Some(Version::V1), Some(Version::V2)] {
        let second = Cgroup::create(&hierarchies, &id, gate).unwrap_err();
        assert!(matches!(second, CgroupError::Exists(_)), "{second}");
    }
    // the one that failed took nothing of the first with it
    assert!(first.dirs().iter().all(|dir| dir.exists()));
    kill_and_remove(&first.dirs(), Duration::from_secs(10)).unwrap();
    drop(Cgroup::create(&hierarchies, &id, None).unwrap());
}

#[test]
fn without_a_hierarchy_the_error_says_what_to_do() {
    let none = Cgroup::create(&Hierarchies::default(), "x", None)
        .unwrap_err()
        .to_string();
    assert_eq!(
        none,
        "no device gate: cgroup v2: not mounted (`mount -t cgroup2 cgroup2 /sys/fs/cgroup`); \
         cgroup v1: not mounted (`mount -t cgroup -o devices cgroup <dir>`)"
    );
    let bad = Cgroup::create(&Hierarchies::default(), "../x", None).unwrap_err();
    assert!(
        bad.to_string()
            .starts_with("container id \"../x\": expected"),
        "{bad}"
    );
    assert!(!Path::new("x").exists());
}
