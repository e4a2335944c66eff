//! Rules files: policies, and which container gets which.

mod container;

pub use container::{Container, SelectError};

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, OnceLock},
};

use crate::{
    Files, Limits, Policy, RuleError, RuleErrors, Source,
    builtin::{DEFINITIONS, NAMES, builtins},
    load::{Binding, Definition, Root, load},
    words::nearest,
};

/// Everything that an admin wrote in one file and those that it includes, with the built-in policies beside it.
#[derive(Clone, Debug)]
pub struct Rules {
    own: Vec<Written>,
    builtin: Vec<Written>,
    bindings: Vec<Binding>,
    sources: Vec<Source>,
    warnings: Vec<RuleError>,
}

/// A policy as it is written, compiled when it is asked for: a container needs one, and each has all the rules of its bases.
#[derive(Clone, Debug)]
struct Written {
    definition: Definition,
    compiled: OnceLock<Arc<Policy>>,
}

impl Rules {
    /// Reads a rules file and what it includes.
    ///
    /// # Errors
    /// Everything that is wrong, as far as it can be told in one go. What is wrong with a file as a whole is on line 0.
    pub fn load(file: &str, files: &dyn Files) -> Result<Rules, RuleErrors> {
        Rules::read(file, Root::File(files))
    }

    /// Reads rules that can include nothing. `file` is their name for messages and reasons, `text` what they are.
    ///
    /// # Errors
    /// As [`Rules::load`].
    pub fn parse(file: &str, text: &str) -> Result<Rules, RuleErrors> {
        Rules::read(file, Root::Text(text))
    }

    fn read(file: &str, root: Root) -> Result<Rules, RuleErrors> {
        let loaded = load(file, root, &NAMES)?;
        Ok(Rules {
            own: loaded.policies.into_iter().map(Written::new).collect(),
            builtin: builtin(),
            bindings: loaded.bindings,
            sources: loaded.sources,
            warnings: loaded.warnings,
        })
    }

    /// A built-in policy ([`builtins`]) as a rule set of its own.
    pub fn builtin(name: &str) -> Option<Rules> {
        let builtin = builtin();
        let own = builtin
            .iter()
            .find(|written| &*written.definition.name == name)?;
        Some(Rules {
            own: vec![own.clone()],
            builtin,
            bindings: Vec::new(),
            sources: Vec::new(),
            warnings: Vec::new(),
        })
    }

    /// The files that were read, the one that was named first.
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// The text of a file as [`RuleRef::file`](crate::RuleRef::file) names it, of a built-in policy's too.
    pub fn text(&self, file: &str) -> Option<&str> {
        let read = self.sources.iter().find(|source| &*source.name == file);
        let name = file.strip_prefix("builtin:");
        let builtin = || builtins().find(|builtin| Some(builtin.name) == name);
        read.map(|source| &*source.text)
            .or_else(|| builtin().map(|builtin| builtin.text))
    }

    /// What is probably not meant as it is written, and notes; in the order of the text.
    pub fn warnings(&self) -> &[RuleError] {
        &self.warnings
    }

    /// How many rules there are, in all policies of the files together.
    pub fn count(&self) -> usize {
        let rules = |written: &Written| written.definition.rules.len();
        self.own.iter().map(rules).sum()
    }

    /// The policies of the files, in their order.
    pub fn names(&self) -> Vec<&str> {
        self.own
            .iter()
            .map(|written| &*written.definition.name)
            .collect()
    }

    /// A policy of the files, or a built-in one.
    pub fn policy(&self, name: &str) -> Option<Arc<Policy>> {
        let written = self
            .all()
            .find(|written| &*written.definition.name == name)?;
        let compiled = written.compiled.get_or_init(|| {
            let all: HashMap<&str, &Definition> = self
                .all()
                .map(|written| (&*written.definition.name, &written.definition))
                .collect();
            compile(&written.definition, &all)
        });
        Some(compiled.clone())
    }

    fn all(&self) -> impl Iterator<Item = &Written> {
        self.own.iter().chain(&self.builtin)
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
            _ if !self.bindings.is_empty() => self.policy("minimal"),
            [only] => self.policy(&only.definition.name),
            _ => None,
        }
        .ok_or_else(|| SelectError::Undecided {
            choices: self.choices(),
        })
    }

    fn choices(&self) -> Vec<String> {
        let own = self.names();
        let builtin = self.builtin.iter().map(|written| &*written.definition.name);
        let others = builtin.filter(|name| !own.contains(name));
        own.iter()
            .copied()
            .chain(others)
            .map(str::to_owned)
            .collect()
    }
}

impl Written {
    fn new(definition: Definition) -> Written {
        Written {
            definition,
            compiled: OnceLock::new(),
        }
    }
}

fn builtin() -> Vec<Written> {
    DEFINITIONS.iter().cloned().map(Written::new).collect()
}

/// A policy's own rules, then each base's in order, each base followed by its own. A policy that is met again adds nothing: its rules
/// have been tried.
fn compile(policy: &Definition, all: &HashMap<&str, &Definition>) -> Arc<Policy> {
    fn collect<'a>(
        policy: &'a Definition,
        all: &HashMap<&str, &'a Definition>,
        seen: &mut HashSet<&'a str>,
        order: &mut Vec<&'a Definition>,
    ) {
        if !seen.insert(&policy.name) {
            return;
        }
        order.push(policy);
        for base in &policy.bases {
            if let Some(base) = all.get(base.name.as_str()) {
                collect(base, all, seen, order);
            }
        }
    }
    let mut order = Vec::new();
    collect(policy, all, &mut HashSet::new(), &mut order);
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
