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

use machine::*;

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
mod machine;
mod races;
mod reload;
mod taken;
