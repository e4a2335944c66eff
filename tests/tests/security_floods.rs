//! A container that asks for more than its share (requirement 10): what it may hold is counted, and its
//! neighbour is served all the same.
//!
//! Each container of `devns run` has a server of its own, so what one makes its server do is a matter between the two and
//! the scheduler. What is compared is therefore a flood of as many processes of the real sysfs, or of a tmpfs.
//! Loop devices 500 to 509 are this file's.

#[path = "../attacks/mod.rs"]
mod attacks;

use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tests::{Container, Heard, Loop, Running, inside};

const ATTRIBUTE: &str = "/sys/devices/virtual/mem/null/dev";
const MEM: &str = "      - match: { subsystem: mem }\n        show: rw\n";

fn script(how: &str) -> String {
    script_in(how, "/dev")
}

fn script_in(how: &str, directory: &str) -> String {
    let body = include_str!("../attacks/flood.py");
    let what = format!("HOW, ATTRIBUTE, DIRECTORY = {how:?}, {ATTRIBUTE:?}, {directory:?}");
    attacks::script(&format!("{what}\n{body}"))
}

fn container() -> Container {
    let rules = format!("version: 1\npolicies:\n  test:\n    rules:\n{MEM}");
    Container::new().rules(&rules)
}

fn flood(how: &str) -> Running {
    let mut flood = container().start(&["python3", "-c", &script(how)]);
    flood.expect("flooding");
    flood
}

/// The same by processes of the host's.
fn native_flood(how: &str, directory: &str) -> Running {
    let mut command = Command::new(inside::PYTHON);
    let script = script_in(how, directory);
    let mut flood = Running::start(command.args(["-c", &script]).stdin(Stdio::piped()));
    flood.expect("flooding");
    flood
}

/// A neighbour that counts what it gets done.
struct Neighbour(Running);

impl Neighbour {
    /// Of looks at an attribute, or of files in its /dev.
    fn start(attribute: Option<&str>) -> Neighbour {
        let attribute = attribute.map_or("None".into(), |path| format!("{path:?}"));
        let what = format!("ATTRIBUTE, DIRECTORY = {attribute}, \"/dev\"");
        let script = format!("{what}\n{}", inside::SHARE);
        let mut running = container().start(&["python3", "-c", &script]);
        running.expect("ready");
        Neighbour(running)
    }

    /// The most of three seconds: how the scheduler places processes varies.
    fn share(&mut self) -> u32 {
        let mut once = || {
            self.0.say("count");
            let line = self.0.line(Duration::from_secs(30), |_| true);
            line.and_then(|l| l.parse().ok()).expect("a count")
        };
        (0..3).map(|_| once()).max().expect("three")
    }
}

/// What a server has resident, in KiB.
fn resident(pid: i32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a status");
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"));
    let number = line.and_then(|l| l.trim().split(' ').next());
    number.and_then(|n| n.parse().ok()).expect("VmRSS")
}

#[test]
fn open_files_are_counted_and_given_back() {
    let _turn = turn();
    for container in [container(), container().userns()] {
        let mut holder = container.start(&["python3", "-c", &script("hold")]);
        let line = holder.line(Duration::from_secs(60), |l| l.starts_with("held"));
        let held = line.unwrap_or_else(|| panic!("{}", holder.so_far()));
        assert_eq!(held, "held\t4096 ENFILE");
        let resident = resident(holder.pid());
        assert!(resident < 64 << 10, "the server has {resident} KiB");
        // nobody else's
        Neighbour::start(Some(ATTRIBUTE)).share();
        holder.say("close");
        holder.expect("after\tok");
        holder.wait(Duration::from_secs(10)).ok();
    }
}

/// One flood at a time: what one makes of the machine, another would measure.
static FLOOD: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    FLOOD.lock().unwrap_or_else(PoisonError::into_inner)
}

fn neighbour_is_served(mut neighbour: Neighbour, how: &str, mut native: Running) {
    let beside_native = neighbour.share();
    native.end();

    let device = Loop::add(500);
    let name = device.name();
    device.remove();
    let mut hearing = Heard::start(&Container::new().shows(&[&name]));
    let mut flood = flood(how);
    let beside_ours = neighbour.share();
    // and it hears in time what is plugged
    let device = Loop::add(500);
    let add = hearing.expect(&format!("add@{}", device.devpath()));
    assert_eq!(add["node"], "ok", "{add}");
    device.remove();
    hearing.expect("remove@/devices/virtual/block/loop500");

    let resident = resident(flood.pid());
    assert!(resident < 64 << 10, "the server has {resident} KiB");
    assert!(flood.is_alive(), "{}", flood.so_far());
    flood.end();
    let both =
        format!("{how}: {beside_ours} a second, beside a flood of the host's {beside_native}");
    assert!(beside_ours * 4 > beside_native, "{both}");
    eprintln!("{both}");
}

#[test]
fn requests() {
    let _turn = turn();
    let neighbour = Neighbour::start(Some(ATTRIBUTE));
    neighbour_is_served(neighbour, "ask", native_flood("ask", "/dev"));
}

#[test]
fn synthetic_events() {
    let _turn = turn();
    let neighbour = Neighbour::start(Some(ATTRIBUTE));
    neighbour_is_served(neighbour, "uevent", native_flood("ask", "/dev"));
}

/// Of what is in /dev, made, moved and removed.
#[test]
fn changes_of_dev() {
    let _turn = turn();
    let neighbour = Neighbour::start(None);
    let place = tempfile::tempdir_in("/dev/shm").expect("a directory in a tmpfs");
    let native = native_flood("change", &place.path().to_string_lossy());
    neighbour_is_served(neighbour, "change", native);
}
