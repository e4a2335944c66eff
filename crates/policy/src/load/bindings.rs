//! `containers`: which container gets which policy.

use crate::{
    Container,
    glob::Globs,
    load::{Loader, globs},
    words::quoted,
    yaml::{Node, Position, Value},
};

const BINDING: [&str; 2] = ["match", "policy"];
const MATCH: [&str; 6] = ["name", "id", "image", "label", "annotation", "cgroup"];

/// One entry: every condition must hold.
#[derive(Clone, Debug)]
pub(crate) struct Binding {
    pub conditions: Vec<Fact>,
    /// Where it begins.
    pub at: Position,
    /// The policy's name, and where it stands.
    pub policy: (String, Position),
}

/// What a container's fact must be. What it does not have matches nothing.
#[derive(Clone, Debug)]
pub(crate) enum Fact {
    Name(Globs),
    Id(Globs),
    Image(Globs),
    Cgroup(Globs),
    Label(String, Globs),
    Annotation(String, Globs),
}

impl Binding {
    pub fn matches(&self, container: &Container) -> bool {
        self.conditions.iter().all(|fact| fact.holds(container))
    }
}

impl Fact {
    fn holds(&self, container: &Container) -> bool {
        let (globs, text) = match self {
            Fact::Name(globs) => (globs, Some(&container.name).filter(|name| !name.is_empty())),
            Fact::Id(globs) => (globs, Some(&container.id).filter(|id| !id.is_empty())),
            Fact::Image(globs) => (globs, container.image.as_ref()),
            Fact::Cgroup(globs) => (globs, container.cgroup.as_ref()),
            Fact::Label(key, globs) => (globs, container.labels.get(key)),
            Fact::Annotation(key, globs) => (globs, container.annotations.get(key)),
        };
        text.is_some_and(|text| globs.matches(text.as_bytes()))
    }
}

impl Loader {
    pub fn bindings(&mut self, node: &Node) -> Vec<Binding> {
        let Value::List(items) = &node.value else {
            self.error(
                node.at,
                "`containers` is not a list",
                "`- match: ...` and `policy: ...`".to_owned(),
            );
            return Vec::new();
        };
        items.iter().filter_map(|item| self.binding(item)).collect()
    }

    fn binding(&mut self, node: &Node) -> Option<Binding> {
        let before = self.errors;
        let map = self.keyed(node, "an entry of `containers`", &BINDING)?;
        // a wrong key may be the one that would be missed
        let is_whole = self.errors == before;
        let policy = match map.get("policy") {
            Some(value) => self
                .name(value, "the policy's name")
                .map(|name| (name.to_owned(), value.at)),
            None => {
                self.error_if(
                    is_whole,
                    node.at,
                    "the entry does not say `policy`",
                    "the name of a policy".to_owned(),
                );
                None
            }
        };
        let Some(value) = map.get("match") else {
            self.error_if(
                is_whole,
                node.at,
                "the entry does not say `match`",
                "`match: { name: \"**\" }` for every container".to_owned(),
            );
            return None;
        };
        let before = self.errors;
        let matching = self.keyed(value, "`match` of a container", &MATCH)?;
        if matching.is_empty() && self.errors == before {
            self.error(
                value.at,
                "`match` is empty",
                "`name: \"**\"` for every container".to_owned(),
            );
        }
        let mut conditions = Vec::new();
        for (key, _, value) in matching.iter() {
            match key {
                "name" => conditions.push(Fact::Name(self.texts(value, key))),
                "id" => conditions.push(Fact::Id(self.texts(value, key))),
                "image" => conditions.push(Fact::Image(self.texts(value, key))),
                "cgroup" => {
                    conditions.push(Fact::Cgroup(self.globs(value, "`cgroup`", globs::cgroup)))
                }
                "label" => {
                    let labels = self.pairs(value, key);
                    conditions.extend(labels.into_iter().map(|(k, v)| Fact::Label(k, v)));
                }
                _ => {
                    let annotations = self.pairs(value, key);
                    conditions.extend(annotations.into_iter().map(|(k, v)| Fact::Annotation(k, v)));
                }
            }
        }
        policy.map(|policy| Binding {
            conditions,
            at: node.at,
            policy,
        })
    }

    fn texts(&mut self, node: &Node, key: &str) -> Globs {
        self.globs(node, &quoted(key), globs::any_text)
    }

    fn pairs(&mut self, node: &Node, what: &str) -> Vec<(String, Globs)> {
        let Some(map) = self.named(node, what) else {
            return Vec::new();
        };
        map.iter()
            .map(|(key, _, value)| (key.to_owned(), self.texts(value, key)))
            .collect()
    }
}

#[cfg(test)]
pub(super) const KEYS: [(&str, &[&str]); 2] = [("binding", &BINDING), ("container", &MATCH)];
