//! A whole rules file.

use std::sync::Arc;

use crate::{
    Ancestors, RuleErrors,
    load::{Binding, Keys, LimitsSay, Loader, rule},
    policy::{Cpus, Rule},
    words::{list, nearest},
    yaml::{self, Node, Position, Scalar, Value},
};

const FILE: Keys = Keys {
    known: &["version", "containers", "policies"],
    later: &["include"],
};
const POLICY: Keys = Keys {
    known: &["base", "ancestors", "cpus", "limits", "rules"],
    later: &[],
};

/// What a file says, every name in it resolved.
#[derive(Debug)]
pub(crate) struct File {
    pub policies: Vec<Definition>,
    pub bindings: Vec<Binding>,
}

/// One policy as it is written.
#[derive(Clone, Debug)]
pub(crate) struct Definition {
    pub name: Arc<str>,
    pub bases: Vec<Base>,
    /// None: as its bases have it.
    pub cpus: Option<Cpus>,
    pub limits: LimitsSay,
    /// None: as its bases have it.
    pub ancestors: Option<Ancestors>,
    pub rules: Arc<[Rule]>,
}

/// A name under `base`.
#[derive(Clone, Debug)]
pub(crate) struct Base {
    pub name: String,
    pub at: Position,
}

/// Reads a file. `builtin` names the policies that exist besides the file's own, which it must neither define nor miss.
pub(crate) fn load(file: &str, text: &str, builtin: &[&str]) -> Result<File, RuleErrors> {
    let mut loader = Loader::new(file, text);
    let loaded = match yaml::parse(text) {
        Ok(node) => loader.file(&node, builtin),
        Err(error) => {
            loader.error(error.at, format!("invalid YAML: {}", error.message), None);
            None
        }
    };
    match loaded {
        Some(file) if loader.errors.is_empty() => Ok(file),
        _ => {
            loader
                .errors
                .sort_by_key(|error| (error.line, error.column));
            Err(RuleErrors(loader.errors))
        }
    }
}

impl Loader<'_> {
    fn file(&mut self, node: &Node, builtin: &[&str]) -> Option<File> {
        if matches!(&node.value, Value::Scalar(Scalar { text, typed: true }) if text.is_empty()) {
            self.error(
                Position { line: 1, column: 1 },
                "the file says nothing",
                "`version: 1` and `policies`".to_owned(),
            );
            return None;
        }
        let map = self.keyed(node, "a rules file", &FILE)?;
        match map.get("version") {
            None => self.error(
                node.at,
                "the file does not say its version",
                "`version: 1`".to_owned(),
            ),
            Some(value) => {
                if !matches!(&value.value, Value::Scalar(Scalar { text, .. }) if text == "1") {
                    self.error(
                        value.at,
                        "a version of the rule language that this program does not know",
                        "`1`".to_owned(),
                    );
                }
            }
        }
        let bindings = map
            .get("containers")
            .map(|value| self.bindings(value))
            .unwrap_or_default();
        let policies = map
            .get("policies")
            .map(|value| self.policies(value, builtin))
            .unwrap_or_default();
        self.names(&policies, &bindings, builtin);
        self.cycles(&policies, builtin);
        Some(File { policies, bindings })
    }

    fn policies(&mut self, node: &Node, builtin: &[&str]) -> Vec<Definition> {
        let Some(map) = self.map(node, "`policies`") else {
            return Vec::new();
        };
        let mut policies = Vec::new();
        for (name, at, value) in map.iter() {
            if name.is_empty() || name.chars().any(char::is_control) {
                self.error(
                    at,
                    "the policy's name is empty or holds control characters",
                    "a name".to_owned(),
                );
            }
            if builtin.contains(&name) {
                self.error(
                    at,
                    format!("`{name}` is a built-in policy"),
                    "another name".to_owned(),
                );
            }
            // What is wrong within a policy must not make its name unknown elsewhere.
            policies.push(self.policy(name.into(), value));
        }
        policies
    }

    fn policy(&mut self, name: Arc<str>, node: &Node) -> Definition {
        let mut definition = Definition {
            name: name.clone(),
            bases: Vec::new(),
            cpus: None,
            limits: LimitsSay::default(),
            ancestors: None,
            rules: Arc::new([]),
        };
        let Some(map) = self.keyed(node, &format!("policy `{name}`"), &POLICY) else {
            return definition;
        };
        match map.get("base") {
            // Where no base stands none can be wrong: minimal exists and has no bases.
            None => definition.bases.push(Base {
                name: "minimal".to_owned(),
                at: node.at,
            }),
            Some(Node {
                value: Value::List(items),
                ..
            }) if items.is_empty() => {}
            Some(value) => {
                for item in self.items(value, "`base`") {
                    if let Some(name) = self.name(item, "a policy's name") {
                        definition.bases.push(Base {
                            name: name.to_owned(),
                            at: item.at,
                        });
                    }
                }
            }
        }
        if let Some(value) = map.get("cpus") {
            let words = [("host", Cpus::Host), ("cgroup", Cpus::Cgroup)];
            definition.cpus = self.word(value, "`cpus`", &words);
        }
        if let Some(value) = map.get("ancestors") {
            definition.ancestors = self.word(value, "`ancestors`", &rule::ANCESTORS);
        }
        if let Some(value) = map.get("limits") {
            definition.limits = self.limits(value);
        }
        if let Some(value) = map.get("rules") {
            definition.rules = self.rules(value, &name).into();
        }
        definition
    }

    fn rules(&mut self, node: &Node, policy: &Arc<str>) -> Vec<Rule> {
        let Value::List(items) = &node.value else {
            self.error(
                node.at,
                "`rules` is no list",
                "`- match: ...` and `show: ...`".to_owned(),
            );
            return Vec::new();
        };
        let mut names: Vec<(Arc<str>, Position)> = Vec::new();
        let mut rules = Vec::new();
        for item in items {
            let Some((name, rule)) = self.rule(item, policy) else {
                continue;
            };
            if let Some((name, at)) = name {
                match names.iter().find(|(other, _)| *other == name) {
                    Some((_, first)) => {
                        let line = first.line;
                        self.error(
                            at,
                            format!(
                                "another rule of this policy is named `{name}`, on line {line}"
                            ),
                            "a name of its own".to_owned(),
                        );
                    }
                    None => names.push((name, at)),
                }
            }
            rules.extend(rule);
        }
        rules
    }

    /// Every policy that is named must exist.
    fn names(&mut self, policies: &[Definition], bindings: &[Binding], builtin: &[&str]) {
        let choices: Vec<&str> = policies
            .iter()
            .map(|policy| &*policy.name)
            .chain(builtin.iter().copied())
            .collect();
        let bases = policies
            .iter()
            .flat_map(|policy| &policy.bases)
            .map(|base| (&base.name, base.at));
        for (name, at) in bases.chain(
            bindings
                .iter()
                .map(|binding| (&binding.policy.0, binding.policy.1)),
        ) {
            if !choices.contains(&name.as_str()) {
                let expected = nearest(name, choices.iter().copied())
                    .map_or_else(|| list(choices.iter().copied()), |word| format!("`{word}`"));
                self.error(at, format!("there is no policy `{name}`"), expected);
            }
        }
    }

    /// No policy may be its own base, directly or through others.
    fn cycles(&mut self, policies: &[Definition], builtin: &[&str]) {
        // A policy that takes a built-in's name is wrong already.
        let find = |name: &str| {
            policies
                .iter()
                .position(|policy| &*policy.name == name)
                .filter(|_| !builtin.contains(&name))
        };
        for (start, policy) in policies.iter().enumerate() {
            for base in &policy.bases {
                let mut reached = vec![false; policies.len()];
                let mut next: Vec<usize> = find(&base.name).into_iter().collect();
                while let Some(index) = next.pop() {
                    if !std::mem::replace(&mut reached[index], true) {
                        next.extend(
                            policies[index]
                                .bases
                                .iter()
                                .filter_map(|base| find(&base.name)),
                        );
                    }
                }
                if reached[start] {
                    self.error(
                        base.at,
                        format!("`{}` is a base of itself", policy.name),
                        "bases that do not lead back".to_owned(),
                    );
                }
            }
        }
    }
}

#[cfg(test)]
pub(super) const KEYS: [(&str, &Keys); 2] = [("file", &FILE), ("policy", &POLICY)];
