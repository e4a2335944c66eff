//! Random rules, and the file that an admin would have written for them.

use std::fmt::Write;

use crate::{
    devices::Random,
    links,
    naive::{About, Key, Rule, Show},
};

fn keys(random: &mut Random, depth: usize, show: Show) -> Vec<Key> {
    let mut keys: Vec<Key> = Vec::new();
    for _ in 0..1 + random.number(2) {
        let key = match random.number(if depth > 0 { 13 } else { 9 }) {
            0 | 1 => Key::Subsystem(random.some(&[
                "block", "usb", "input", "mem", "in*", "*", "[bm]*", "leds", "tty",
            ])),
            2 => Key::Devtype(random.some(if show == Show::Hide {
                &["disk", "usb_*", "*"]
            } else {
                &["disk", "usb_*", "*", "partition"]
            })),
            3 => Key::Devname(random.some(&["input/*", "loop?", "**", "null", "sda*"])),
            4 => Key::Devpath(random.some(&[
                "/devices/virtual/**",
                "/devices/**/1-1/**",
                "/devices/pci0/*/usb1/*",
                "/devices/system/**",
                "/**",
                "/devices/**/sda",
            ])),
            5 => Key::Driver(random.some(&["usbhid", "*", "sd", "usb"])),
            6 => Key::Devnum(vec![*random.pick(&[
                ('c', 13, 13, 64, 95),
                ('b', 7, 7, 0, u32::MAX),
                ('c', 1, 1, 3, 3),
                ('b', 0, u32::MAX, 0, 1),
            ])]),
            7 | 8 => Key::Property(
                random.pick(&["ID_X", "ID_Y", "DEVTYPE"]).to_string(),
                random.some(&["1", "0", "*", "?"]),
            ),
            9 => Key::Parent(self::keys(random, depth - 1, Show::Rw)),
            10 | 11 => Key::Not(self::keys(random, depth - 1, Show::Rw)),
            _ => Key::Any(
                (0..1 + random.number(2))
                    .map(|_| self::keys(random, depth - 1, show))
                    .collect(),
            ),
        };
        // A key can stand once only.
        let same = |other: &Key| std::mem::discriminant(other) == std::mem::discriminant(&key);
        if !keys.iter().any(same) {
            keys.push(key);
        }
    }
    keys
}

pub fn rule(random: &mut Random, policy: &'static str, index: usize) -> Rule {
    let name = (!random.chance(4)).then(|| format!("rule {index}"));
    let mut rule = Rule {
        policy,
        name,
        line: 0,
        about: About::Paths(Vec::new()),
        show: Show::Ro,
        write: Vec::new(),
        hide: Vec::new(),
        mode: None,
        uid: None,
        gid: None,
        links: Vec::new(),
        kill: false,
    };
    if random.chance(4) {
        rule.show = *random.pick(&[Show::Ro, Show::Ro, Show::Hide]);
        rule.about = About::Paths(random.some(&[
            "/kernel/**",
            "/kernel/mm/*",
            "/**",
            "/devices/system/**",
            "/devices/virtual/block/loop0/queue/**",
            "/class/**",
            "/class/block/*",
            "/bus/usb/**",
            "/module/*",
            "/module/usbhid/**",
            "/devices/**/power/**",
            "/bus/*/drivers/*/bind",
            "/devices/virtual",
            "/devices/pci0/*/usb1/1-1/x",
        ]));
        return rule;
    }
    rule.show = *random.pick(&[Show::Rw, Show::Rw, Show::Ro, Show::Hide]);
    rule.about = About::Devices {
        keys: keys(random, 2, rule.show),
        subtree: !random.chance(if rule.show == Show::Hide { 2 } else { 3 }),
    };
    if rule.show == Show::Rw && random.chance(2) {
        rule.write = random.some(&[
            "brightness",
            "power/control",
            "**",
            "*",
            "leds/*/brightness",
            "**/control",
        ]);
    }
    if rule.show != Show::Hide && random.chance(3) {
        rule.hide = random.some(&["power/**", "uevent", "queue", "1-1/**"]);
    }
    if rule.show != Show::Hide && random.chance(2) {
        rule.mode = *random.pick(&[None, Some("0660"), Some("640")]);
        rule.uid = *random.pick(&[None, Some("0"), Some("1000"), Some("games")]);
        rule.gid = *random.pick(&[None, Some("104"), Some("video")]);
        rule.kill = random.chance(3);
        for _ in 0..random.number(3) {
            rule.links.push(*random.pick(links::TEMPLATES));
        }
    }
    rule
}

/// The rules as a file: policy `top` with those of `top`, based on `low` with the others. Notes each rule's line.
pub fn yaml(rules: &mut [Rule]) -> String {
    let mut text = "version: 1\npolicies:\n".to_owned();
    for (policy, base) in [("top", "[low]"), ("low", "[]")] {
        writeln!(text, "  {policy}:\n    base: {base}\n    rules:").unwrap();
        if !rules.iter().any(|rule| rule.policy == policy) {
            text.truncate(text.len() - "    rules:\n".len());
        }
        for rule in rules.iter_mut().filter(|rule| rule.policy == policy) {
            rule.line = u32::try_from(text.lines().count()).unwrap() + 1;
            let show = match rule.show {
                Show::Rw => "rw",
                Show::Ro => "ro",
                Show::Hide => "hide",
            };
            writeln!(text, "      - show: {show}").unwrap();
            if let Some(name) = &rule.name {
                writeln!(text, "        name: {name}").unwrap();
            }
            match &rule.about {
                About::Paths(patterns) => {
                    writeln!(text, "        path: {}", list(patterns)).unwrap()
                }
                About::Devices { keys, subtree } => {
                    writeln!(text, "        match: {}", flow(keys)).unwrap();
                    if !subtree {
                        text.push_str("        scope: device\n");
                    }
                }
            }
            let sysfs: Vec<String> = [("write", &rule.write), ("hide", &rule.hide)]
                .iter()
                .filter(|(_, globs)| !globs.is_empty())
                .map(|(key, globs)| format!("{key}: {}", list(globs)))
                .collect();
            let plain = [("mode", rule.mode), ("uid", rule.uid), ("gid", rule.gid)];
            let mut node: Vec<String> = plain
                .iter()
                .filter_map(|(key, value)| Some(format!("{key}: \"{}\"", (*value)?)))
                .collect();
            if !rule.links.is_empty() {
                let links: Vec<String> = rule.links.iter().map(|l| (*l).to_owned()).collect();
                node.push(format!("link: {}", list(&links)));
            }
            if !node.is_empty() {
                writeln!(text, "        node: {{ {} }}", node.join(", ")).unwrap();
            }
            if rule.kill {
                text.push_str("        on_revoke: kill\n");
            }
            if !sysfs.is_empty() {
                writeln!(text, "        sysfs: {{ {} }}", sysfs.join(", ")).unwrap();
            }
        }
    }
    text
}

fn list(patterns: &[String]) -> String {
    let quoted: Vec<String> = patterns
        .iter()
        .map(|pattern| format!("\"{pattern}\""))
        .collect();
    if let [only] = &quoted[..] {
        only.clone()
    } else {
        format!("[{}]", quoted.join(", "))
    }
}

fn flow(keys: &[Key]) -> String {
    let keys: Vec<String> = keys
        .iter()
        .map(|key| match key {
            Key::Subsystem(patterns) => format!("subsystem: {}", list(patterns)),
            Key::Devtype(patterns) => format!("devtype: {}", list(patterns)),
            Key::Devname(patterns) => format!("devname: {}", list(patterns)),
            Key::Devpath(patterns) => format!("devpath: {}", list(patterns)),
            Key::Driver(patterns) => format!("driver: {}", list(patterns)),
            Key::Devnum(patterns) => format!(
                "devnum: {}",
                list(
                    &patterns
                        .iter()
                        .map(|&(kind, a, b, c, d)| format!(
                            "{kind} {}:{}",
                            range(a, b),
                            range(c, d)
                        ))
                        .collect::<Vec<_>>()
                )
            ),
            Key::Property(name, patterns) => format!("property: {{ {name}: {} }}", list(patterns)),
            Key::Parent(keys) => format!("parent: {}", flow(keys)),
            Key::Not(keys) => format!("not: {}", flow(keys)),
            Key::Any(alternatives) => format!(
                "any: [{}]",
                alternatives
                    .iter()
                    .map(|keys| flow(keys))
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
        })
        .collect();
    format!("{{ {} }}", keys.join(", "))
}

fn range(low: u32, high: u32) -> String {
    match (low, high) {
        (0, u32::MAX) => "*".to_owned(),
        (low, high) if low == high => low.to_string(),
        (low, high) => format!("{low}-{high}"),
    }
}
