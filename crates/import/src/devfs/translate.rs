//! From rules that are all applied to rules of which the first decides.

use std::collections::BTreeSet;

use super::{
    directories::in_hidden_directories,
    flat::{Conditions, Flat, Flattened, Says, Source},
    read::Ruleset,
    rule::{merged, rule},
};
use crate::text;

/// More rules than anybody could read.
const MOST: usize = 2_000;

/// A rule of which the first decides.
#[derive(Clone, Debug)]
pub(super) struct First {
    pub sources: BTreeSet<Source>,
    pub conditions: Conditions,
    pub says: Says,
    /// What is in directories that meet the conditions, instead of what meets them itself.
    pub within: Option<Within>,
}

/// In a directory that is hidden: its depth, and the directories of that depth that show again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Within {
    pub depth: usize,
    pub not: Vec<Conditions>,
}

pub(super) fn policy(
    file: &mut text::File,
    ruleset: &Ruleset,
    flattened: Flattened,
) -> Result<text::Policy, String> {
    let Flattened { rules, notes } = flattened;
    let mut firsts = Vec::new();
    let last: Vec<&Flat> = rules.iter().rev().collect();
    walk(
        &last,
        &Conditions::default(),
        &Says::default(),
        &BTreeSet::new(),
        &mut firsts,
    )?;
    let (mut firsts, hidden) = in_hidden_directories(&rules, firsts);
    // what no rule shows is hidden
    while firsts
        .last()
        .is_some_and(|first| first.says.visible == Some(false))
    {
        firsts.pop();
    }
    let mut policy = text::Policy {
        name: ruleset.name.clone(),
        base: Some(Vec::new()),
        comments: vec![
            format!(
                "{}:{}: [{}={}]. Later rules win there and earlier ones here, so they stand the other way round.",
                ruleset.file, ruleset.line, ruleset.name, ruleset.number
            ),
            "A ruleset says all of /dev; `base: [minimal]` adds what containers have elsewhere."
                .to_owned(),
        ],
        ..text::Policy::default()
    };
    let mut seen = BTreeSet::new();
    for (source, text) in notes.into_iter().chain(hidden) {
        if seen.insert((source.clone(), text.clone())) {
            let comment = format!("{source}: {}", file.note(&source, text));
            policy.comments.push(comment);
        }
    }
    policy.rules = merged(&firsts)
        .into_iter()
        .map(|run| rule(file, run))
        .collect();
    Ok(policy)
}

/// Adds to `firsts` the rules for the devices that meet `conditions`, of which `says` is said by what comes later. `rest` is what comes
/// earlier, the last first.
fn walk(
    rest: &[&Flat],
    conditions: &Conditions,
    says: &Says,
    sources: &BTreeSet<Source>,
    firsts: &mut Vec<First>,
) -> Result<(), String> {
    let (mut says, mut sources) = (says.clone(), sources.clone());
    for (index, rule) in rest.iter().enumerate() {
        if says.visible == Some(false) {
            break;
        }
        let both = says.or(&rule.says);
        if both == says {
            continue;
        }
        let Some(narrower) = conditions.and(&rule.conditions) else {
            continue;
        };
        let more: BTreeSet<Source> = sources.iter().chain(&rule.sources).cloned().collect();
        if rule.conditions.hold_where(conditions) {
            (says, sources) = (both, more);
            continue;
        }
        walk(&rest[index + 1..], &narrower, &both, &more, firsts)?;
    }
    if firsts.len() >= MOST {
        return Err(format!(
            "its rules overlap so much that more than {MOST} would come out"
        ));
    }
    // where nothing is said, a device shows
    says.visible.get_or_insert(true);
    if says.visible == Some(false) {
        says = Says {
            visible: Some(false),
            ..Says::default()
        };
    }
    firsts.push(First {
        sources,
        conditions: conditions.clone(),
        says,
        within: None,
    });
    Ok(())
}
