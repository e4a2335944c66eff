//! `containers`: which container gets which policy.

use crate::{
    Container,
    glob::Globs,
    load::{Keys, Loader, globs},
    yaml::{Node, Position, Value},
};

const BINDING: Keys = Keys {
    known: &["match", "policy"],
    later: &[],
};
const MATCH: Keys = Keys {
    known: &["name", "id", "label"],
    later: &["image", "annotation", "cgroup"],
};

/// One entry: every condition must hold.
#[derive(Clone, Debug)]
pub(crate) struct Binding {
    name: Option<Globs>,
    id: Option<Globs>,
    labels: Vec<(String, Globs)>,
    /// The policy's name, and where it stands.
    pub policy: (String, Position),
}

impl Binding {
    pub fn matches(&self, container: &Container) -> bool {
        let holds = |globs: &Option<Globs>, text: &str| {
            globs
                .as_ref()
                .is_none_or(|globs| globs.matches(text.as_bytes()))
        };
        holds(&self.name, &container.name)
            && holds(&self.id, &container.id)
            && self.labels.iter().all(|(key, globs)| {
                container
                    .labels
                    .get(key)
                    .is_some_and(|value| globs.matches(value.as_bytes()))
            })
    }
}

impl Loader<'_> {
    pub fn bindings(&mut self, node: &Node) -> Vec<Binding> {
        let Value::List(items) = &node.value else {
            self.error(
                node.at,
                "`containers` is no list",
                "`- match: ...` and `policy: ...`".to_owned(),
            );
            return Vec::new();
        };
        items.iter().filter_map(|item| self.binding(item)).collect()
    }

    fn binding(&mut self, node: &Node) -> Option<Binding> {
        let map = self.keyed(node, "an entry of `containers`", &BINDING)?;
        let policy = match map.get("policy") {
            Some(value) => self
                .name(value, "the policy's name")
                .map(|name| (name.to_owned(), value.at)),
            None => {
                self.error(
                    node.at,
                    "the entry does not say `policy`",
                    "the name of a policy".to_owned(),
                );
                None
            }
        };
        let mut binding = Binding {
            name: None,
            id: None,
            labels: Vec::new(),
            policy: policy.clone().unwrap_or_default(),
        };
        let Some(value) = map.get("match") else {
            self.error(
                node.at,
                "the entry does not say `match`",
                "`match: { name: \"**\" }` for every container".to_owned(),
            );
            return None;
        };
        let before = self.errors.len();
        let matching = self.keyed(value, "`match` of a container", &MATCH)?;
        if matching.is_empty() && self.errors.len() == before {
            self.error(
                value.at,
                "`match` is empty",
                "`name`, `id` or `label`".to_owned(),
            );
        }
        for (key, _, value) in matching.iter() {
            match key {
                "name" => binding.name = Some(self.globs(value, "`name`", globs::any_text)),
                "id" => binding.id = Some(self.globs(value, "`id`", globs::any_text)),
                _ => {
                    let Some(labels) = self.map(value, "`label`") else {
                        continue;
                    };
                    if labels.is_empty() {
                        self.error(
                            value.at,
                            "`label` is empty",
                            "at least one label and its value".to_owned(),
                        );
                    }
                    for (label, _, value) in labels.iter() {
                        let globs = self.globs(value, &format!("`{label}`"), globs::any_text);
                        binding.labels.push((label.to_owned(), globs));
                    }
                }
            }
        }
        policy.map(|_| binding)
    }
}

#[cfg(test)]
pub(super) const KEYS: [(&str, &Keys); 2] = [("binding", &BINDING), ("container", &MATCH)];
