use proptest::prelude::*;

use crate::{
    Attribute, DeviceTable, Facts, Reason, RuleError, Rules, Severity, Udev, View,
    decide::tests::facts,
};

/// The lines of rules that are said to be dead; `rules` are one a line, from line 6 on.
fn dead(rules: &[&str]) -> Vec<u32> {
    let rules = parse(rules);
    let is_dead = |error: &&RuleError| error.message.contains("never decides");
    let dead = rules.warnings().iter().filter(is_dead);
    dead.map(|error| error.at.line).collect()
}

fn parse(rules: &[&str]) -> Rules {
    let rules: String = rules
        .iter()
        .map(|rule| format!("      - {{ {rule} }}\n"))
        .collect();
    let text = format!("version: 1\npolicies:\n  p:\n    base: []\n    rules:\n{rules}");
    Rules::parse("r", &text).unwrap_or_else(|errors| panic!("{errors}"))
}

#[test]
fn a_rule_that_comes_too_late_is_found() {
    for (first, second) in [
        ("match: { devpath: /** }", "match: { subsystem: usb }"),
        ("match: { subsystem: usb }", "match: { subsystem: usb }"),
        (
            "match: { subsystem: '*' }",
            "match: { subsystem: [usb, block] }",
        ),
        (
            "match: { subsystem: [usb, block] }",
            "match: { subsystem: block, driver: x }",
        ),
        (
            "match: { devname: 'sd*' }",
            "match: { devname: ['sda?', sdb] }",
        ),
        (
            "match: { devpath: /devices/pci0/** }",
            "match: { devpath: /devices/pci0/usb1/** }",
        ),
        (
            "match: { devnum: 'c 13:*' }",
            "match: { devnum: ['c 13:64-95', 'c 13:0'] }",
        ),
        (
            "match: { property: { A: '*' } }",
            "match: { property: { A: '1', B: '2' } }",
        ),
        (
            "match: { attr: { idVendor: '2b*' } }",
            "match: { attr: { idVendor: 2b2e } }",
        ),
        ("match: { tag: 'se*' }", "match: { tag: seat }"),
        (
            "match: { parent: { subsystem: usb } }",
            "match: { subsystem: usb }",
        ),
        (
            "match: { subsystem: usb }",
            "match: { parent: { subsystem: usb, driver: x } }",
        ),
        (
            "match: { parent: { driver: x } }",
            "match: { parent: { driver: x, subsystem: usb } }",
        ),
        (
            "match: { any: [{ subsystem: usb }, { driver: x }] }",
            "match: { driver: x }",
        ),
        (
            "match: { subsystem: '*' }",
            "match: { any: [{ subsystem: usb }, { subsystem: hid }] }",
        ),
        (
            "match: { not: { subsystem: usb } }",
            "match: { not: [{ subsystem: usb }, { driver: x }] }",
        ),
        (
            "match: { not: { subsystem: usb, driver: x } }",
            "match: { not: { subsystem: usb } }",
        ),
        (
            "match: { not: { subsystem: usb } }",
            "match: { subsystem: block }",
        ),
        (
            "match: { not: { property: { A: '1' } } }",
            "match: { property: { A: '2' } }",
        ),
        (
            "match: { subsystem: usb }",
            "match: { subsystem: usb }, scope: device",
        ),
        ("path: /kernel/**", "path: [/kernel/mm/**, /kernel/x]"),
        ("path: /**", "path: '/**/x'"),
    ] {
        let [first, second] = [first, second].map(|rule| match rule.starts_with("path") {
            true => format!("{rule}, show: ro"),
            false => format!("{rule}, show: rw"),
        });
        assert_eq!(dead(&[&first, &second]), [7], "{first}\n{second}");
    }
    let each = [
        "match: { subsystem: usb }, show: rw",
        "match: { subsystem: block }, show: ro",
        "match: { driver: x, subsystem: [block, usb] }, show: hide",
        "match: { any: [{ subsystem: usb, driver: z }, { subsystem: block }] }, show: hide",
        "path: /a, show: ro",
        "path: /b/**, show: hide",
        "path: [/b/c, /a], show: ro",
    ];
    assert_eq!(dead(&each), [8, 9, 12]);
}

#[test]
fn a_rule_that_may_decide_is_not() {
    for (first, second) in [
        (
            "match: { subsystem: usb }",
            "match: { subsystem: [usb, block] }",
        ),
        (
            "match: { subsystem: usb, driver: x }",
            "match: { subsystem: usb }",
        ),
        (
            "match: { subsystem: usb }, scope: device",
            "match: { subsystem: usb }",
        ),
        (
            "match: { parent: { subsystem: usb, driver: x } }",
            "match: { parent: [{ subsystem: usb }, { driver: x }] }",
        ),
        (
            "match: { subsystem: usb }, scope: device",
            "match: { parent: { subsystem: usb } }, scope: device",
        ),
        (
            "match: { property: { A: '1' } }",
            "match: { property: { B: '1' } }",
        ),
        // unknown while udev has not spoken, where the other is known
        (
            "match: { not: { property: { A: '1' } } }",
            "match: { subsystem: usb }",
        ),
        ("match: { not: { tag: a } }", "match: { tag: b }"),
        ("match: { not: { link: a } }", "match: { link: b }"),
        (
            "match: { any: [{ driver: x }] }",
            "match: { subsystem: usb }",
        ),
        (
            "match: { not: { subsystem: usb } }",
            "match: { not: { subsystem: usb, driver: x } }",
        ),
        (
            "match: { not: { subsystem: block } }",
            "match: { subsystem: 'b*' }",
        ),
        ("match: { devname: '*' }", "match: { subsystem: usb }"),
        ("match: { devname: '*' }", "match: { devname: 'input/*' }"),
        (
            "match: { devnum: 'c 13:64-95' }",
            "match: { devnum: 'c 13:64-96' }",
        ),
        (
            "match: { devnum: 'c 13:64' }",
            "match: { devnum: 'b 13:64' }",
        ),
        ("path: /kernel/mm/**", "path: /kernel/**"),
        ("path: /a", "match: { devpath: /a }"),
    ] {
        let [first, second] = [first, second].map(|rule| match rule.starts_with("path") {
            true => format!("{rule}, show: ro"),
            false => format!("{rule}, show: rw"),
        });
        assert_eq!(
            dead(&[&first, &second]),
            [] as [u32; 0],
            "{first}\n{second}"
        );
    }
}

#[test]
fn another_policys_rules_are_not_looked_at() {
    let text = "version: 1\npolicies:\n  a:\n    rules: [{ match: { devpath: /** }, show: rw }]\n  b:\n    base: [a]\n    \
                rules: [{ match: { subsystem: usb }, show: rw }]\n";
    assert_eq!(Rules::parse("r", text).unwrap().warnings(), []);
}

#[test]
fn many_rules_take_little_time() {
    let rules: Vec<String> = (0..3000)
        .map(|n| format!("match: {{ devname: ['*a*b*{n:04}', '*{n:04}*a*b'] }}, show: rw"))
        .collect();
    let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
    let began = std::time::Instant::now();
    assert_eq!(dead(&rules), [] as [u32; 0]);
    let took = began.elapsed();
    assert!(took.as_secs() < 10, "{took:?}");
}

const DEVICES: [&str; 12] = [
    "/devices/usb1 usb DEVTYPE=usb_device driver=usb",
    "/devices/usb1/1-1 usb DEVTYPE=usb_device A=1 driver=x",
    "/devices/usb1/1-1 usb DEVTYPE=usb_device A=2 ?",
    "/devices/usb1/1-1/1-1:1.0 usb DEVTYPE=usb_interface driver=x ?",
    "/devices/usb1/1-1/1-1:1.0/input/input3 input A=1",
    "/devices/usb1/1-1/1-1:1.0/input/input3/event3 input MAJOR=13 MINOR=67 DEVNAME=input/event3 ?",
    "/devices/usb1/1-1/1-1:1.0/input/input3/event3 input MAJOR=13 MINOR=67 DEVNAME=input/event3 A=1",
    "/devices/block/sda block MAJOR=8 MINOR=0 DEVNAME=sda DEVTYPE=disk B=1",
    "/devices/block/sda block MAJOR=8 MINOR=0 DEVNAME=sda DEVTYPE=disk ?",
    "/devices/block/sda/sda1 block MAJOR=8 MINOR=1 DEVNAME=sda1 DEVTYPE=partition ?",
    "/devices/x - A=2 B=1",
    "/devices/x/y - ?",
];

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(&["usb", "input", "block", "'*'", "[usb, input]", "'[iu]*'"][..])
            .prop_map(|s| format!("subsystem: {s}")),
        prop::sample::select(&["disk", "'usb_*'", "'*'", "[disk, partition]"][..])
            .prop_map(|s| format!("devtype: {s}")),
        prop::sample::select(&["'sd*'", "sda", "'*'", "'**'", "'input/*'"][..])
            .prop_map(|s| format!("devname: {s}")),
        prop::sample::select(
            &[
                "/**",
                "/devices/usb1/**",
                "'/devices/usb1/1-1'",
                "'/devices/**/event3'",
                "'/devices/x*'"
            ][..]
        )
        .prop_map(|s| format!("devpath: {s}")),
        prop::sample::select(&["x", "usb", "'*'"][..]).prop_map(|s| format!("driver: {s}")),
        prop::sample::select(&["'b 8:*'", "'b 8:0'", "'c 13:64-95'", "['b 8:0', 'c 13:*']"][..])
            .prop_map(|s| format!("devnum: {s}")),
        prop::sample::select(&["A: '1'", "A: '*'", "A: '2'", "B: '1'", "A: '1', B: '1'"][..])
            .prop_map(|s| format!("property: {{ {s} }}")),
        prop::sample::select(&["v: '1'", "v: '*'", "w: '1'"][..])
            .prop_map(|s| format!("attr: {{ {s} }}")),
        prop::sample::select(&["t", "'*'", "u"][..]).prop_map(|s| format!("tag: {s}")),
        prop::sample::select(&["l", "'*'", "'m/*'"][..]).prop_map(|s| format!("link: {s}")),
    ]
}

fn matcher() -> impl Strategy<Value = String> {
    let plain = prop::collection::vec(key(), 1..3).prop_map(|keys| join(&keys));
    plain.prop_recursive(2, 6, 2, |inner| {
        let list = prop::collection::vec(inner.clone(), 1..3).prop_map(|all| {
            let all: Vec<String> = all.iter().map(|one| format!("{{ {one} }}")).collect();
            all.join(", ")
        });
        let nested = (prop::sample::select(&["parent", "not", "any"][..]), list)
            .prop_map(|(key, list)| format!("{key}: [{list}]"));
        (nested, prop::option::of(key())).prop_map(|(nested, key)| match key {
            Some(key) => format!("{key}, {nested}"),
            None => nested,
        })
    })
}

/// Each key once.
fn join(keys: &[String]) -> String {
    let mut some: Vec<&str> = Vec::new();
    for key in keys {
        let name = key.split(':').next();
        if !some.iter().any(|other| other.split(':').next() == name) {
            some.push(key);
        }
    }
    some.join(", ")
}

/// A match and what it is followed by.
fn rule() -> impl Strategy<Value = (String, String)> {
    (matcher(), rest())
}

fn rest() -> impl Strategy<Value = String> {
    let show = prop::sample::select(&["rw", "ro", "hide"][..]);
    let scope = prop::sample::select(&["", ", scope: device"][..]);
    (show, scope).prop_map(|(show, scope)| format!("show: {show}{scope}"))
}

/// Rules, and among them narrower ones of what others are about.
fn rules() -> impl Strategy<Value = Vec<String>> {
    let narrower = (any::<prop::sample::Index>(), key(), rest());
    let own = prop::collection::vec(rule(), 2..5);
    (own, prop::collection::vec(narrower, 0..4)).prop_map(|(mut rules, narrower)| {
        for (of, key, rest) in narrower {
            let matcher = &of.get(&rules).0;
            let name = key.split(':').next().unwrap_or_default();
            let matcher = match matcher.contains(&format!("{name}:")) {
                true => matcher.clone(),
                false => format!("{matcher}, {key}"),
            };
            rules.push((matcher, rest));
        }
        let text = |(matcher, rest): &(String, String)| format!("match: {{ {matcher} }}, {rest}");
        rules.iter().map(text).collect()
    })
}

/// A device with attributes and what udev says of it.
fn device() -> impl Strategy<Value = Facts> {
    let attribute = prop::sample::select(&["", "?", "1", "2"][..]);
    let said = prop::sample::select(&["", "t", "tl", "um"][..]);
    (
        prop::sample::select(&DEVICES[..]),
        attribute.clone(),
        attribute,
        said,
    )
        .prop_map(|(text, v, w, said)| {
            let mut facts = facts(text);
            for (name, value) in [("v", v), ("w", w)] {
                match value {
                    "?" => facts.attrs.insert(name.into(), Attribute::Unknown),
                    "" => facts.attrs.insert(name.into(), Attribute::Absent),
                    text => facts
                        .attrs
                        .insert(name.into(), Attribute::said(text.as_bytes())),
                }
            }
            if !said.is_empty() && facts.udev == Udev::Absent {
                let mut known = kobject::UdevSaid::default();
                for letter in said.chars() {
                    match letter {
                        't' | 'u' => drop(known.tags.insert(letter.to_string().into())),
                        'l' => known.links.extend(kobject::Devname::parse(b"l")),
                        _ => known.links.extend(kobject::Devname::parse(b"m/1")),
                    }
                }
                facts.udev = Udev::Known(known);
            }
            facts
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn what_is_called_dead_never_decides(
        rules in rules(),
        devices in prop::collection::vec(device(), 4..16),
    ) {
        let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
        // a partition that is hidden beside its disk, and the like
        let text: String = rules.iter().map(|rule| format!("      - {{ {rule} }}\n")).collect();
        let text = format!("version: 1\npolicies:\n  p:\n    base: []\n    rules:\n{text}");
        let Ok(parsed) = Rules::parse("r", &text) else {
            return Ok(());
        };
        prop_assert!(parsed.warnings().iter().all(|error| error.severity != Severity::Error));
        let dead = dead(&rules);
        let mut table = DeviceTable::new();
        for device in devices {
            table.insert(device);
        }
        let mut view = View::new(parsed.policy("p").unwrap());
        view.refresh_all(&table);
        for device in table.iter() {
            let decision = view.decision(&table, &device.device.devpath).unwrap();
            if let Reason::Rule { rule, .. } | Reason::Unknown { rule, .. } = &decision.reason {
                prop_assert!(!dead.contains(&rule.line), "{rule} decides {}\n{text}", device.device.devpath);
            }
        }
    }
}
