//! The links of rules once more, one character at a time.

use crate::{
    naive::{Dev, Udev, name},
    random::Random,
};

pub const TEMPLATES: &[&str] = &[
    "pad%n",
    "by/%k",
    "%k",
    "%n",
    "serial/%E{ID_S}",
    "a/%E{ID_S}/%n",
    "%E{ID_X}%E{ID_Y}",
    "100%%/%E{DEVNAME}",
    "%E{NOBODY_SAYS}",
    "plain",
];

/// What a device may say of itself.
pub const VALUES: &[&str] = &[
    "1",
    "",
    "..",
    "../../null",
    "a b",
    " a  b ",
    "a\nb",
    "é/\"$",
    ".",
    "x:y@z",
    "\u{85}",
];

pub fn of_udev(random: &mut Random) -> Vec<String> {
    let all = ["disk/by-id/x", "pad3", "by/loop0", "y"];
    (0..random.number(3))
        .map(|_| (*random.pick(&all)).to_owned())
        .collect()
}

/// What a template becomes, or one word and a property that say why it becomes nothing.
pub fn expand(template: &str, dev: &Dev) -> Result<String, (&'static str, String)> {
    let mut text = String::new();
    let mut rest = template;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        if c != '%' {
            text.push(c);
            continue;
        }
        let what = rest.chars().next().unwrap();
        rest = &rest[1..];
        match what {
            '%' => text.push('%'),
            'k' => text += &encode(name(&dev.path)),
            'n' => {
                let name = name(&dev.path);
                text += &name[name.trim_end_matches(|c: char| c.is_ascii_digit()).len()..];
            }
            _ => {
                let (key, after) = rest[1..].split_once('}').unwrap();
                rest = after;
                let said = match &dev.udev {
                    Udev::Known(list) => list.iter().find(|(name, _)| name == key),
                    _ => None,
                };
                let udev = said.map(|(_, value)| value.as_str());
                match (dev.get(key).or(udev), &dev.udev) {
                    (Some(value), _) => text += &encode(value),
                    (None, Udev::Unknown) => return Err(("unknown", key.to_owned())),
                    (None, _) => return Err(("absent", key.to_owned())),
                }
            }
        }
    }
    let bad = |part: &str| part.is_empty() || part == "." || part == "..";
    if text.split('/').any(bad) {
        return Err(("no name", String::new()));
    }
    Ok(text)
}

fn encode(value: &str) -> String {
    let ascii_blank = |c: char| c.is_ascii_whitespace();
    let words: Vec<&str> = value.split(ascii_blank).filter(|w| !w.is_empty()).collect();
    let keep = |c: char| {
        let plain = c.is_ascii_alphanumeric() || "#+-.:=@_".contains(c);
        if plain || (!c.is_ascii() && !c.is_control()) {
            c
        } else {
            '_'
        }
    };
    words.join("_").chars().map(keep).collect()
}
