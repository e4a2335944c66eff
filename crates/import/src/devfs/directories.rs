//! Directories that are hidden, and with them what is in them.

use std::collections::BTreeSet;

use super::{
    flat::{Conditions, Flat, Says},
    read,
    translate::{First, Within},
};

/// A device in a directory that is hidden cannot be reached, whatever is said of itself: such rules come before all others, where no
/// rule's own names tell whether it is so.
pub(super) fn in_hidden_directories(
    rules: &[Flat],
    firsts: Vec<First>,
) -> (Vec<First>, Vec<(String, String)>) {
    let mut notes = Vec::new();
    let mut asks = false;
    let mut own = Vec::new();
    for mut first in firsts {
        if first.says.visible == Some(true) {
            match hidden_directory(rules, &first.conditions) {
                Some(Some(dir)) => {
                    if let Some(source) = first.sources.first() {
                        let text = format!(
                            "the directory `{dir}` is hidden itself, and what is in it with it"
                        );
                        notes.push((read::place(&source.file, source.line), text));
                    }
                    first.says = Says {
                        visible: Some(false),
                        ..Says::default()
                    };
                }
                Some(None) => {}
                None => asks = true,
            }
        }
        own.push(first);
    }
    let mut all = if asks { hides(rules) } else { Vec::new() };
    all.append(&mut own);
    (all, notes)
}

/// Rules that are about directories: those without a type.
fn of_directories(rules: &[Flat]) -> impl DoubleEndedIterator<Item = (usize, &Flat, bool)> {
    rules.iter().enumerate().filter_map(|(index, rule)| {
        let visible = rule.says.visible?;
        let depths: BTreeSet<usize> = rule
            .conditions
            .paths
            .iter()
            .map(|path| path.parts.len())
            .collect();
        (rule.conditions.types.is_empty() && depths.len() < 2).then_some((index, rule, visible))
    })
}

/// The first hidden one of the directories that a device of these conditions is in; Some(None) if none is; None if the conditions do not
/// tell.
fn hidden_directory(rules: &[Flat], conditions: &Conditions) -> Option<Option<String>> {
    let depth = conditions.paths.first()?.parts.len();
    for parts in 1..depth {
        let dir = conditions
            .paths
            .iter()
            .find_map(|path| path.literal_dir(parts))?;
        let last = of_directories(rules)
            .rfind(|(_, rule, _)| rule.conditions.paths.iter().all(|path| path.matches(&dir)));
        if last.is_some_and(|(.., visible)| !visible) {
            return Some(Some(dir));
        }
    }
    Some(None)
}

fn hides(rules: &[Flat]) -> Vec<First> {
    let mut hides = Vec::new();
    for (index, rule, visible) in of_directories(rules) {
        if visible {
            continue;
        }
        let again: Vec<&Flat> = of_directories(rules)
            .filter(|(later, _, visible)| *later > index && *visible)
            .map(|(_, rule, _)| rule)
            .collect();
        if again
            .iter()
            .any(|later| later.conditions.hold_where(&rule.conditions))
        {
            continue;
        }
        let depth_of =
            |conditions: &Conditions| conditions.paths.first().map(|path| path.parts.len());
        let deepest = again
            .iter()
            .filter_map(|rule| depth_of(&rule.conditions))
            .max();
        let depths = match depth_of(&rule.conditions) {
            Some(depth) => depth..=depth,
            None => 1..=deepest.unwrap_or(0) + 1,
        };
        for depth in depths {
            let not: Vec<Conditions> = again
                .iter()
                .map(|rule| &rule.conditions)
                .filter(|conditions| depth_of(conditions) == Some(depth))
                .cloned()
                .collect();
            hides.push(First {
                sources: rule.sources.iter().cloned().collect(),
                conditions: rule.conditions.clone(),
                says: Says {
                    visible: Some(false),
                    ..Says::default()
                },
                within: Some(Within { depth, not }),
            });
        }
    }
    hides
}
