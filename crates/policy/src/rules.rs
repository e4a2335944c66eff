//! A rules file: policies, and which container gets which.

use std::{collections::BTreeMap, fmt, sync::Arc};

use crate::{
    Limits, Policy, RuleErrors,
    builtin::{DEFINITIONS, NAMES},
    load::{Binding, Definition, load},
    words::nearest,
};

/// Everything that an admin wrote in one file, with the built-in policies beside it.
#[derive(Clone, Debug)]
pub struct Rules {
    own: Vec<Arc<Policy>>,
    builtin: Vec<Arc<Policy>>,
    bindings: Vec<Binding>,
}

/// What is known of a container when its policy is chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Container {
    /// The name that its engine gave it.
    pub name: String,
    /// Its id.
    pub id: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

/// Why no policy was chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SelectError {
    /// The policy that was asked for does not exist.
    Unknown {
        /// What was asked for.
        name: String,
        /// What it was probably meant to be.
        nearest: Option<String>,
        /// What there is.
        choices: Vec<String>,
    },
    /// Nothing was asked for, no binding matches, and the file has not exactly one policy.
    Undecided {
        /// What there is.
        choices: Vec<String>,
    },
}

impl fmt::Display for SelectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SelectError::Unknown {
                name,
                nearest: Some(nearest),
                choices,
            } => {
                write!(
                    f,
                    "there is no policy `{name}`, did you mean `{nearest}`? there are {}",
                    choices.join(", ")
                )
            }
            SelectError::Unknown {
                name,
                nearest: None,
                choices,
            } => write!(
                f,
                "there is no policy `{name}`, there are {}",
                choices.join(", ")
            ),
            SelectError::Undecided { choices } => write!(
                f,
                "nothing says which policy to use, there are {}",
                choices.join(", ")
            ),
        }
    }
}

impl std::error::Error for SelectError {}

impl Rules {
    /// Reads a rules file. `file` is its name for messages and reasons, `text` what it holds. The error lists everything that is wrong,
    /// as far as it can be told in one go.
    pub fn parse(file: &str, text: &str) -> Result<Rules, RuleErrors> {
        let loaded = load(file, text, &NAMES)?;
        let builtin: &[Definition] = &DEFINITIONS;
        let all: Vec<&Definition> = loaded.policies.iter().chain(builtin).collect();
        Ok(Rules {
            own: loaded
                .policies
                .iter()
                .map(|policy| compile(policy, &all))
                .collect(),
            builtin: builtin.iter().map(|policy| compile(policy, &all)).collect(),
            bindings: loaded.bindings,
        })
    }

    /// A built-in policy ([`builtins`](crate::builtins)) as a rule set of its own.
    pub fn builtin(name: &str) -> Option<Rules> {
        let definitions: &[Definition] = &DEFINITIONS;
        let all: Vec<&Definition> = definitions.iter().collect();
        let builtin: Vec<Arc<Policy>> = definitions
            .iter()
            .map(|policy| compile(policy, &all))
            .collect();
        let own = builtin.iter().find(|policy| policy.name() == name)?.clone();
        Some(Rules {
            own: vec![own],
            builtin,
            bindings: Vec::new(),
        })
    }

    /// The policies of this file, in its order.
    pub fn names(&self) -> Vec<&str> {
        self.own.iter().map(|policy| policy.name()).collect()
    }

    /// A policy of this file, or a built-in one.
    pub fn policy(&self, name: &str) -> Option<Arc<Policy>> {
        self.own
            .iter()
            .chain(&self.builtin)
            .find(|policy| policy.name() == name)
            .cloned()
    }

    /// The policy of a container: the one that `use_` names; else the one of the first entry under `containers` that matches, and
    /// `minimal` if the file has such entries and none does; else the file's only policy. The error names the choices.
    pub fn select(
        &self,
        use_: Option<&str>,
        container: &Container,
    ) -> Result<Arc<Policy>, SelectError> {
        if let Some(name) = use_ {
            return self.policy(name).ok_or_else(|| {
                let choices = self.choices();
                SelectError::Unknown {
                    name: name.to_owned(),
                    nearest: nearest(name, choices.iter().map(String::as_str)).map(str::to_owned),
                    choices,
                }
            });
        }
        if let Some(policy) = self
            .bindings
            .iter()
            .find(|binding| binding.matches(container))
            .and_then(|binding| self.policy(&binding.policy.0))
        {
            return Ok(policy);
        }
        match &self.own[..] {
            // the file says who gets what, and this one is not among them
            _ if !self.bindings.is_empty() => self.minimal(),
            [only] => Ok(only.clone()),
            _ => Err(SelectError::Undecided {
                choices: self.choices(),
            }),
        }
    }

    fn minimal(&self) -> Result<Arc<Policy>, SelectError> {
        self.policy("minimal")
            .ok_or_else(|| SelectError::Undecided {
                choices: self.choices(),
            })
    }

    fn choices(&self) -> Vec<String> {
        let mut choices: Vec<String> = Vec::new();
        for policy in self.own.iter().chain(&self.builtin) {
            if !choices.iter().any(|name| name == policy.name()) {
                choices.push(policy.name().to_owned());
            }
        }
        choices
    }
}

/// A policy's own rules, then each base's in order, each base followed by its own. A policy that is met again adds nothing: its rules
/// have been tried.
fn compile(policy: &Definition, all: &[&Definition]) -> Arc<Policy> {
    fn collect<'a>(
        policy: &'a Definition,
        all: &[&'a Definition],
        order: &mut Vec<&'a Definition>,
    ) {
        if order.iter().any(|seen| seen.name == policy.name) {
            return;
        }
        order.push(policy);
        for base in &policy.bases {
            if let Some(base) = all.iter().find(|other| *other.name == *base.name) {
                collect(base, all, order);
            }
        }
    }
    let mut order = Vec::new();
    collect(policy, all, &mut order);
    let own = Limits::default();
    let limits = Limits {
        inodes: order
            .iter()
            .find_map(|policy| policy.limits.inodes)
            .unwrap_or(own.inodes),
        bytes: order
            .iter()
            .find_map(|policy| policy.limits.bytes)
            .unwrap_or(own.bytes),
    };
    Arc::new(Policy::new(
        policy.name.clone(),
        order
            .iter()
            .find_map(|policy| policy.cpus)
            .unwrap_or_default(),
        limits,
        order
            .iter()
            .find_map(|policy| policy.ancestors)
            .unwrap_or_default(),
        order.iter().flat_map(|policy| policy.rules.iter().cloned()),
    ))
}

#[cfg(test)]
mod tests;
