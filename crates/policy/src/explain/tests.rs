use kobject::{Properties, UdevSaid};
use proptest::prelude::*;

use super::*;
use crate::{
    Attribute, Udev,
    decide::tests::{facts, table, view},
};

mod random;

fn path(text: &str) -> Devpath {
    Devpath::parse(text.as_bytes()).unwrap()
}

fn explained(view: &View, table: &DeviceTable, devpath: &str) -> Explanation {
    explain(view, table, table.get(&path(devpath)).unwrap())
}

/// The close rules, a line each: line of the rule, `*` with what is above, what failed.
fn close(explanation: &Explanation) -> Vec<String> {
    let line = |close: &CloseRule| {
        let failed: Vec<String> = close.failed.iter().flat_map(FailedKey::lines).collect();
        let above = close.above.as_ref().map(|above| format!(" at {above}"));
        let at = above.unwrap_or_default();
        format!("{}{at}: {}", close.rule.line, failed.join("; "))
    };
    explanation.close.iter().map(line).collect()
}

const USB: [&str; 5] = [
    "/devices/pci0 -",
    "/devices/pci0/usb1/1-1 usb DEVTYPE=usb_device MAJOR=189 MINOR=1 DEVNAME=bus/usb/001/002",
    "/devices/pci0/usb1/1-1/1-1:1.0 usb DEVTYPE=usb_interface driver=ftdi_sio",
    "/devices/pci0/usb1/1-1/1-1:1.0/tty/ttyUSB0 tty MAJOR=188 MINOR=0 DEVNAME=ttyUSB0 ?",
    "/devices/virtual/block/loop4 block MAJOR=7 MINOR=4 DEVNAME=loop4 DEVTYPE=disk",
];
const TTY: &str = "/devices/pci0/usb1/1-1/1-1:1.0/tty/ttyUSB0";

#[test]
fn keys_that_failed_say_what_was_wanted_and_what_there_is() {
    let mut table = table(&USB);
    let mut port = table.get(&path("/devices/pci0/usb1/1-1")).unwrap().clone();
    port.attrs
        .insert("serial".into(), Attribute::said(b"FT\x1b1\n"));
    port.attrs.insert("idVendor".into(), Attribute::Unknown);
    table.insert(port);
    let mut interface = table
        .get(&path("/devices/pci0/usb1/1-1/1-1:1.0"))
        .unwrap()
        .clone();
    for name in ["serial", "idVendor"] {
        interface.attrs.insert(name.into(), Attribute::Absent);
    }
    table.insert(interface);
    let rules = "      - { match: { subsystem: block, devname: 'loop[35]' }, show: rw }
      - { match: { subsystem: tty, devnum: ['c 4:*', 'c 5:0-1'] }, show: ro }
      - { match: { subsystem: tty, property: { ID_BUS: usb } }, show: rw }
      - { match: { subsystem: tty, parent: { subsystem: usb, attr: { serial: 'LAB*', idVendor: '0403' } } }, show: rw }
      - { match: { subsystem: tty, driver: [a, b, c, d, e, f] }, show: rw }
      - { match: { subsystem: tty, not: { devname: ['ttyUSB*', x] } }, show: rw }
      - { match: { subsystem: tty, any: [{ devname: ttyS0 }, { devname: 'ttyUSB*', tag: uaccess }] }, show: rw }
      - { match: { subsystem: usb, devtype: usb_device, driver: usb }, show: rw, scope: device }
      - { match: { subsystem: input, devname: 'input/*' }, show: rw }
      - { match: { subsystem: block, devname: loop4 }, show: hide }
";
    let view = view(rules, &table);
    assert_eq!(
        close(&explained(&view, &table, "/devices/virtual/block/loop4")),
        ["6: devname: wants `loop[35]`, is `loop4`"]
    );
    let all: Vec<String> = view.policy().devices[1..8]
        .iter()
        .map(|rule| {
            let trial = trial::Trial::of(&rule.matcher, &table, table.get(&path(TTY)).unwrap());
            let lines: Vec<String> = trial.failed.iter().flat_map(FailedKey::lines).collect();
            lines.join("\n")
        })
        .collect();
    assert_eq!(
        all,
        [
            "devnum: wants `c 4:*` or `c 5:0-1`, is `c 188:0`",
            "property ID_BUS: wants `usb`, waits for udev to say ID_BUS",
            "parent: no device has all of it; /devices/pci0/usb1/1-1 comes nearest\n  \
             attr serial: wants `LAB*`, is `FT\\x1b1`\n  \
             attr idVendor: wants `0403`, and attribute idVendor cannot be read",
            "driver: wants `a`, `b`, `c`, `d` or 2 others, and it has none",
            "not: excludes `devname: ttyUSB* or x`, and it is just that",
            "any: none of 2 holds; number 2 comes nearest\n  tag: wants `uaccess`, waits for udev to say its tags",
            "subsystem: wants `usb`, is `tty`\ndevtype: wants `usb_device`, and it has none\n\
             driver: wants `usb`, and it has none",
        ]
    );
}

#[test]
fn the_closest_comes_first_and_what_has_nothing_in_common_does_not_come() {
    let table = table(&USB);
    let rules = "      - { match: { subsystem: input, devname: 'input/*' }, show: rw }
      - { match: { subsystem: tty, devname: ttyS0, driver: x }, show: rw }
      - { match: { subsystem: tty, devname: ttyS0 }, show: rw }
      - { match: { subsystem: tty, devname: 'ttyUSB*', devnum: 'c 188:1' }, show: rw }
      - { match: { subsystem: usb, driver: cp210x }, show: rw }
      - { match: { not: { subsystem: block }, driver: x }, show: rw }
      - { match: { subsystem: tty, devtype: x }, show: hide }
";
    let view = view(rules, &table);
    assert_eq!(
        close(&explained(&view, &table, TTY)),
        [
            "9: devnum: wants `c 188:1`, is `c 188:0`",
            "8: devname: wants `ttyS0`, is `ttyUSB0`",
            "10 at /devices/pci0/usb1/1-1/1-1:1.0: driver: wants `cp210x`, is `ftdi_sio`",
            "7: devname: wants `ttyS0`, is `ttyUSB0`; driver: wants `x`, and it has none",
        ]
    );
}

#[test]
fn a_rule_that_holds_but_comes_too_late_is_the_closest() {
    let table = table(&USB);
    let rules = "      - { match: { devname: 'loop*' }, show: hide }
      - { match: { subsystem: block, devname: loop4 }, show: rw }
";
    let view = view(rules, &table);
    let explanation = explained(&view, &table, "/devices/virtual/block/loop4");
    assert_eq!(close(&explanation), ["7: "]);
    assert_eq!(explanation.way, Some(Way::Itself));
}

#[test]
fn ways_are_told_apart() {
    let table = table(&[
        "/devices/ata1 ata",
        "/devices/ata1/block/sda block DEVTYPE=disk MAJOR=8 MINOR=0 DEVNAME=sda",
        "/devices/ata1/block/sda/sda1 block DEVTYPE=partition MAJOR=8 MINOR=1 DEVNAME=sda1",
        "/devices/ata1/block/sda/bdi/8:0 bdi",
    ]);
    let way = |view: &View, devpath: &str| explained(view, &table, devpath).way;
    let (disk, part, bdi) = (
        "/devices/ata1/block/sda",
        "/devices/ata1/block/sda/sda1",
        "/devices/ata1/block/sda/bdi/8:0",
    );
    let device = view(
        "      - { match: { devname: sda }, show: rw, scope: device }\n",
        &table,
    );
    assert_eq!(way(&device, disk), Some(Way::Itself));
    assert_eq!(way(&device, part), Some(Way::Disk(path(disk))));
    assert_eq!(way(&device, bdi), None);
    let above = view("      - { match: { subsystem: ata }, show: rw }\n", &table);
    assert_eq!(way(&above, part), Some(Way::Above(path("/devices/ata1"))));
    assert_eq!(way(&above, bdi), Some(Way::Above(path("/devices/ata1"))));
}

#[test]
fn what_it_means_is_the_rules_and_the_paths() {
    let table = table(&USB);
    let rules = "      - { match: { subsystem: block }, show: rw, sysfs: { write: queue/*, hide: 'power/**' }, events: both }
      - { path: [/devices/virtual/block/*/trace/**, '/kernel/**'], show: hide }
      - { path: '/**', show: ro }
";
    let view = view(rules, &table);
    let explanation = explained(&view, &table, "/devices/virtual/block/loop4");
    assert_eq!(explanation.writable, ["queue/*"]);
    let hidden: Vec<String> = explanation
        .hidden
        .iter()
        .map(|(glob, rule)| format!("{glob} {}", rule.line))
        .collect();
    assert_eq!(
        hidden,
        ["power/** 6", "/devices/virtual/block/*/trace/** 7"]
    );
    assert_eq!(explanation.uevent, FileAccess::Uevent);
    assert_eq!(explanation.decision.events().as_str(), "both");
    assert_eq!(explanation.to_show, None);
    assert!(explanation.shown.is_some());
}

#[test]
fn a_rule_that_shows_it_is_made_of_what_lasts() {
    let mut table = table(&USB);
    let rule = |table: &DeviceTable, devpath: &str| {
        let view = view("      - { match: { devname: x }, show: rw }\n", table);
        explained(&view, table, devpath).to_show.unwrap()
    };
    assert_eq!(
        rule(&table, "/devices/virtual/block/loop4"),
        "- match:\n    subsystem: block\n    devtype: disk\n    devname: loop4\n  show: rw\n"
    );
    assert_eq!(
        rule(&table, TTY),
        "- match:\n    subsystem: tty\n    \
         parent: { subsystem: usb, devpath: /devices/pci0/usb1/1-1 }   # where it is plugged in\n  show: rw\n"
    );
    let mut tty = table.get(&path(TTY)).unwrap().clone();
    let said = [
        ("ID_SERIAL", "FTDI_*\"1\u{1b}"),
        ("ID_SERIAL_SHORT", "1"),
        ("ID_PATH", "p:1"),
    ];
    tty.udev = Udev::Known(UdevSaid::from(Properties::from_iter(said)));
    table.insert(tty);
    assert_eq!(
        rule(&table, TTY),
        "- match:\n    subsystem: tty\n    property: { ID_SERIAL: \"FTDI_[*]\\\"1?\" }   \
         # what it says of itself: another device may say the same\n  show: rw\n"
    );
    // another one says the same
    let mut other =
        facts("/devices/pci0/usb1/1-2/1-2:1.0/tty/ttyUSB1 tty MAJOR=188 MINOR=1 DEVNAME=ttyUSB1");
    let said = [
        ("ID_SERIAL", "FTDI_*\"1\u{1b}"),
        ("ID_SERIAL_SHORT", "1"),
        ("ID_PATH", "p:2"),
    ];
    other.udev = Udev::Known(UdevSaid::from(Properties::from_iter(said)));
    table.insert(other);
    assert_eq!(
        rule(&table, TTY),
        "- match:\n    subsystem: tty\n    property: { ID_PATH: \"p:1\" }   # where it is plugged in\n  show: rw\n"
    );
    // what is below would come along
    assert_eq!(
        rule(&table, "/devices/pci0"),
        "- match:\n    devpath: /devices/pci0\n  show: rw\n  \
         scope: device   # without this line the 4 devices below it too\n"
    );
}

#[test]
fn no_rule_shows_an_interface_of_another_namespace() {
    let table = table(&["/devices/virtual/net/eth0 net INTERFACE=eth0"]);
    let view = view("      - { match: { devpath: '/**' }, show: rw }\n", &table);
    let explanation = explained(&view, &table, "/devices/virtual/net/eth0");
    assert_eq!(explanation.decision.reason, Reason::OtherNamespace);
    assert_eq!((explanation.to_show, explanation.close), (None, Vec::new()));
}
