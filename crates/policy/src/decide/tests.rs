use kobject::{Device, Properties};

use super::*;
use crate::{Attributes, Rules, Udev, View};

/// A table of devices `devpath subsystem KEY=VALUE...`; `?` among them: udev has not spoken, `!`: own.
pub(crate) fn table(devices: &[&str]) -> DeviceTable {
    let mut table = DeviceTable::new();
    for device in devices {
        table.insert(facts(device));
    }
    table
}

pub(crate) fn facts(text: &str) -> Facts {
    let mut words = text.split(' ');
    let mut device = Device::new(Devpath::parse(words.next().unwrap().as_bytes()).unwrap());
    device.subsystem = words.next().filter(|word| *word != "-").map(Into::into);
    let (mut udev, mut own) = (Udev::Absent, false);
    let mut properties = Properties::new();
    for word in words {
        match word.split_once('=') {
            None if word == "?" => udev = Udev::Unknown,
            None => own = word == "!",
            Some(("driver", name)) => device.driver = Some(name.into()),
            Some(("module", name)) => device.module = Some(name.into()),
            Some((key, value)) => properties.insert(key.as_bytes(), value.as_bytes()),
        }
    }
    device.properties = properties;
    Facts {
        device,
        udev,
        attrs: Attributes::default(),
        own,
    }
}

/// A view of these devices by these rules.
pub(crate) fn view(rules: &str, table: &DeviceTable) -> View {
    let text = format!("version: 1\npolicies:\n  p:\n    base: []\n    rules:\n{rules}");
    let rules = Rules::parse("r", &text).unwrap_or_else(|errors| panic!("{errors}"));
    let mut view = View::new(rules.policy("p").unwrap());
    view.refresh_all(table);
    view
}

fn why(view: &View, table: &DeviceTable, devpath: &str) -> String {
    let decision = view
        .decision(table, &Devpath::parse(devpath.as_bytes()).unwrap())
        .unwrap();
    format!("{}: {}", decision.show, decision.reason)
}

const USB: [&str; 4] = [
    "/devices/usb1 usb",
    "/devices/usb1/1-1 usb DEVTYPE=usb_device",
    "/devices/usb1/1-1/input/input3 input NAME=pad",
    "/devices/usb1/1-1/input/input3/event3 input MAJOR=13 MINOR=67 DEVNAME=input/event3",
];

#[test]
fn the_earliest_rule_decides_whatever_the_depth() {
    let table = table(&USB);
    let view = view(
        "      - { name: hub, match: { devpath: /devices/usb1 }, show: ro }\n      - { name: pad, match: { devname: input/event3 }, show: rw }\n",
        &table,
    );
    assert_eq!(
        why(&view, &table, "/devices/usb1"),
        "ro: rule p/hub (r:6) matches it"
    );
    assert_eq!(
        why(&view, &table, "/devices/usb1/1-1/input/input3/event3"),
        "ro: rule p/hub (r:6) matches /devices/usb1 above it"
    );
}

#[test]
fn through_the_nearest_device_that_matches() {
    let table = table(&USB);
    let view = view("      - { match: { subsystem: usb }, show: ro }\n", &table);
    assert_eq!(
        why(&view, &table, "/devices/usb1/1-1/input/input3"),
        "ro: rule p (r:6) matches /devices/usb1/1-1 above it"
    );
    assert_eq!(
        why(&view, &table, "/devices/usb1/1-1"),
        "ro: rule p (r:6) matches it"
    );
}

#[test]
fn scope_device_ends_at_the_device() {
    let table = table(&USB);
    let view = view(
        "      - { match: { subsystem: usb }, scope: device, show: ro }\n",
        &table,
    );
    assert_eq!(
        why(&view, &table, "/devices/usb1/1-1"),
        "ro: rule p (r:6) matches it"
    );
    assert_eq!(
        why(&view, &table, "/devices/usb1/1-1/input/input3"),
        "hide: no rule matches it"
    );
}

#[test]
fn what_depends_on_an_unknown_is_hidden() {
    let rules = "      - { name: sure, match: { subsystem: sound }, show: rw }\n      - { name: pads, match: { subsystem: input, property: { ID_B: '1', ID_A: '1' } }, show: rw }\n      - { name: rest, match: { subsystem: [input, sound, tty] }, show: ro }\n";
    let waiting = table(&[
        "/devices/a input ?",
        "/devices/a/b leds ?",
        "/devices/c sound ?",
        "/devices/d tty ?",
        "/devices/e input",
    ]);
    let view = view(rules, &waiting);
    assert_eq!(
        why(&view, &waiting, "/devices/a"),
        "hide: rule p/pads (r:7) waits for udev to say ID_A, ID_B"
    );
    assert_eq!(
        why(&view, &waiting, "/devices/a/b"),
        "hide: rule p/pads (r:7) waits for udev to say ID_A, ID_B"
    );
    assert_eq!(
        why(&view, &waiting, "/devices/c"),
        "rw: rule p/sure (r:6) matches it"
    );
    assert_eq!(
        why(&view, &waiting, "/devices/d"),
        "ro: rule p/rest (r:8) matches it"
    );
    assert_eq!(
        why(&view, &waiting, "/devices/e"),
        "ro: rule p/rest (r:8) matches it"
    );
    let names: Vec<String> = view.waiting().map(Devpath::to_string).collect();
    assert_eq!(names, ["/devices/a", "/devices/a/b"]);
}

#[test]
fn not_of_an_unknown_shows_nothing() {
    let rules =
        "      - { match: { subsystem: block, not: { property: { ID_USB: '1' } } }, show: rw }\n";
    assert_eq!(
        {
            let table = table(&["/devices/a block ?"]);
            why(&view(rules, &table), &table, "/devices/a")
        },
        "hide: rule p (r:6) waits for udev to say ID_USB"
    );
    assert_eq!(
        {
            let table = table(&["/devices/a block"]);
            why(&view(rules, &table), &table, "/devices/a")
        },
        "rw: rule p (r:6) matches it"
    );
}

#[test]
fn interfaces_follow_their_namespace_not_the_rules() {
    let table = table(&[
        "/devices/virtual/net/lo net !",
        "/devices/virtual/net/eth0 net",
        "/devices/virtual/net/eth0/tap4 macvtap",
        "/devices/virtual/net/lo/tap5 macvtap !",
    ]);
    let view = view(
        "      - { match: { devpath: /devices/virtual/net/lo }, show: hide }\n      - { match: { devpath: /** }, show: rw }\n",
        &table,
    );
    assert_eq!(
        why(&view, &table, "/devices/virtual/net/lo"),
        "rw: it belongs to the container's own network namespace"
    );
    assert_eq!(
        why(&view, &table, "/devices/virtual/net/lo/tap5"),
        "rw: it belongs to the container's own network namespace"
    );
    assert_eq!(
        why(&view, &table, "/devices/virtual/net/eth0"),
        "hide: it belongs to another network namespace"
    );
    assert_eq!(
        why(&view, &table, "/devices/virtual/net/eth0/tap4"),
        "hide: it belongs to another network namespace"
    );
}

#[test]
fn a_partition_shows_as_its_rw_disk_does() {
    let table = table(&[
        "/devices/sda block DEVTYPE=disk",
        "/devices/sda/sda1 block DEVTYPE=partition",
        "/devices/sda/bdi bdi",
    ]);
    let with = |show: &str| {
        view(
            &format!(
                "      - {{ match: {{ devpath: '/devices/sda/*' }}, show: hide }}\n      - {{ match: {{ subsystem: block }}, show: {show} }}\n"
            ),
            &table,
        )
    };
    assert_eq!(
        why(&with("rw"), &table, "/devices/sda/sda1"),
        "rw: rule p (r:7) matches /devices/sda above it"
    );
    assert_eq!(
        why(&with("rw"), &table, "/devices/sda/bdi"),
        "hide: rule p (r:6) matches it"
    );
    assert_eq!(
        why(&with("ro"), &table, "/devices/sda/sda1"),
        "hide: rule p (r:6) matches it"
    );
    let only_disk = view(
        "      - { match: { devtype: disk }, scope: device, show: rw }\n",
        &table,
    );
    assert_eq!(
        why(&only_disk, &table, "/devices/sda/sda1"),
        "rw: rule p (r:6) matches /devices/sda above it"
    );
    // Shown on its own it keeps its own decision.
    let read_only = view(
        "      - { match: { devtype: partition }, show: ro }\n      - { match: { devtype: disk }, show: rw }\n",
        &table,
    );
    assert_eq!(
        why(&read_only, &table, "/devices/sda/sda1"),
        "ro: rule p (r:6) matches it"
    );
}
