//! The places of the rule language: which keys a map has and in which order, what is written on lines of its own.

use crate::yaml::written::Item;

/// What kind of value stands somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    File,
    Containers,
    Binding,
    BindingMatch,
    Policies,
    Policy,
    Rules,
    Rule,
    /// A `match`, or one within it, or a list of them.
    Match,
    Node,
    Sysfs,
    Limits,
    /// A word, a list of words, a map of words.
    Words,
    /// What the language does not have: it stays as it is written.
    Unknown,
}

impl Place {
    /// The keys of a map here, in their order. Empty where names are free.
    fn keys(self) -> &'static [&'static str] {
        match self {
            Place::File => &["version", "include", "containers", "policies"],
            Place::Binding => &["match", "policy"],
            Place::BindingMatch => &["id", "name", "image", "label", "annotation", "cgroup"],
            Place::Policy => &["base", "ancestors", "cpus", "limits", "rules"],
            Place::Rule => &[
                "name",
                "match",
                "path",
                "show",
                "scope",
                "ancestors",
                "node",
                "sysfs",
                "events",
                "on_revoke",
            ],
            Place::Match => &[
                "subsystem",
                "devtype",
                "devname",
                "devpath",
                "driver",
                "devnum",
                "property",
                "attr",
                "tag",
                "link",
                "parent",
                "not",
                "any",
            ],
            Place::Node => &["mode", "uid", "gid", "link"],
            Place::Sysfs => &["write", "hide"],
            Place::Limits => &["inodes", "bytes"],
            Place::Containers | Place::Policies | Place::Rules | Place::Words | Place::Unknown => {
                &[]
            }
        }
    }

    /// Where a key comes among those of its map. Keys that are not known come last, in the order in which they are.
    pub fn rank(self, key: &str) -> usize {
        let keys = self.keys();
        keys.iter()
            .position(|known| *known == key)
            .unwrap_or(keys.len())
    }

    /// Whether `key` is one of the language's.
    pub fn has(self, key: &str) -> bool {
        self.keys().contains(&key)
    }

    /// What the value of an item here is.
    pub fn within(self, item: &Item) -> Place {
        match &item.key {
            Some(key) => self.under(&key.text),
            None => self.item(),
        }
    }

    /// What stands under a key of a map here.
    fn under(self, key: &str) -> Place {
        match (self, key) {
            (Place::File, "containers") => Place::Containers,
            (Place::File, "policies") => Place::Policies,
            (Place::Policies, _) => Place::Policy,
            (Place::Policy, "rules") => Place::Rules,
            (Place::Policy, "limits") => Place::Limits,
            (Place::Rule, "match") | (Place::Match, "parent" | "not" | "any") => Place::Match,
            (Place::Rule, "node") => Place::Node,
            (Place::Rule, "sysfs") => Place::Sysfs,
            (Place::Binding, "match") => Place::BindingMatch,
            (Place::Words, _) => Place::Words,
            (place, key) if place.has(key) => Place::Words,
            _ => Place::Unknown,
        }
    }

    /// What an item of a list here is.
    fn item(self) -> Place {
        match self {
            Place::Containers => Place::Binding,
            Place::Rules => Place::Rule,
            Place::Match => Place::Match,
            Place::Words => Place::Words,
            _ => Place::Unknown,
        }
    }

    /// Whether a value here has lines of its own, even if it fits on one.
    pub fn is_block(self) -> bool {
        matches!(
            self,
            Place::File
                | Place::Containers
                | Place::Binding
                | Place::Policies
                | Place::Policy
                | Place::Rules
                | Place::Rule
        )
    }

    /// Whether items here of more than one line stand apart.
    pub fn is_airy(self) -> bool {
        matches!(self, Place::File | Place::Policies)
    }
}
