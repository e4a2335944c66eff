//! A rule that shows what is hidden, made of what will name the same thing tomorrow.

use std::sync::Arc;

use kobject::Device;

use crate::{
    DeviceTable, Facts, Reason, Rules, Show,
    candidates::Memory,
    decide::decide,
    matcher::{Matcher, Truth},
    node::Property,
};

/// One line below `match`.
struct Line {
    text: String,
    comment: Option<&'static str>,
}

const CLAIM: &str = "what it says of itself: another device may say the same";
const PORT: &str = "where it is plugged in";
const NAME: &str = "the kernel's name: another device may have it after a replug";

/// A rule that shows this device, as an item of `rules`; None where no rule has a say.
///
/// Of what is known, the first that names no other device: what the device claims to be, where udev knows of a serial number; where it
/// is plugged in; its name, if it has one of its own; the kernel's name for its node; its devpath.
pub(super) fn rule(table: &DeviceTable, facts: &Facts, show: Show) -> Option<String> {
    candidates(table, facts)
        .into_iter()
        .map(|lines| written(table, facts, &lines, show))
        .find(|text| compiled(text).is_some_and(|matcher| names_only(&matcher, table, facts)))
        .filter(|text| shows(text, table, facts))
}

/// A rule that shows this path, which belongs to no device, or is hidden by another such rule.
pub(super) fn path_rule(path: &[u8]) -> Option<String> {
    let text = format!("- path: {}\n  show: ro\n", glob(path));
    parsed(&text).map(|_| text)
}

fn candidates(table: &DeviceTable, facts: &Facts) -> Vec<Vec<Line>> {
    let device = &facts.device;
    let plain = |text: String| Line {
        text,
        comment: None,
    };
    let mut kind = Vec::new();
    if let Some(subsystem) = &device.subsystem {
        kind.push(plain(format!("subsystem: {}", glob(subsystem))));
    }
    if let Some(devtype) = device.devtype() {
        kind.push(plain(format!("devtype: {}", glob(devtype))));
    }
    let property = |key: &str| match facts.property(key) {
        Property::Said(value) => Some(format!("{key}: {}", glob(value))),
        Property::Absent | Property::Unknown => None,
    };
    let mut stable: Vec<(Stable, &'static str)> = Vec::new();
    if property("ID_SERIAL_SHORT").is_some()
        && let Some(serial) = property("ID_SERIAL")
    {
        stable.push((Stable::Property(serial), CLAIM));
    }
    if let Some(path) = property("ID_PATH") {
        stable.push((Stable::Property(path), PORT));
    } else if let Some(port) = usb_device(table, facts) {
        let devpath = format!("devpath: {}", glob(port.devpath.as_bytes()));
        let line = match port.devpath == device.devpath {
            true => devpath,
            false => format!("parent: {{ subsystem: usb, {devpath} }}"),
        };
        stable.push((Stable::Line(line), PORT));
    }
    let above = table.ancestors(&device.devpath);
    let named = std::iter::once(facts).chain(above).find_map(|facts| {
        let name = facts.device.properties.get(b"NAME")?;
        let property = format!("property: {{ NAME: {} }}", glob(name));
        Some(match facts.device.devpath == device.devpath {
            true => property,
            false => format!("parent: {{ {property} }}"),
        })
    });
    if let Some(line) = named {
        stable.push((Stable::Line(line), CLAIM));
    }
    // what tells the parts of one device apart
    let parts: Vec<String> = ["ID_USB_INTERFACE_NUM", "PARTN"]
        .iter()
        .filter_map(|key| property(key))
        .collect();
    let mut candidates = Vec::new();
    for (fact, comment) in &stable {
        for with_name in [false, true] {
            for with_parts in [false, true] {
                let mut lines: Vec<Line> =
                    kind.iter().map(|line| plain(line.text.clone())).collect();
                if with_name && let Some(name) = numberless(device) {
                    lines.push(plain(format!("devname: {name}")));
                }
                lines.extend(fact.lines(if with_parts { &parts } else { &[] }, comment));
                candidates.push(lines);
            }
        }
    }
    if let Some(devname) = device.devname() {
        let is_virtual = device.devpath.as_bytes().starts_with(b"/devices/virtual/");
        kind.push(Line {
            text: format!("devname: {}", glob(devname.as_bytes())),
            comment: (!is_virtual).then_some(NAME),
        });
        candidates.push(kind);
    }
    candidates.push(vec![plain(format!(
        "devpath: {}",
        glob(device.devpath.as_bytes())
    ))]);
    candidates
}

/// What names one device.
enum Stable {
    /// `KEY: value` of a property.
    Property(String),
    /// Another key.
    Line(String),
}

impl Stable {
    fn lines(&self, parts: &[String], comment: &'static str) -> Vec<Line> {
        let properties = |all: Vec<&str>| format!("property: {{ {} }}", all.join(", "));
        let parts = parts.iter().map(String::as_str);
        let (text, more) = match self {
            Stable::Property(own) => (
                properties([own.as_str()].into_iter().chain(parts).collect()),
                None,
            ),
            Stable::Line(text) => {
                let parts: Vec<&str> = parts.collect();
                (text.clone(), (!parts.is_empty()).then(|| properties(parts)))
            }
        };
        let first = Line {
            text,
            comment: Some(comment),
        };
        let more = more.map(|text| Line {
            text,
            comment: None,
        });
        std::iter::once(first).chain(more).collect()
    }
}

/// The name of its node without the number at its end, as a glob; None where that is nothing to hold on to.
fn numberless(device: &Device) -> Option<String> {
    let devname = device.devname()?;
    let name = devname.as_bytes();
    let digits = name.iter().rev().take_while(|byte| byte.is_ascii_digit());
    let letters = &name[..name.len() - digits.count()];
    let is_name = letters.len() < name.len() && letters.last().is_some_and(|byte| *byte != b'/');
    is_name.then(|| format!("\"{}*\"", glob(letters).trim_matches('"')))
}

/// The USB device that this one is part of, or is.
fn usb_device<'a>(table: &'a DeviceTable, facts: &'a Facts) -> Option<&'a Device> {
    let above = table.ancestors(&facts.device.devpath);
    let mut chain = std::iter::once(facts)
        .chain(above)
        .map(|facts| &facts.device);
    chain.find(|device| device.devtype() == Some(b"usb_device"))
}

fn written(table: &DeviceTable, facts: &Facts, lines: &[Line], show: Show) -> String {
    let commented = |indent: &str, text: &str, comment: Option<&str>| match comment {
        Some(comment) => format!("{indent}{text}   # {comment}\n"),
        None => format!("{indent}{text}\n"),
    };
    let mut text = "- match:\n".to_owned();
    for line in lines {
        text += &commented("    ", &line.text, line.comment);
    }
    text += &format!("  show: {show}\n");
    let devpath = &facts.device.devpath;
    let mut below = table.subtree(devpath).skip(1);
    // partitions come with their disk anyway
    if below.any(|below| below.device.devtype() != Some(b"partition")) {
        let count = table.subtree(devpath).skip(1).count();
        let devices = if count == 1 { "device" } else { "devices" };
        let comment = format!("without this line the {count} {devices} below it too");
        text += &commented("  ", "scope: device", Some(&comment));
    }
    text
}

/// The rule as a file of its own has it.
fn parsed(text: &str) -> Option<Rules> {
    let indented: String = text.lines().map(|line| format!("      {line}\n")).collect();
    let file = format!("version: 1\npolicies:\n  p:\n    base: []\n    rules:\n{indented}");
    Rules::parse("a rule", &file).ok()
}

fn compiled(text: &str) -> Option<Arc<Matcher>> {
    let policy = parsed(text)?.policy("p")?;
    Some(policy.devices.first()?.matcher.clone())
}

/// Whether it matches this device and no other.
fn names_only(matcher: &Matcher, table: &DeviceTable, facts: &Facts) -> bool {
    let matches = |facts: &Facts| matcher.eval(table, facts, &mut Vec::new()) == Truth::True;
    let is_other = |other: &&Facts| other.device.devpath != facts.device.devpath;
    matches(facts) && !table.iter().filter(is_other).any(matches)
}

/// Whether the device shows by this rule alone: interfaces of other namespaces never do.
fn shows(text: &str, table: &DeviceTable, facts: &Facts) -> bool {
    let Some(policy) = parsed(text).and_then(|rules| rules.policy("p")) else {
        return false;
    };
    let decision = decide(&policy, table, facts, &Memory::default(), |_| None);
    decision.show != Show::Hide && !matches!(decision.reason, Reason::OwnNamespace)
}

/// A glob that matches just this text, as YAML. What a file cannot hold is `?`.
fn glob(text: &[u8]) -> String {
    let mut quoted = String::from("\"");
    for chunk in text.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '*' | '?' | '[' => quoted.extend(['[', c, ']']),
                '"' | '\\' => quoted.extend(['\\', c]),
                c if c.is_control() => {
                    quoted.extend(std::iter::repeat_n('?', c.len_utf8()));
                }
                c => quoted.push(c),
            }
        }
        quoted.extend(chunk.invalid().iter().map(|_| '?'));
    }
    quoted.push('"');
    let plain = &quoted[1..quoted.len() - 1];
    let starts = plain.starts_with(|c: char| c.is_ascii_lowercase() || c == '/');
    let stays = |b: u8| b.is_ascii_alphanumeric() || b"_/.-".contains(&b);
    let is_other = ["y", "n", "yes", "no", "on", "off", "null", "true", "false"].contains(&plain);
    match starts && plain.bytes().all(stays) && !is_other {
        true => plain.to_owned(),
        false => quoted,
    }
}
