//! Maps, and which keys they take.

use std::collections::HashSet;

use crate::{
    Severity,
    load::{Loader, file, matching, node, rule},
    words::{list, nearest, quoted},
    yaml::{Node, Position, Scalar, Value},
};

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

/// Where else a key may belong.
const ELSEWHERE: [(&str, &[&str]); 6] = [
    ("a rule", &rule::RULE),
    ("the `match` of a rule", &matching::MATCH),
    ("the `node` of a rule", &node::NODE),
    ("the `sysfs` of a rule", &rule::SYSFS),
    ("the `limits` of a policy", &node::LIMITS),
    ("a policy", &file::POLICY),
];

impl Loader {
    /// A map with any keys, each once.
    pub fn map<'n>(&mut self, node: &'n Node, what: &str) -> Option<Map<'n>> {
        let Value::Map(pairs) = &node.value else {
            self.error(
                node.at,
                format!("{what} is not a map"),
                "keys and values".to_owned(),
            );
            return None;
        };
        let mut map = Map {
            entries: Vec::new(),
        };
        let mut names = HashSet::new();
        for (key, value) in pairs {
            let Some(name) = self.string(key, "a key") else {
                continue;
            };
            if names.insert(name) {
                map.entries.push((name, key.at, value));
                continue;
            }
            let first = map.key(name).unwrap_or_default();
            self.report(
                Severity::Error,
                key.at,
                format!("{} stands here twice", quoted(name)),
                None,
                Some((first, "the first one")),
            );
        }
        Some(map)
    }

    /// A map of what somebody else named, of which there has to be something: properties, attributes, labels.
    pub fn named<'n>(&mut self, node: &'n Node, what: &str) -> Option<Map<'n>> {
        if let Value::Scalar(Scalar { text, .. }) = &node.value
            && !text.is_empty()
        {
            let example = quoted(&format!("{what}: {{ {text}: \"...\" }}"));
            let message = format!("`{what}` does not say the value");
            self.error(node.at, message, example);
            return None;
        }
        let map = self.map(node, &format!("`{what}`"))?;
        if map.is_empty() {
            self.error(
                node.at,
                format!("`{what}` is empty"),
                "at least one name and its value".to_owned(),
            );
        }
        Some(map)
    }

    /// A map whose keys must be of `keys`; wrong ones are errors and left out.
    pub fn keyed<'n>(
        &mut self,
        node: &'n Node,
        what: &str,
        keys: &'static [&'static str],
    ) -> Option<Map<'n>> {
        let mut map = self.map(node, what)?;
        for &(name, at, _) in &map.entries {
            if !keys.contains(&name) {
                let message = format!("{what} has no key {}", quoted(name));
                self.error(at, message, instead(name, keys));
            }
        }
        map.entries.retain(|(name, ..)| keys.contains(name));
        Some(map)
    }
}

/// What was probably meant by a key that is none.
fn instead(name: &str, keys: &'static [&'static str]) -> String {
    let first = name.split_whitespace().next().unwrap_or_default();
    if first != name && keys.contains(&first) {
        return format!("{} with a colon", quoted(&format!("{first}:")));
    }
    let elsewhere = ELSEWHERE
        .iter()
        .find(|(_, others)| *others != keys && others.contains(&name));
    if let Some((place, _)) = elsewhere {
        return format!("it in {place}");
    }
    if let Some(word) = nearest(name, keys.iter().copied()) {
        return quoted(word);
    }
    if keys != matching::MATCH {
        return list(keys.iter().copied());
    }
    let is_property = name.contains('_') && !name.contains(|c: char| c.is_ascii_lowercase());
    let kind = if is_property { "property" } else { "attr" };
    let own = quoted(&format!("{kind}: {{ {name}: \"...\" }}"));
    format!("{own}, or {}", list(keys.iter().copied()))
}
