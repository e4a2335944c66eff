//! What was decided about a device, and why.

use std::{fmt, sync::Arc};

use kobject::Devpath;

use crate::{Ancestors, Events, Wanted, says::Says};

/// How a device shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Show {
    /// Node, cgroup access rwm, readable sysfs directory, emulated `uevent`.
    Rw,
    /// Node without write bits, cgroup access r, readable sysfs directory.
    Ro,
    /// Not at all.
    Hide,
}

impl Show {
    /// The word of the rule language.
    pub fn as_str(self) -> &'static str {
        match self {
            Show::Rw => "rw",
            Show::Ro => "ro",
            Show::Hide => "hide",
        }
    }
}

impl fmt::Display for Show {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where a rule stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RuleRef {
    /// The policy in which it is written (a base's rule names the base).
    pub policy: Arc<str>,
    /// Its `name`, if it has one.
    pub rule: Option<Arc<str>>,
    /// The file, or `builtin:NAME`.
    pub file: Arc<str>,
    /// The line on which it begins, from 1.
    pub line: u32,
}

impl fmt::Display for RuleRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.policy)?;
        if let Some(rule) = &self.rule {
            write!(f, "/{rule}")?;
        }
        write!(f, " ({}:{})", self.file, self.line)
    }
}

/// Why a device shows as it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A rule decided it.
    Rule {
        /// Which.
        rule: Arc<RuleRef>,
        /// The device above it that the rule matched; `None` when it matched the device itself.
        through: Option<Devpath>,
    },
    /// No rule is about it: hidden.
    Default,
    /// It belongs to the container's own network namespace: shown.
    OwnNamespace,
    /// It is a network interface of another namespace, or below one: hidden.
    OtherNamespace,
    /// Whether an early rule is about it depends on what udev has not said yet: hidden.
    Unknown {
        /// The first such rule.
        rule: Arc<RuleRef>,
        /// What is not known, sorted.
        keys: Vec<Wanted>,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Rule {
                rule,
                through: None,
            } => write!(f, "rule {rule} matches it"),
            Reason::Rule {
                rule,
                through: Some(above),
            } => write!(f, "rule {rule} matches {above} above it"),
            Reason::Default => f.write_str("no rule matches it"),
            Reason::OwnNamespace => {
                f.write_str("it belongs to the container's own network namespace")
            }
            Reason::OtherNamespace => f.write_str("it belongs to another network namespace"),
            Reason::Unknown { rule, keys } => {
                let names = |of_udev: bool| {
                    let keys = keys.iter().filter(|key| key.is_of_udev() == of_udev);
                    keys.map(Wanted::to_string).collect::<Vec<_>>().join(", ")
                };
                write!(f, "rule {rule} ")?;
                match (&*names(true), &*names(false)) {
                    (udev, "") => write!(f, "waits for udev to say {udev}"),
                    ("", attrs) => write!(f, "asks for {attrs}, which cannot be read"),
                    (udev, attrs) => write!(
                        f,
                        "waits for udev to say {udev}, and asks for {attrs}, which cannot be read"
                    ),
                }
            }
        }
    }
}

/// The decision about one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// How it shows.
    pub show: Show,
    /// Why.
    pub reason: Reason,
    /// What the deciding rule says besides.
    pub(crate) says: Arc<Says>,
    /// What shows of the devices above it.
    pub(crate) ancestors: Ancestors,
    /// The deciding rule's place among the policy's, from 0.
    pub(crate) order: usize,
    /// Whether it is, or while something is unknown could be, hidden by a rule that matches the device itself.
    pub(crate) hidden_by_name: bool,
}

impl Decision {
    /// Which events of the device the container gets.
    pub fn events(&self) -> Events {
        self.says.events
    }

    /// What shows of the devices above it.
    pub fn ancestors(&self) -> Ancestors {
        self.ancestors
    }

    /// Globs of the attributes that may be written where it shows rw: `sysfs.write` of the deciding rule.
    pub fn writable(&self) -> impl Iterator<Item = &str> {
        self.says.sysfs.write.patterns()
    }

    /// Globs of what is hidden of its directory though it shows: `sysfs.hide` of the deciding rule.
    pub fn hidden(&self) -> impl Iterator<Item = &str> {
        self.says.sysfs.hide.patterns()
    }

    /// Without a rule: what holds when none has its say.
    pub(crate) fn plain(show: Show, reason: Reason) -> Decision {
        Decision {
            show,
            reason,
            says: Says::nothing(),
            ancestors: Ancestors::default(),
            order: usize::MAX,
            hidden_by_name: false,
        }
    }
}
