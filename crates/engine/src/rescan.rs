//! After events were lost.
//!
//! The monitor then still holds what came before those that were lost. It says nothing of now:
//! the kernel counts events, and its count at the time of the look tells the older ones.

use std::collections::BTreeMap;

use host::enumerate;
use kobject::{Action, Device, Devpath, Properties, Uevent};

use crate::event::made_up;
use crate::watch::Watcher;

impl Watcher {
    /// Events were lost: compare what is there with what is known and make up for them.
    pub(crate) fn rescan(&mut self) {
        log::warn!("uevents were lost; looking at every device anew");
        // first the count: what is sent while we look is carried through once more
        let count = self
            .engine
            .sysfs
            .read(b"/kernel/uevent_seqnum")
            .unwrap_or_default();
        let count = String::from_utf8_lossy(&count).trim().parse();
        self.scanned = count.unwrap_or(self.scanned);
        self.look_at_own();
        let now = match enumerate::devices(&self.engine.sysfs)
            .or_else(|_| enumerate::devices(&self.engine.sysfs))
        {
            Ok(now) => now,
            // what went unheard may be granted still
            Err(e) => return self.give_up(&format!("the host's devices cannot be listed: {e}")),
        };
        let now: BTreeMap<Devpath, Device> = now
            .into_iter()
            .filter(|d| !enumerate::is_net(d))
            .map(|d| (d.devpath.clone(), d))
            .collect();
        let known: BTreeMap<Devpath, Device> = {
            let scene = self.engine.scene.read();
            let hosts = scene.table.iter().filter(|f| !f.own);
            hosts
                .map(|f| (f.device.devpath.clone(), f.device.clone()))
                .collect()
        };
        // children before parents
        for (_, device) in known.iter().rev().filter(|(d, _)| !now.contains_key(*d)) {
            self.kernel(made_up(Action::Remove, device));
        }
        for (devpath, device) in &now {
            self.compare(known.get(devpath), Some(device));
        }
    }

    /// Whether `event` is from before the last look at everything.
    pub(crate) fn is_outdated(&self, event: &Uevent) -> bool {
        event.seqnum().is_some_and(|number| number <= self.scanned)
    }

    /// Look at one device anew: something was said of it that need not hold any more.
    pub(crate) fn look_at(&mut self, devpath: &Devpath) {
        if !devpath.as_bytes().starts_with(b"/devices/") || enumerate::is_net_path(devpath) {
            return;
        }
        let known = {
            let scene = self.engine.scene.read();
            scene.table.get(devpath).map(|f| f.device.clone())
        };
        let now = enumerate::device(&self.engine.sysfs, devpath);
        self.compare(known.as_ref(), now.as_ref());
    }

    /// Make up for what was missed of a device.
    fn compare(&mut self, known: Option<&Device>, now: Option<&Device>) {
        match (known, now) {
            (Some(old), Some(new)) if is_another(&old.properties, &new.properties) => {
                self.kernel(made_up(Action::Remove, old));
                self.kernel(made_up(Action::Add, new));
            }
            (Some(old), Some(new)) if old != new => self.kernel(made_up(Action::Change, new)),
            (Some(old), None) => self.kernel(made_up(Action::Remove, old)),
            (None, Some(new)) => self.kernel(made_up(Action::Add, new)),
            (Some(_), Some(_)) | (None, None) => {}
        }
    }
}

/// Whether these are two devices that had one name after the other: what never changes while a
/// device is there differs. Disks have a number for just this.
pub(crate) fn is_another(old: &Properties, new: &Properties) -> bool {
    [&b"DISKSEQ"[..], b"MAJOR", b"MINOR", b"DEVTYPE"]
        .iter()
        .any(|key| old.get(key) != new.get(key))
}

/// Whether what udev says is of another device than the one that is known: its number differs.
/// Names that udev does not repeat do not count.
pub(crate) fn is_another_number(known: &Properties, said: &Properties) -> bool {
    [&b"DISKSEQ"[..], b"MAJOR", b"MINOR"].iter().any(|key| {
        said.get(key)
            .is_some_and(|value| known.get(key) != Some(value))
    })
}
