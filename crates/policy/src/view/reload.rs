//! Another policy takes the place of the one before: what differs is decided anew, nothing else.

use std::{collections::BTreeSet, sync::Arc};

use kobject::{Bytes, Devpath};

use crate::{
    DeviceTable, Facts, Policy, ViewChange,
    matcher::Truth,
    policy::{DeviceRule, PathRule},
    view::View,
};

/// The directories of sysfs, for changes that may be anywhere.
const TOPS: [&str; 12] = [
    "block",
    "bus",
    "class",
    "dev",
    "devices",
    "firmware",
    "fs",
    "hypervisor",
    "kernel",
    "module",
    "power",
    "xen",
];

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
                // what is remembered says in which file and line its rule stands
                let mut devices: BTreeSet<Devpath> = self.entries.keys().cloned().collect();
                let mut above: BTreeSet<Devpath> = BTreeSet::new();
                for devpath in touched {
                    above.extend(devpath.ancestors().filter(|above| table.contains(above)));
                    devices.insert(devpath.clone());
                }
                self.update(table, &devices, &above)
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
                .flat_map(|(_, entry)| entry.links.devices.iter().cloned());
            change.paths.extend(links);
            change.paths.sort();
            change.paths.dedup();
        }
        change
    }
}

/// What one policy has and another has not.
#[derive(Debug)]
pub(crate) struct Difference {
    rules: Vec<DeviceRule>,
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
        let rules = |same: fn(&DeviceRule, &DeviceRule) -> bool| {
            differing(&old.devices, &new.devices, same)
        };
        Difference {
            rules: rules(DeviceRule::says_the_same),
            paths: paths(old, new),
            everything: old.ancestors() != new.ancestors(),
        }
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
    let rules: Vec<PathRule> = differing(&old.paths, &new.paths, |a, b| {
        a.globs == b.globs && a.show == b.show
    });
    let mut paths = Vec::new();
    for glob in rules.iter().flat_map(|rule| &rule.globs.0) {
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
            b"" => paths.extend(TOPS.iter().map(|top| Bytes::from(format!("/{top}")))),
            literal => paths.push(literal.into()),
        }
        let ends = (1..literal.len()).filter(|at| literal[*at] == b'/');
        let above = ends.map(|end| &literal[..end]);
        let toggled = above.filter(|above| old.path_say(above) != new.path_say(above));
        paths.extend(toggled.map(Bytes::from));
    }
    paths
}

/// What stands between the beginning and the end that two lists have in common.
fn differing<T: Clone>(old: &[T], new: &[T], same: fn(&T, &T) -> bool) -> Vec<T> {
    let pairs = old.iter().zip(new);
    let begin = pairs.take_while(|(old, new)| same(old, new)).count();
    let (old, new) = (&old[begin..], &new[begin..]);
    let pairs = old.iter().rev().zip(new.iter().rev());
    let end = pairs.take_while(|(old, new)| same(old, new)).count();
    [&old[..old.len() - end], &new[..new.len() - end]].concat()
}
