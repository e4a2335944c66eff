//! What can be used but is hardly meant: warnings and notes.

mod bindings;
mod covers;
mod dead;
mod never;
mod writes;

use crate::{
    Severity, Show,
    glob::{Glob, Globs, Steps},
    load::{Binding, Definition, Loader},
    policy::Rule,
    yaml::{Node, Position, Value},
};

/// How much work may go into finding rules that cannot decide: some tens of milliseconds.
const STEPS: u32 = 2_000_000;

impl Loader {
    /// Looks at rules without errors as a whole.
    pub fn look_at(&mut self, policies: &[Definition], bindings: &[Binding]) {
        let mut steps = Steps(STEPS);
        for policy in policies {
            self.dead_rules(policy, &mut steps);
        }
        self.dead_bindings(policies, bindings, &mut steps);
        self.reminders(policies);
    }

    /// What is easily forgotten: once in each file.
    fn reminders(&mut self, policies: &[Definition]) {
        let mut reminded: Option<u32> = None;
        for policy in policies {
            for (rule, at) in policy.rules.iter().zip(policy.places.iter()) {
                let is_read_only = matches!(rule, Rule::Device(rule) if rule.show == Show::Ro);
                if is_read_only && reminded != Some(at.file) {
                    reminded = Some(at.file);
                    self.remind(*at);
                }
            }
        }
    }

    fn remind(&mut self, at: Position) {
        self.report(
            Severity::Note,
            at,
            "`ro` takes away writing; an ioctl that a driver lets a reader do still passes",
            None,
            None,
        );
    }
}

/// Globs and where each stands in the node that they were read from.
pub(super) fn written<'g>(globs: &'g Globs, node: &Node) -> Vec<(&'g Glob, Position)> {
    let places: Vec<Position> = match &node.value {
        Value::List(items) => items.iter().map(|item| item.at).collect(),
        _ => vec![node.at],
    };
    // a wrong one is left out, and nobody knows which
    match globs.0.len() == places.len() {
        true => globs.0.iter().zip(places).collect(),
        false => Vec::new(),
    }
}
