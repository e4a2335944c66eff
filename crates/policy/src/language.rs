//! The rule language as a table: every kind of map with its keys, what they mean and what may stand there.
//!
//! What describes the language to others is made from it: [`schema()`] is for editors, and [`crate::format()`] has keys in the order in
//! which they stand here. The loader reads rules by tables of its own, and a test holds that both know the same keys.

mod file;
mod matching;
mod rule;
mod schema;

pub(crate) use file::{BINDING, CONTAINER, FILE, LIMITS, POLICY};
pub(crate) use matching::MATCH;
pub(crate) use rule::{NODE, RULE, SYSFS};
pub use schema::schema;

/// A kind of map.
pub(crate) struct Kind {
    /// What it is called.
    pub name: &'static str,
    pub keys: &'static [Key],
    /// Keys that must be there.
    required: &'static [&'static str],
    /// How many keys there are at least.
    least: u32,
}

impl Kind {
    /// Where `key` comes among its keys; None if it is none of them.
    pub fn position(&self, key: &str) -> Option<usize> {
        self.keys.iter().position(|known| known.name == key)
    }
}

/// A key, and what stands there.
pub(crate) struct Key {
    pub name: &'static str,
    /// What it means: a sentence or two, with units and default.
    about: &'static str,
    pub value: Says,
    /// What is meant where it is missing, as JSON.
    default: Option<&'static str>,
    /// As JSON, which is YAML too. Each can stand in a rule file.
    examples: &'static [&'static str],
}

/// What may stand at a key.
pub(crate) enum Says {
    /// A scalar; a number without quotes is taken as it is written. The text matches this regular expression.
    Text(&'static str),
    /// A scalar that YAML must take for a string, since a number would be another one. It matches this.
    Quoted(&'static str),
    /// One of these, with what it means.
    Words(&'static [(&'static str, &'static str)]),
    /// The version of the language: the number, with quotes or without.
    Version,
    /// A list of these.
    List {
        of: &'static Says,
        /// Whether one may stand for a list of one.
        alone: bool,
        /// How many there are at least.
        least: u32,
    },
    /// A map with these keys.
    Map(&'static Kind),
    /// A map whose keys are any names, with this at each.
    Named { of: &'static Says, least: u32 },
}

/// A name: not empty.
const NAME: &str = "^[^\\x00-\\x1f\\x7f]+$";
/// One part of a path.
const PART: &str = "^[^/]+$";
/// A path from the root of sysfs.
const SYSFS_PATH: &str = "^(/(?!sys/)|\\*\\*)";
/// A path that is relative: to /dev, or to the device's directory.
const RELATIVE: &str = "^[^/]";
const DEVNUM: &str =
    "^[bc] (\\*|(0|[1-9][0-9]*)(-(0|[1-9][0-9]*))?):(\\*|(0|[1-9][0-9]*)(-(0|[1-9][0-9]*))?)$";
/// A name below /dev with `%n`, `%k`, `%E{PROPERTY}` and `%%`.
const TEMPLATE: &str = "^([^/%]|%[nk%]|%E\\{[^={}%/]+\\})([^%]|%[nk%]|%E\\{[^={}%/]+\\})*$";
/// A number, or a name.
const OWNER: &str = "^[^-:/ ][^:/ ]*$";

/// One glob, or a list of which one must match.
const fn globs(of: &'static Says) -> Says {
    Says::List {
        of,
        alone: true,
        least: 1,
    }
}

/// Globs of what may be any text.
const ANY_TEXT: Says = globs(&Says::Text(""));
const NAMED_GLOBS: Says = Says::Named {
    of: &ANY_TEXT,
    least: 1,
};
const ANCESTORS: Says = Says::Words(&[
    ("files", "their own files can be read, no attribute groups"),
    ("skeleton", "names on the way only, no files"),
]);

/// A key whose value has no default.
const fn key(
    name: &'static str,
    about: &'static str,
    value: Says,
    examples: &'static [&'static str],
) -> Key {
    Key {
        name,
        about,
        value,
        default: None,
        examples,
    }
}

impl Key {
    /// With what is meant where it is missing.
    const fn or(self, default: &'static str) -> Key {
        Key {
            default: Some(default),
            name: self.name,
            about: self.about,
            value: self.value,
            examples: self.examples,
        }
    }
}

#[cfg(test)]
mod tests;
