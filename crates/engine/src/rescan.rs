//! After events were lost.
//!
//! The monitor then still holds what came before those that were lost. It says nothing of now:
//! the kernel counts events, and its count at the time of the look tells the older ones.

use std::collections::BTreeMap;

use host::enumerate;
use host::monitor::Message;
use kobject::{Action, Device, Devpath, Properties, Uevent};

use crate::event::made_up;
use crate::hotplug::is_synthetic;
use crate::watch::Watcher;

/// How many messages are read after a loss before the look at everything: more than a full buffer
/// holds, for the kernel's bookkeeping alone takes more than 512 bytes of it a message (`SKB_TRUESIZE`,
/// include/linux/skbuff.h).
const FULL: usize = host::monitor::DEFAULT_BUFFER / 512;

impl Watcher {
    /// Events were lost: compare what is there with what is known and make up for them.
    pub(crate) fn rescan(&mut self) {
        log::warn!("uevents were lost; looking at every device anew");
        self.read_to_the_end();
        // then the count: what is sent while we look is carried through once more
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

    /// Read what the monitor still holds. As long as it holds anything the kernel drops whatever else
    /// comes, and does not say so again: a look at everything before that would miss it for good.
    fn read_to_the_end(&mut self) {
        for _ in 0..FULL {
            match self.engine.host_monitor.receive() {
                Ok(Some(Message::Overrun | Message::Noise)) => {}
                Ok(Some(message)) => self.heard.push_back(message),
                Ok(None) => return,
                Err(e) => return self.give_up(&format!("the monitor failed: {e}")),
            }
        }
        // it never ends: once more, later
        self.heard.push_back(Message::Overrun);
    }

    /// Carry through what was heard before the last look at everything. Who came and went was seen
    /// then; what else happened to a device is told still.
    pub(crate) fn outdated(&mut self, event: Uevent) {
        let comes_or_goes = matches!(event.action, Action::Add | Action::Remove | Action::Move);
        if comes_or_goes && !is_synthetic(&event) {
            self.look_at(&event.devpath);
            // when it was taken in it took access away; what is there now may be just like what was
            if event.action == Action::Remove && !self.has_heard_remove(&event.devpath) {
                self.engine.grant_again(&event.devpath);
            }
            return;
        }
        let of_another = {
            let scene = self.engine.scene.read();
            let known = scene.table.get(&event.devpath);
            known.is_none_or(|f| is_another(&f.device.properties, &event.device_properties()))
        };
        if of_another {
            self.look_at(&event.devpath);
        } else {
            self.kernel(event);
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
