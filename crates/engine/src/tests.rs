//! Events carried through on a made-up sysfs, with what happened in which order.

use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use bstr::BString;
use host::monitor::Message;
use host::{Injector, Monitor, Sysfs};
use kobject::{Action, Device, Devpath, Properties, UdevMessage, Uevent};
use parking_lot::Mutex;
use policy::{Policy, Rules, Shown};
use viewfs::{Caches, RelayError};

use crate::event::made_up;
use crate::watch::{Outlets, Watcher};
use crate::{Config, Engine, Gate};

type Log = Arc<Mutex<Vec<String>>>;

struct LogGate(Log);

impl Gate for LogGate {
    fn grant(&self, device: &Shown) -> sys::Result<()> {
        self.0.lock().push(format!(
            "grant {} {:?}",
            device.devnum.unwrap(),
            device.show
        ));
        Ok(())
    }

    fn revoke(&self, device: &Shown) -> sys::Result<()> {
        self.0
            .lock()
            .push(format!("revoke {}", device.devnum.unwrap()));
        Ok(())
    }
}

struct LogCaches {
    log: Log,
    scene: viewfs::SharedScene,
    held: bool,
}

impl Caches for LogCaches {
    fn forget(&self, paths: &[BString], _: Instant) -> Result<(), RelayError> {
        let shown: Vec<String> = {
            let scene = self.scene.read();
            scene
                .view
                .shown()
                .map(|(d, _)| String::from_utf8_lossy(d.name()).into_owned())
                .collect()
        };
        self.log.lock().push(format!(
            "forget {} paths, {} show",
            paths.len().min(1),
            shown.join(" ")
        ));
        match self.held {
            true => Err(RelayError::Gone),
            false => Ok(()),
        }
    }
}

struct Host {
    dir: tempfile::TempDir,
    watcher: Watcher,
    inside: Monitor,
    log: Log,
}

/// A host with a `mem` device and a policy with these rules.
fn host(rules: &str, udev: bool, held: bool) -> Host {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("run/udev")).unwrap();
    if udev {
        std::fs::write(dir.path().join("run/udev/control"), "").unwrap();
    }
    for class in ["block", "net"] {
        std::fs::create_dir_all(dir.path().join("sys/class").join(class)).unwrap();
    }
    std::fs::create_dir_all(dir.path().join("sys/devices/virtual")).unwrap();
    plug(dir.path(), "loop1", "");
    let log = Log::default();
    let net = quiet_namespace();
    let engine = Engine::new(Config {
        policy: policy(rules),
        sysfs: Arc::new(Sysfs::at(&dir.path().join("sys")).unwrap()),
        net: Some(net.try_clone().unwrap()),
        run: dir.path().join("run"),
        monitor_buffer: 1 << 16,
        gate: Some(Arc::new(LogGate(log.clone()))),
        injector: Some(Injector::new(net.as_fd(), 0, 0).unwrap()),
    })
    .unwrap();
    let inside = Monitor::open(Some(net.as_fd()), true, 1 << 16).unwrap();
    let caches = LogCaches {
        log: log.clone(),
        scene: engine.scene(),
        held,
    };
    let of_held = log.clone();
    let outlets = Outlets {
        caches: vec![(Arc::new(caches), |change| change.paths.clone())],
        on_broken: Some(Box::new(move |_| of_held.lock().push("held".into()))),
        on_revoked: None,
        hides: None,
    };
    let mut watcher = Watcher {
        heard: Default::default(),
        added: Default::default(),
        renamed: Default::default(),
        scanned: 0,
        own_lost: false,
        engine: Arc::new(engine),
        outlets,
        waiting: Default::default(),
    };
    watcher.expect_udev();
    log.lock().clear();
    Host {
        dir,
        watcher,
        inside,
        log,
    }
}

fn policy(rules: &str) -> Arc<Policy> {
    let text = format!("version: 1\npolicies:\n  p:\n    base: []\n    rules:\n{rules}");
    let rules = Rules::parse("t.yaml", &text);
    rules
        .unwrap_or_else(|e| panic!("{e}\n{text}"))
        .policy("p")
        .unwrap()
}

/// A network namespace that hears nothing of the real host: it belongs to a user namespace of its
/// own. unshare(1) makes it, since a process with threads, such as a test, can not.
fn quiet_namespace() -> OwnedFd {
    let mut child = Command::new("unshare")
        .args(["--user", "--net", "sh", "-c", "echo made; cat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut made = [0u8; 5];
    child
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut made)
        .unwrap();
    let net = std::fs::File::open(format!("/proc/{}/ns/net", child.id())).unwrap();
    drop(child.stdin.take());
    child.wait().unwrap();
    net.into()
}

fn devpath(name: &str) -> Devpath {
    Devpath::parse(format!("/devices/virtual/block/{name}").as_bytes()).unwrap()
}

fn plug(top: &Path, name: &str, more: &str) {
    let dir = top.join(format!("sys/devices/virtual/block/{name}"));
    std::fs::create_dir_all(&dir).unwrap();
    let minor = name.trim_start_matches("loop");
    let text = format!("MAJOR=7\nMINOR={minor}\nDEVNAME={name}\nDEVTYPE=disk\n{more}");
    std::fs::write(dir.join("uevent"), text).unwrap();
    let _ = symlink("../../../../class/block", dir.join("subsystem"));
}

impl Host {
    fn plug(&mut self, name: &str, more: &str) {
        plug(self.dir.path(), name, more);
        self.kernel(Action::Add, name);
    }

    fn pull(&mut self, name: &str) {
        let dir = self
            .dir
            .path()
            .join(format!("sys/devices/virtual/block/{name}"));
        std::fs::remove_dir_all(dir).unwrap();
        self.kernel(Action::Remove, name);
    }

    fn kernel(&mut self, action: Action, name: &str) {
        let mut device = Device::new(devpath(name));
        device.subsystem = Some("block".into());
        device.properties = Properties::parse_lines(b"SEQNUM=4711\n");
        self.watcher.kernel(made_up(action, &device));
        self.watcher.expect_udev();
    }

    fn log(&self) -> Vec<String> {
        std::mem::take(&mut *self.log.lock())
    }

    /// What udev says of a device.
    fn says(&mut self, action: Action, name: &str, lines: &str) {
        let mut vars = Properties::parse_lines(lines.as_bytes());
        vars.push(b"ACTION", action.as_str().as_bytes());
        vars.push(b"DEVPATH", devpath(name).as_bytes());
        vars.push(b"SUBSYSTEM", b"block");
        vars.push(b"SEQNUM", b"4712");
        self.watcher.udev(UdevMessage {
            action,
            devpath: devpath(name),
            vars,
        });
    }

    fn rename(&mut self, from: &str, to: &str) {
        let blocks = self.dir.path().join("sys/devices/virtual/block");
        std::fs::rename(blocks.join(from), blocks.join(to)).unwrap();
        plug(self.dir.path(), to, "");
        let mut device = Device::new(devpath(to));
        device.subsystem = Some("block".into());
        device
            .properties
            .push(b"DEVPATH_OLD", devpath(from).as_bytes());
        self.watcher.kernel(made_up(Action::Move, &device));
    }

    /// What the container has heard since it was asked last.
    fn heard(&self) -> Vec<String> {
        let mut heard = Vec::new();
        while let Some(message) = self.inside.receive().unwrap() {
            match message {
                Message::Kernel(event) => {
                    assert_ne!(
                        event.get(b"SEQNUM"),
                        Some(&b"4711"[..]),
                        "the kernel counts itself"
                    );
                    heard.push(describe(&event));
                }
                Message::Udev(message) => {
                    let name = String::from_utf8_lossy(message.devpath.name()).into_owned();
                    assert!(message.get(b"SEQNUM").is_some_and(|n| n != b"0"));
                    heard.push(format!("udev {} {name}", message.action));
                }
                Message::Noise | Message::Overrun => panic!("{message:?}"),
            }
        }
        heard
    }
}

fn describe(event: &Uevent) -> String {
    format!(
        "{} {}",
        event.action,
        String::from_utf8_lossy(event.devpath.name())
    )
}

const LOOP3: &str = "      - match: { devname: loop3 }\n        show: rw\n";

#[test]
fn appearing_grants_publishes_forgets_and_then_tells() {
    let mut host = host(LOOP3, false, false);
    host.plug("loop3", "");
    assert_eq!(host.log(), ["grant b 7:3 Rw", "forget 1 paths, loop3 show"]);
    assert_eq!(host.heard(), ["add loop3"]);
}

#[test]
fn vanishing_revokes_first_and_tells_last() {
    let mut host = host(LOOP3, false, false);
    host.plug("loop3", "");
    let _ = (host.log(), host.heard());
    host.pull("loop3");
    assert_eq!(host.log(), ["revoke b 7:3", "forget 1 paths,  show"]);
    assert_eq!(host.heard(), ["remove loop3"]);
}

#[test]
fn a_hidden_plug_tells_nobody_anything() {
    let mut host = host(LOOP3, false, false);
    host.plug("loop4", "");
    host.kernel(Action::Change, "loop4");
    host.pull("loop4");
    assert_eq!(host.log(), Vec::<String>::new());
    assert_eq!(host.heard(), Vec::<String>::new());
}

#[test]
fn a_device_that_is_going_is_not_decided_by_half_of_what_it_says() {
    let rules = "      - match: { subsystem: block }\n        show: hide\n      - match: { devpath: /devices/virtual/** }\n        show: rw\n";
    let mut host = host(rules, false, false);
    plug(host.dir.path(), "loop3", "");
    let link = "sys/devices/virtual/block/loop3/subsystem";
    std::fs::remove_file(host.dir.path().join(link)).unwrap();
    for action in [Action::Add, Action::Change] {
        host.kernel(action, "loop3");
    }
    host.pull("loop3");
    assert_eq!(host.log(), Vec::<String>::new());
    assert_eq!(host.heard(), Vec::<String>::new());
}

#[test]
fn what_the_file_systems_hide_is_not_told() {
    let rules = "      - match: { subsystem: block }\n        show: ro\n";
    let mut host = host(rules, false, false);
    let hidden = devpath("loop4");
    host.watcher.outlets.hides = Some(Box::new(move |devpath| *devpath == hidden));
    for name in ["loop3", "loop4"] {
        host.plug(name, "");
        host.kernel(Action::Change, name);
        host.pull(name);
    }
    assert_eq!(host.heard(), ["add loop3", "change loop3", "remove loop3"]);
}

#[test]
fn a_change_that_changes_the_decision_is_an_add_or_a_remove() {
    let mut host = host(
        "      - match: { property: { READY: \"1\" } }\n        show: ro\n",
        false,
        false,
    );
    host.plug("loop3", "");
    assert_eq!(host.heard(), Vec::<String>::new());
    plug(host.dir.path(), "loop3", "READY=1\n");
    host.kernel(Action::Change, "loop3");
    assert_eq!(host.log()[0], "grant b 7:3 Ro");
    assert_eq!(host.heard(), ["add loop3"]);
    host.kernel(Action::Change, "loop3");
    assert_eq!(host.heard(), ["change loop3"]);
    plug(host.dir.path(), "loop3", "READY=0\n");
    host.kernel(Action::Change, "loop3");
    assert_eq!(host.heard(), ["remove loop3"]);
}

#[test]
fn lost_events_are_made_up_for() {
    let mut host = host(
        "      - match: { devname: [loop3, loop5, loop6] }\n        show: rw\n",
        false,
        false,
    );
    host.plug("loop3", "");
    host.plug("loop5", "");
    host.heard();
    std::fs::remove_dir_all(host.dir.path().join("sys/devices/virtual/block/loop3")).unwrap();
    plug(host.dir.path(), "loop5", "DISKSEQ=9\n");
    plug(host.dir.path(), "loop6", "");
    plug(host.dir.path(), "loop4", "");
    host.watcher.rescan();
    assert_eq!(
        host.heard(),
        ["remove loop3", "remove loop5", "add loop5", "add loop6"]
    );
    assert!(
        !host.watcher.engine.shows(&devpath("loop3"))
            && host.watcher.engine.shows(&devpath("loop6"))
    );
}

#[test]
fn what_only_udev_knows_is_waited_for() {
    let rules = "      - match: { not: { property: { ID_SECRET: \"1\" } } }\n        show: rw\n";
    let mut host = host(rules, true, false);
    host.plug("loop3", "");
    assert!(!host.watcher.engine.shows(&devpath("loop3")));
    assert_eq!(host.heard(), Vec::<String>::new());
    assert!(host.watcher.waiting.contains_key(&devpath("loop3")));
    let vars = Properties::parse_lines(b"ID_SECRET=0\n");
    host.watcher.udev(UdevMessage {
        action: Action::Add,
        devpath: devpath("loop3"),
        vars,
    });
    assert_eq!(host.heard(), ["add loop3"]);
    // and one of which it says what hides it
    host.plug("loop4", "");
    let vars = Properties::parse_lines(b"ID_SECRET=1\n");
    host.watcher.udev(UdevMessage {
        action: Action::Add,
        devpath: devpath("loop4"),
        vars,
    });
    // and one of which it never says anything: hidden for good, and reported once
    host.plug("loop5", "");
    for until in host.watcher.waiting.values_mut() {
        *until = Some(Instant::now());
    }
    host.watcher.give_up_on_udev();
    host.watcher.expect_udev();
    assert_eq!(host.watcher.waiting.get(&devpath("loop5")), Some(&None));
    assert!(!host.watcher.engine.shows(&devpath("loop5")));
    assert_eq!(host.heard(), Vec::<String>::new());
}

#[test]
fn a_rename_keeps_what_was_decided_unless_the_name_decides() {
    let rules = "      - match: { devname: [loop3, loop8] }\n        show: rw\n";
    let mut host = host(rules, false, false);
    host.plug("loop3", "");
    host.heard();
    host.rename("loop3", "loop8");
    assert_eq!(host.heard(), ["move loop8"]);
    host.rename("loop8", "loop9");
    assert_eq!(host.heard(), ["remove loop8"]);
    host.rename("loop9", "loop3");
    assert_eq!(host.heard(), ["add loop3"]);
}

#[test]
fn whoever_holds_the_caches_delays_no_revocation_and_is_reported_once() {
    let mut host = host(
        "      - match: { devname: [loop3, loop5] }\n        show: rw\n",
        false,
        true,
    );
    host.plug("loop3", "");
    assert_eq!(
        host.log(),
        ["grant b 7:3 Rw", "forget 1 paths, loop3 show", "held"]
    );
    host.pull("loop3");
    host.plug("loop5", "");
    assert_eq!(host.log(), ["revoke b 7:3", "grant b 7:5 Rw"]);
}

#[test]
fn a_device_that_is_gone_before_we_look_is_never_shown() {
    let mut host = host(LOOP3, false, false);
    host.kernel(Action::Add, "loop3");
    host.kernel(Action::Remove, "loop3");
    assert_eq!(host.heard(), Vec::<String>::new());
}

#[test]
fn a_remove_that_somebody_wrote_takes_nothing_away() {
    let mut host = host(LOOP3, false, false);
    host.plug("loop3", "");
    host.log();
    host.heard();
    let mut device = Device::new(devpath("loop3"));
    device.subsystem = Some("block".into());
    device.properties.push(b"SYNTH_UUID", b"0");
    host.watcher.kernel(made_up(Action::Remove, &device));
    assert_eq!(host.log(), Vec::<String>::new());
    assert_eq!(host.heard(), ["remove loop3"]);
    assert!(host.watcher.engine.shows(&devpath("loop3")));
}

#[test]
fn a_rename_takes_along_what_udev_said_and_did_not_say() {
    let rules = "      - match: { not: { property: { ID_SECRET: \"1\" } } }\n        show: rw\n";
    let mut host = host(rules, true, false);
    host.plug("loop3", "");
    host.plug("loop4", "");
    let vars = Properties::parse_lines(b"ID_SECRET=0\n");
    host.watcher.udev(UdevMessage {
        action: Action::Add,
        devpath: devpath("loop4"),
        vars,
    });
    let arrival = |host: &Host, name| {
        let scene = host.watcher.engine.scene();
        let arrival = scene.read().table.arrival(&devpath(name));
        arrival.unwrap()
    };
    let ages = [arrival(&host, "loop3"), arrival(&host, "loop4")];
    for (from, to) in [("loop3", "loop8"), ("loop4", "loop9")] {
        host.rename(from, to);
    }
    assert!(!host.watcher.engine.shows(&devpath("loop8")));
    assert!(host.watcher.engine.shows(&devpath("loop9")));
    // and its age, by which a link that two claim is given
    assert_eq!(ages, [arrival(&host, "loop8"), arrival(&host, "loop9")]);
}

#[test]
fn links_are_taken_up_without_shutting_the_device() {
    let rules = "      - match: { devname: loop3 }\n        show: rw\n";
    let mut host = host(rules, true, false);
    host.plug("loop3", "");
    host.log();
    std::fs::create_dir_all(host.dir.path().join("run/udev/data")).unwrap();
    std::fs::write(host.dir.path().join("run/udev/data/b7:3"), "L:7\n").unwrap();
    host.watcher.udev(UdevMessage {
        action: Action::Add,
        devpath: devpath("loop3"),
        vars: Properties::parse_lines(b"DEVLINKS=/dev/disk/by-id/x /dev/../null\n"),
    });
    let scene = host.watcher.engine.scene();
    let links = |name| {
        let scene = scene.read();
        let mut shown = scene.view.shown().map(|(_, shown)| shown.clone());
        let shown = shown.find(|shown| shown.devpath == devpath(name)).unwrap();
        let names: Vec<String> = shown.host_links.iter().map(|l| l.to_string()).collect();
        (names, shown.link_priority)
    };
    assert_eq!(links("loop3"), (vec!["disk/by-id/x".to_string()], 7));
    let log = host.log();
    let gate = |line: &&String| line.contains("revoke") || line.contains("grant");
    assert_eq!(log.iter().find(gate), None, "{log:?}");
    // the caches are told
    assert!(log.iter().any(|line| line.contains("forget")), "{log:?}");
}

#[test]
fn what_udev_says_of_one_that_was_there_before_does_not_count() {
    let rules = "      - match: { property: { ID_SERIAL: good } }\n        show: rw\n";
    let mut host = host(rules, true, false);
    let numbered = |action, number: &str| {
        let mut device = Device::new(devpath("loop3"));
        device.subsystem = Some("block".into());
        device.properties.push(b"SEQNUM", number.as_bytes());
        made_up(action, &device)
    };
    let said = |lines: &[u8]| UdevMessage {
        action: Action::Add,
        devpath: devpath("loop3"),
        vars: Properties::parse_lines(lines),
    };
    plug(host.dir.path(), "loop3", "DISKSEQ=2\n");
    host.watcher.kernel(numbered(Action::Add, "20"));
    // by its number, and by the number of the event
    host.watcher.udev(said(b"DISKSEQ=1\nID_SERIAL=good\n"));
    host.watcher.udev(said(b"ID_SERIAL=good\nSEQNUM=10\n"));
    assert!(!host.watcher.engine.shows(&devpath("loop3")));
    host.watcher
        .udev(said(b"DISKSEQ=2\nID_SERIAL=good\nSEQNUM=20\n"));
    assert!(host.watcher.engine.shows(&devpath("loop3")));
}

#[test]
fn an_event_about_another_device_than_is_there_grants_nothing() {
    let mut host = host(LOOP3, false, false);
    plug(host.dir.path(), "loop3", "");
    let mut old = Device::new(devpath("loop3"));
    old.subsystem = Some("block".into());
    old.properties = Properties::parse_lines(b"MAJOR=259\nMINOR=0\nDEVNAME=loop3\nDEVTYPE=disk\n");
    host.watcher.kernel(made_up(Action::Add, &old));
    assert_eq!(host.log(), Vec::<String>::new());
    // nor one whose `remove` has been heard already
    host.watcher
        .heard
        .push_back(Message::Kernel(made_up(Action::Remove, &old)));
    host.kernel(Action::Add, "loop3");
    assert_eq!(host.log(), Vec::<String>::new());
}

mod attributes;
mod audit;
mod events;
mod late;
mod races;
mod reload;
mod taken;
