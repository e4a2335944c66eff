//! The device gate on the real kernel: needs root and a mounted cgroup2; elsewhere it says so and passes.

use std::fs::{self, File};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use sys::bpf::{self, ANY, BLOCK, CHAR, DeviceMap, Key, MAX_ENTRIES, MKNOD, READ, WRITE};

mod agent;
use agent::Agent;

/// A fresh cgroup and a directory for nodes, removed when dropped.
struct Scene {
    cgroup: PathBuf,
    nodes: PathBuf,
}

impl Scene {
    /// None where the tests cannot run.
    fn set() -> Option<Scene> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        let cgroup2 = mounts
            .lines()
            .find(|line| line.contains(" - cgroup2 "))
            .and_then(|line| line.split(' ').nth(4));
        let Some(cgroup2) = cgroup2.filter(|_| nix::unistd::geteuid().is_root()) else {
            eprintln!("skipped: needs root and a mounted cgroup2");
            return None;
        };
        let name = format!(
            "devns-test-bpf-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let scene = Scene {
            cgroup: Path::new(cgroup2).join(&name),
            nodes: std::env::temp_dir().join(&name),
        };
        fs::create_dir(&scene.nodes).unwrap();
        fs::create_dir(&scene.cgroup).unwrap();
        Some(scene)
    }

    fn dir(&self) -> File {
        File::open(&self.cgroup).unwrap()
    }

    /// A gate that is attached, and a process behind it.
    fn gate(&self) -> (DeviceMap, Agent) {
        let map = DeviceMap::create().unwrap();
        attach(&map, self.dir().as_fd());
        let agent = Agent::spawn();
        fs::write(self.cgroup.join("cgroup.procs"), agent.pid().to_string()).unwrap();
        (map, agent)
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.nodes);
        // a process just killed may still be on its way out
        for _ in 0..200 {
            if fs::remove_dir(&self.cgroup).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        eprintln!("left behind: {}", self.cgroup.display());
    }
}

fn attach(map: &DeviceMap, dir: BorrowedFd<'_>) -> u32 {
    let program = bpf::load(&bpf::device_program(map.as_fd())).unwrap();
    bpf::attach(dir, program.as_fd()).unwrap()
}

#[test]
fn grants_are_what_the_map_says_and_change_live() {
    let Some(scene) = Scene::set() else { return };
    let (map, mut agent) = scene.gate();
    // /dev/zero, and a block major without a driver: what passes the gate there meets ENXIO
    for (kind, letter, major, minor, passed) in
        [(CHAR, "c", 1, 5, 0), (BLOCK, "b", 42, 7, libc::ENXIO)]
    {
        let exact = Key { kind, major, minor };
        let range = Key {
            minor: ANY,
            ..exact
        };
        let node = agent::node(&scene.nodes, letter, major, minor);
        let fresh = scene.nodes.join("fresh");
        for (e, r) in (0..81).map(|i| (i % 9, i / 9)) {
            for (key, mask) in [(exact, e), (range, r)] {
                match mask {
                    8 => drop(map.remove(key).unwrap()),
                    mask => map.set(key, mask).unwrap(),
                }
            }
            let mask = if e < 8 { e } else { r % 8 };
            let expect = |access: u32, passed: i32| {
                if mask & access == access {
                    passed
                } else {
                    libc::EPERM
                }
            };
            let case = format!("{letter} {major}:{minor} exact {e} range {r}");
            assert_eq!(agent.open("r", &node), expect(READ, passed), "r {case}");
            assert_eq!(agent.open("w", &node), expect(WRITE, passed), "w {case}");
            assert_eq!(
                agent.open("rw", &node),
                expect(READ | WRITE, passed),
                "rw {case}"
            );
            assert_eq!(
                agent.mknod(letter, major, minor, &fresh),
                expect(MKNOD, 0),
                "m {case}"
            );
        }
    }
}

#[test]
fn nothing_is_granted_at_first_and_to_no_child() {
    let Some(scene) = Scene::set() else { return };
    let (map, mut agent) = scene.gate();
    let [zero, null] = [5, 3].map(|minor| agent::node(&scene.nodes, "c", 1, minor));
    assert_eq!(agent.open("r", &zero), libc::EPERM);
    assert_eq!(agent.open_in_child("r", &zero), libc::EPERM);
    map.set(
        Key {
            kind: CHAR,
            major: 1,
            minor: 5,
        },
        READ,
    )
    .unwrap();
    assert_eq!(agent.open("r", &zero), 0);
    assert_eq!(agent.open_in_child("r", &zero), 0);
    assert_eq!(agent.open_in_child("w", &zero), libc::EPERM);
    assert_eq!(agent.open("r", &null), libc::EPERM);
    // it is the child that is refused, not everybody
    assert!(File::open(&null).is_ok());
}

#[test]
fn two_programs_must_agree() {
    let Some(scene) = Scene::set() else { return };
    let (map, mut agent) = scene.gate();
    let zero = agent::node(&scene.nodes, "c", 1, 5);
    let key = Key {
        kind: CHAR,
        major: 1,
        minor: 5,
    };
    map.set(key, READ | WRITE).unwrap();
    assert_eq!(bpf::query(scene.dir().as_fd()).unwrap().ids.len(), 1);

    let second = DeviceMap::create().unwrap();
    assert_eq!(attach(&second, scene.dir().as_fd()), bpf::ALLOW_MULTI);
    let attached = bpf::query(scene.dir().as_fd()).unwrap();
    assert_eq!((attached.flags, attached.ids.len()), (bpf::ALLOW_MULTI, 2));
    assert_eq!(agent.open("r", &zero), libc::EPERM);
    second.set(key, READ).unwrap();
    assert_eq!(agent.open("r", &zero), 0);
    assert_eq!(agent.open("w", &zero), libc::EPERM);
}

#[test]
fn the_gate_outlives_its_file_descriptors() {
    let Some(scene) = Scene::set() else { return };
    let (map, mut agent) = scene.gate();
    let [zero, null] = [5, 3].map(|minor| agent::node(&scene.nodes, "c", 1, minor));
    map.set(
        Key {
            kind: CHAR,
            major: 1,
            minor: 5,
        },
        READ,
    )
    .unwrap();
    drop(map);
    assert_eq!(agent.open("r", &zero), 0);
    assert_eq!(agent.open("r", &null), libc::EPERM);
}

#[test]
fn map_is_bounded_and_close_on_exec() {
    let Some(_scene) = Scene::set() else { return };
    let map = DeviceMap::create().unwrap();
    let program = bpf::load(&bpf::device_program(map.as_fd())).unwrap();
    for fd in [map.as_fd(), program.as_fd()] {
        let flags = FdFlag::from_bits_truncate(fcntl(fd, FcntlArg::F_GETFD).unwrap());
        assert!(flags.contains(FdFlag::FD_CLOEXEC));
    }
    let key = |minor| Key {
        kind: BLOCK,
        major: 7,
        minor,
    };
    for minor in 0..MAX_ENTRIES {
        map.set(key(minor), READ).unwrap();
    }
    let full = map.set(key(MAX_ENTRIES), READ).unwrap_err();
    assert_eq!(full.errno(), libc::E2BIG);
    assert_eq!(
        full.to_string(),
        "bpf(BPF_MAP_UPDATE_ELEM, b 7:8192, 0x2): argument list too long"
    );
    // full, it still changes and empties
    map.set(key(0), READ | WRITE).unwrap();
    assert!(map.remove(key(1)).unwrap());
    assert!(!map.remove(key(1)).unwrap());
    map.set(key(MAX_ENTRIES), READ).unwrap();
}

#[test]
fn errors_carry_the_call() {
    let Some(scene) = Scene::set() else { return };
    let map = DeviceMap::create().unwrap();
    let mut wrong = bpf::device_program(map.as_fd());
    let program = bpf::load(&wrong).unwrap();
    let nowhere =
        bpf::attach(File::open(&scene.nodes).unwrap().as_fd(), program.as_fd()).unwrap_err();
    assert_eq!(nowhere.errno(), libc::EBADF);
    assert!(
        nowhere
            .to_string()
            .starts_with("bpf(BPF_PROG_ATTACH, cgroup_device, flags 0x2): bad file"),
        "{nowhere}"
    );
    // a return value that no device program may give
    let last = wrong.len() - 2;
    wrong[last].imm = 2;
    let refused = bpf::load(&wrong).unwrap_err();
    assert!(
        refused
            .to_string()
            .starts_with("bpf(BPF_PROG_LOAD, cgroup_device, "),
        "{refused}"
    );
}
