//! What udev says late, or not at all.

use super::*;

const GOOD: &str = "      - match: { property: { ID_SERIAL: good } }\n        show: rw\n";
const NOT_SECRET: &str =
    "      - match: { not: { property: { ID_SECRET: \"1\" } } }\n        show: rw\n";

fn numbered(action: Action, name: &str, vars: &str) -> Uevent {
    let mut device = Device::new(devpath(name));
    device.subsystem = Some("block".into());
    device.properties = Properties::parse_lines(vars.as_bytes());
    made_up(action, &device)
}

impl Host {
    /// udev says of the event with this number that the device is a good one.
    fn says_numbered(&mut self, name: &str, number: &str) {
        let lines = format!("ID_SERIAL=good\nSEQNUM={number}\n");
        self.watcher.udev(UdevMessage {
            action: Action::Change,
            devpath: devpath(name),
            vars: Properties::parse_lines(lines.as_bytes()),
        });
    }
}

/// udev may be behind, and a device has a name now that another one had.
#[test]
fn what_was_said_under_a_name_before_a_rename_is_of_another() {
    let mut host = host(GOOD, true, false);
    plug(host.dir.path(), "loop3", "");
    let add = numbered(Action::Add, "loop3", "SEQNUM=20\n");
    host.watcher.kernel(add);
    let blocks = host.dir.path().join("sys/devices/virtual/block");
    std::fs::rename(blocks.join("loop3"), blocks.join("loop8")).unwrap();
    let old = devpath("loop3");
    let moved = format!("SEQNUM=30\nDEVPATH_OLD={old}\n");
    host.watcher.kernel(numbered(Action::Move, "loop8", &moved));
    host.says_numbered("loop8", "25");
    assert!(!host.watcher.engine.shows(&devpath("loop8")));
    host.says_numbered("loop8", "30");
    assert!(host.watcher.engine.shows(&devpath("loop8")));
    // and the old name is nobody's
    assert_eq!(host.watcher.added.get(&old), None);
}

#[test]
fn what_is_gone_is_not_waited_for_and_what_was_renamed_is() {
    let mut host = host(NOT_SECRET, true, false);
    for name in ["loop3", "loop4"] {
        host.plug(name, "");
    }
    // and the one that was there at the start
    assert_eq!(host.watcher.waiting.len(), 3);
    host.pull("loop3");
    host.rename("loop4", "loop5");
    host.watcher.expect_udev();
    let waiting: Vec<&Devpath> = host.watcher.waiting.keys().collect();
    assert_eq!(waiting, [&devpath("loop1"), &devpath("loop5")]);
}

/// A look at everything finds a device before its event comes, which has its number.
#[test]
fn what_was_said_before_the_event_of_one_that_was_found_is_of_another() {
    let mut host = host(GOOD, true, false);
    plug(host.dir.path(), "loop3", "");
    host.watcher.look_at(&devpath("loop3"));
    let vars = "MAJOR=7\nMINOR=3\nDEVNAME=loop3\nDEVTYPE=disk\nSEQNUM=20\n";
    host.watcher.kernel(numbered(Action::Add, "loop3", vars));
    host.says_numbered("loop3", "10");
    assert!(!host.watcher.engine.shows(&devpath("loop3")));
    host.says_numbered("loop3", "20");
    assert!(host.watcher.engine.shows(&devpath("loop3")));
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
