//! The names of policies, over all files: each is defined once, each that is used exists, no policy is its own base.

use std::collections::HashMap;

use crate::{
    Severity,
    load::{Binding, Definition, Loader},
    words::{list, nearest, quoted},
    yaml::Position,
};

/// How many policies may stand upon each other.
const DEEPEST: usize = 32;

impl Loader {
    pub fn resolve(&mut self, policies: &[Definition], bindings: &[Binding], builtin: &[&str]) {
        let by_name = self.define(policies, builtin);
        let bases = policies.iter().flat_map(|policy| &policy.bases);
        for (name, at) in bases.map(|base| (&base.name, base.at)).chain(
            bindings
                .iter()
                .map(|binding| (&binding.policy.0, binding.policy.1)),
        ) {
            if by_name.contains_key(name.as_str()) || builtin.contains(&name.as_str()) {
                continue;
            }
            let expected = match self.is_full() {
                true => None,
                false => {
                    let own = policies.iter().map(|policy| &*policy.name);
                    let choices = own.chain(builtin.iter().copied());
                    let near = nearest(name, choices.clone());
                    Some(near.map_or_else(|| list(choices), quoted))
                }
            };
            self.error(at, format!("there is no policy {}", quoted(name)), expected);
        }
        self.bases(policies, &by_name);
    }

    /// The policies by name. One that takes a built-in's is wrong, and not among them.
    fn define<'p>(
        &mut self,
        policies: &'p [Definition],
        builtin: &[&str],
    ) -> HashMap<&'p str, usize> {
        let mut by_name: HashMap<&str, usize> = HashMap::new();
        for (index, policy) in policies.iter().enumerate() {
            if builtin.contains(&&*policy.name) {
                let message = format!("{} is a built-in policy", quoted(&policy.name));
                self.error(policy.at, message, "another name".to_owned());
                continue;
            }
            match by_name.get(&*policy.name) {
                Some(&first) => self.report(
                    Severity::Error,
                    policy.at,
                    format!("there is a policy {} already", quoted(&policy.name)),
                    "another name".to_owned(),
                    Some((policies[first].at, "it is defined here")),
                ),
                None => drop(by_name.insert(&policy.name, index)),
            }
        }
        by_name
    }

    /// Goes up from each policy to its bases, and says where that leads back, or too far.
    fn bases(&mut self, policies: &[Definition], by_name: &HashMap<&str, usize>) {
        let mut search = Search {
            loader: self,
            policies,
            by_name,
            heights: vec![Height::Unknown; policies.len()],
            way: Vec::new(),
        };
        for policy in 0..policies.len() {
            search.height(policy);
        }
    }
}

/// How many policies stand upon each other below one, itself included.
#[derive(Clone, Copy, PartialEq)]
enum Height {
    Unknown,
    /// Being found out: whoever comes here again goes round.
    Asked,
    Known(usize),
}

struct Search<'s> {
    loader: &'s mut Loader,
    policies: &'s [Definition],
    by_name: &'s HashMap<&'s str, usize>,
    heights: Vec<Height>,
    /// From the policy that was asked first to the one that is asked now.
    way: Vec<usize>,
}

impl Search<'_> {
    fn height(&mut self, policy: usize) -> usize {
        match self.heights[policy] {
            Height::Known(height) => return height,
            Height::Asked => return 0,
            Height::Unknown => {}
        }
        // what is above has been told that this is too far
        if self.way.len() > DEEPEST {
            return 0;
        }
        self.heights[policy] = Height::Asked;
        self.way.push(policy);
        let mut highest = 0;
        for base in &self.policies[policy].bases {
            let Some(&index) = self.by_name.get(base.name.as_str()) else {
                continue;
            };
            match self.heights[index] {
                Height::Asked => self.goes_round(index, base.at),
                _ => highest = highest.max(self.height(index)),
            }
            if highest >= DEEPEST {
                let message = format!("more than {DEEPEST} policies stand upon each other here");
                let expected = "bases that have fewer bases".to_owned();
                self.loader.error(base.at, message, expected);
                highest = 0;
            }
        }
        self.way.pop();
        self.heights[policy] = Height::Known(highest + 1);
        highest + 1
    }

    fn goes_round(&mut self, start: usize, at: Position) {
        let from = self.way.iter().position(|policy| *policy == start);
        let round = &self.way[from.unwrap_or(0)..];
        let name = |policy: &usize| quoted(&self.policies[*policy].name);
        let message = match round {
            [_] => format!("{} is a base of itself", name(&start)),
            _ => {
                let names: Vec<String> = round.iter().chain([&start]).map(name).collect();
                format!("{} is a base of itself: {}", names[0], names.join(" -> "))
            }
        };
        let expected = "bases that do not lead back".to_owned();
        self.loader.error(at, message, expected);
    }
}
