//! What is known of the host's devices.

use std::collections::BTreeMap;

use kobject::{Bytes, Device, Devpath, UdevSaid};

/// What the host's udev says of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Udev {
    /// The host has no udev: what only udev could say is not there.
    Absent,
    /// udev has not spoken of this device yet: what it could say is unknown, and what depends on it stays hidden.
    Unknown,
    /// udev has spoken.
    Known(UdevSaid),
}

/// All that rules can ask of one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// What sysfs says.
    pub device: Device,
    /// What udev says.
    pub udev: Udev,
    /// Whether the device belongs to the container's own network namespace: an interface of it, or a device below one.
    pub own: bool,
}

/// The devices of the host (as one network namespace shows them), ordered by devpath, a parent before its children.
///
/// It is also the memory of a device that is being removed: a `remove` event says less than the `add` did.
#[derive(Clone, Debug, Default)]
pub struct DeviceTable {
    devices: BTreeMap<Devpath, Known>,
    /// How many devices have come so far.
    arrived: u64,
    /// How many devices have this subsystem and name.
    names: BTreeMap<(Bytes, Bytes), usize>,
}

#[derive(Clone, Debug)]
struct Known {
    facts: Facts,
    /// Which of all that came it was.
    arrival: u64,
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
        let old = self.remove(&facts.device.devpath);
        let arrival = arrival.unwrap_or_else(|| {
            self.arrived += 1;
            self.arrived
        });
        if let Some(key) = name_key(&facts) {
            *self.names.entry(key).or_default() += 1;
        }
        let devpath = facts.device.devpath.clone();
        self.devices.insert(devpath, Known { facts, arrival });
        old
    }

    /// Removes one device, not those below it; what was there.
    pub fn remove(&mut self, devpath: &Devpath) -> Option<Facts> {
        let old = self.devices.remove(devpath)?.facts;
        if let Some(key) = name_key(&old)
            && let Some(count) = self.names.get_mut(&key)
        {
            *count -= 1;
            if *count == 0 {
                self.names.remove(&key);
            }
        }
        Some(old)
    }

    /// The device at this devpath.
    pub fn get(&self, devpath: &Devpath) -> Option<&Facts> {
        self.devices.get(devpath).map(|known| &known.facts)
    }

    /// Which device it was, of all that have come, from 1: an older one has a smaller number.
    pub fn arrival(&self, devpath: &Devpath) -> Option<u64> {
        self.devices.get(devpath).map(|known| known.arrival)
    }

    /// Whether there is a device at this devpath.
    pub fn contains(&self, devpath: &Devpath) -> bool {
        self.devices.contains_key(devpath)
    }

    /// Whether any device of this subsystem has this name.
    pub fn has_name(&self, subsystem: &[u8], name: &[u8]) -> bool {
        self.names.contains_key(&(subsystem.into(), name.into()))
    }

    /// How many devices there are.
    pub fn len(&self) -> usize {
        self.devices.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.devices.is_empty()
    }

    /// All devices, ordered by devpath.
    pub fn iter(&self) -> impl Iterator<Item = &Facts> {
        self.devices.values().map(|known| &known.facts)
    }

    /// The device `top`, if it is one, and all devices below it, ordered by devpath.
    pub fn subtree(&self, top: &Devpath) -> impl Iterator<Item = &Facts> {
        self.devices
            .range(top.clone()..)
            .take_while(|(devpath, _)| devpath.is_within(top))
            .map(|(_, known)| &known.facts)
    }

    /// The devices above `devpath`, nearest first.
    pub fn ancestors(&self, devpath: &Devpath) -> impl Iterator<Item = &Facts> {
        devpath.ancestors().filter_map(|above| self.get(&above))
    }

    /// The device in whose directory the sysfs path lies: the longest devpath that is `path` itself or whole parts of its beginning.
    pub fn nearest(&self, path: &[u8]) -> Option<&Facts> {
        let path = Devpath::parse(path).ok()?;
        self.get(&path).or_else(|| self.ancestors(&path).next())
    }
}

fn name_key(facts: &Facts) -> Option<(Bytes, Bytes)> {
    Some((facts.device.subsystem.clone()?, facts.device.name().into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(devpath: &str, subsystem: &str) -> Facts {
        let device = Device {
            subsystem: Some(subsystem.into()),
            ..Device::new(Devpath::parse(devpath.as_bytes()).unwrap())
        };
        Facts {
            device,
            udev: Udev::Absent,
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
}
