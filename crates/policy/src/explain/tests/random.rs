//! Random rules on random devices: what is explained is what the view does, and the rule that is offered shows what was hidden.

use super::*;

const DEVICES: [&str; 12] = [
    "/devices/pci0 -",
    "/devices/pci0/usb1/1-1 usb DEVTYPE=usb_device MAJOR=189 MINOR=1 DEVNAME=bus/usb/001/002 driver=usb module=usbcore",
    "/devices/pci0/usb1/1-1/1-1:1.0 usb DEVTYPE=usb_interface driver=ftdi_sio module=ftdi_sio",
    "/devices/pci0/usb1/1-1/1-1:1.0/tty/ttyUSB0 tty MAJOR=188 MINOR=0 DEVNAME=ttyUSB0 ?",
    "/devices/pci0/usb1/1-2/tty/ttyUSB1 tty MAJOR=188 MINOR=1 DEVNAME=ttyUSB1 ID_SERIAL=a[b] ID_SERIAL_SHORT=b",
    "/devices/pci0/usb1/1-2/input/input3 input ID_PATH=x ?",
    "/devices/pci0/usb1/1-2/input/input3/event3 input MAJOR=13 MINOR=67 DEVNAME=input/event3 ID_PATH=x ?",
    "/devices/pci0/ata1/block/sda block DEVTYPE=disk MAJOR=8 MINOR=0 DEVNAME=sda driver=sd",
    "/devices/pci0/ata1/block/sda/sda1 block DEVTYPE=partition MAJOR=8 MINOR=1 DEVNAME=sda1 PARTN=1",
    "/devices/virtual/block/loop4 block MAJOR=7 MINOR=4 DEVNAME=loop4 DEVTYPE=disk",
    "/devices/virtual/net/eth0 net INTERFACE=eth0",
    "/devices/virtual/net/lo net INTERFACE=lo !",
];

const KEYS: [&str; 14] = [
    "subsystem: block",
    "subsystem: [tty, usb]",
    "subsystem: input",
    "devtype: disk",
    "devname: 'ttyUSB*'",
    "devname: 'loop*'",
    "devpath: '/devices/**/usb1/**'",
    "devpath: /devices/pci0/ata1/block/sda",
    "driver: usb",
    "devnum: ['c 188:0', 'b *:*']",
    "property: { ID_X: a }",
    "parent: { subsystem: usb, devtype: usb_device }",
    "not: { subsystem: [block, tty] }",
    "any: [{ tag: seat }, { devname: 'input/*' }, { driver: sd }]",
];

const PATHS: [&str; 6] = [
    "path: '/devices/**/power/**'",
    "path: '/kernel/**'",
    "path: '/bus/usb/**'",
    "path: /module/usbcore",
    "path: '/devices/virtual/block/loop4/queue/*'",
    "path: '/class/block/**'",
];

const ASKED: [(&str, Option<&str>); 22] = [
    ("/devices/virtual/block/loop4/queue/nr", None),
    ("/devices/virtual/block/loop4/power/control", None),
    ("/devices/virtual/block/loop4/uevent", None),
    ("/devices/virtual/block/loop4/queue/", None),
    ("/devices/pci0/usb1/1-1/idVendor", None),
    ("/devices/pci0/usb1/1-1/power/control", None),
    ("/devices/pci0/usb1/", None),
    ("/devices/virtual/", None),
    ("/devices/virtual/x/y", None),
    ("/devices/pci0/ata1/block/sda/sda1/size", None),
    (
        "/devices/pci0/ata1/block/sda/sda1/subsystem",
        Some("/class/block"),
    ),
    (
        "/devices/pci0/usb1/1-1/driver",
        Some("/bus/usb/drivers/usb"),
    ),
    ("/class/block/loop4", Some("/devices/virtual/block/loop4")),
    (
        "/class/tty/ttyUSB0",
        Some("/devices/pci0/usb1/1-1/1-1:1.0/tty/ttyUSB0"),
    ),
    (
        "/dev/char/13:67",
        Some("/devices/pci0/usb1/1-2/input/input3/event3"),
    ),
    ("/bus/usb/drivers/usb/", None),
    ("/bus/usb/drivers/usb/1-1", Some("/devices/pci0/usb1/1-1")),
    ("/bus/usb/drivers/usb/bind", None),
    ("/bus/usb/drivers_autoprobe", None),
    ("/module/usbcore/parameters/x", None),
    ("/kernel/mm/", None),
    ("/kernel/mm/ksm/run", None),
];

fn rules() -> impl Strategy<Value = String> {
    let keys = prop::sample::subsequence(&KEYS[..], 1..=3);
    let more = prop::sample::select(
        &[
            "",
            "",
            ", scope: device",
            ", ancestors: skeleton",
            ", sysfs: { hide: 'power/**' }",
        ][..],
    );
    let device = (keys, 0..3u8, more).prop_map(|(keys, show, more)| {
        let same = |key: &str| keys.iter().filter(|other| other.starts_with(key)).count() > 1;
        let keys = match ["subsystem", "devname", "devpath"].iter().any(|key| same(key)) {
            true => keys[0].to_owned(),
            false => keys.join(", "),
        };
        match show {
            0 if more.is_empty() || more.contains("scope") => {
                format!("{{ match: {{ {keys} }}, show: hide{more} }}")
            }
            2 => format!("{{ match: {{ {keys} }}, show: ro{more} }}"),
            _ if more.contains("sysfs") => {
                format!("{{ match: {{ {keys} }}, show: rw, sysfs: {{ hide: 'power/**', write: ['queue/*', idVendor] }} }}")
            }
            _ => format!("{{ match: {{ {keys} }}, show: rw{more} }}"),
        }
    });
    let path = (prop::sample::select(&PATHS[..]), any::<bool>()).prop_map(|(path, hides)| {
        format!("{{ {path}, show: {} }}", if hides { "hide" } else { "ro" })
    });
    let rule = prop_oneof![3 => device, 1 => path];
    prop::collection::vec(rule, 1..6).prop_map(|rules| {
        rules
            .iter()
            .map(|rule| format!("      - {rule}\n"))
            .collect()
    })
}

/// The view once `rule` stands first.
fn with(rule: &str, rules: &str, table: &DeviceTable) -> View {
    let first: String = rule.lines().map(|line| format!("      {line}\n")).collect();
    view(&(first + rules), table)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn devices_are_explained_as_the_view_has_them(
        rules in rules(), there in prop::sample::subsequence(&DEVICES[..], 4..=DEVICES.len()),
    ) {
        let table = table(&there);
        let view = view(&rules, &table);
        for facts in table.iter() {
            let devpath = &facts.device.devpath;
            let explanation = explain(&view, &table, facts);
            let decision = view.decision(&table, devpath);
            prop_assert_eq!(Some(&explanation.decision), decision.as_ref());
            let shown = view.shown().find(|(shown, _)| *shown == devpath).map(|(_, shown)| shown);
            prop_assert_eq!(explanation.shown.as_ref(), shown);
            prop_assert!(explanation.close.is_sorted_by_key(|rule| rule.failed.len().min(1)));
            for close in &explanation.close {
                prop_assert!(close.held > 0);
                // one that holds and comes before the deciding one would have decided
                let order = view.policy().devices.iter().position(|rule| rule.refer == close.rule);
                let is_partition = matches!(explanation.way, Some(Way::Disk(_)));
                let waits = matches!(explanation.decision.reason, Reason::Unknown { .. });
                let is_late = order > Some(explanation.decision.order);
                prop_assert!(!close.failed.is_empty() || is_partition || waits || is_late);
            }
            let is_net = matches!(explanation.decision.reason, Reason::OtherNamespace);
            let is_hidden = explanation.decision.show == Show::Hide;
            prop_assert_eq!(explanation.to_show.is_some(), is_hidden && !is_net);
            if let Some(rule) = &explanation.to_show {
                let after = with(rule, &rules, &table);
                let decision = after.decision(&table, devpath).unwrap();
                prop_assert_eq!(decision.show, Show::Rw, "{}", rule);
            }
        }
    }

    #[test]
    fn paths_are_explained_as_the_view_has_them(
        rules in rules(), there in prop::sample::subsequence(&DEVICES[..], 4..=DEVICES.len()),
    ) {
        let table = table(&there);
        let before = view(&rules, &table);
        let is_there = |(text, target): &(&str, Option<&str>)| {
            let all = DEVICES.iter().map(|device| path(device.split(' ').next().unwrap()));
            let mut owners = all.filter(|owner| [Some(*text), *target].into_iter().flatten().any(|text| {
                path(text.trim_end_matches('/')).is_within(owner)
            }));
            owners.all(|owner| table.contains(&owner))
        };
        for (text, target) in ASKED.into_iter().filter(is_there) {
            let asked = path(text.trim_end_matches('/'));
            let entry = match target {
                Some(target) => Entry::Link(Some(path(target))),
                None if text.ends_with('/') => Entry::Directory,
                None => Entry::File,
            };
            let explanation = explain_path(&before, &table, &asked, &entry);
            let verdict = before.judge(&table, asked.as_bytes());
            match &entry {
                Entry::Directory => prop_assert_eq!(explanation.shows, verdict.dir),
                Entry::File => prop_assert_eq!(explanation.access, verdict.file),
                Entry::Link(target) => prop_assert_eq!(
                    explanation.shows,
                    verdict.link && before.judge(&table, target.as_ref().unwrap().as_bytes()).dir
                ),
            }
            let expected = match &explanation.reason {
                PathReason::Always | PathReason::Device(_) | PathReason::Writable { .. } | PathReason::Drives(_)
                | PathReason::LeadsToRule(_) => Some(true),
                PathReason::HiddenAttribute { .. } | PathReason::HiddenDevice(_) | PathReason::DrivesNothing
                | PathReason::Control | PathReason::Default => Some(false),
                PathReason::Rule { show, .. } => Some(*show != Show::Hide),
                PathReason::LeadsTo(_) => Some(entry == Entry::Directory),
                PathReason::OnTheWay(_) => Some(true),
                PathReason::OnlyOnTheWay(_) => Some(false),
                PathReason::Target(_) => None,
            };
            if let Some(expected) = expected {
                prop_assert_eq!(explanation.shows, expected, "{} {:?}", text, explanation.reason);
            }
            if let Some(rule) = explanation.to_show {
                let after = with(&rule, &rules, &table);
                let now = explain_path(&after, &table, &asked, &entry);
                prop_assert!(now.shows, "{}: {:?}, with\n{}{:?}", text, explanation.reason, rule, now.reason);
            }
        }
    }
}
