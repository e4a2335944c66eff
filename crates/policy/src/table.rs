//! The devices that there are.

use std::collections::BTreeMap;

use kobject::{Bytes, Devpath};

use crate::Facts;

/// The devices of the host (as one network namespace shows them), ordered by devpath, a parent before its children.
///
/// It is also the memory of a device that is being removed: a `remove` event says less than the `add` did.
#[derive(Clone, Debug, Default)]
pub struct DeviceTable {
    /// Where each device is kept.
    slots: BTreeMap<Devpath, Slot>,
    known: Vec<Option<Known>>,
    free: Vec<Slot>,
    /// How many devices have come so far.
    arrived: u64,
    /// How many devices have this subsystem and name.
    names: BTreeMap<(Bytes, Bytes), usize>,
}

/// A place in the table: the device's as long as it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Slot(u32);

#[derive(Clone, Debug)]
struct Known {
    facts: Facts,
    /// Which of all that came it was.
    arrival: u64,
    /// The nearest device above: every decision asks for all of them.
    parent: Option<Slot>,
}

impl DeviceTable {
    /// No devices.
    pub fn new() -> DeviceTable {
        DeviceTable::default()
    }

    /// Adds or replaces the device at `facts.device.devpath`; what was there before. One that is replaced keeps its arrival.
    pub fn insert(&mut self, facts: Facts) -> Option<Facts> {
        let arrival = self.arrival(&facts.device.devpath);
        self.insert_arrived(facts, arrival)
    }

    /// As [`DeviceTable::insert`], for a device that has come before, under another name: `arrival` as [`DeviceTable::arrival`] said
    /// it. None: it comes now.
    pub fn insert_arrived(&mut self, facts: Facts, arrival: Option<u64>) -> Option<Facts> {
        let arrival = arrival.unwrap_or_else(|| {
            self.arrived += 1;
            self.arrived
        });
        if let Some(key) = name_key(&facts) {
            *self.names.entry(key).or_default() += 1;
        }
        let devpath = facts.device.devpath.clone();
        if let Some(slot) = self.slot(&devpath) {
            let known = self.known[slot.index()].as_mut()?;
            let old = std::mem::replace(&mut known.facts, facts);
            known.arrival = arrival;
            self.drop_name(&old);
            return Some(old);
        }
        let parent = devpath.ancestors().find_map(|above| self.slot(&above));
        let known = Some(Known {
            facts,
            arrival,
            parent,
        });
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                self.known.push(None);
                Slot(self.known.len() as u32 - 1)
            }
        };
        self.known[slot.index()] = known;
        self.adopt(&devpath, parent, Some(slot));
        self.slots.insert(devpath, slot);
        None
    }

    /// Removes one device, not those below it; what was there.
    pub fn remove(&mut self, devpath: &Devpath) -> Option<Facts> {
        let slot = self.slots.remove(devpath)?;
        let known = self.known[slot.index()].take()?;
        self.free.push(slot);
        self.adopt(devpath, Some(slot), known.parent);
        self.drop_name(&known.facts);
        Some(known.facts)
    }

    /// The device at this devpath.
    pub fn get(&self, devpath: &Devpath) -> Option<&Facts> {
        Some(&self.at(self.slot(devpath)?)?.facts)
    }

    /// Which device it was, of all that have come, from 1: an older one has a smaller number.
    pub fn arrival(&self, devpath: &Devpath) -> Option<u64> {
        Some(self.at(self.slot(devpath)?)?.arrival)
    }

    /// Whether there is a device at this devpath.
    pub fn contains(&self, devpath: &Devpath) -> bool {
        self.slots.contains_key(devpath)
    }

    /// Whether any device of this subsystem has this name.
    pub fn has_name(&self, subsystem: &[u8], name: &[u8]) -> bool {
        self.names.contains_key(&(subsystem.into(), name.into()))
    }

    /// How many devices there are.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// All devices, ordered by devpath.
    pub fn iter(&self) -> impl Iterator<Item = &Facts> {
        self.slots
            .values()
            .filter_map(|slot| Some(&self.at(*slot)?.facts))
    }

    /// The device `top`, if it is one, and all devices below it, ordered by devpath.
    pub fn subtree(&self, top: &Devpath) -> impl Iterator<Item = &Facts> {
        self.slots
            .range(top.clone()..)
            .take_while(|(devpath, _)| devpath.is_within(top))
            .filter_map(|(_, slot)| Some(&self.at(*slot)?.facts))
    }

    /// The devices above `devpath`, nearest first.
    pub fn ancestors(&self, devpath: &Devpath) -> impl Iterator<Item = &Facts> {
        self.chain_above(devpath).map(|(_, facts)| facts)
    }

    /// The device in whose directory the sysfs path lies: the longest devpath that is `path` itself or whole parts of its beginning.
    pub fn nearest(&self, path: &[u8]) -> Option<&Facts> {
        let path = Devpath::parse(path).ok()?;
        self.get(&path).or_else(|| self.ancestors(&path).next())
    }

    /// The devices above `devpath` with their slots, nearest first.
    pub(crate) fn chain_above(&self, devpath: &Devpath) -> impl Iterator<Item = (Slot, &Facts)> {
        let first = match self.slot(devpath).and_then(|slot| self.at(slot)) {
            Some(known) => known.parent,
            None => devpath.ancestors().find_map(|above| self.slot(&above)),
        };
        let chain = std::iter::successors(first, |slot| self.at(*slot)?.parent);
        chain.filter_map(|slot| Some((slot, &self.at(slot)?.facts)))
    }

    pub(crate) fn slot(&self, devpath: &Devpath) -> Option<Slot> {
        self.slots.get(devpath).copied()
    }

    fn at(&self, slot: Slot) -> Option<&Known> {
        self.known[slot.index()].as_ref()
    }

    /// Gives the devices below `top` whose parent is `from` the parent `to`.
    fn adopt(&mut self, top: &Devpath, from: Option<Slot>, to: Option<Slot>) {
        let below = self
            .slots
            .range(top.clone()..)
            .take_while(|(devpath, _)| devpath.is_within(top));
        for (_, slot) in below {
            if let Some(known) = &mut self.known[slot.index()]
                && known.parent == from
            {
                known.parent = to;
            }
        }
    }

    fn drop_name(&mut self, facts: &Facts) {
        if let Some(key) = name_key(facts)
            && let Some(count) = self.names.get_mut(&key)
        {
            *count -= 1;
            if *count == 0 {
                self.names.remove(&key);
            }
        }
    }
}

impl Slot {
    fn index(self) -> usize {
        self.0 as usize
    }
}

fn name_key(facts: &Facts) -> Option<(Bytes, Bytes)> {
    Some((facts.device.subsystem.clone()?, facts.device.name().into()))
}

#[cfg(test)]
mod tests {
    use kobject::Device;

    use super::*;
    use crate::{Attributes, Udev};

    fn facts(devpath: &str, subsystem: &str) -> Facts {
        let device = Device {
            subsystem: Some(subsystem.into()),
            ..Device::new(Devpath::parse(devpath.as_bytes()).unwrap())
        };
        Facts {
            device,
            udev: Udev::Absent,
            attrs: Attributes::default(),
            own: false,
        }
    }

    fn table() -> DeviceTable {
        let mut table = DeviceTable::new();
        for (devpath, subsystem) in [
            ("/devices/a/b", "x"),
            ("/devices/a", "x"),
            ("/devices/a-b", "x"),
            ("/devices/a/b/c/d", "y"),
            ("/devices/b", "y"),
        ] {
            assert_eq!(table.insert(facts(devpath, subsystem)), None);
        }
        table
    }

    fn paths<'a>(devices: impl Iterator<Item = &'a Facts>) -> Vec<String> {
        devices
            .map(|facts| facts.device.devpath.to_string())
            .collect()
    }

    #[test]
    fn parents_come_before_children_and_subtrees_are_whole_parts() {
        let table = table();
        assert_eq!(
            paths(table.iter()),
            [
                "/devices/a",
                "/devices/a/b",
                "/devices/a/b/c/d",
                "/devices/a-b",
                "/devices/b"
            ]
        );
        let top = |path: &str| Devpath::parse(path.as_bytes()).unwrap();
        assert_eq!(
            paths(table.subtree(&top("/devices/a"))),
            ["/devices/a", "/devices/a/b", "/devices/a/b/c/d"]
        );
        assert_eq!(
            paths(table.subtree(&top("/devices/a/b/c"))),
            ["/devices/a/b/c/d"]
        );
        assert_eq!(
            paths(table.ancestors(&top("/devices/a/b/c/d"))),
            ["/devices/a/b", "/devices/a"]
        );
    }

    #[test]
    fn nearest_is_the_longest_prefix() {
        let table = table();
        let nearest = |path: &str| {
            table
                .nearest(path.as_bytes())
                .map(|facts| facts.device.devpath.to_string())
        };
        assert_eq!(nearest("/devices/a/b/c").as_deref(), Some("/devices/a/b"));
        assert_eq!(
            nearest("/devices/a/b/c/d/power/control").as_deref(),
            Some("/devices/a/b/c/d")
        );
        assert_eq!(nearest("/devices/a-bc"), None);
        assert_eq!(nearest("/devices/a-b").as_deref(), Some("/devices/a-b"));
        assert_eq!(nearest("relative"), None);
        assert_eq!(nearest("/devices/a/../b"), None);
    }

    #[test]
    fn names_follow_replacement_and_removal() {
        let mut table = table();
        assert!(table.has_name(b"x", b"a") && !table.has_name(b"y", b"a"));
        let old = table.insert(facts("/devices/a", "y")).unwrap();
        assert_eq!(
            old.device.subsystem.as_deref().map(|s| s.as_slice()),
            Some(&b"x"[..])
        );
        assert!(!table.has_name(b"x", b"a") && table.has_name(b"y", b"a"));
        table.remove(&Devpath::parse(b"/devices/a").unwrap());
        assert!(!table.has_name(b"y", b"a"));
        assert_eq!(table.len(), 4);
    }

    #[test]
    fn who_is_above_follows_what_comes_and_goes_between() {
        let mut table = table();
        let deep = Devpath::parse(b"/devices/a/b/c/d").unwrap();
        table.remove(&Devpath::parse(b"/devices/a/b").unwrap());
        assert_eq!(paths(table.ancestors(&deep)), ["/devices/a"]);
        table.insert(facts("/devices/a/b/c", "z"));
        table.insert(facts("/devices/a/b", "z"));
        assert_eq!(
            paths(table.ancestors(&deep)),
            ["/devices/a/b/c", "/devices/a/b", "/devices/a"]
        );
        table.remove(&Devpath::parse(b"/devices/a").unwrap());
        assert_eq!(
            paths(table.ancestors(&deep)),
            ["/devices/a/b/c", "/devices/a/b"]
        );
        assert_eq!(
            paths(table.ancestors(&Devpath::parse(b"/devices/a/b/x/y").unwrap())),
            ["/devices/a/b"]
        );
    }
}
