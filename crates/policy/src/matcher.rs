//! Whether a device is what a rule is about: true, false, or not known yet.

use std::{collections::BTreeSet, fmt, sync::Arc};

use kobject::{DevKind, Devnum};

use crate::{Attribute, DeviceTable, Facts, Udev, Wanted, glob::Globs};

/// Kleene's three values, in the order that makes AND the least and OR the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Truth {
    False,
    Unknown,
    True,
}

impl Truth {
    fn not(self) -> Truth {
        match self {
            Truth::False => Truth::True,
            Truth::Unknown => Truth::Unknown,
            Truth::True => Truth::False,
        }
    }
}

impl From<bool> for Truth {
    fn from(known: bool) -> Truth {
        if known { Truth::True } else { Truth::False }
    }
}

/// A `match`: every condition must hold.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Matcher(pub Vec<Condition>);

/// One key of a `match`. What a device does not have matches no glob.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    Subsystem(Globs),
    Devtype(Globs),
    Devname(Globs),
    Devpath(Globs),
    Driver(Globs),
    Devnum(Vec<DevnumPattern>),
    Property {
        key: Arc<str>,
        globs: Globs,
    },
    /// An attribute of this very device.
    Attr {
        name: Arc<str>,
        globs: Globs,
    },
    /// One of its tags.
    Tag(Globs),
    /// One of the links to its node that udev made.
    Link(Globs),
    /// One of these holds wholly for the device or for one above it.
    Parent(Vec<Matcher>),
    /// None of these holds.
    Not(Vec<Matcher>),
    /// One of these holds.
    Any(Vec<Matcher>),
}

impl Matcher {
    /// Adds to `waits` what an unknown answer waits for.
    pub fn eval(&self, table: &DeviceTable, facts: &Facts, waits: &mut Vec<Wanted>) -> Truth {
        let before = waits.len();
        let mut truth = Truth::True;
        for condition in &self.0 {
            truth = truth.min(condition.eval(table, facts, waits));
            if truth == Truth::False {
                break;
            }
        }
        forget_unless_unknown(truth, before, waits)
    }

    /// Whether an attribute stands anywhere in it.
    pub fn asks_for_attributes(&self) -> bool {
        self.0.iter().any(|condition| match condition {
            Condition::Attr { .. } => true,
            Condition::Parent(matchers) | Condition::Not(matchers) | Condition::Any(matchers) => {
                matchers.iter().any(Matcher::asks_for_attributes)
            }
            _ => false,
        })
    }

    /// Adds the attributes of this device that the answer may depend on, about it or about a device below it.
    pub fn wanted_attributes(&self, facts: &Facts, wanted: &mut BTreeSet<Arc<str>>) {
        self.wanted_as_parent(facts, wanted);
        self.wanted_as_itself(facts, wanted);
    }

    /// What `parent` asks for, however deep it stands: what stands around it need not hold for a device above.
    fn wanted_as_parent(&self, facts: &Facts, wanted: &mut BTreeSet<Arc<str>>) {
        for condition in &self.0 {
            match condition {
                Condition::Parent(matchers) => {
                    for matcher in matchers {
                        matcher.wanted_attributes(facts, wanted);
                    }
                }
                Condition::Not(matchers) | Condition::Any(matchers) => {
                    for matcher in matchers {
                        matcher.wanted_as_parent(facts, wanted);
                    }
                }
                _ => {}
            }
        }
    }

    /// What is asked for outside of `parent`, if the rest may hold.
    fn wanted_as_itself(&self, facts: &Facts, wanted: &mut BTreeSet<Arc<str>>) {
        if self.0.iter().any(|condition| condition.rules_out(facts)) {
            return;
        }
        for condition in &self.0 {
            match condition {
                Condition::Attr { name, .. } => drop(wanted.insert(name.clone())),
                Condition::Not(matchers) | Condition::Any(matchers) => {
                    for matcher in matchers {
                        matcher.wanted_as_itself(facts, wanted);
                    }
                }
                _ => {}
            }
        }
    }
}

impl Condition {
    /// Whether it fails whatever attributes say, and what devices above are.
    fn rules_out(&self, facts: &Facts) -> bool {
        match self {
            Condition::Attr { .. }
            | Condition::Parent(_)
            | Condition::Not(_)
            | Condition::Any(_) => false,
            plain => plain.eval(&DeviceTable::default(), facts, &mut Vec::new()) == Truth::False,
        }
    }

    pub fn eval(&self, table: &DeviceTable, facts: &Facts, waits: &mut Vec<Wanted>) -> Truth {
        let device = &facts.device;
        let known = |globs: &Globs, text: Option<&[u8]>| {
            Truth::from(text.is_some_and(|text| globs.matches(text)))
        };
        match self {
            Condition::Subsystem(globs) => {
                known(globs, device.subsystem.as_deref().map(|name| name.as_ref()))
            }
            Condition::Devtype(globs) => known(globs, device.devtype()),
            Condition::Devname(globs) => {
                known(globs, device.devname().as_ref().map(|name| name.as_bytes()))
            }
            Condition::Devpath(globs) => known(globs, Some(device.devpath.as_bytes())),
            Condition::Driver(globs) => {
                known(globs, device.driver.as_deref().map(|name| name.as_ref()))
            }
            Condition::Devnum(patterns) => Truth::from(
                device
                    .devnum()
                    .is_some_and(|number| patterns.iter().any(|pattern| pattern.matches(number))),
            ),
            Condition::Property { key, globs } => {
                match (device.properties.get(key.as_bytes()), &facts.udev) {
                    (Some(value), _) => known(globs, Some(value)),
                    (None, Udev::Known(said)) => known(globs, said.properties.get(key.as_bytes())),
                    (None, Udev::Absent) => Truth::False,
                    (None, Udev::Unknown) => {
                        waits.push(Wanted::Property(key.clone()));
                        Truth::Unknown
                    }
                }
            }
            Condition::Attr { name, globs } => match facts.attrs.get(name) {
                Attribute::Said(text) => known(globs, Some(text)),
                Attribute::Absent => Truth::False,
                Attribute::Unknown => {
                    waits.push(Wanted::Attr(name.clone()));
                    Truth::Unknown
                }
            },
            Condition::Tag(globs) => match &facts.udev {
                Udev::Known(said) => Truth::from(said.tags.iter().any(|tag| globs.matches(tag))),
                Udev::Absent => Truth::False,
                Udev::Unknown => {
                    waits.push(Wanted::Tag);
                    Truth::Unknown
                }
            },
            Condition::Link(globs) => match &facts.udev {
                Udev::Known(said) => {
                    let mut links = said.links.iter();
                    Truth::from(links.any(|link| globs.matches(link.as_bytes())))
                }
                Udev::Absent => Truth::False,
                Udev::Unknown => {
                    waits.push(Wanted::Link);
                    Truth::Unknown
                }
            },
            Condition::Parent(matchers) => {
                let before = waits.len();
                let mut truth = any(matchers, table, facts, waits);
                for above in table.ancestors(&device.devpath) {
                    truth = truth.max(any(matchers, table, above, waits));
                }
                forget_unless_unknown(truth, before, waits)
            }
            Condition::Not(matchers) => any(matchers, table, facts, waits).not(),
            Condition::Any(matchers) => any(matchers, table, facts, waits),
        }
    }
}

fn any(matchers: &[Matcher], table: &DeviceTable, facts: &Facts, waits: &mut Vec<Wanted>) -> Truth {
    let before = waits.len();
    let mut truth = Truth::False;
    for matcher in matchers {
        truth = truth.max(matcher.eval(table, facts, waits));
    }
    forget_unless_unknown(truth, before, waits)
}

/// What an answer did not depend on is not waited for.
fn forget_unless_unknown(truth: Truth, before: usize, waits: &mut Vec<Wanted>) -> Truth {
    if truth != Truth::Unknown {
        waits.truncate(before);
    }
    truth
}

/// `c 13:64-95`: a kind and a range of each number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DevnumPattern {
    kind: DevKind,
    major: (u32, u32),
    minor: (u32, u32),
}

impl DevnumPattern {
    pub fn parse(text: &str) -> Option<DevnumPattern> {
        let (kind, rest) = match text.split_once(' ')? {
            ("b", rest) => (DevKind::Block, rest),
            ("c", rest) => (DevKind::Char, rest),
            _ => return None,
        };
        let (major, minor) = rest.split_once(':')?;
        Some(DevnumPattern {
            kind,
            major: range(major)?,
            minor: range(minor)?,
        })
    }

    /// The table that it is about.
    pub fn kind(&self) -> DevKind {
        self.kind
    }

    /// The one major that it matches, if there is only one.
    pub fn major(&self) -> Option<u32> {
        let (low, high) = self.major;
        (low == high).then_some(low)
    }

    /// The first and the last minor that it matches.
    pub fn minors(&self) -> (u32, u32) {
        self.minor
    }

    /// Whether whatever this matches, the other one does.
    pub fn within(&self, other: &DevnumPattern) -> bool {
        let within = |(low, high): (u32, u32), (from, to): (u32, u32)| from <= low && high <= to;
        self.kind == other.kind
            && within(self.major, other.major)
            && within(self.minor, other.minor)
    }

    pub fn matches(&self, number: Devnum) -> bool {
        let within = |(low, high): (u32, u32), number: u32| (low..=high).contains(&number);
        self.kind == number.kind
            && within(self.major, number.major)
            && within(self.minor, number.minor)
    }
}

impl fmt::Display for DevnumPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.kind.letter())?;
        write_range(f, self.major)?;
        f.write_str(":")?;
        write_range(f, self.minor)
    }
}

fn write_range(f: &mut fmt::Formatter<'_>, (low, high): (u32, u32)) -> fmt::Result {
    match (low, high) {
        (0, u32::MAX) => f.write_str("*"),
        _ if low == high => write!(f, "{low}"),
        _ => write!(f, "{low}-{high}"),
    }
}

/// `7`, `64-95` or `*`.
fn range(text: &str) -> Option<(u32, u32)> {
    let number = |digits: &str| -> Option<u32> {
        let plain = digits.bytes().all(|byte| byte.is_ascii_digit())
            && (digits == "0" || !digits.starts_with('0'));
        if plain { digits.parse().ok() } else { None }
    };
    match text.split_once('-') {
        None if text == "*" => Some((0, u32::MAX)),
        None => number(text).map(|only| (only, only)),
        Some((low, high)) => Some((number(low)?, number(high)?)).filter(|(low, high)| low <= high),
    }
}

#[cfg(test)]
mod tests;
