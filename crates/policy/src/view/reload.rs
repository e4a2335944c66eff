//! Another policy takes the place of the one before: what differs is decided anew, nothing else.

use std::{collections::BTreeSet, sync::Arc};

use kobject::{Bytes, Devpath};

use crate::{
    DeviceTable, Facts, Policy, Reason, Shown, ViewChange,
    matcher::Truth,
    policy::{DeviceRule, PathRule},
    view::{Entry, View},
};

impl View {
    /// Another policy from now on. Its difference from the one before is decided anew.
    pub fn set_policy(&mut self, policy: Arc<Policy>, table: &DeviceTable) -> ViewChange {
        let difference = Difference::of(&self.policy, &policy);
        let touched = difference.touched(table);
        self.set_policy_where(policy, table, &difference, &touched)
    }

    /// As [`View::set_policy`], where the devices that the difference is about are known already.
    pub(crate) fn set_policy_where(
        &mut self,
        policy: Arc<Policy>,
        table: &DeviceTable,
        difference: &Difference,
        touched: &Touched,
    ) -> ViewChange {
        let old = std::mem::replace(&mut self.policy, policy);
        let mut change = match touched {
            Touched::All => self.refresh_all(table),
            Touched::Some(touched) => {
                let mut devices: BTreeSet<Devpath> = touched.iter().cloned().collect();
                let mut altered = Vec::new();
                for (devpath, entry) in &mut self.entries {
                    if devices.contains(devpath) {
                        continue;
                    }
                    match entry.follow(&self.policy, difference) {
                        Ok(None) => {}
                        Ok(Some(before_and_after)) => altered.push(before_and_after),
                        Err(Undecided) => drop(devices.insert(devpath.clone())),
                    }
                }
                let mut above: BTreeSet<Devpath> = BTreeSet::new();
                for devpath in &devices {
                    above.extend(devpath.ancestors().filter(|above| table.contains(above)));
                }
                let mut change = self.update(table, &devices, &above);
                change.altered.extend(altered);
                change
                    .altered
                    .sort_by(|(one, _), (other, _)| one.devpath.cmp(&other.devpath));
                change
            }
        };
        if !difference.paths.is_empty() {
            change.paths.extend(difference.paths.iter().cloned());
            // where a rule takes a device's directory away, the links to it are gone too
            let say = |policy: &Policy, devpath: &Devpath| policy.path_say(devpath.as_bytes());
            let links = self
                .entries
                .iter()
                .filter(|(devpath, _)| say(&old, devpath) != say(&self.policy, devpath))
                .flat_map(|(_, entry)| entry.links.devices.iter());
            change
                .paths
                .extend(links.map(|path| Bytes::from(path.as_ref())));
            change.paths.sort();
            change.paths.dedup();
        }
        change
    }
}

/// What was decided does not tell what would be decided now.
struct Undecided;

impl Entry {
    /// The decision by a rule that stands in both policies stays; where the rule stands need not. The device before and after if that
    /// shows.
    fn follow(
        &mut self,
        policy: &Policy,
        difference: &Difference,
    ) -> Result<Option<(Shown, Shown)>, Undecided> {
        let decision = &mut self.decision;
        let rule = match &mut decision.reason {
            Reason::Rule { rule, .. } => rule,
            Reason::Unknown { .. } => return Err(Undecided),
            Reason::Default | Reason::OwnNamespace | Reason::OtherNamespace => return Ok(None),
        };
        let order = difference.moved(decision.order).ok_or(Undecided)?;
        let new = policy.devices.get(order).ok_or(Undecided)?;
        *rule = new.refer.clone();
        decision.says = new.says.clone();
        let is_elsewhere = std::mem::replace(&mut decision.order, order) != order;
        Ok(self.shown.as_mut().filter(|_| is_elsewhere).map(|shown| {
            let before = (**shown).clone();
            shown.order = order;
            (before, (**shown).clone())
        }))
    }
}

/// What one policy has and another has not.
#[derive(Clone, Debug)]
pub(crate) struct Difference {
    rules: Vec<DeviceRule>,
    /// How many rules both have before it.
    begin: usize,
    /// Where those after it begin, in the one and in the other.
    end: (usize, usize),
    /// What its path rules may be about.
    paths: Vec<Bytes>,
    everything: bool,
}

/// The devices that a difference may be about.
#[derive(Debug)]
pub(crate) enum Touched {
    All,
    Some(Vec<Devpath>),
}

impl Difference {
    pub fn of(old: &Policy, new: &Policy) -> Difference {
        let (begin, end) = common(&old.devices, &new.devices, DeviceRule::says_the_same);
        let ends = (old.devices.len() - end, new.devices.len() - end);
        let rules = [&old.devices[begin..ends.0], &new.devices[begin..ends.1]].concat();
        Difference {
            rules,
            begin,
            end: ends,
            paths: paths(old, new),
            everything: old.ancestors() != new.ancestors(),
        }
    }

    /// Where a rule of the one policy stands in the other; None if it may not.
    fn moved(&self, order: usize) -> Option<usize> {
        match order {
            before if before < self.begin => Some(before),
            after if after >= self.end.0 => Some(after - self.end.0 + self.end.1),
            _ => None,
        }
    }

    /// Whether it is about the same devices.
    pub fn is_same(&self, other: &Difference) -> bool {
        let same = |(one, other): (&DeviceRule, &DeviceRule)| one.says_the_same(other);
        self.everything == other.everything
            && self.rules.len() == other.rules.len()
            && self.rules.iter().zip(&other.rules).all(same)
    }

    /// The devices that one of the rules matches, and all below them.
    pub fn touched(&self, table: &DeviceTable) -> Touched {
        if self.everything {
            return Touched::All;
        }
        let mut touched: Vec<Devpath> = Vec::new();
        if self.rules.is_empty() {
            return Touched::Some(touched);
        }
        // parents come before their children: those of the last that was touched come next
        let mut top: Option<&Devpath> = None;
        for facts in table.iter() {
            let devpath = &facts.device.devpath;
            if top.is_some_and(|top| devpath.is_within(top)) {
                touched.push(devpath.clone());
            } else if self.is_about(table, facts) {
                touched.push(devpath.clone());
                top = Some(devpath);
            }
        }
        Touched::Some(touched)
    }

    fn is_about(&self, table: &DeviceTable, facts: &Facts) -> bool {
        let mut waits = Vec::new();
        self.rules.iter().any(|rule| {
            waits.clear();
            rule.matcher.eval(table, facts, &mut waits) != Truth::False
        })
    }
}

/// What path rules may have changed: the directories in which what they match lies, and those on the way there that come or go.
fn paths(old: &Policy, new: &Policy) -> Vec<Bytes> {
    let (begin, end) = common(&old.paths, &new.paths, PathRule::says_the_same);
    let rules = [
        &old.paths[begin..old.paths.len() - end],
        &new.paths[begin..new.paths.len() - end],
    ];
    let mut paths = Vec::new();
    for glob in rules.into_iter().flatten().flat_map(|rule| &rule.globs.0) {
        let literal = match glob.whole() {
            Some(whole) => whole,
            None => {
                let literal = glob.literal();
                let end = literal.iter().rposition(|byte| *byte == b'/');
                match glob.pattern().as_bytes().get(literal.len()) {
                    // `/kernel/**` is about `/kernel` itself too
                    Some(b'/') => literal,
                    _ => &literal[..end.unwrap_or(0)],
                }
            }
        };
        match literal {
            // it may be anywhere
            b"" => paths.extend(
                Devpath::TOPS
                    .iter()
                    .map(|top| Bytes::from(format!("/{top}"))),
            ),
            literal => paths.push(literal.into()),
        }
        let ends = (1..literal.len()).filter(|at| literal[*at] == b'/');
        let above = ends.map(|end| &literal[..end]);
        let toggled = above.filter(|above| old.path_say(above) != new.path_say(above));
        paths.extend(toggled.map(Bytes::from));
    }
    paths
}

/// How much two lists have in common at the beginning and, beyond that, at the end.
fn common<T>(old: &[T], new: &[T], same: fn(&T, &T) -> bool) -> (usize, usize) {
    let pairs = old.iter().zip(new);
    let begin = pairs.take_while(|(old, new)| same(old, new)).count();
    let pairs = old[begin..].iter().rev().zip(new[begin..].iter().rev());
    (begin, pairs.take_while(|(old, new)| same(old, new)).count())
}
