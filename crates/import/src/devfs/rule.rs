//! How a rule is written, and where it says that it comes from.

use std::collections::BTreeSet;

use super::{
    flat::{Conditions, Says, Source},
    pattern::Pattern,
    read::{self, Type},
    translate::First,
};
use crate::text::{self, Map, Value};

/// Runs of rules that differ in a name only.
pub(super) fn merged(firsts: &[First]) -> Vec<&[First]> {
    let simple = |first: &First| {
        first.conditions.paths.len() == 1
            && first.conditions.types.is_empty()
            && first.within.is_none()
    };
    firsts
        .chunk_by(|a, b| simple(a) && simple(b) && a.says == b.says)
        .collect()
}

pub(super) fn rule(file: &mut text::File, run: &[First]) -> text::Rule {
    let first = &run[0];
    let sources: BTreeSet<&Source> = run.iter().flat_map(|first| &first.sources).collect();
    let mut rule = text::Rule {
        comments: origin(&sources),
        show: match first.says.visible {
            Some(false) => "hide",
            _ => "rw",
        },
        ..text::Rule::default()
    };
    if run.len() > 1 {
        // in the file's order
        let globs = run
            .iter()
            .rev()
            .map(|first| first.conditions.paths[0].glob());
        rule.matching = vec![("devname", Value::words(globs.collect()))];
    } else {
        rule.matching = matching(first);
    }
    let Says { mode, uid, gid, .. } = &first.says;
    for (key, value) in [("mode", mode), ("uid", uid), ("gid", gid)] {
        rule.node.extend(value.clone().map(|value| (key, value)));
    }
    if first.within.is_some() {
        let comment = "what is in a directory of such a name is hidden with it";
        rule.comments.push(comment.to_owned());
        return rule;
    }
    if rule.comments.is_empty() {
        rule.comments
            .push("what no rule hides, shows there".to_owned());
    }
    for (freebsd, linux) in LINUX_NAMES {
        let is_of = |path: &Pattern| {
            path.glob().strip_prefix(freebsd).is_some_and(|rest| {
                freebsd.ends_with('/') || !rest.starts_with(char::is_alphabetic)
            })
        };
        if run
            .iter()
            .flat_map(|first| &first.conditions.paths)
            .any(is_of)
        {
            let source = rule.comments.first().cloned().unwrap_or_default();
            let text = format!("what is `{freebsd}` there is `{linux}` on Linux");
            let note = file.note(&source, text);
            rule.comments.push(note);
        }
    }
    rule
}

/// FreeBSD's names of devices that Linux has under others: da(4), ada(4), nda(4), cd(4), sa(4), ucom(4), uart(4), usb(4), pcm(4), drm(7).
const LINUX_NAMES: &[(&str, &str)] = &[
    ("da", "sd*"),
    ("ada", "sd*"),
    ("nda", "nvme*n*"),
    ("nvd", "nvme*n*"),
    ("cd", "sr*"),
    ("sa", "st*"),
    ("nsa", "nst*"),
    ("cuaU", "ttyUSB*, ttyACM*"),
    ("ttyU", "ttyUSB*, ttyACM*"),
    ("cuau", "ttyS*"),
    ("ttyu", "ttyS*"),
    ("ugen", "bus/usb/**"),
    ("usb/", "bus/usb/**"),
    ("dsp", "snd/*"),
    ("mixer", "snd/*"),
    ("drm/", "dri/*"),
];

/// Where a rule comes from: a line whole, several by their numbers.
fn origin(sources: &BTreeSet<&Source>) -> Vec<String> {
    let place = |source: &Source| read::place(&source.file, source.line);
    if sources.len() <= 2 {
        let line = |source: &&Source| format!("{}: {}", place(source), source.text);
        return sources.iter().map(line).collect();
    }
    let mut places: Vec<String> = Vec::new();
    let all: Vec<&&Source> = sources.iter().collect();
    for run in all.chunk_by(|a, b| a.file == b.file && b.line <= a.line + 1) {
        let (first, last) = (run[0], run[run.len() - 1]);
        places.push(match first.line == last.line {
            true => place(first),
            false => format!("{}-{}", place(first), last.line),
        });
    }
    vec![places.join(", ")]
}

fn matching(first: &First) -> Map {
    match &first.within {
        None => {
            let maps = maps(&first.conditions, 0);
            match maps.is_empty() {
                true => vec![("devpath", Value::Word("/**".to_owned()))],
                false => all_of(maps),
            }
        }
        Some(within) => {
            let mut maps = maps(&first.conditions, within.depth);
            if maps.is_empty() {
                let any = "*/".repeat(within.depth);
                maps.push(vec![("devname", Value::Word(format!("{any}*/**")))]);
            }
            let mut matching = all_of(maps);
            if !within.not.is_empty() {
                let not = within
                    .not
                    .iter()
                    .map(|conditions| self::maps(conditions, within.depth));
                matching.push(("not", none_of(not.map(all_of).collect())));
            }
            matching
        }
    }
}

/// What `not` has for these: names in one list, where they say no more.
fn none_of(maps: Vec<Map>) -> Value {
    let name = |map: &Map| match &map[..] {
        [("devname", Value::Word(name))] => Some(name.clone()),
        _ => None,
    };
    match maps.iter().map(name).collect() {
        Some(names) => Value::Map(vec![("devname", Value::words(names))]),
        None => Value::List(maps.into_iter().map(Value::Map).collect()),
    }
}

/// A map for each condition. `within`: for what is in directories that meet them, if not 0.
fn maps(conditions: &Conditions, within: usize) -> Vec<Map> {
    let mut maps: Vec<Map> = Vec::new();
    for path in &conditions.paths {
        let below = if within > 0 { "/*/**" } else { "" };
        maps.push(vec![(
            "devname",
            Value::Word(format!("{}{below}", path.glob())),
        )]);
    }
    for types in &conditions.types {
        let mut kinds: Vec<Map> = types.iter().map(|kind| kind.matching()).collect();
        maps.push(match kinds.len() {
            1 => kinds.remove(0),
            _ => vec![(
                "any",
                Value::List(kinds.into_iter().map(Value::Map).collect()),
            )],
        });
    }
    maps
}

/// One map for which all of these must hold: a key that several have is within an `any` of one.
fn all_of(maps: Vec<Map>) -> Map {
    let mut all: Map = Vec::new();
    let mut rest: Vec<Map> = Vec::new();
    for map in maps {
        match map
            .iter()
            .any(|(key, _)| all.iter().any(|(known, _)| known == key))
        {
            true => rest.push(map),
            false => all.extend(map),
        }
    }
    if rest.is_empty() {
        return all;
    }
    if let Some(at) = all.iter().position(|(key, _)| *key == "any") {
        rest.push(vec![all.remove(at)]);
    }
    all.push(("any", Value::List(vec![Value::Map(all_of(rest))])));
    all
}

impl Type {
    /// Its devices on Linux.
    fn matching(self) -> Map {
        let word = |text: &str| Value::Word(text.to_owned());
        match self {
            Type::Disk => vec![("subsystem", word("block"))],
            Type::Mem => vec![
                ("subsystem", word("mem")),
                (
                    "devname",
                    Value::List(vec![word("mem"), word("kmem"), word("port")]),
                ),
            ],
            Type::Tape => vec![("subsystem", word("scsi_tape"))],
            Type::Tty => vec![("subsystem", word("tty"))],
        }
    }
}
