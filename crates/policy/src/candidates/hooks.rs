//! What a device must be for a match to hold.

use std::sync::Arc;

use crate::{
    glob::{Glob, Globs},
    matcher::{Condition, DevnumPattern, Matcher},
};

/// One thing that a device can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    Subsystem(Vec<u8>),
    Devtype(Vec<u8>),
    Driver(Vec<u8>),
    Devnum(DevnumPattern),
    Devname(Start),
    Devpath(Start),
    /// One part of its devpath, wherever it stands.
    Part(Vec<u8>),
    /// A property, with this value or with any.
    Property(Arc<str>, Option<Vec<u8>>),
    Attr(Arc<str>, Option<Vec<u8>>),
    Tag(Option<Vec<u8>>),
    Link(Option<Vec<u8>>),
}

/// The whole of a text, or how it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Start {
    Whole(Vec<u8>),
    Prefix(Vec<u8>),
}

/// A [`What`] that the device must be, or, if `above`, the device or one above it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hook {
    pub what: What,
    pub above: bool,
}

/// A devpath that begins with no more than that, `/devices/pci0000:00/0000:`, is one of many.
const SHORT: usize = 26;

/// A range of no more minors than that and one is about few devices: a disk and its partitions have 16.
const FEW: u32 = 255;

/// More alternatives than that are looked through one by one.
const MOST: usize = 256;

/// If none of these is so, the match does not hold; None if nothing can be said.
pub(super) fn of(matcher: &Matcher) -> Option<Vec<Hook>> {
    let all = matcher.0.iter().filter_map(of_condition);
    all.filter(|hooks| hooks.len() <= MOST)
        .min_by_key(|hooks| hooks.iter().map(|hook| commonness(&hook.what)).max())
}

fn of_condition(condition: &Condition) -> Option<Vec<Hook>> {
    let each = |globs: &Globs, what: &dyn Fn(&Glob) -> Option<What>| {
        let hooks = globs.0.iter().map(|glob| {
            Some(Hook {
                what: what(glob)?,
                above: false,
            })
        });
        hooks.collect::<Option<Vec<Hook>>>()
    };
    let literal = |glob: &Glob| glob.whole().map(<[u8]>::to_vec);
    match condition {
        Condition::Subsystem(globs) => each(globs, &|glob| Some(What::Subsystem(literal(glob)?))),
        Condition::Devtype(globs) => each(globs, &|glob| Some(What::Devtype(literal(glob)?))),
        Condition::Driver(globs) => each(globs, &|glob| Some(What::Driver(literal(glob)?))),
        Condition::Devname(globs) => each(globs, &|glob| Some(What::Devname(start(glob)))),
        Condition::Devpath(globs) => each(globs, &|glob| Some(place(glob))),
        Condition::Property { key, globs } => each(globs, &|glob| {
            Some(What::Property(key.clone(), literal(glob)))
        }),
        Condition::Attr { name, globs } => {
            each(globs, &|glob| Some(What::Attr(name.clone(), literal(glob))))
        }
        Condition::Tag(globs) => each(globs, &|glob| Some(What::Tag(literal(glob)))),
        Condition::Link(globs) => each(globs, &|glob| Some(What::Link(literal(glob)))),
        Condition::Devnum(patterns) => {
            let hooks = patterns.iter().map(|pattern| Hook {
                what: What::Devnum(*pattern),
                above: false,
            });
            Some(hooks.collect())
        }
        Condition::Parent(matchers) => {
            let mut hooks = any(matchers)?;
            hooks.iter_mut().for_each(|hook| hook.above = true);
            Some(hooks)
        }
        Condition::Any(matchers) => any(matchers),
        Condition::Not(_) => None,
    }
}

/// One of the matches must hold, so one of the hooks of one of them.
fn any(matchers: &[Matcher]) -> Option<Vec<Hook>> {
    let hooks: Option<Vec<Vec<Hook>>> = matchers.iter().map(of).collect();
    Some(hooks?.concat())
}

fn start(glob: &Glob) -> Start {
    match glob.whole() {
        Some(whole) => Start::Whole(whole.to_vec()),
        None => Start::Prefix(glob.literal().to_vec()),
    }
}

/// Of a path with `**` in it, the last part that stands for itself says more than how it begins.
fn place(glob: &Glob) -> What {
    let start = start(glob);
    if let Start::Prefix(prefix) = &start
        && prefix.len() <= SHORT
        && let Some(part) = last_plain_part(glob.pattern())
    {
        return What::Part(part.as_bytes().to_vec());
    }
    What::Devpath(start)
}

/// The last whole part of a pattern in which no character is special. What stands beside a `**` that is no part of its own is no whole part.
fn last_plain_part(pattern: &str) -> Option<&str> {
    let parts: Vec<&str> = pattern.split('/').collect();
    if parts
        .iter()
        .any(|part| part.contains("**") && *part != "**")
    {
        return None;
    }
    let plain = |part: &&str| !part.is_empty() && !part.contains(['*', '?', '[', ']']);
    parts.into_iter().rev().find(plain)
}

/// How many devices it may be said of: the less, the better.
fn commonness(what: &What) -> u32 {
    match what {
        What::Devname(Start::Whole(_)) | What::Devpath(Start::Whole(_)) => 0,
        What::Devnum(pattern) => match pattern.major() {
            Some(_) if pattern.minors().1 - pattern.minors().0 <= FEW => 0,
            Some(_) => 3,
            None => 6,
        },
        What::Property(_, Some(_)) | What::Attr(_, Some(_)) | What::Link(_) => 1,
        What::Devname(Start::Prefix(prefix)) if prefix.len() > 2 => 2,
        What::Part(_) => 3,
        What::Property(_, None) | What::Attr(_, None) | What::Tag(Some(_)) => 3,
        What::Driver(_) | What::Devtype(_) => 4,
        What::Devpath(Start::Prefix(prefix)) if prefix.len() > SHORT => 4,
        What::Subsystem(_) => 5,
        What::Tag(None) | What::Devname(Start::Prefix(_)) | What::Devpath(Start::Prefix(_)) => 6,
    }
}
