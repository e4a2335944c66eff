//! The interfaces of the container's own network namespace.
//!
//! The kernel tells the container of them itself, so they may be looked for before our monitor
//! has heard. Its monitor's messages are hints only, since a container that is root over its
//! namespace can forge them: what counts is what sysfs has.

use std::collections::BTreeSet;

use bstr::{BString, ByteSlice};
use host::enumerate::{self, NET_SUBSYSTEMS};
use kobject::{Device, Devpath};
use policy::ViewChange;
use viewfs::{Missed, Scene};

use crate::engine::{Engine, class_name};
use crate::facts::Ready;

impl Engine {
    /// Whether sysfs lists an interface that is not in the table.
    fn has_new_interface(&self) -> bool {
        let own = self.own.lock();
        NET_SUBSYSTEMS.iter().any(|class| {
            let names = self
                .sysfs
                .list(format!("/class/{class}").as_bytes())
                .unwrap_or_default();
            names.iter().any(|(name, kind)| {
                *kind == host::sysfs::Kind::Link
                    && !own.contains(&BString::from(
                        [class.as_bytes(), b"/", name.as_slice()].concat(),
                    ))
            })
        })
    }

    /// The interfaces there are; None when that cannot be told now, which is no reason to change
    /// anything.
    fn interfaces(&self) -> Option<Vec<Device>> {
        enumerate::net_devices(&self.sysfs)
            .inspect_err(|e| log::error!("the interfaces cannot be listed: {e}"))
            .ok()
    }

    /// Take up what is new. Nothing leaves the view here, so no cache has to be told before a request
    /// goes on: a name that is not there is not kept. Listings are, until the kernel's own event.
    pub(crate) fn take_up_interfaces(&self) -> ViewChange {
        let Some(devices) = self.interfaces() else {
            return ViewChange::default();
        };
        let mut own = self.own.lock();
        own.extend(devices.iter().filter_map(class_name));
        self.apply(|scene| {
            let mut all = ViewChange::default();
            for device in devices {
                let devpath = device.devpath.clone();
                let known = scene
                    .table
                    .get(&devpath)
                    .is_some_and(|f| f.device == device);
                if !known {
                    Ready::own(device).put(scene);
                    merge(&mut all, refresh(scene, &devpath));
                }
            }
            all
        })
    }

    /// Let go of what is there no more.
    pub(crate) fn let_go_of_interfaces(&self) -> ViewChange {
        let Some(devices) = self.interfaces() else {
            return ViewChange::default();
        };
        let now: BTreeSet<Devpath> = devices.iter().map(|d| d.devpath.clone()).collect();
        let mut own = self.own.lock();
        let names: BTreeSet<BString> = devices.iter().filter_map(class_name).collect();
        // what is new is not ours yet: a request that looks for it now has to take it up
        own.retain(|name| names.contains(name));
        self.apply(|scene| {
            let gone: Vec<Devpath> = scene
                .table
                .iter()
                .filter(|f| f.own && !now.contains(&f.device.devpath))
                .map(|f| f.device.devpath.clone())
                .collect();
            let mut all = ViewChange::default();
            for devpath in gone {
                scene.table.remove(&devpath);
                merge(&mut all, refresh(scene, &devpath));
            }
            all
        })
    }
}

impl Missed for Engine {
    fn missed(&self, path: &[u8]) -> bool {
        let in_class = NET_SUBSYSTEMS.iter().any(|class| {
            path.strip_prefix(b"/class/")
                .is_some_and(|p| p.starts_with(class.as_bytes()))
        });
        let may_be = in_class || path.contains_str("/net/") || path.ends_with(b"/net");
        if may_be && self.has_new_interface() {
            let change = self.take_up_interfaces();
            merge(&mut self.taken_up.lock(), change);
        }
        // also if it is another thread that took it up, since whoever asks has looked
        may_be
    }

    /// Directories that are named after a subsystem of interfaces: of a class, of a device's children.
    fn holds_own(&self, path: &[u8]) -> bool {
        let name = path.rsplit(|b| *b == b'/').next().unwrap_or_default();
        NET_SUBSYSTEMS.iter().any(|class| class.as_bytes() == name)
    }
}

/// Refresh one device of a scene.
pub(crate) fn refresh(scene: &mut Scene, devpath: &Devpath) -> ViewChange {
    let Scene { table, view, .. } = scene;
    view.refresh(table, devpath)
}

/// Add the changes of `more`, which came after.
pub(crate) fn merge(all: &mut ViewChange, more: ViewChange) {
    all.vanished.extend(more.vanished);
    all.appeared.extend(more.appeared);
    all.altered.extend(more.altered);
    all.paths.extend(more.paths);
}
