use kobject::{Device, Devpath, Properties};

use super::*;
use crate::{Attributes, load::Loader, yaml};

fn matcher(text: &str) -> Matcher {
    let node = yaml::parse(0, text).unwrap();
    let mut loader = Loader::default();
    let matcher = loader.matcher(&node, "`match`");
    assert_eq!(loader.errors, 0, "{text}");
    matcher.unwrap()
}

fn facts(devpath: &str, subsystem: &str, lines: &str, udev: Udev) -> Facts {
    let device = Device {
        subsystem: (!subsystem.is_empty()).then(|| subsystem.into()),
        properties: Properties::parse_lines(lines.as_bytes()),
        ..Device::new(Devpath::parse(devpath.as_bytes()).unwrap())
    };
    Facts {
        device,
        udev,
        attrs: Attributes::default(),
        own: false,
    }
}

fn eval(text: &str, table: &DeviceTable, facts: &Facts) -> (Truth, Vec<Wanted>) {
    let mut waits = Vec::new();
    let truth = matcher(text).eval(table, facts, &mut waits);
    (truth, waits)
}

#[test]
fn each_key_looks_at_its_fact() {
    let table = DeviceTable::new();
    let mut disk = facts(
        "/devices/x/block/sda",
        "block",
        "MAJOR=8\nMINOR=0\nDEVNAME=sda\nDEVTYPE=disk\n",
        Udev::Known(Properties::from_iter([("ID_BUS", "usb")]).into()),
    );
    disk.device.driver = Some("sd".into());
    for (text, expected) in [
        ("subsystem: block", true),
        ("subsystem: [usb, bl*]", true),
        ("subsystem: usb", false),
        ("devtype: disk", true),
        ("devtype: partition", false),
        ("devname: sd?", true),
        ("devname: sd?/*", false),
        ("devpath: /devices/**", true),
        ("devpath: /devices/*", false),
        ("driver: sd", true),
        ("driver: usb", false),
        ("devnum: b 8:*", true),
        ("devnum: b 8:0-15", true),
        ("devnum: c 8:0", false),
        ("devnum: b 8:1-15", false),
        ("property: { ID_BUS: usb }", true),
        ("property: { ID_BUS: [ata, usb], DEVTYPE: disk }", true),
        ("property: { ID_BUS: usb, DEVTYPE: partition }", false),
        ("property: { ID_NOTHING: '**' }", false),
        ("{ subsystem: block, devtype: partition }", false),
        ("not: { devtype: partition }", true),
        ("not: { subsystem: block }", false),
        ("not: [{ subsystem: usb }, { devtype: disk }]", false),
        ("any: [{ subsystem: usb }, { devtype: disk }]", true),
        ("any: [{ subsystem: usb }, { devtype: partition }]", false),
    ] {
        assert_eq!(
            eval(text, &table, &disk),
            (Truth::from(expected), Vec::new()),
            "{text}"
        );
    }
}

#[test]
fn what_a_device_does_not_have_does_not_match_and_not_of_it_does() {
    let table = DeviceTable::new();
    let bare = facts("/devices/x", "", "DEVNAME=/etc/passwd\n", Udev::Absent);
    for key in [
        "subsystem: '*'",
        "devtype: '**'",
        "devname: '**'",
        "driver: '*'",
        "devnum: 'c *:*'",
        "property: { ID_X: '**' }",
    ] {
        assert_eq!(eval(key, &table, &bare).0, Truth::False, "{key}");
        assert_eq!(
            eval(&format!("not: {{ {key} }}"), &table, &bare).0,
            Truth::True,
            "{key}"
        );
    }
}

#[test]
fn what_udev_has_not_said_is_unknown() {
    let table = DeviceTable::new();
    let quiet = facts("/devices/x", "input", "NAME=pad\n", Udev::Unknown);
    let (t, f, u) = (Truth::True, Truth::False, Truth::Unknown);
    for (text, expected, waits) in [
        ("property: { ID_A: '1' }", u, &["ID_A"][..]),
        ("not: { property: { ID_A: '1' } }", u, &["ID_A"]),
        // The kernel's own properties are known.
        ("property: { NAME: pad }", t, &[]),
        ("property: { NAME: x }", f, &[]),
        // AND.
        (
            "{ subsystem: input, property: { ID_A: '1' } }",
            u,
            &["ID_A"],
        ),
        ("{ subsystem: usb, property: { ID_A: '1' } }", f, &[]),
        ("property: { ID_A: '1', ID_B: '1' }", u, &["ID_A", "ID_B"]),
        ("property: { ID_A: '1', NAME: x }", f, &[]),
        // OR.
        (
            "any: [{ subsystem: input }, { property: { ID_A: '1' } }]",
            t,
            &[],
        ),
        (
            "any: [{ subsystem: usb }, { property: { ID_A: '1' } }]",
            u,
            &["ID_A"],
        ),
        // Only what the answer depends on is waited for.
        (
            "{ any: [{ subsystem: input }, { property: { ID_A: '1' } }], property: { ID_B: '1' } }",
            u,
            &["ID_B"],
        ),
        (
            "{ not: { subsystem: usb, property: { ID_A: '1' } }, property: { ID_B: '1' } }",
            u,
            &["ID_B"],
        ),
    ] {
        let wanted = |key: &&str| Wanted::Property((*key).into());
        let waits: Vec<Wanted> = waits.iter().map(wanted).collect();
        assert_eq!(eval(text, &table, &quiet), (expected, waits), "{text}");
    }
}

#[test]
fn all_keys_of_parent_hold_on_one_device() {
    let mut table = DeviceTable::new();
    table.insert(facts("/devices/hub", "usb", "SPEED=high\n", Udev::Absent));
    table.insert(facts(
        "/devices/hub/stick",
        "usb",
        "SPEED=full\nSERIAL=1\n",
        Udev::Unknown,
    ));
    let disk = facts(
        "/devices/hub/stick/block/sda",
        "block",
        "SIZE=1\n",
        Udev::Absent,
    );
    table.insert(disk.clone());
    for (text, expected) in [
        (
            "parent: { subsystem: usb, property: { SPEED: high } }",
            Truth::True,
        ),
        (
            "parent: { subsystem: block, property: { SIZE: '1' } }",
            Truth::True,
        ),
        // SPEED=high is the hub's, SERIAL=1 the stick's.
        (
            "parent: { property: { SPEED: high, SERIAL: '1' } }",
            Truth::False,
        ),
        (
            "parent: { subsystem: usb, parent: { property: { SPEED: high } } }",
            Truth::True,
        ),
        (
            "parent: { property: { SPEED: full, ID_A: '1' } }",
            Truth::Unknown,
        ),
        ("parent: { subsystem: pci }", Truth::False),
        (
            "parent: [{ subsystem: pci }, { property: { SERIAL: '1' } }]",
            Truth::True,
        ),
        ("not: { parent: { subsystem: usb } }", Truth::False),
    ] {
        assert_eq!(eval(text, &table, &disk).0, expected, "{text}");
    }
}

#[test]
fn device_numbers() {
    let number = |text: &str| text.parse::<Devnum>().unwrap();
    let matches =
        |pattern: &str, text: &str| DevnumPattern::parse(pattern).unwrap().matches(number(text));
    assert!(matches("c 13:64-95", "c 13:64") && matches("c 13:64-95", "c 13:95"));
    assert!(!matches("c 13:64-95", "c 13:63") && !matches("c 13:64-95", "b 13:64"));
    assert!(matches("b *:*", "b 4095:1048575") && matches("c 0-9:1", "c 9:1"));
    for text in [
        "",
        "c",
        "c ",
        "c 1",
        "c 1:",
        "c :1",
        "c 1:2:3",
        "c 1:02",
        "c 1:2-",
        "c 1:-2",
        "c 1:3-2",
        "c  1:2",
        "C 1:2",
        "c 1:4294967296",
        "c 1:+2",
    ] {
        assert_eq!(DevnumPattern::parse(text), None, "{text:?}");
    }
}
