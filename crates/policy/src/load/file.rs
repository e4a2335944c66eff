//! What one rules file says.

use std::{collections::HashMap, sync::Arc};

use crate::{
    Ancestors, Severity,
    load::{Binding, LimitsSay, Loader, rule},
    policy::{Cpus, Rule},
    words::quoted,
    yaml::{Node, Position, Scalar, Value},
};

const FILE: [&str; 4] = ["version", "include", "containers", "policies"];
pub(super) const POLICY: [&str; 5] = ["base", "ancestors", "cpus", "limits", "rules"];

/// What one file says.
#[derive(Debug)]
pub(crate) struct RulesFile {
    pub includes: Vec<Include>,
    pub policies: Vec<Definition>,
    pub bindings: Vec<Binding>,
}

/// A name or pattern under `include`.
#[derive(Debug)]
pub(crate) struct Include {
    pub pattern: String,
    pub at: Position,
}

/// One policy as it is written.
#[derive(Clone, Debug)]
pub(crate) struct Definition {
    pub name: Arc<str>,
    /// Where its name stands.
    pub at: Position,
    pub bases: Vec<Base>,
    /// None: as its bases have it.
    pub cpus: Option<Cpus>,
    pub limits: LimitsSay,
    /// None: as its bases have it.
    pub ancestors: Option<Ancestors>,
    pub rules: Arc<[Rule]>,
    /// Where each of them begins.
    pub places: Arc<[Position]>,
}

/// A name under `base`.
#[derive(Clone, Debug)]
pub(crate) struct Base {
    pub name: String,
    pub at: Position,
}

impl Loader {
    /// One file, whose policies and what names them are yet to be looked at.
    pub fn rules_file(&mut self, node: &Node) -> Option<RulesFile> {
        if matches!(&node.value, Value::Scalar(Scalar { text, typed: true }) if text.is_empty()) {
            let start = Position {
                line: 1,
                column: 1,
                ..node.at
            };
            self.error(
                start,
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
                        "this program knows version 1 of the rule language only",
                        "`1`".to_owned(),
                    );
                }
            }
        }
        let includes = map.get("include").map(|value| self.includes(value));
        let bindings = map.get("containers").map(|value| self.bindings(value));
        let policies = map.get("policies").map(|value| self.policies(value));
        Some(RulesFile {
            includes: includes.unwrap_or_default(),
            policies: policies.unwrap_or_default(),
            bindings: bindings.unwrap_or_default(),
        })
    }

    fn includes(&mut self, node: &Node) -> Vec<Include> {
        let mut includes = Vec::new();
        for item in self.items(node, "`include`") {
            let Some(pattern) = self.name(item, "the name of a file") else {
                continue;
            };
            if let Some(policy) = pattern.strip_prefix("builtin:") {
                self.error(
                    item.at,
                    "built-in policies are there without being included",
                    format!(
                        "{} where it is wanted",
                        quoted(&format!("base: [{policy}]"))
                    ),
                );
                continue;
            }
            includes.push(Include {
                pattern: pattern.to_owned(),
                at: item.at,
            });
        }
        includes
    }

    fn policies(&mut self, node: &Node) -> Vec<Definition> {
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
            // What is wrong within a policy must not make its name unknown elsewhere.
            policies.push(self.policy(name.into(), at, value));
        }
        policies
    }

    fn policy(&mut self, name: Arc<str>, at: Position, node: &Node) -> Definition {
        let mut definition = Definition {
            name: name.clone(),
            at,
            bases: Vec::new(),
            cpus: None,
            limits: LimitsSay::default(),
            ancestors: None,
            rules: Arc::new([]),
            places: Arc::new([]),
        };
        let Some(map) = self.keyed(node, &format!("policy {}", quoted(&name)), &POLICY) else {
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
            let (rules, places): (Vec<Rule>, Vec<Position>) =
                self.rules(value, &name).into_iter().unzip();
            (definition.rules, definition.places) = (rules.into(), places.into());
        }
        definition
    }

    fn rules(&mut self, node: &Node, policy: &Arc<str>) -> Vec<(Rule, Position)> {
        let Value::List(items) = &node.value else {
            self.error(
                node.at,
                "`rules` is not a list",
                "`- match: ...` and `show: ...`".to_owned(),
            );
            return Vec::new();
        };
        let mut names: HashMap<Arc<str>, Position> = HashMap::new();
        let mut rules = Vec::new();
        for item in items {
            let Some((name, rule)) = self.rule(item, policy) else {
                continue;
            };
            if let Some((name, at)) = name {
                match names.get(&name) {
                    Some(&first) => self.report(
                        Severity::Error,
                        at,
                        format!("another rule of this policy is named {}", quoted(&name)),
                        "a name of its own".to_owned(),
                        Some((first, "the other rule")),
                    ),
                    None => drop(names.insert(name, at)),
                }
            }
            rules.extend(rule.map(|rule| (rule, item.at)));
        }
        rules
    }
}

#[cfg(test)]
pub(super) const KEYS: [(&str, &[&str]); 2] = [("file", &FILE), ("policy", &POLICY)];
