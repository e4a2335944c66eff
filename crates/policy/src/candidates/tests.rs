//! Of random rules on random devices the tables leave out only what is not about a device.

use kobject::{DevKind, Devname, Devnum, Devpath, UdevSaid};
use proptest::{prelude::*, sample::select};

use crate::{
    Attribute, DeviceTable, Facts, Policy, Rules, Udev,
    candidates::{Memory, numbers::Numbers},
    decide::tests::facts as parsed,
    matcher::{DevnumPattern, Truth},
};

const KEYS: [&str; 32] = [
    "subsystem: block",
    "subsystem: [usb, input]",
    "subsystem: 'b*'",
    "devtype: disk",
    "devtype: 'usb_*'",
    "devname: 'null'",
    "devname: 'sd*'",
    "devname: ['input/**', 'loop?']",
    "devname: '**'",
    "devpath: /devices/usb1",
    "devpath: '/devices/usb1/1-1/**'",
    "devpath: '/devices/usb1/1-*/input/*'",
    "devpath: '**/sda'",
    "driver: usb",
    "driver: '*'",
    "devnum: 'b 8:0'",
    "devnum: ['b 8:0-15', 'b 8:1-3']",
    "devnum: ['c 0-12:*', 'b *:1-7']",
    "devnum: 'c 13:0-70'",
    "devnum: ['b 8:1', 'c 1:3']",
    "property: { ID_X: '1' }",
    "property: { ID_X: '*', DEVTYPE: disk }",
    "property: { ID_Y: ['1', '0'] }",
    "property: { ID_Y: '*' }",
    "attr: { a: '1' }",
    "attr: { a: '*', b: '0' }",
    "attr: { b: ['1', '0'] }",
    "tag: seat",
    "tag: '*'",
    "link: x/y",
    "link: 'x/*'",
    "link: ['**', z]",
];

const DEVICES: [&str; 10] = [
    "/devices/usb1 usb driver=usb DEVTYPE=usb_device",
    "/devices/usb1/1-1 usb driver=usb DEVTYPE=usb_device ID_X=1",
    "/devices/usb1/1-1/input/input3 input NAME=pad",
    "/devices/usb1/1-1/input/input3/event3 input MAJOR=13 MINOR=67 DEVNAME=input/event3",
    "/devices/usb1/1-2/block/sda block driver=sd MAJOR=8 MINOR=0 DEVNAME=sda DEVTYPE=disk",
    "/devices/usb1/1-2/block/sda/sda1 block MAJOR=8 MINOR=1 DEVNAME=sda1 DEVTYPE=partition",
    "/devices/virtual/block/loop0 block MAJOR=7 MINOR=0 DEVNAME=loop0 DEVTYPE=disk ID_Y=0",
    "/devices/virtual/mem/null mem MAJOR=1 MINOR=3 DEVNAME=null",
    "/devices/virtual/odd odd MAJOR=1 MINOR=9 DEVNAME=/odd ID_X=",
    "/devices/virtual -",
];

/// A match, as its file has it.
fn matches() -> impl Strategy<Value = String> {
    let leaf = select(&KEYS[..]).prop_map(|key| format!("{{ {key} }}"));
    leaf.prop_recursive(3, 12, 2, |inner| {
        let two = (inner.clone(), inner.clone());
        prop_oneof![
            two.clone()
                .prop_map(|(a, b)| format!("{{ any: [{a}], not: [{{ not: {b} }}] }}")),
            two.prop_map(|(a, b)| format!("{{ any: [{a}, {b}] }}")),
            inner.clone().prop_map(|a| format!("{{ parent: {a} }}")),
            inner.clone().prop_map(|a| format!("{{ not: {a} }}")),
            (inner, select(&KEYS[6..])).prop_map(|(a, key)| format!("{{ parent: {a}, {key} }}")),
        ]
    })
}

/// What udev says, and what the attributes `a` and `b` do.
fn said() -> impl Strategy<Value = (Udev, [Attribute; 2])> {
    let known = (0..2u8, 0..2u8, 0..2u8).prop_map(|(value, tags, links)| {
        let properties = [("ID_X", value.to_string()), ("ID_Y", "1".to_owned())];
        let pairs = properties.iter().map(|(key, text)| (*key, text.as_str()));
        Udev::Known(UdevSaid {
            properties: pairs.take(1 + usize::from(tags)).collect(),
            links: ["x/y", "z"][..usize::from(links)]
                .iter()
                .map(|name| Devname::parse(name.as_bytes()).unwrap())
                .collect(),
            link_priority: 0,
            tags: ["seat".into()].into_iter().take(tags.into()).collect(),
        })
    });
    let udev = prop_oneof![known, Just(Udev::Unknown), Just(Udev::Absent)];
    let attribute = || {
        select(vec![
            Attribute::said(b"1\n"),
            Attribute::said(b"0"),
            Attribute::Absent,
            Attribute::Unknown,
        ])
    };
    (udev, [attribute(), attribute()])
}

fn policy(rules: &[(String, bool)]) -> std::sync::Arc<Policy> {
    let mut text = "version: 1\npolicies:\n  p:\n    base: []\n    rules:\n".to_owned();
    for (matches, subtree) in rules {
        let scope = if *subtree { "subtree" } else { "device" };
        text += &format!("      - {{ match: {matches}, scope: {scope}, show: rw }}\n");
    }
    let rules = Rules::parse("r", &text).unwrap_or_else(|errors| panic!("{errors}"));
    rules.policy("p").unwrap()
}

/// A pattern of few small numbers, so that ranges overlap.
fn pattern() -> impl Strategy<Value = String> {
    let range = || (0..6u32, 0..4u32).prop_map(|(low, more)| format!("{low}-{}", low + more));
    let part = move || prop_oneof![3 => range(), 2 => (0..6u32).prop_map(|n| n.to_string()), 1 => Just("*".to_owned())];
    let major = prop_oneof![3 => (0..3u32).prop_map(|n| n.to_string()), 1 => range(), 1 => Just("*".to_owned())];
    (select(vec!["b", "c"]), major, part())
        .prop_map(|(kind, major, minor)| format!("{kind} {major}:{minor}"))
}

proptest! {
    #[test]
    fn ranges_of_numbers_are_found_as_one_by_one(
        patterns in prop::collection::vec(pattern(), 0..30),
        number in (select(vec![DevKind::Block, DevKind::Char]), 0..5u32, 0..10u32),
    ) {
        let (kind, major, minor) = number;
        let number = Devnum { kind, major, minor };
        let mut numbers = Numbers::default();
        let mut expected = Vec::new();
        for (order, text) in (0..).zip(&patterns) {
            let pattern = DevnumPattern::parse(text).unwrap();
            numbers.add(pattern, order);
            if pattern.matches(number) {
                expected.push(order);
            }
        }
        let mut found = Vec::new();
        numbers.find(number, &mut found);
        found.sort_unstable();
        prop_assert_eq!(found, expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4_000) })]

    #[test]
    fn what_is_left_out_is_not_about_the_device(
        rules in prop::collection::vec((matches(), any::<bool>()), 1..6),
        devices in prop::collection::vec((0..DEVICES.len(), said()), 1..6),
    ) {
        let policy = policy(&rules);
        let mut table = DeviceTable::new();
        for (at, (udev, [a, b])) in devices {
            let mut facts = Facts { udev, ..parsed(DEVICES[at]) };
            for name in policy.wanted_attributes(&facts) {
                let said = if *name == *"a" { a.clone() } else { b.clone() };
                facts.attrs.insert(name, said);
            }
            table.insert(facts);
        }
        let memory = Memory::default();
        for facts in table.iter() {
            let devpath: &Devpath = &facts.device.devpath;
            let above = table.chain_above(devpath);
            let found = policy.candidates.for_device(facts, above, &memory);
            prop_assert!(found.is_sorted_by(|a, b| a < b));
            for (order, rule) in (0..).zip(&policy.devices).filter(|(order, _)| !found.contains(order)) {
                let of = |facts| rule.matcher.eval(&table, facts, &mut Vec::new());
                prop_assert_eq!(of(facts), Truth::False, "{}: rule {}", devpath, order);
                let mut above = table.ancestors(devpath).filter(|_| rule.subtree);
                prop_assert!(above.all(|above| of(above) == Truth::False), "{}: rule {}", devpath, order);
            }
        }
    }
}
