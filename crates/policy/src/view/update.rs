//! Some devices are decided anew: what that means for the view.

use std::collections::{BTreeMap, BTreeSet};

use kobject::{Bytes, Devpath};

use crate::{
    DeviceTable, Reason, Show, Shown, ViewChange,
    candidates::Memory,
    view::{Entry, View, index::Links},
};

impl View {
    /// Decides anew about `devices` and sees what it means for those `above` them.
    pub(super) fn update(
        &mut self,
        table: &DeviceTable,
        devices: &BTreeSet<Devpath>,
        above: &BTreeSet<Devpath>,
    ) -> ViewChange {
        let memory = Memory::default();
        let mut before = self.take(devices, above);
        // Parents come before their children, whose decisions may follow theirs.
        for devpath in devices {
            let Some(facts) = table.get(devpath) else {
                continue;
            };
            let decision = self.decide(table, facts, &memory);
            let shown = (decision.show != Show::Hide).then(|| {
                self.index.enter_way(table, devpath, decision.ancestors);
                let arrival = table.arrival(devpath).unwrap_or_default();
                Box::new(Shown::new(facts, &decision, arrival))
            });
            if shown.is_some() || matches!(decision.reason, Reason::Unknown { .. }) {
                let entry = Entry {
                    decision,
                    shown,
                    sight: None,
                    links: Links::default(),
                };
                self.entries.insert(devpath.clone(), entry);
            }
        }
        let mut paths: BTreeSet<Bytes> = BTreeSet::new();
        for devpath in devices.iter().chain(above.difference(devices)) {
            self.look(table, devpath, &memory);
            let (old, new) = (before.get(devpath), self.entries.get(devpath));
            if !look_the_same(old, new) {
                paths.insert(devpath.as_bytes().into());
                for entry in [old, new].into_iter().flatten() {
                    paths.extend(entry.links.devices.iter().map(|path| path.as_ref().into()));
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
            let new = self.entries.get(devpath);
            let new = new.and_then(|entry| entry.shown.as_deref().cloned());
            match (old.map(|old| *old), new) {
                (Some(old), Some(new)) if old != new => change.altered.push((old, new)),
                (Some(old), None) => change.vanished.push(old),
                (None, Some(new)) => change.appeared.push(new),
                _ => {}
            }
        }
        change
    }

    /// Takes what there is of `devices` out of the view. What there is of those `above` stays, but for their links.
    fn take(
        &mut self,
        devices: &BTreeSet<Devpath>,
        above: &BTreeSet<Devpath>,
    ) -> BTreeMap<Devpath, Entry> {
        let mut before = BTreeMap::new();
        for devpath in devices {
            if let Some(entry) = self.entries.remove(devpath) {
                self.index.remove_links(&entry.links);
                if entry.shown.is_some() {
                    self.index.leave_way(devpath, entry.decision.ancestors);
                }
                before.insert(devpath.clone(), entry);
            }
        }
        for devpath in above.difference(devices) {
            if let Some(entry) = self.entries.get(devpath) {
                self.index.remove_links(&entry.links);
                before.insert(devpath.clone(), entry.clone());
            }
        }
        before
    }

    /// Sees how a device shows, now that all that has to be decided is.
    fn look(&mut self, table: &DeviceTable, devpath: &Devpath, memory: &Memory) {
        let on_way = self.index.is_on_way(devpath);
        let Some(facts) = table.get(devpath) else {
            return;
        };
        if on_way && !self.entries.contains_key(devpath) {
            let entry = Entry {
                decision: self.decide(table, facts, memory),
                shown: None,
                sight: None,
                links: Links::default(),
            };
            self.entries.insert(devpath.clone(), entry);
        }
        let Some(entry) = self.entries.get_mut(devpath) else {
            return;
        };
        entry.sight = self.index.sight(devpath, &entry.decision);
        entry.links = match entry.sight {
            Some(_) => Links::of(&facts.device, entry.shown.is_some()),
            None => Links::default(),
        };
        self.index.add_links(&entry.links);
        if entry.sight.is_none() && !matches!(entry.decision.reason, Reason::Unknown { .. }) {
            self.entries.remove(devpath);
        }
    }
}

/// Whether what caches know of a device holds still.
fn look_the_same(old: Option<&Entry>, new: Option<&Entry>) -> bool {
    let (old, new) = match (old, new) {
        (Some(old), Some(new)) => (old, new),
        (Some(one), None) | (None, Some(one)) => return one.sight.is_none(),
        (None, None) => return true,
    };
    let shown = match (&old.shown, &new.shown) {
        (Some(old), Some(new)) => old.looks_as(new),
        (old, new) => old.is_none() && new.is_none(),
    };
    let through = |entry: &Entry| match &entry.decision.reason {
        Reason::Rule { through, .. } => through.clone(),
        _ => None,
    };
    shown
        && old.sight == new.sight
        && old.links == new.links
        && old.decision.says.sysfs == new.decision.says.sysfs
        && through(old) == through(new)
}
