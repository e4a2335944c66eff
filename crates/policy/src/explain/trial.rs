//! A match tried on a device key by key: what holds, what does not, and what the device has instead.

use std::{cmp::Reverse, fmt};

use kobject::{Bytes, Devpath, Escaped};

use crate::{
    Attribute, DeviceTable, Facts, Udev, Wanted,
    glob::Globs,
    matcher::{Condition, Matcher, Truth},
    node::Property,
};

/// A key of a match that does not hold for a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedKey {
    /// The key, as it stands in the rule: `devname`, `property ID_BUS`, `parent`.
    pub key: String,
    /// What the rule wants there: globs, numbers; of `not` what it excludes. Empty for `parent` and `any`.
    pub wants: Vec<String>,
    /// What the device has instead.
    pub is: Is,
}

/// What a device has where a rule wants something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Is {
    /// It has nothing of the kind.
    Nothing,
    /// This; several where it has several, links and tags.
    Said(Vec<Bytes>),
    /// That is not known.
    Unknown(Vec<Wanted>),
    /// Just what `not` excludes.
    Excluded,
    /// Of `parent`: no device here or above has it all; this one comes nearest, and these keys fail there.
    Nearest {
        /// The device.
        devpath: Devpath,
        /// What fails there.
        failed: Vec<FailedKey>,
    },
    /// Of `any`: none of the alternatives holds, this one comes nearest, and these keys of it fail.
    Alternative {
        /// Which, from 1.
        number: usize,
        /// Of how many.
        of: usize,
        /// What fails of it.
        failed: Vec<FailedKey>,
    },
}

/// How a match fares with a device.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trial {
    pub failed: Vec<FailedKey>,
    /// How many keys fail, those within `parent` and `any` counted each.
    pub failures: usize,
    /// How many keys hold. Of `not` none: nearly everything is not what somebody excludes.
    pub held: usize,
}

impl Trial {
    pub fn of(matcher: &Matcher, table: &DeviceTable, facts: &Facts) -> Trial {
        let mut trial = Trial::default();
        for condition in &matcher.0 {
            trial.add(condition, table, facts);
        }
        trial
    }

    /// The nearer, the smaller: what has another value comes before what has none.
    pub fn distance(&self) -> (usize, Reverse<usize>, usize) {
        let is_empty = |key: &&FailedKey| key.is == Is::Nothing;
        let empty = self.failed.iter().filter(is_empty).count();
        (self.failures, Reverse(self.held), empty)
    }

    fn add(&mut self, condition: &Condition, table: &DeviceTable, facts: &Facts) {
        let mut waits = Vec::new();
        let truth = condition.eval(table, facts, &mut waits);
        if truth == Truth::True {
            self.held += usize::from(!matches!(condition, Condition::Not(_)));
            return;
        }
        waits.sort();
        waits.dedup();
        let key = key_of(condition);
        let (wants, is, failures, held) = match condition {
            Condition::Parent(matchers) => {
                let above = table.ancestors(&facts.device.devpath);
                let tried = std::iter::once(facts).chain(above).flat_map(|facts| {
                    matchers
                        .iter()
                        .map(move |matcher| (facts, Trial::of(matcher, table, facts)))
                });
                let Some((nearest, trial)) = tried.min_by_key(|(_, trial)| trial.distance()) else {
                    return;
                };
                let (failures, held) = (trial.failures, trial.held);
                let is = Is::Nearest {
                    devpath: nearest.device.devpath.clone(),
                    failed: trial.failed,
                };
                (Vec::new(), is, failures, held)
            }
            Condition::Any(matchers) => {
                let tried = matchers
                    .iter()
                    .map(|matcher| Trial::of(matcher, table, facts));
                let nearest = tried.enumerate().min_by_key(|(_, trial)| trial.distance());
                let Some((index, trial)) = nearest else {
                    return;
                };
                let (failures, held) = (trial.failures, trial.held);
                let is = Is::Alternative {
                    number: index + 1,
                    of: matchers.len(),
                    failed: trial.failed,
                };
                (Vec::new(), is, failures, held)
            }
            _ if truth == Truth::Unknown => (wants(condition), Is::Unknown(waits), 1, 0),
            Condition::Not(_) => (wants(condition), Is::Excluded, 1, 0),
            _ => (wants(condition), has(condition, facts), 1, 0),
        };
        self.failures += failures;
        self.held += held;
        self.failed.push(FailedKey { key, wants, is });
    }
}

fn key_of(condition: &Condition) -> String {
    let name = match condition {
        Condition::Subsystem(_) => "subsystem",
        Condition::Devtype(_) => "devtype",
        Condition::Devname(_) => "devname",
        Condition::Devpath(_) => "devpath",
        Condition::Driver(_) => "driver",
        Condition::Devnum(_) => "devnum",
        Condition::Property { key, .. } => return format!("property {key}"),
        Condition::Attr { name, .. } => return format!("attr {name}"),
        Condition::Tag(_) => "tag",
        Condition::Link(_) => "link",
        Condition::Parent(_) => "parent",
        Condition::Not(_) => "not",
        Condition::Any(_) => "any",
    };
    name.to_owned()
}

fn wants(condition: &Condition) -> Vec<String> {
    let patterns = |globs: &Globs| globs.patterns().map(str::to_owned).collect();
    match condition {
        Condition::Subsystem(globs)
        | Condition::Devtype(globs)
        | Condition::Devname(globs)
        | Condition::Devpath(globs)
        | Condition::Driver(globs)
        | Condition::Tag(globs)
        | Condition::Link(globs)
        | Condition::Property { globs, .. }
        | Condition::Attr { globs, .. } => patterns(globs),
        Condition::Devnum(patterns) => patterns.iter().map(ToString::to_string).collect(),
        Condition::Not(matchers) | Condition::Any(matchers) | Condition::Parent(matchers) => {
            matchers.iter().map(in_words).collect()
        }
    }
}

/// A match in one line.
fn in_words(matcher: &Matcher) -> String {
    let keys = matcher
        .0
        .iter()
        .map(|condition| format!("{}: {}", key_of(condition), wants(condition).join(" or ")));
    keys.collect::<Vec<_>>().join(", ")
}

fn has(condition: &Condition, facts: &Facts) -> Is {
    let device = &facts.device;
    let said = |text: Option<&[u8]>| match text {
        Some(text) => Is::Said(vec![text.into()]),
        None => Is::Nothing,
    };
    let all = |texts: Vec<Bytes>| match texts.is_empty() {
        true => Is::Nothing,
        false => Is::Said(texts),
    };
    let udev = match &facts.udev {
        Udev::Known(said) => Some(said),
        Udev::Absent | Udev::Unknown => None,
    };
    match condition {
        Condition::Subsystem(_) => said(device.subsystem.as_ref().map(|name| name.as_slice())),
        Condition::Devtype(_) => said(device.devtype()),
        Condition::Devname(_) => said(device.devname().as_ref().map(|name| name.as_bytes())),
        Condition::Devpath(_) => said(Some(device.devpath.as_bytes())),
        Condition::Driver(_) => said(device.driver.as_ref().map(|name| name.as_slice())),
        Condition::Devnum(_) => {
            let number = device.devnum().map(|number| number.to_string());
            said(number.as_ref().map(|number| number.as_bytes()))
        }
        Condition::Property { key, .. } => match facts.property(key) {
            Property::Said(value) => said(Some(value)),
            Property::Absent | Property::Unknown => Is::Nothing,
        },
        Condition::Attr { name, .. } => match facts.attrs.get(name) {
            Attribute::Said(text) => said(Some(text)),
            Attribute::Absent | Attribute::Unknown => Is::Nothing,
        },
        Condition::Tag(_) => all(udev
            .map(|said| said.tags.iter().cloned().collect())
            .unwrap_or_default()),
        Condition::Link(_) => {
            let links = udev.map(|said| said.links.iter());
            let links = links.into_iter().flatten();
            all(links.map(|link| link.as_bytes().into()).collect())
        }
        Condition::Parent(_) | Condition::Not(_) | Condition::Any(_) => Is::Nothing,
    }
}

impl FailedKey {
    /// What fails, line by line; those of keys within it are indented.
    pub fn lines(&self) -> Vec<String> {
        let key = &self.key;
        let mut lines = Vec::new();
        let mut within = |first: String, failed: &[FailedKey]| {
            lines.push(first);
            for line in failed.iter().flat_map(FailedKey::lines) {
                lines.push(format!("  {line}"));
            }
        };
        match &self.is {
            Is::Nearest { devpath, failed } => within(
                format!("{key}: no device has all of it; {devpath} comes nearest"),
                failed,
            ),
            Is::Alternative { number, of, failed } => within(
                format!("{key}: none of {of} holds; number {number} comes nearest"),
                failed,
            ),
            _ => lines.push(self.to_string()),
        }
        lines
    }
}

impl fmt::Display for FailedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FailedKey { key, is, .. } = self;
        let wants = one_of(&self.wants, "or");
        match is {
            Is::Nothing => write!(f, "{key}: wants {wants}, and it has none"),
            Is::Said(values) if values.len() == 1 => {
                write!(f, "{key}: wants {wants}, is {}", one_of(values, "and"))
            }
            Is::Said(values) => write!(f, "{key}: wants {wants}, has {}", one_of(values, "and")),
            Is::Unknown(waits) => {
                let words = |of_udev: bool| {
                    let waits = waits.iter().filter(|wait| wait.is_of_udev() == of_udev);
                    waits.map(Wanted::to_string).collect::<Vec<_>>().join(", ")
                };
                write!(f, "{key}: wants {wants}, ")?;
                match (&*words(true), &*words(false)) {
                    (udev, "") => write!(f, "waits for udev to say {udev}"),
                    ("", attrs) => write!(f, "and {attrs} cannot be read"),
                    (udev, attrs) => write!(
                        f,
                        "waits for udev to say {udev}, and {attrs} cannot be read"
                    ),
                }
            }
            Is::Excluded => write!(f, "{key}: excludes {wants}, and it is just that"),
            Is::Nearest { .. } | Is::Alternative { .. } => f.write_str(&self.lines().join("\n")),
        }
    }
}

/// How many values are told of a list.
const MOST: usize = 4;

/// Each in backquotes, as a terminal may have it; a long list is cut.
fn one_of<T: AsRef<[u8]>>(words: &[T], last: &str) -> String {
    let cut = if words.len() > MOST + 1 {
        MOST
    } else {
        words.len()
    };
    let mut told: Vec<String> = words[..cut]
        .iter()
        .map(|word| format!("`{}`", Escaped(word.as_ref())))
        .collect();
    if cut < words.len() {
        told.push(format!("{} others", words.len() - cut));
    }
    match told.pop() {
        None => "nothing".to_owned(),
        Some(only) if told.is_empty() => only,
        Some(end) => format!("{} {last} {end}", told.join(", ")),
    }
}
