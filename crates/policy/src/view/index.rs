//! Which paths beside the devices' own follow from the devices that show.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use kobject::{Bytes, Device, Devpath};

use crate::{Ancestors, Decision, DeviceTable, Show, view::Sight};

/// A path from the root of sysfs, which a device and the index have together.
pub(super) type Path = Arc<[u8]>;

/// The paths that one device makes visible.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Links {
    /// Symlinks to the device.
    pub devices: Box<[Path]>,
    /// The directories of its driver and of the driver's module.
    pub closure: Box<[Path]>,
}

impl Links {
    /// Of a device with a sight; only one that shows rw or ro brings its driver along.
    pub fn of(device: &Device, shown: bool) -> Links {
        let (mut devices, mut closure) = (Vec::new(), Vec::new());
        let name = device.name();
        if let Some(number) = device.devnum() {
            let (dir, major, minor) = (number.kind.dir(), number.major, number.minor);
            devices.push(format!("/dev/{dir}/{major}:{minor}").into_bytes().into());
        }
        if let Some(subsystem) = part(&device.subsystem) {
            devices.push(join(&[b"class", subsystem, name]));
            devices.push(join(&[b"bus", subsystem, b"devices", name]));
            if subsystem == b"block" {
                devices.push(join(&[b"block", name]));
            }
            if let Some(driver) = part(&device.driver) {
                devices.push(join(&[b"bus", subsystem, b"drivers", driver, name]));
                if shown {
                    closure.push(join(&[b"bus", subsystem, b"drivers", driver]));
                }
            }
        }
        if let Some(module) = part(&device.module).filter(|_| shown) {
            closure.push(join(&[b"module", module]));
        }
        Links {
            devices: devices.into(),
            closure: closure.into(),
        }
    }
}

/// A name that is one part of a path.
fn part(name: &Option<Bytes>) -> Option<&[u8]> {
    let name = name.as_deref()?.as_slice();
    (!name.is_empty() && !name.contains(&b'/') && name != b"." && name != b"..").then_some(name)
}

fn join(parts: &[&[u8]]) -> Path {
    let mut path = Vec::new();
    for part in parts {
        path.push(b'/');
        path.extend_from_slice(part);
    }
    path.into()
}

/// How many devices make each path visible.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    /// Directories above devices that show rw or ro.
    way: HashMap<Devpath, Way>,
    devices: HashMap<Path, u32>,
    closure: HashMap<Path, u32>,
    /// Of `way` and `closure`: what was visible before the update under way touched it.
    before: BTreeMap<Bytes, bool>,
}

/// For how many devices a directory is on the way.
#[derive(Clone, Copy, Debug, Default)]
struct Way {
    all: u32,
    /// Those whose rule lets its files show.
    files: u32,
}

impl Index {
    pub fn add_links(&mut self, links: &Links) {
        for path in &links.devices {
            *self.devices.entry(path.clone()).or_default() += 1;
        }
        for path in &links.closure {
            self.note_closure(path);
            *self.closure.entry(path.clone()).or_default() += 1;
        }
    }

    pub fn remove_links(&mut self, links: &Links) {
        for path in &links.devices {
            decrement(&mut self.devices, path);
        }
        for path in &links.closure {
            self.note_closure(path);
            decrement(&mut self.closure, path);
        }
    }

    fn note_closure(&mut self, path: &Path) {
        let is_visible = self.closure.contains_key(path);
        self.before
            .entry(path.as_ref().into())
            .or_insert(is_visible);
    }

    /// A device shows: so do the directories above it.
    pub fn enter_way(&mut self, table: &DeviceTable, devpath: &Devpath, ancestors: Ancestors) {
        for above in devpath.ancestors() {
            self.note_way(&above);
            if !self.way.contains_key(&above) {
                // the table has most of them already
                let known = table.get(&above).map(|facts| facts.device.devpath.clone());
                self.way
                    .insert(known.unwrap_or_else(|| above.clone()), Way::default());
            }
            if let Some(way) = self.way.get_mut(&above) {
                way.all += 1;
                way.files += u32::from(ancestors == Ancestors::Files);
            }
        }
    }

    /// A device shows no more.
    pub fn leave_way(&mut self, devpath: &Devpath, ancestors: Ancestors) {
        for above in devpath.ancestors() {
            self.note_way(&above);
            if let Some(way) = self.way.get_mut(&above) {
                way.all -= 1;
                way.files -= u32::from(ancestors == Ancestors::Files);
                if way.all == 0 {
                    self.way.remove(&above);
                }
            }
        }
    }

    fn note_way(&mut self, above: &Devpath) {
        let is_visible = self.way.contains_key(above);
        self.before
            .entry(above.as_bytes().into())
            .or_insert(is_visible);
    }

    /// The directories on the way, drivers and modules that came or went in this update, which ends here.
    pub fn take_toggled(&mut self) -> Vec<Bytes> {
        let before = std::mem::take(&mut self.before);
        let visible = |path: &Bytes| {
            self.closure.contains_key(path.as_slice())
                || Devpath::parse(path).is_ok_and(|path| self.way.contains_key(&path))
        };
        before
            .into_iter()
            .filter(|(path, before)| visible(path) != *before)
            .map(|(path, _)| path)
            .collect()
    }

    pub fn sight(&self, devpath: &Devpath, decision: &Decision) -> Option<Sight> {
        match decision.show {
            Show::Rw => Some(Sight::Rw),
            Show::Ro => Some(Sight::Ro),
            Show::Hide if !self.is_on_way(devpath) => None,
            Show::Hide
                if decision.hidden_by_name
                    || self.way.get(devpath).is_none_or(|way| way.files == 0) =>
            {
                Some(Sight::HiddenAncestor)
            }
            Show::Hide => Some(Sight::Ancestor),
        }
    }

    pub fn is_on_way(&self, path: &Devpath) -> bool {
        self.way.contains_key(path)
    }

    pub fn links_device(&self, path: &[u8]) -> bool {
        self.devices.contains_key(path)
    }

    pub fn in_closure(&self, path: &[u8]) -> bool {
        self.closure.contains_key(path)
    }
}

fn decrement(counts: &mut HashMap<Path, u32>, path: &Path) {
    if let Some(count) = counts.get_mut(path) {
        *count -= 1;
        if *count == 0 {
            counts.remove(path);
        }
    }
}
