//! What one container sees.

mod index;
mod judge;
mod reload;
mod update;

pub use judge::{FileAccess, Verdict};
pub(crate) use reload::{Difference, Touched};

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use kobject::Devpath;

use crate::{
    Decision, DeviceTable, Facts, Policy, Reason, Shown, ViewChange, Wanted, candidates::Memory,
    decide::decide,
};
use index::{Index, Links};

/// How a device's directory shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sight {
    /// Wholly; writable as its rule says.
    Rw,
    /// Wholly, to read.
    Ro,
    /// On the way to a shown device: its own files readable, nothing below but the way.
    Ancestor,
    /// On the way, and a rule hides it by name: nothing but the way.
    HiddenAncestor,
}

/// What one container sees of the host's devices, kept up to date by [`View::refresh`].
#[derive(Clone, Debug)]
pub struct View {
    policy: Arc<Policy>,
    /// The devices that show, those on the way to them, and those whose decision waits for something. All others are hidden, and most
    /// devices are.
    entries: BTreeMap<Devpath, Entry>,
    index: Index,
}

/// One device that is not simply hidden.
#[derive(Clone, Debug)]
struct Entry {
    decision: Decision,
    /// Of devices that show rw or ro.
    shown: Option<Box<Shown>>,
    sight: Option<Sight>,
    /// Of devices with a sight; else empty.
    links: Links,
}

impl View {
    /// A view of an empty table.
    pub fn new(policy: Arc<Policy>) -> View {
        View {
            policy,
            entries: BTreeMap::new(),
            index: Index::default(),
        }
    }

    /// The policy that it applies.
    pub fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    /// Decides anew about this device, whether it is there, has changed or is gone from the table, and about everything below it.
    pub fn refresh(&mut self, table: &DeviceTable, devpath: &Devpath) -> ViewChange {
        let mut devices: BTreeSet<Devpath> = table
            .subtree(devpath)
            .map(|facts| facts.device.devpath.clone())
            .collect();
        devices.extend(
            self.entries
                .range(devpath.clone()..)
                .map(|(below, _)| below)
                .take_while(|below| below.is_within(devpath))
                .cloned(),
        );
        let above = devpath
            .ancestors()
            .filter(|above| table.contains(above) || self.entries.contains_key(above))
            .collect();
        self.update(table, &devices, &above)
    }

    /// Decides anew about every device.
    pub fn refresh_all(&mut self, table: &DeviceTable) -> ViewChange {
        let mut devices: BTreeSet<Devpath> = table
            .iter()
            .map(|facts| facts.device.devpath.clone())
            .collect();
        devices.extend(self.entries.keys().cloned());
        self.update(table, &devices, &BTreeSet::new())
    }

    /// How this device shows; `None` when it is hidden or no device.
    pub fn sight(&self, devpath: &Devpath) -> Option<Sight> {
        self.entries.get(devpath)?.sight
    }

    /// The decision about a device of the table, hidden ones included. What is hidden is not remembered, but decided when somebody asks.
    pub fn decision(&self, table: &DeviceTable, devpath: &Devpath) -> Option<Decision> {
        if let Some(entry) = self.entries.get(devpath) {
            return Some(entry.decision.clone());
        }
        let facts = table.get(devpath)?;
        Some(self.decide(table, facts, &Memory::default()))
    }

    /// The devices that show rw or ro, ordered by devpath.
    pub fn shown(&self) -> impl Iterator<Item = (&Devpath, &Shown)> {
        self.entries
            .iter()
            .filter_map(|(devpath, entry)| Some((devpath, entry.shown.as_deref()?)))
    }

    /// Those of them that are `top` or below it.
    pub fn shown_below(&self, top: &Devpath) -> impl Iterator<Item = (&Devpath, &Shown)> {
        self.entries
            .range(top.clone()..)
            .take_while(|(devpath, _)| devpath.is_within(top))
            .filter_map(|(devpath, entry)| Some((devpath, entry.shown.as_deref()?)))
    }

    /// The devices that are hidden because of what udev has not said yet.
    pub fn waiting(&self) -> impl Iterator<Item = &Devpath> {
        let waits = |entry: &Entry| match &entry.decision.reason {
            Reason::Unknown { keys, .. } => keys.iter().any(Wanted::is_of_udev),
            _ => false,
        };
        self.entries
            .iter()
            .filter(move |(_, entry)| waits(entry))
            .map(|(devpath, _)| devpath)
    }

    /// Decides about a device; what was decided about its disk counts as it stands.
    fn decide(&self, table: &DeviceTable, facts: &Facts, memory: &Memory) -> Decision {
        decide(&self.policy, table, facts, memory, |disk| {
            Some(self.entries.get(&disk.device.devpath)?.decision.clone())
        })
    }
}

#[cfg(test)]
mod tests;
