//! What one container sees.

mod index;
mod judge;

pub use judge::{FileAccess, Verdict};

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use kobject::{Bytes, Devpath};

use crate::{Decision, DeviceTable, Policy, Reason, Show, Shown, ViewChange, decide::decide};
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
    /// Every device of the table, hidden ones too.
    entries: BTreeMap<Devpath, Entry>,
    index: Index,
}

/// One device.
#[derive(Clone, Debug, PartialEq)]
struct Entry {
    decision: Decision,
    /// Of devices that show rw or ro.
    shown: Option<Shown>,
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

    /// Another policy from now on; everything is decided anew.
    pub fn set_policy(&mut self, policy: Arc<Policy>, table: &DeviceTable) -> ViewChange {
        self.policy = policy;
        self.refresh_all(table)
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
            .filter(|above| self.entries.contains_key(above))
            .collect();
        self.update(table, &devices, above)
    }

    /// Decides anew about every device.
    pub fn refresh_all(&mut self, table: &DeviceTable) -> ViewChange {
        let mut devices: BTreeSet<Devpath> = table
            .iter()
            .map(|facts| facts.device.devpath.clone())
            .collect();
        devices.extend(self.entries.keys().cloned());
        self.update(table, &devices, Vec::new())
    }

    /// How this device shows; `None` when it is hidden or no device.
    pub fn sight(&self, devpath: &Devpath) -> Option<Sight> {
        self.entries.get(devpath)?.sight
    }

    /// The decision about a device of the table, hidden ones included.
    pub fn decision(&self, devpath: &Devpath) -> Option<&Decision> {
        Some(&self.entries.get(devpath)?.decision)
    }

    /// The devices that show rw or ro, ordered by devpath.
    pub fn shown(&self) -> impl Iterator<Item = (&Devpath, &Shown)> {
        self.entries
            .iter()
            .filter_map(|(devpath, entry)| Some((devpath, entry.shown.as_ref()?)))
    }

    /// The devices that are hidden because of what udev has not said yet.
    pub fn waiting(&self) -> impl Iterator<Item = &Devpath> {
        self.entries
            .iter()
            .filter(|(_, entry)| matches!(entry.decision.reason, Reason::Unknown { .. }))
            .map(|(devpath, _)| devpath)
    }

    /// Decides anew about `devices` and sees what it means for those `above` them.
    fn update(
        &mut self,
        table: &DeviceTable,
        devices: &BTreeSet<Devpath>,
        above: Vec<Devpath>,
    ) -> ViewChange {
        let mut before: BTreeMap<Devpath, Entry> = BTreeMap::new();
        for devpath in devices.iter().chain(&above) {
            if let Some(entry) = self.entries.get(devpath) {
                self.index.remove_links(&entry.links);
                before.insert(devpath.clone(), entry.clone());
            }
        }
        // Parents come before their children, whose decisions may follow theirs.
        for devpath in devices {
            let entry = table.get(devpath).map(|facts| {
                let decision = decide(&self.policy, table, facts, |above| self.decision(above));
                let arrival = table.arrival(devpath).unwrap_or_default();
                let shown =
                    (decision.show != Show::Hide).then(|| Shown::new(facts, &decision, arrival));
                Entry {
                    decision,
                    shown,
                    sight: None,
                    links: Links::default(),
                }
            });
            let shows = entry.as_ref().is_some_and(|entry| entry.shown.is_some());
            let old = match entry {
                Some(entry) => self.entries.insert(devpath.clone(), entry),
                None => self.entries.remove(devpath),
            };
            match (old.is_some_and(|old| old.shown.is_some()), shows) {
                (true, false) => self.index.leave_way(devpath),
                (false, true) => self.index.enter_way(devpath),
                _ => {}
            }
        }
        let mut paths: BTreeSet<Bytes> = BTreeSet::new();
        for devpath in devices.iter().chain(&above) {
            if let (Some(entry), Some(facts)) = (self.entries.get_mut(devpath), table.get(devpath))
            {
                entry.sight = self.index.sight(devpath, &entry.decision);
                entry.links = if entry.sight.is_some() {
                    Links::of(&facts.device, entry.shown.is_some())
                } else {
                    Links::default()
                };
                self.index.add_links(&entry.links);
            }
            let (old, new) = (before.get(devpath), self.entries.get(devpath));
            let sights = (
                old.and_then(|entry| entry.sight),
                new.and_then(|entry| entry.sight),
            );
            if sights != (None, None) && old != new {
                paths.insert(devpath.as_bytes().into());
                for entry in [old, new].into_iter().flatten() {
                    paths.extend(entry.links.devices.iter().cloned());
                }
            }
        }
        paths.extend(self.index.take_toggled());
        let mut change = ViewChange {
            paths: paths.into_iter().collect(),
            ..ViewChange::default()
        };
        for devpath in devices {
            let old = before.remove(devpath).and_then(|entry| entry.shown);
            let new = self
                .entries
                .get(devpath)
                .and_then(|entry| entry.shown.clone());
            match (old, new) {
                (Some(old), Some(new)) if old != new => change.altered.push((old, new)),
                (Some(old), None) => change.vanished.push(old),
                (None, Some(new)) => change.appeared.push(new),
                _ => {}
            }
        }
        change
    }
}

#[cfg(test)]
mod tests;
