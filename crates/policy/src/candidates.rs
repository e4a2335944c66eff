//! Which rules may be about a device: a few looks into tables instead of one at every rule.
//!
//! A match is a conjunction, so one of its keys is enough to rule it out. Of each rule the key that the fewest devices have is kept as
//! [`hooks::Hook`]s: what a device, or one above it, must be for the rule to have a say. Who is found here is still asked in full.

mod hooks;
mod numbers;
mod tables;

use rustc_hash::FxHashMap;
use std::{cell::RefCell, rc::Rc};

use crate::{Facts, policy::DeviceRule, table::Slot};
use tables::Tables;

/// The place of a rule among the policy's.
pub(crate) type Order = u32;

/// The rules of a policy by what a device must be.
#[derive(Debug, Default)]
pub(crate) struct Candidates {
    /// Rules that nothing rules out.
    always: Vec<Order>,
    /// What the device itself must be.
    itself: Tables,
    /// What the device or one above it must be.
    chain: Tables,
}

impl Candidates {
    pub fn of(rules: &[DeviceRule]) -> Candidates {
        let mut candidates = Candidates::default();
        for (order, rule) in (0..).zip(rules) {
            match hooks::of(&rule.matcher) {
                None => candidates.always.push(order),
                Some(hooks) => {
                    for hook in hooks {
                        match rule.subtree || hook.above {
                            true => candidates.chain.add(hook.what, order),
                            false => candidates.itself.add(hook.what, order),
                        }
                    }
                }
            }
        }
        candidates
    }

    /// The rules that may be about a device, in their order. `above` are the devices above it.
    pub fn for_device<'a>(
        &self,
        facts: &Facts,
        above: impl Iterator<Item = (Slot, &'a Facts)>,
        memory: &Memory,
    ) -> Vec<Order> {
        let mut found = self.always.clone();
        self.itself.find(facts, &mut found);
        self.chain.find(facts, &mut found);
        if !self.chain.is_empty() {
            for (slot, facts) in above {
                found.extend_from_slice(&memory.of(slot, || {
                    let mut found = Vec::new();
                    self.chain.find(facts, &mut found);
                    found
                }));
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// What was found for devices above others, as long as neither the rules nor the table change: siblings ask for the same.
#[derive(Debug, Default)]
pub(crate) struct Memory(RefCell<FxHashMap<Slot, Rc<[Order]>>>);

impl Memory {
    fn of(&self, slot: Slot, find: impl FnOnce() -> Vec<Order>) -> Rc<[Order]> {
        let mut memory = self.0.borrow_mut();
        memory.entry(slot).or_insert_with(|| find().into()).clone()
    }
}

#[cfg(test)]
mod tests;
