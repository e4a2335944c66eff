//! Rules that never decide, since earlier ones of their policy always do.

use crate::{
    Severity,
    glob::{Globs, Steps},
    load::{
        Definition, Loader,
        lint::covers::{All, Covers, parts},
    },
    matcher::Condition,
    policy::{DeviceRule, PathRule, Rule},
    yaml::Position,
};

impl Loader {
    pub(super) fn dead_rules(&mut self, policy: &Definition, steps: &mut Steps) {
        for (first, at) in dead(policy, steps) {
            self.report(
                Severity::Warning,
                at,
                "this rule never decides anything: earlier ones decide all that it is about",
                "before them, or not at all".to_owned(),
                Some((first, "this one comes first")),
            );
        }
    }
}

/// Where they stand, each after a rule that comes before it.
fn dead(policy: &Definition, steps: &mut Steps) -> Vec<(Position, Position)> {
    let mut devices: Vec<(&DeviceRule, Kinds, Position)> = Vec::new();
    let mut paths: Vec<(&PathRule, Position)> = Vec::new();
    let mut dead = Vec::new();
    for (rule, at) in policy.rules.iter().zip(policy.places.iter()) {
        match rule {
            Rule::Device(rule) => {
                let kinds = Kinds::of(rule);
                match decided(rule, kinds, &devices, steps) {
                    Some(first) => dead.push((first, *at)),
                    // what is decided elsewhere covers nothing that others do not
                    None => devices.push((rule, kinds, *at)),
                }
            }
            Rule::Path(rule) => match path_decided(rule, &paths, steps) {
                Some(first) => dead.push((first, *at)),
                None => paths.push((rule, *at)),
            },
        }
    }
    dead
}

/// The first of the earlier rules that together are about all that `rule` is about.
fn decided(
    rule: &DeviceRule,
    kinds: Kinds,
    earlier: &[(&DeviceRule, Kinds, Position)],
    steps: &mut Steps,
) -> Option<Position> {
    let mut able = Vec::new();
    for (by, their, at) in earlier {
        if !steps.take(1) {
            return None;
        }
        if their.needs & !kinds.has == 0 {
            able.push((*by, *at));
        }
    }
    if able.is_empty() {
        return None;
    }
    let mut covers = Covers { steps };
    let whole = parts(&rule.matcher);
    let mut by_one = |all: &All| {
        let mut able = able.iter();
        let found = able.find(|(by, _)| covers.rule(all, rule.subtree, by));
        found.map(|(_, at)| *at)
    };
    if let Some(at) = by_one(&whole) {
        return Some(at);
    }
    // each of a list on its own
    whole.iter().enumerate().find_map(|(index, condition)| {
        let mut others = whole.clone();
        others.remove(index);
        let mut decided = |alternative: &[Condition]| {
            let all: All = others.iter().copied().chain(alternative).collect();
            by_one(&all)
        };
        let firsts: Option<Vec<Position>> = match condition {
            Condition::Any(matchers) if matchers.len() > 1 => {
                matchers.iter().map(|matcher| decided(&matcher.0)).collect()
            }
            condition => {
                let alternatives = alternatives(condition);
                let some = alternatives.iter().map(std::slice::from_ref);
                (alternatives.len() > 1).then(|| some.map(decided).collect())?
            }
        };
        firsts?.into_iter().min()
    })
}

/// The condition for each of its values.
fn alternatives(condition: &Condition) -> Vec<Condition> {
    let each = |globs: &Globs| -> Vec<Globs> {
        let one = |glob: &crate::glob::Glob| Globs(vec![glob.clone()]);
        globs.0.iter().map(one).collect()
    };
    match condition {
        Condition::Subsystem(globs) => each(globs).into_iter().map(Condition::Subsystem).collect(),
        Condition::Devtype(globs) => each(globs).into_iter().map(Condition::Devtype).collect(),
        Condition::Devname(globs) => each(globs).into_iter().map(Condition::Devname).collect(),
        Condition::Devpath(globs) => each(globs).into_iter().map(Condition::Devpath).collect(),
        Condition::Driver(globs) => each(globs).into_iter().map(Condition::Driver).collect(),
        Condition::Devnum(patterns) => {
            let one = |pattern| Condition::Devnum(vec![pattern]);
            patterns.iter().copied().map(one).collect()
        }
        _ => Vec::new(),
    }
}

fn path_decided(
    rule: &PathRule,
    earlier: &[(&PathRule, Position)],
    steps: &mut Steps,
) -> Option<Position> {
    let mut by = |glob: &crate::glob::Glob| {
        if !steps.take(earlier.len()) {
            return None;
        }
        let decides = |(by, _): &&(&PathRule, Position)| {
            by.globs.0.iter().any(|other| glob.within(other, steps))
        };
        earlier.iter().find(decides).map(|(_, at)| *at)
    };
    let firsts: Option<Vec<Position>> = rule.globs.0.iter().map(&mut by).collect();
    firsts?.into_iter().min()
}

/// Which kinds of keys a rule asks for, a bit each: to see quickly that one rule cannot cover another.
#[derive(Clone, Copy)]
struct Kinds {
    /// Of these another has to have all.
    needs: u16,
    has: u16,
}

impl Kinds {
    fn of(rule: &DeviceRule) -> Kinds {
        let mut kinds = Kinds { needs: 0, has: 0 };
        for condition in &rule.matcher.0 {
            let bit = match condition {
                Condition::Subsystem(_) => 0,
                Condition::Devtype(_) => 1,
                Condition::Devname(_) => 2,
                Condition::Devpath(_) => 3,
                Condition::Driver(_) => 4,
                Condition::Devnum(_) => 5,
                Condition::Property { .. } => 6,
                Condition::Attr { .. } => 7,
                Condition::Tag(_) => 8,
                Condition::Link(_) => 9,
                // they may ask for anything within
                Condition::Parent(_) | Condition::Any(_) => {
                    kinds.has = u16::MAX;
                    continue;
                }
                Condition::Not(_) => continue,
            };
            kinds.has |= 1 << bit;
            // a devpath may be any
            if bit != 3 {
                kinds.needs |= 1 << bit;
            }
        }
        kinds
    }
}

#[cfg(test)]
mod tests;
