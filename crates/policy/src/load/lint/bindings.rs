//! Entries of `containers` that no container comes to, and policies that none names.

use std::collections::HashSet;

use crate::{
    Severity,
    glob::Steps,
    load::{Binding, Definition, Loader, bindings::Fact},
    words::quoted,
};

impl Loader {
    pub(super) fn dead_bindings(
        &mut self,
        policies: &[Definition],
        bindings: &[Binding],
        steps: &mut Steps,
    ) {
        if bindings.is_empty() {
            return;
        }
        let mut used: HashSet<&str> = HashSet::new();
        let mut earlier: Vec<&Binding> = Vec::new();
        for binding in bindings {
            used.insert(&binding.policy.0);
            let first = match steps.take(earlier.len()) {
                true => earlier.iter().find(|by| covers(binding, by, steps)),
                false => None,
            };
            match first {
                None => earlier.push(binding),
                Some(first) => self.report(
                    Severity::Warning,
                    binding.at,
                    "no container comes to this entry: an earlier one takes all that it is about",
                    "before that one, or not at all".to_owned(),
                    Some((first.at, "this one comes first")),
                ),
            }
        }
        for policy in policies {
            used.extend(policy.bases.iter().map(|base| base.name.as_str()));
        }
        for policy in policies {
            if !used.contains(&*policy.name) {
                let name = quoted(&policy.name);
                self.warning(
                    policy.at,
                    format!("no entry of `containers` names policy {name}, and it is no base: only `--use` gets it"),
                    format!("{} in an entry", quoted(&format!("policy: {}", policy.name))),
                );
            }
        }
    }
}

/// Whether every container that comes to `binding` has been taken by `by`.
fn covers(binding: &Binding, by: &Binding, steps: &mut Steps) -> bool {
    // whoever has one of these has a name; a mount without a container may have a cgroup only
    let is_named = binding
        .conditions
        .iter()
        .any(|fact| !matches!(fact, Fact::Cgroup(_)));
    by.conditions.iter().all(|wanted| {
        let any_name =
            matches!(wanted, Fact::Name(globs) if globs.0.iter().any(|g| g.pattern() == "**"));
        any_name && is_named
            || binding
                .conditions
                .iter()
                .any(|fact| implies(fact, wanted, steps))
    })
}

fn implies(fact: &Fact, wanted: &Fact, steps: &mut Steps) -> bool {
    let (globs, others) = match (fact, wanted) {
        (Fact::Name(a), Fact::Name(b))
        | (Fact::Id(a), Fact::Id(b))
        | (Fact::Image(a), Fact::Image(b))
        | (Fact::Cgroup(a), Fact::Cgroup(b)) => (a, b),
        (Fact::Label(key, a), Fact::Label(other, b))
        | (Fact::Annotation(key, a), Fact::Annotation(other, b))
            if key == other =>
        {
            (a, b)
        }
        _ => return false,
    };
    globs.within(others, steps)
}
