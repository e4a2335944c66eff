//! One line for each grant, refusal and change, with the reason that `explain` gives.

use std::cell::RefCell;
use std::sync::Once;

use super::*;

thread_local! {
    static LINES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Keeps what is said on each thread.
struct Kept;

impl log::Log for Kept {
    fn enabled(&self, meta: &log::Metadata<'_>) -> bool {
        meta.target() == "audit"
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            LINES.with_borrow_mut(|lines| lines.push(record.args().to_string()));
        }
    }

    fn flush(&self) {}
}

fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        log::set_logger(&Kept).unwrap();
        log::set_max_level(log::LevelFilter::Info);
    });
}

fn said() -> Vec<String> {
    LINES.take()
}

const RULES: &str = "      - name: ours
        match: { devname: loop3 }
        show: rw
      - match: { devname: loop6 }
        show: hide
      - name: by udev
        match: { property: { ID_OK: \"1\" } }
        show: ro
";

#[test]
fn each_is_said_once_with_its_reason() {
    listen();
    let mut host = host(RULES, true, false);
    said();
    host.plug("loop3", "");
    assert_eq!(
        said(),
        ["grant b 7:3 rw /devices/virtual/block/loop3: rule p/ours (t.yaml:6) matches it"]
    );
    host.plug("loop4", "");
    assert_eq!(
        said(),
        [
            "refuse b 7:4 /devices/virtual/block/loop4: rule p/by udev (t.yaml:11) waits for udev to say ID_OK"
        ]
    );
    host.kernel(Action::Change, "loop4");
    assert_eq!(said(), [""; 0], "it is known already");
    host.says(Action::Add, "loop4", "ID_OK=0\n");
    assert_eq!(
        said(),
        ["refuse b 7:4 /devices/virtual/block/loop4: no rule matches it"]
    );
    host.says(Action::Change, "loop4", "ID_OK=1\n");
    assert_eq!(
        said(),
        ["grant b 7:4 ro /devices/virtual/block/loop4: rule p/by udev (t.yaml:11) matches it"]
    );
    host.says(Action::Change, "loop4", "ID_OK=2\n");
    assert_eq!(
        said(),
        ["revoke b 7:4 ro /devices/virtual/block/loop4: no rule matches it"]
    );
    host.pull("loop3");
    assert_eq!(
        said(),
        ["revoke b 7:3 rw /devices/virtual/block/loop3: it is gone"]
    );
    // a rule of its own hides it, whatever udev will say
    host.plug("loop6", "ID_OK=2\n");
    assert_eq!(
        said(),
        ["refuse b 7:6 /devices/virtual/block/loop6: rule p (t.yaml:9) matches it"]
    );
}

#[test]
fn a_reload_says_what_it_changes_and_nothing_else() {
    listen();
    let rules = "      - match: { devname: \"loop[345]\" }\n        show: rw\n";
    let mut host = host(rules, false, false);
    for name in ["loop3", "loop4", "loop5", "loop6", "loop7"] {
        host.plug(name, "");
    }
    said();
    let rules = "      - match: { devname: loop3 }\n        show: ro\n      - name: two\n        \
                 match: { devname: \"loop[57]\" }\n        show: rw\n";
    host.watcher.set_policy(policy(rules));
    assert_eq!(
        said(),
        [
            "revoke b 7:4 rw /devices/virtual/block/loop4: no rule matches it",
            "change b 7:3 rw to ro /devices/virtual/block/loop3: rule p (t.yaml:6) matches it",
            "grant b 7:7 rw /devices/virtual/block/loop7: rule p/two (t.yaml:8) matches it",
        ]
    );
}

/// What a device calls itself ends up in its path; it stays on the line.
#[test]
fn no_device_can_forge_a_line() {
    listen();
    let mut host = host(
        "      - match: { subsystem: block }\n        show: rw\n",
        false,
        false,
    );
    said();
    let name = "loop3\ngrant b 8:0 rw x\x1b[2J";
    let dir = host.dir.path().join("sys/devices/virtual/block").join(name);
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join("uevent"), "MAJOR=7\nMINOR=3\nDEVTYPE=disk\n").unwrap();
    symlink("../../../../class/block", dir.join("subsystem")).unwrap();
    let mut device = Device::new(devpath(name));
    device.subsystem = Some("block".into());
    host.watcher.kernel(made_up(Action::Add, &device));
    assert_eq!(
        said(),
        [
            "grant b 7:3 rw /devices/virtual/block/loop3\\x0agrant b 8:0 rw x\\x1b[2J: rule p (t.yaml:6) matches it"
        ]
    );
}
