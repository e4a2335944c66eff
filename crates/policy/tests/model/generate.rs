//! Random rules.

use crate::{
    devices::ATTRS,
    links,
    naive::{About, Key, Rule, Show},
    random::{Extra, Random},
};

/// How deep matches are nested.
const DEPTH: usize = 2;

fn matches(random: &mut Random, depth: usize, show: Show) -> Vec<Vec<Key>> {
    let more = usize::from(random.extra(Extra::Second, 3));
    (0..1 + more)
        .map(|_| keys(random, depth - 1, show))
        .collect()
}

fn keys(random: &mut Random, depth: usize, show: Show) -> Vec<Key> {
    let mut keys: Vec<Key> = Vec::new();
    for _ in 0..1 + usize::from(random.extra(Extra::Second, 2)) {
        let nested = depth > 0 && random.extra(Extra::Nested, 1);
        // what is nested is about attributes more often: who reads which is hardest to tell there
        let what = match depth < DEPTH && random.chance(4) {
            true => 9,
            false => random.number(if nested { 19 } else { 13 }),
        };
        let key = match what {
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
            9 | 10 => Key::Attr(
                random.pick(&ATTRS).to_string(),
                random.some(&["1", "0", "*", "[0a]"]),
            ),
            11 => Key::Tag(random.some(&["seat", "uaccess", "*", "[us]*", "none"])),
            12 => Key::Link(random.some(&["disk/by-id/*", "pad3", "**", "*", "y", "by/loop?"])),
            13 | 14 => Key::Parent(matches(random, depth, Show::Rw)),
            15 | 16 => Key::Not(matches(random, depth, Show::Rw)),
            _ => Key::Any(matches(random, depth, show)),
        };
        // A key can stand once only.
        let same = |other: &Key| std::mem::discriminant(other) == std::mem::discriminant(&key);
        if !keys.iter().any(same) {
            keys.push(key);
        }
    }
    keys
}

/// A rule about devices, or about paths.
pub fn rule(random: &mut Random) -> Rule {
    if random.chance(4) {
        return path_rule(random);
    }
    let mut rule = empty(random);
    about_devices(random, &mut rule);
    rule
}

pub fn path_rule(random: &mut Random) -> Rule {
    let mut rule = empty(random);
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
        "/firmware/a/b",
        "/firmware/[ab]/*",
        "/fs/a*",
    ]));
    rule
}

fn empty(random: &mut Random) -> Rule {
    let name = random
        .extra(Extra::Words, 2)
        .then(|| format!("rule {}", random.number(100)));
    Rule {
        id: random.number(1 << 32),
        policy: ["top", "low"][random.number(2)],
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
        events: None,
        ancestors: None,
    }
}

fn about_devices(random: &mut Random, rule: &mut Rule) {
    rule.show = *random.pick(&[Show::Rw, Show::Rw, Show::Ro, Show::Hide]);
    rule.about = About::Devices {
        keys: keys(random, DEPTH, rule.show),
        subtree: !random.chance(if rule.show == Show::Hide { 2 } else { 3 }),
    };
    if rule.show == Show::Rw && random.extra(Extra::Sysfs, 2) {
        rule.write = random.some(&[
            "brightness",
            "power/control",
            "**",
            "*",
            "leds/*/brightness",
            "**/control",
        ]);
    }
    if rule.show != Show::Hide && random.extra(Extra::Sysfs, 3) {
        rule.hide = random.some(&["power/**", "uevent", "queue", "1-1/**"]);
    }
    if rule.show != Show::Hide && random.extra(Extra::Node, 2) {
        rule.mode = *random.pick(&[None, Some("0660"), Some("640")]);
        rule.uid = *random.pick(&[None, Some("0"), Some("1000"), Some("games")]);
        rule.gid = *random.pick(&[None, Some("104"), Some("video")]);
        rule.kill = random.chance(3);
        for _ in 0..random.number(3) {
            rule.links.push(*random.pick(links::TEMPLATES));
        }
    }
    if rule.show != Show::Hide && random.extra(Extra::Words, 2) {
        rule.events = *random.pick(&[
            None,
            Some("kernel"),
            Some("udev"),
            Some("both"),
            Some("none"),
        ]);
        rule.ancestors = *random.pick(&[None, Some("files"), Some("skeleton")]);
    }
}
