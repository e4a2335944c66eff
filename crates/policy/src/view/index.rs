//! Which paths beside the devices' own follow from the devices that show.

use std::collections::{BTreeMap, HashMap};

use kobject::{Bytes, Device, Devpath};

use crate::{Ancestors, Decision, Show, view::Sight};

/// The paths that one device makes visible.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Links {
    /// Symlinks to the device.
    pub devices: Vec<Bytes>,
    /// The directories of its driver and of the driver's module.
    pub closure: Vec<Bytes>,
}

impl Links {
    /// Of a device with a sight; only one that shows rw or ro brings its driver along.
    pub fn of(device: &Device, shown: bool) -> Links {
        let mut links = Links::default();
        let name = device.name();
        if let Some(number) = device.devnum() {
            links.devices.push(
                format!(
                    "/dev/{}/{}:{}",
                    number.kind.dir(),
                    number.major,
                    number.minor
                )
                .into(),
            );
        }
        if let Some(subsystem) = part(&device.subsystem) {
            links.devices.push(join(&[b"class", subsystem, name]));
            links
                .devices
                .push(join(&[b"bus", subsystem, b"devices", name]));
            if subsystem == b"block" {
                links.devices.push(join(&[b"block", name]));
            }
            if let Some(driver) = part(&device.driver) {
                links
                    .devices
                    .push(join(&[b"bus", subsystem, b"drivers", driver, name]));
                if shown {
                    links
                        .closure
                        .push(join(&[b"bus", subsystem, b"drivers", driver]));
                }
            }
        }
        if let Some(module) = part(&device.module).filter(|_| shown) {
            links.closure.push(join(&[b"module", module]));
        }
        links
    }
}

/// A name that is one part of a path.
fn part(name: &Option<Bytes>) -> Option<&[u8]> {
    let name = name.as_deref()?.as_slice();
    (!name.is_empty() && !name.contains(&b'/') && name != b"." && name != b"..").then_some(name)
}

fn join(parts: &[&[u8]]) -> Bytes {
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
    way: HashMap<Devpath, usize>,
    /// Those above devices whose rule lets their files show.
    files: HashMap<Devpath, usize>,
    devices: HashMap<Bytes, usize>,
    closure: HashMap<Bytes, usize>,
    /// Of `way` and `closure`: what was visible before the update under way touched it.
    before: BTreeMap<Bytes, bool>,
}

impl Index {
    pub fn add_links(&mut self, links: &Links) {
        for path in &links.devices {
            *self.devices.entry(path.clone()).or_default() += 1;
        }
        for path in &links.closure {
            self.before
                .entry(path.clone())
                .or_insert(self.closure.contains_key(path));
            *self.closure.entry(path.clone()).or_default() += 1;
        }
    }

    pub fn remove_links(&mut self, links: &Links) {
        for path in &links.devices {
            decrement(&mut self.devices, path);
        }
        for path in &links.closure {
            self.before
                .entry(path.clone())
                .or_insert(self.closure.contains_key(path));
            decrement(&mut self.closure, path);
        }
    }

    /// A device shows: so do the directories above it.
    pub fn enter_way(&mut self, devpath: &Devpath, ancestors: Ancestors) {
        for above in devpath.ancestors() {
            if ancestors == Ancestors::Files {
                *self.files.entry(above.clone()).or_default() += 1;
            }
            self.before
                .entry(above.as_bytes().into())
                .or_insert(self.way.contains_key(&above));
            *self.way.entry(above).or_default() += 1;
        }
    }

    /// A device shows no more.
    pub fn leave_way(&mut self, devpath: &Devpath, ancestors: Ancestors) {
        for above in devpath.ancestors() {
            if ancestors == Ancestors::Files {
                decrement(&mut self.files, &above);
            }
            self.before
                .entry(above.as_bytes().into())
                .or_insert(self.way.contains_key(&above));
            decrement(&mut self.way, &above);
        }
    }

    /// The directories on the way, drivers and modules that came or went in this update, which ends here.
    pub fn take_toggled(&mut self) -> Vec<Bytes> {
        let before = std::mem::take(&mut self.before);
        let visible = |path: &Bytes| {
            self.closure.contains_key(path)
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
            Show::Hide if decision.hidden_by_name || !self.files.contains_key(devpath) => {
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

fn decrement<K: std::hash::Hash + Eq>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}
