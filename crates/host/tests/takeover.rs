//! Gates that somebody else put up, taken over and given back on the real kernel. Every cgroup here is the
//! test's own; needs root, and both kinds of hierarchy: where one is not mounted its tests say so and pass.

use std::fs::{self, File};
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use host::cgroup::{Access, Hierarchies, Range, Takeover, Whose};
use kobject::DevKind;
use sys::bpf::{self, ALLOW_MULTI, ALLOW_OVERRIDE, DeviceMap, Key};

#[path = "../../sys/tests/agent/mod.rs"]
mod agent;
use agent::Agent;

const FULL: u32 = 7;
const ZERO: u32 = 5;

/// A cgroup with a process in it, and nodes of /dev/zero and /dev/full.
struct Scene {
    dir: PathBuf,
    agent: Option<Agent>,
    nodes: tempfile::TempDir,
}

impl Scene {
    fn set(root: Option<&Path>) -> Option<Scene> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        if !nix::unistd::geteuid().is_root() || root.is_none() {
            eprintln!("skipped: needs root and the hierarchy");
            return None;
        }
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("devns-takeover-{}-{number}", std::process::id());
        let dir = root?.join(name);
        fs::create_dir(&dir).unwrap();
        let scene = Scene {
            dir,
            agent: Some(Agent::spawn()),
            nodes: tempfile::tempdir().unwrap(),
        };
        let pid = scene.agent.as_ref().unwrap().pid().to_string();
        fs::write(scene.dir.join("cgroup.procs"), pid).unwrap();
        Some(scene)
    }

    fn v1() -> Option<Scene> {
        Scene::set(Hierarchies::detect().unwrap().v1())
    }

    fn v2() -> Option<Scene> {
        Scene::set(Hierarchies::detect().unwrap().v2())
    }

    fn takeover(&self) -> Takeover {
        Takeover::prepare(&Whose::Dir(self.dir.clone())).unwrap()
    }

    /// Whether /dev/zero and /dev/full open inside.
    fn opens(&mut self) -> (bool, bool) {
        let nodes = [ZERO, FULL].map(|minor| {
            let path = self.nodes.path().join(minor.to_string());
            match path.exists() {
                true => path,
                false => {
                    fs::rename(agent::node(self.nodes.path(), "c", 1, minor), &path).unwrap();
                    path
                }
            }
        });
        let agent = self.agent.as_mut().unwrap();
        let [zero, full] = nodes.map(|node| match agent.open("r", &node) {
            0 => true,
            libc::EPERM => false,
            other => panic!("errno {other}"),
        });
        (zero, full)
    }

    fn attached(&self) -> Vec<u32> {
        let dir = File::open(&self.dir).unwrap();
        bpf::query(dir.as_fd()).unwrap().ids
    }

    /// Put up a program that grants these, as a runtime would.
    fn attach(&self, minors: &[u32], flags: u32) -> OwnedFd {
        attach(&self.dir, minors, flags)
    }

    fn list(&self) -> Vec<String> {
        let text = fs::read_to_string(self.dir.join("devices.list")).unwrap();
        let mut lines: Vec<String> = text.lines().map(String::from).collect();
        lines.sort();
        lines
    }

    fn write(&self, name: &str, entries: &[&str]) {
        for entry in entries {
            let mut file = File::options()
                .write(true)
                .open(self.dir.join(name))
                .unwrap();
            file.write_all(entry.as_bytes()).unwrap();
        }
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.agent = None;
        for _ in 0..200 {
            let nested = fs::read_dir(&self.dir).into_iter().flatten().flatten();
            for entry in nested.filter(|e| e.path().is_dir()) {
                let _ = fs::remove_dir(entry.path());
            }
            match fs::remove_dir(&self.dir) {
                Err(e) if e.raw_os_error() == Some(libc::EBUSY) => {
                    std::thread::sleep(std::time::Duration::from_millis(10));
                }
                _ => return,
            }
        }
        eprintln!("left behind: {:?}", self.dir);
    }
}

fn attach(dir: &Path, minors: &[u32], flags: u32) -> OwnedFd {
    let map = DeviceMap::create().unwrap();
    for minor in minors {
        let key = Key {
            kind: bpf::CHAR,
            major: 1,
            minor: *minor,
        };
        map.set(key, bpf::READ | bpf::WRITE | bpf::MKNOD).unwrap();
    }
    let program = bpf::load(&bpf::device_program(map.as_fd())).unwrap();
    let dir = File::open(dir).unwrap();
    bpf::attach_as(dir.as_fd(), program.as_fd(), flags).unwrap();
    program
}

fn mem(minor: u32) -> Range {
    Range {
        kind: DevKind::Char,
        major: 1,
        minor: Some(minor),
    }
}

#[test]
fn a_program_is_replaced_and_put_back_whatever_its_flags() {
    for flags in [ALLOW_MULTI, ALLOW_OVERRIDE, 0] {
        let Some(mut s) = Scene::v2() else { return };
        let theirs = s.attach(&[ZERO], flags);
        let before = s.attached();
        let mut takeover = s.takeover();
        takeover.grant(mem(FULL), Access::READ).unwrap();
        // nothing happens before the first look
        assert_eq!((s.opens(), s.attached()), ((true, false), before.clone()));
        let notes = takeover.look().unwrap();
        assert_eq!(
            notes.len(),
            usize::from(flags == ALLOW_OVERRIDE),
            "{notes:?}"
        );
        assert_eq!(s.opens(), (false, true), "flags {flags}");
        takeover.revoke(mem(FULL)).unwrap();
        assert_eq!(s.opens(), (false, false));
        takeover.grant(mem(ZERO), Access::ALL).unwrap();
        assert_eq!(s.opens(), (true, false));
        // nobody but us holds it
        drop(theirs);
        let ours = s.attached();
        assert!(ours.len() == 1 && ours != before);
        takeover.restore().unwrap();
        assert_eq!((s.opens(), s.attached()), ((true, false), before));
    }
}

#[test]
fn several_programs_are_replaced_and_put_back() {
    let Some(mut s) = Scene::v2() else { return };
    let _theirs = [&[ZERO, FULL][..], &[ZERO]].map(|minors| s.attach(minors, ALLOW_MULTI));
    let before = s.attached();
    let mut takeover = s.takeover();
    takeover.grant(mem(FULL), Access::READ).unwrap();
    takeover.look().unwrap();
    assert_eq!((s.opens(), s.attached().len()), ((false, true), 1));
    takeover.restore().unwrap();
    assert_eq!((s.opens(), s.attached()), ((true, false), before));
}

#[test]
fn without_a_program_there_is_none_again() {
    let Some(mut s) = Scene::v2() else { return };
    let mut takeover = s.takeover();
    takeover.grant(mem(ZERO), Access::READ).unwrap();
    takeover.look().unwrap();
    assert_eq!(s.opens(), (true, false));
    takeover.restore().unwrap();
    assert_eq!((s.opens(), s.attached()), ((true, true), vec![]));
}

/// systemd attaches its new program beside what is there, then detaches its old one; runc replaces the
/// only one there is, ours.
#[test]
fn what_its_owner_puts_up_again_is_replaced_again_and_remembered() {
    for in_place in [false, true] {
        let Some(mut s) = Scene::v2() else { return };
        s.attach(&[ZERO], ALLOW_MULTI);
        let mut takeover = s.takeover();
        takeover.grant(mem(FULL), Access::READ).unwrap();
        takeover.look().unwrap();
        let ours = s.attached();
        let new = s.attach(&[ZERO, FULL], ALLOW_MULTI);
        if in_place {
            let dir = File::open(&s.dir).unwrap();
            let program = bpf::program(ours[0]).unwrap();
            bpf::detach(dir.as_fd(), program.as_fd()).unwrap();
            assert_eq!(s.opens(), (true, true));
        }
        let new = bpf::id_of(new.as_fd()).unwrap();
        takeover.look().unwrap();
        assert_eq!((s.opens(), s.attached()), ((false, true), ours));
        takeover.restore().unwrap();
        assert_eq!((s.opens(), s.attached()), ((true, true), vec![new]));
    }
}

#[test]
fn what_denies_above_is_told_once() {
    let Some(mut s) = Scene::v2() else { return };
    let above = s.dir.clone();
    attach(&above, &[ZERO], ALLOW_MULTI);
    let below = above.join("below");
    fs::create_dir(&below).unwrap();
    let pid = s.agent.as_ref().unwrap().pid();
    fs::write(below.join("cgroup.procs"), pid.to_string()).unwrap();
    let mut takeover = Takeover::prepare(&Whose::Dir(below)).unwrap();
    for minor in [ZERO, FULL] {
        takeover.grant(mem(minor), Access::READ).unwrap();
    }
    let notes = takeover.look().unwrap();
    let expected = format!("the cgroup {} above", above.display());
    assert!(
        notes.len() == 1 && notes[0].contains(&expected),
        "{notes:?}"
    );
    assert_eq!(s.opens(), (true, false));
    assert_eq!(takeover.look().unwrap(), [""; 0]);
    takeover.restore().unwrap();
}

#[test]
fn a_cgroup_that_comes_later_and_again_is_taken_over() {
    for root in [Scene::v1(), Scene::v2()] {
        let Some(mut s) = root else { continue };
        let dir = s.dir.join("later");
        let mut takeover = Takeover::prepare(&Whose::Dir(dir.clone())).unwrap();
        takeover.grant(mem(FULL), Access::READ).unwrap();
        let notes = takeover.look().unwrap();
        assert!(notes[0].contains("there is no cgroup"), "{notes:?}");
        let pid = s.agent.as_ref().unwrap().pid().to_string();
        for _ in 0..2 {
            fs::create_dir(&dir).unwrap();
            fs::write(dir.join("cgroup.procs"), &pid).unwrap();
            assert_eq!(s.opens(), (true, true));
            takeover.look().unwrap();
            assert_eq!(s.opens(), (false, true));
            fs::write(s.dir.join("cgroup.procs"), &pid).unwrap();
            fs::remove_dir(&dir).unwrap();
            takeover.look().unwrap();
        }
        takeover.restore().unwrap();
    }
}

/// A runtime removes the cgroup with its container, and the server may end before anybody looks again.
#[test]
fn regression_a_cgroup_that_was_removed_has_no_gate_to_give_back() {
    for root in [Scene::v1(), Scene::v2()] {
        let Some(s) = root else { continue };
        let dir = s.dir.join("removed");
        fs::create_dir(&dir).unwrap();
        let mut takeover = Takeover::prepare(&Whose::Dir(dir.clone())).unwrap();
        takeover.grant(mem(FULL), Access::READ).unwrap();
        takeover.look().unwrap();
        fs::remove_dir(&dir).unwrap();
        takeover.restore().unwrap();
    }
}

#[test]
fn a_list_becomes_ours_and_is_put_back() {
    let Some(mut s) = Scene::v1() else { return };
    s.write("devices.deny", &["a"]);
    let theirs = ["c *:* m", "b *:* m", "c 1:5 rw", "c 10:229 rwm"];
    s.write("devices.allow", &theirs);
    // with cgroups below, nothing can be written at one go
    fs::create_dir(s.dir.join("nested")).unwrap();
    let before = s.list();
    let mut takeover = s.takeover();
    takeover.grant(mem(FULL), Access::READ).unwrap();
    assert_eq!((s.opens(), s.list()), ((true, false), before.clone()));
    assert_eq!(takeover.look().unwrap(), [""; 0]);
    assert_eq!(
        (s.opens(), s.list()),
        ((false, true), vec!["c 1:7 r".to_string()])
    );
    // its owner adds one, which is to be there afterwards
    s.write("devices.allow", &["c 10:200 rw"]);
    takeover.grant(mem(ZERO), Access::READ).unwrap();
    assert_eq!(s.list(), ["c 1:5 r", "c 1:7 r"]);
    takeover.revoke(mem(FULL)).unwrap();
    assert_eq!(s.opens(), (true, false));
    takeover.restore().unwrap();
    let mut after = before;
    after.push("c 10:200 rw".into());
    after.sort();
    assert_eq!(s.list(), after);
}

#[test]
fn a_list_that_is_written_anew_is_remembered_anew() {
    let Some(mut s) = Scene::v1() else { return };
    s.write("devices.deny", &["a"]);
    s.write("devices.allow", &["c 1:5 rw"]);
    let mut takeover = s.takeover();
    takeover.grant(mem(FULL), Access::READ).unwrap();
    takeover.look().unwrap();
    // as systemd does
    s.write("devices.deny", &["a"]);
    s.write("devices.allow", &["c 1:9 r"]);
    takeover.look().unwrap();
    assert_eq!(s.list(), ["c 1:7 r"]);
    assert_eq!(s.opens(), (false, true));
    takeover.restore().unwrap();
    assert_eq!(s.list(), ["c 1:9 r"]);
}

#[test]
fn a_list_that_allowed_all_does_so_again() {
    let Some(mut s) = Scene::v1() else { return };
    assert_eq!(s.list(), ["a *:* rwm"]);
    let mut takeover = s.takeover();
    takeover.grant(mem(FULL), Access::READ).unwrap();
    takeover.look().unwrap();
    assert_eq!(s.opens(), (false, true));
    takeover.restore().unwrap();
    assert_eq!(s.list(), ["a *:* rwm"]);
}

#[test]
fn what_a_list_above_lacks_is_told_and_the_rest_allowed() {
    let Some(s) = Scene::v1() else { return };
    s.write("devices.deny", &["a"]);
    s.write("devices.allow", &["c 1:5 r", "c 1:7 rwm"]);
    let below = s.dir.join("below");
    fs::create_dir(&below).unwrap();
    let mut takeover = Takeover::prepare(&Whose::Dir(below.clone())).unwrap();
    takeover.grant(mem(ZERO), Access::ALL).unwrap();
    takeover.grant(mem(FULL), Access::ALL).unwrap();
    let notes = takeover.look().unwrap();
    assert!(
        notes.len() == 1 && notes[0].contains("`c 1:5 wm`: the cgroup"),
        "{notes:?}"
    );
    let list = fs::read_to_string(below.join("devices.list")).unwrap();
    assert_eq!(list, "c 1:5 r\nc 1:7 rwm\n");
    assert_eq!(takeover.look().unwrap(), [""; 0]);
    takeover.restore().unwrap();
}

#[test]
fn roots_and_ones_own_cgroup_are_refused() {
    let hierarchies = Hierarchies::detect().unwrap();
    for root in [hierarchies.v1(), hierarchies.v2()].into_iter().flatten() {
        let e = Takeover::prepare(&Whose::Dir(root.into())).unwrap_err();
        assert!(e.to_string().contains("the root of its hierarchy"), "{e}");
    }
}
