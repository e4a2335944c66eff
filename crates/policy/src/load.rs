//! From a tree of YAML to rules, collecting every error on the way.

mod bindings;
mod file;
mod globs;
mod matching;
mod node;
mod rule;

pub(crate) use bindings::Binding;
pub(crate) use file::{Definition, load};
pub(crate) use node::LimitsSay;

use std::sync::Arc;

use crate::{
    RuleError,
    words::{list, nearest},
    yaml::{Node, Position, Scalar, Value},
};

/// What reading a file needs all along: its name, its lines, and the errors so far.
pub(crate) struct Loader<'a> {
    pub file: Arc<str>,
    lines: Vec<&'a str>,
    pub errors: Vec<RuleError>,
}

/// A map whose keys have been checked: known ones, each once.
pub(crate) struct Map<'n> {
    entries: Vec<(&'n str, Position, &'n Node)>,
}

impl<'n> Map<'n> {
    pub fn get(&self, key: &str) -> Option<&'n Node> {
        self.entries
            .iter()
            .find(|(name, ..)| *name == key)
            .map(|(.., value)| *value)
    }

    /// Where the key itself stands.
    pub fn key(&self, key: &str) -> Option<Position> {
        self.entries
            .iter()
            .find(|(name, ..)| *name == key)
            .map(|(_, at, _)| *at)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&'n str, Position, &'n Node)> {
        self.entries.iter().copied()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// The keys of one kind of map.
pub(crate) struct Keys {
    /// What this version reads.
    pub known: &'static [&'static str],
    /// What belongs to the language too.
    pub later: &'static [&'static str],
}

impl<'a> Loader<'a> {
    pub fn new(file: &str, text: &'a str) -> Loader<'a> {
        Loader {
            file: file.into(),
            lines: text
                .strip_prefix('\u{feff}')
                .unwrap_or(text)
                .lines()
                .collect(),
            errors: Vec::new(),
        }
    }

    pub fn error(
        &mut self,
        at: Position,
        message: impl Into<String>,
        expected: impl Into<Option<String>>,
    ) {
        let text = (at.line as usize)
            .checked_sub(1)
            .and_then(|line| self.lines.get(line))
            .copied()
            .unwrap_or_default();
        self.errors.push(RuleError {
            file: self.file.to_string(),
            line: at.line,
            column: at.column,
            text: text.to_owned(),
            message: message.into(),
            expected: expected.into(),
        });
    }

    /// A map with any keys, each once.
    pub fn map<'n>(&mut self, node: &'n Node, what: &str) -> Option<Map<'n>> {
        let Value::Map(pairs) = &node.value else {
            self.error(
                node.at,
                format!("{what} is no map"),
                "keys and values".to_owned(),
            );
            return None;
        };
        let mut map = Map {
            entries: Vec::new(),
        };
        for (key, value) in pairs {
            let Some(name) = self.string(key, "a key") else {
                continue;
            };
            if map.get(name).is_some() {
                self.error(key.at, format!("`{name}` stands here twice"), None);
            } else {
                map.entries.push((name, key.at, value));
            }
        }
        Some(map)
    }

    /// A map whose keys must be of `keys`; wrong ones are errors and left out.
    pub fn keyed<'n>(&mut self, node: &'n Node, what: &str, keys: &Keys) -> Option<Map<'n>> {
        let mut map = self.map(node, what)?;
        for &(name, at, _) in &map.entries {
            if keys.known.contains(&name) {
                continue;
            }
            if keys.later.contains(&name) {
                self.error(
                    at,
                    format!("`{name}` is part of the rule language but not of this version yet"),
                    None,
                );
                continue;
            }
            let expected = match nearest(name, keys.known.iter().chain(keys.later).copied()) {
                Some(word) => format!("`{word}`"),
                None => list(keys.known.iter().copied()),
            };
            self.error(at, format!("unknown key `{name}` in {what}"), expected);
        }
        map.entries.retain(|(name, ..)| keys.known.contains(name));
        Some(map)
    }

    /// A string. Numbers without quotes are taken as written when YAML reads them as the same digits; whatever YAML would turn into
    /// something else has to be quoted.
    pub fn string<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n str> {
        let Value::Scalar(Scalar { text, typed }) = &node.value else {
            self.error(
                node.at,
                format!("{what} is one word, not a list or a map"),
                "a string".to_owned(),
            );
            return None;
        };
        if !typed {
            return Some(text);
        }
        let digits = text
            .strip_prefix('-')
            .filter(|digits| *digits != "0")
            .unwrap_or(text);
        let plain = !digits.is_empty()
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && (digits == "0" || !digits.starts_with('0'));
        if plain {
            return Some(text);
        }
        match text.to_ascii_lowercase().as_str() {
            "" | "~" | "null" => self.error(
                node.at,
                format!("{what} has no value"),
                "a string".to_owned(),
            ),
            "y" | "n" | "yes" | "no" | "on" | "off" | "true" | "false" => {
                self.error(
                    node.at,
                    format!("without quotes YAML reads `{text}` as a boolean"),
                    format!("`\"{text}\"`"),
                );
            }
            _ => self.error(
                node.at,
                format!("without quotes YAML reads `{text}` as another number"),
                format!("`\"{text}\"`"),
            ),
        }
        None
    }

    /// A string that is not empty.
    pub fn name<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n str> {
        let name = self.string(node, what)?;
        if name.is_empty() || name.chars().any(char::is_control) {
            self.error(
                node.at,
                format!("{what} is empty or holds control characters"),
                "a name".to_owned(),
            );
            return None;
        }
        Some(name)
    }

    /// One of a few words.
    pub fn word<T: Copy>(&mut self, node: &Node, what: &str, words: &[(&str, T)]) -> Option<T> {
        let text = self.string(node, what)?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        let choices = words.iter().map(|(word, _)| *word);
        let expected = nearest(text, choices.clone())
            .map_or_else(|| list(choices), |word| format!("`{word}`"));
        self.error(node.at, format!("`{text}` is no value of {what}"), expected);
        None
    }

    /// The items of a list, or the one value that stands for a list of one. An empty list is an error: it could match nothing.
    pub fn items<'n>(&mut self, node: &'n Node, what: &str) -> Vec<&'n Node> {
        match &node.value {
            Value::List(items) if items.is_empty() => {
                self.error(
                    node.at,
                    format!("{what} is an empty list"),
                    "at least one value".to_owned(),
                );
                Vec::new()
            }
            Value::List(items) => items.iter().collect(),
            _ => vec![node],
        }
    }
}

/// The keys of every kind of map, by what [`crate::language`] calls it.
#[cfg(test)]
pub(crate) fn keys() -> Vec<(&'static str, &'static Keys)> {
    let tables: [&[(&str, &Keys)]; 5] = [
        &file::KEYS,
        &bindings::KEYS,
        &matching::KEYS,
        &node::KEYS,
        &rule::KEYS,
    ];
    tables.concat()
}
