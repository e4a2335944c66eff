//! What is not known hides (requirement 6): while the host's udev has not spoken, a device whose
//! decision depends on what it would say is hidden, also where a rule says `not`.
//!
//! The udev is a real one, on a /dev and /run of its own in a private mount namespace, in which the
//! containers are started as well. Loop devices 760 to 779 are this file's.

use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use nix::sys::signal::Signal;
use tests::{Container, Loop, Running, eventually, inside};

/// A host with udev: one at a time, since what one says is heard in all of the machine's network
/// namespace.
struct Udev(Running, #[allow(dead_code)] MutexGuard<'static, ()>);

static ONE: Mutex<()> = Mutex::new(());

impl Udev {
    /// One that says `ID_X=1` of the devices of these kernel names, and nothing of others.
    fn start(marked: &str) -> Udev {
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-euc", include_str!("../attacks/udevd.sh")]);
        command.env(
            "RULES",
            format!(r#"SUBSYSTEM=="block", KERNEL=="{marked}", ENV{{ID_X}}="1""#),
        );
        let one = ONE.lock().unwrap_or_else(|e| e.into_inner());
        let mut udev = Udev(Running::start(command.stdin(Stdio::null())), one);
        let control = format!("/proc/{}/root/run/udev/control", udev.0.pid());
        eventually("udev runs", Duration::from_secs(10), || {
            assert!(udev.0.is_alive(), "it ended: {}", udev.0.so_far());
            std::path::Path::new(&control).exists()
        });
        udev
    }

    /// Start a listener in a container of this host with a rule that has `condition`.
    fn container(&self, devices: &str, condition: &str) -> Inside {
        let rules = format!(
            "version: 1\npolicies:\n  test:\n    rules:\n      - match: {{ subsystem: block, devname: {devices}, {condition} }}\n        show: rw\n"
        );
        let container = Container::new().rules(&rules).log("warn");
        let inner = container.command(&["python3", "-c", inside::LISTEN]);
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--mount=/proc/{}/ns/mnt", self.0.pid()))
            .arg("--");
        command
            .arg(inner.get_program())
            .args(inner.get_args())
            .env("RUST_LOG", "warn");
        let mut running = Running::start(command.stdin(Stdio::piped()));
        running.expect("ready");
        let first = running.first_process();
        Inside {
            running,
            first,
            _container: container,
        }
    }
}

impl Drop for Udev {
    fn drop(&mut self) {
        // stopped, it would not hear the SIGTERM
        self.0.signal(Signal::SIGCONT);
    }
}

struct Inside {
    running: Running,
    first: i32,
    _container: Container,
}

impl Inside {
    /// Whether a device of this name is in the view, looked at from outside.
    fn has(&self, name: &str) -> bool {
        let places = [
            format!("sys/class/block/{name}"),
            format!("dev/{name}"),
            format!("sys/devices/virtual/block/{name}"),
        ];
        let there = places
            .map(|p| std::fs::symlink_metadata(format!("/proc/{}/root/{p}", self.first)).is_ok());
        assert!(
            there.iter().all(|t| *t == there[0]),
            "{name}: half of it is there: {there:?}"
        );
        there[0]
    }

    #[track_caller]
    fn hears_add(&mut self, name: &str) {
        let head = format!("\"add@/devices/virtual/block/{name}\"");
        match self
            .running
            .line(Duration::from_secs(5), |l| l.contains(&head))
        {
            Some(line) => assert!(line.contains(r#""node": "ok""#), "{line}"),
            None => panic!("no event of {name}: {}", self.running.so_far()),
        }
        assert!(self.has(name));
    }

    fn heard(&mut self, name: &str) -> bool {
        let event = format!("/devices/virtual/block/{name}\"");
        self.running
            .rest(Duration::from_millis(300))
            .iter()
            .any(|l| l.contains(&event))
    }
}

/// Defence: `Udev::Unknown` for what a host with udev plugs (`Engine::facts`), and a candidate rule
/// that is unknown decides nothing but hiding (`decide` in policy).
#[test]
fn a_device_is_hidden_until_udev_has_spoken() {
    let udev = Udev::start("loop76[05]");
    let mut with = udev.container("'loop76?'", "property: { ID_X: '1' }");
    let mut without = udev.container("'loop76?'", "not: { property: { ID_X: '1' } }");

    udev.0.signal(Signal::SIGSTOP);
    let (marked, plain) = (Loop::add(760), Loop::add(761));
    // well within the patience with a silent udev
    std::thread::sleep(Duration::from_secs(2));
    for inside in [&mut with, &mut without] {
        assert!(
            !inside.has(&marked.name()) && !inside.has(&plain.name()),
            "shown before udev spoke"
        );
        assert!(
            !inside.heard(&marked.name()) && !inside.heard(&plain.name()),
            "{}",
            inside.running.so_far()
        );
    }
    udev.0.signal(Signal::SIGCONT);
    with.hears_add(&marked.name());
    without.hears_add(&plain.name());
    assert!(!with.has(&plain.name()) && !without.has(&marked.name()));
    assert!(!with.heard(&plain.name()) && !without.heard(&marked.name()));
}

/// A udev that stays silent is said so, and what depends on what it would have to say stays hidden,
/// also where a rule wants something not to be.
///
/// Defence: `Watcher::give_up_on_udev` decides nothing.
#[test]
fn a_silent_udev_is_reported_and_shows_nothing() {
    let udev = Udev::start("loop770");
    let mut with = udev.container("loop770", "property: { ID_X: '1' }");
    let mut without = udev.container("loop770", "not: { property: { ID_X: '1' } }");
    udev.0.signal(Signal::SIGSTOP);
    let device = Loop::add(770);
    for inside in [&mut with, &mut without] {
        inside
            .running
            .expect_error("they stay hidden: /devices/virtual/block/loop770");
        assert!(
            !inside.has(&device.name()) && !inside.heard(&device.name()),
            "{}",
            inside.running.so_far()
        );
    }
}
