//! The places of the rule language: what stands where, and what is written on lines of its own. The keys of a map, and
//! their order, are those of [`crate::language`].

use crate::{
    language::{self, Kind},
    yaml::written::Item,
};

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
    /// The map that stands here, as the language has it. None where names are free.
    pub(super) fn map(self) -> Option<&'static Kind> {
        match self {
            Place::File => Some(&language::FILE),
            Place::Binding => Some(&language::BINDING),
            Place::BindingMatch => Some(&language::CONTAINER),
            Place::Policy => Some(&language::POLICY),
            Place::Rule => Some(&language::RULE),
            Place::Match => Some(&language::MATCH),
            Place::Node => Some(&language::NODE),
            Place::Sysfs => Some(&language::SYSFS),
            Place::Limits => Some(&language::LIMITS),
            Place::Containers | Place::Policies | Place::Rules | Place::Words | Place::Unknown => {
                None
            }
        }
    }

    /// Where a key comes among those of its map. Keys that are not known come last, in the order in which they are.
    pub fn rank(self, key: &str) -> usize {
        let known = self.map().and_then(|map| map.position(key));
        known.unwrap_or(usize::MAX)
    }

    /// Whether `key` is one of the language's.
    pub fn has(self, key: &str) -> bool {
        self.map().and_then(|map| map.position(key)).is_some()
    }

    /// What the value of an item here is.
    pub fn within(self, item: &Item) -> Place {
        match &item.key {
            Some(key) => self.under(&key.text),
            None => self.item(),
        }
    }

    /// What stands under a key of a map here.
    pub(super) fn under(self, key: &str) -> Place {
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
    pub(super) fn item(self) -> Place {
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
