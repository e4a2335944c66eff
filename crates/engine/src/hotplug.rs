//! One event at a time: facts, decision, access and view, then caches and events.

use host::enumerate::Pinned;
use host::monitor::Message;
use host::{enumerate, udevdb};
use kobject::{Action, Devpath, UdevMessage, Uevent};
use policy::{Facts, Udev};

use crate::audit;
use crate::event::{made_up, passed_on};
use crate::own::{merge, refresh};
use crate::rescan::{is_another, is_another_number};
use crate::told::{self, Cause};
use crate::watch::Watcher;

/// What sort of device an event is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum About {
    /// One that nobody knew of.
    New,
    /// One that is known.
    Known,
    /// One that a look at everything has found before its `add` came. The kernel was perhaps still making it, and what udev had
    /// written down was about another.
    Found,
}

impl Watcher {
    /// Carry one event of the kernel through.
    pub(crate) fn kernel(&mut self, event: Uevent) {
        let devpath = event.devpath.clone();
        // interfaces are the business of their own network namespace
        if !devpath.as_bytes().starts_with(b"/devices/") || enumerate::is_net_path(&devpath) {
            return;
        }
        let before = self.subtree(&devpath);
        let change = match event.action {
            // somebody wrote that to its `uevent` file; the device is there still
            Action::Remove if is_synthetic(&event) => {
                return self.update(&devpath, About::Known, before, event);
            }
            Action::Remove => {
                self.added.remove(&devpath);
                self.renamed.remove(&devpath);
                self.apply(|scene| {
                    scene.table.remove(&devpath);
                    refresh(scene, &devpath)
                })
            }
            Action::Move => match event.devpath_old() {
                Some(old) => return self.moved(event, &old),
                None => return self.update(&devpath, About::Known, before, event),
            },
            Action::Add => match before
                .iter()
                .map(|f| &f.device)
                .find(|d| d.devpath == devpath)
            {
                // what udev has said of it still holds
                Some(_) if is_synthetic(&event) => {
                    return self.update(&devpath, About::Known, before, event);
                }
                // its `remove` was lost
                Some(old) if is_another(&old.properties, &event.device_properties()) => {
                    self.kernel(made_up(Action::Remove, old));
                    return self.update(&devpath, About::New, Vec::new(), event);
                }
                Some(_) => return self.update(&devpath, About::Found, before, event),
                None => return self.update(&devpath, About::New, before, event),
            },
            Action::Change | Action::Online | Action::Offline | Action::Bind | Action::Unbind => {
                return self.update(&devpath, About::Known, before, event);
            }
        };
        self.tell(change, &before, Cause::Kernel(&event));
    }

    /// Read the facts of a device that is there and decide anew.
    fn update(&mut self, devpath: &Devpath, about: About, before: Vec<Facts>, event: Uevent) {
        // gone already: its `remove` is on the way, and nothing is shown that is not there
        let Some(pinned) = Pinned::at(&self.engine.sysfs, devpath) else {
            return too_late(&event);
        };
        let mut device = pinned.device.clone();
        // what is there now is another device, or will be gone: that is said by what comes next
        let said = event.device_properties();
        let differs = |key: &&[u8]| !said.is_empty() && said.get(key) != device.properties.get(key);
        // the kernel takes away what names its subsystem first, and no rule can decide without that
        let subsystem = device.subsystem.as_ref().map(|name| name.as_slice());
        let is_going = event
            .subsystem()
            .is_some_and(|said| Some(said) != subsystem);
        if [&b"MAJOR"[..], b"MINOR", b"DEVTYPE"].iter().any(differs) || is_going {
            return too_late(&event);
        }
        // the event says the same as the `uevent` file, but no value in it can forge another
        if !said.is_empty() && !differs(&&b"DISKSEQ"[..]) {
            device.properties = said.clone();
        }
        let is_new = about != About::Known;
        let ready = self.read(self.engine.facts(device, is_new), &pinned);
        if self.has_heard_remove(devpath) {
            return too_late(&event);
        }
        if event.action == Action::Add {
            self.note_number(devpath, &event);
        }
        let mut refused = None;
        let change = self.apply(|scene| {
            ready.put(scene);
            let change = refresh(scene, devpath);
            refused = audit::refusal(scene, devpath).filter(|_| is_new);
            change
        });
        audit::say(refused);
        // gone since it was looked at: its number may be another device's already
        if !pinned.is_there() {
            self.engine.revoke_below(devpath);
        }
        let cause = match about {
            About::Found => Cause::Found(&event),
            About::New | About::Known => Cause::Kernel(&event),
        };
        self.tell(change, &before, cause);
    }

    /// An event brought a device to this name.
    fn note_number(&mut self, devpath: &Devpath, event: &Uevent) {
        if let Some(number) = event.seqnum() {
            self.added.insert(devpath.clone(), number);
        }
    }

    /// A rename: what was known of the device and of those below it goes along.
    fn moved(&mut self, event: Uevent, old: &Devpath) {
        let new = event.devpath.clone();
        let before = self.subtree(old);
        let mut moved = Vec::new();
        for known in &before {
            let device = &known.device;
            self.added.remove(&device.devpath);
            let relative = device.devpath.relative_to(old).unwrap_or_default();
            let Ok(to) = (match relative {
                b"" => Ok(new.clone()),
                relative => new.join(relative),
            }) else {
                continue;
            };
            if let Some(pinned) = Pinned::at(&self.engine.sysfs, &to) {
                self.note_number(&to, &event);
                // what udev has said of it, it has said under the old name
                let facts = Facts {
                    udev: known.udev.clone(),
                    ..Facts::new(pinned.device.clone())
                };
                let arrival = self.engine.scene.read().table.arrival(&device.devpath);
                moved.push(self.read(facts, &pinned).arrived(arrival));
            }
        }
        let was_shown = self.engine.shows(old);
        let change = self.apply(|scene| {
            for known in &before {
                scene.table.remove(&known.device.devpath);
            }
            let mut all = refresh(scene, old);
            for ready in moved {
                ready.put(scene);
            }
            merge(&mut all, refresh(scene, &new));
            all
        });
        self.forget(&change);
        let is_shown = self.engine.shows(&new);
        if was_shown && is_shown {
            self.renamed.insert(new.clone(), old.clone());
        }
        let all = told::of_move(&*self.engine, &change, &before, &event, old, was_shown);
        self.say(all);
    }

    pub(crate) fn udev(&mut self, message: UdevMessage) {
        // the kernel's own `remove` has said that already
        if message.action == Action::Remove || enumerate::is_net_path(&message.devpath) {
            return;
        }
        // udev may be behind: this may be about a device that was there before
        let number = message
            .get(b"SEQNUM")
            .and_then(|n| std::str::from_utf8(n).ok()?.parse().ok());
        let since = self.added.get(&message.devpath);
        let is_old = since.is_some_and(|since| number.is_some_and(|number: u64| number < *since));
        let device = {
            let scene = self.engine.scene.read();
            let known = scene.table.get(&message.devpath);
            known.map(|facts| facts.device.clone())
        };
        let Some(device) = device else {
            return;
        };
        let of_another = is_another_number(&device.properties, &message.vars);
        if is_old || of_another || self.has_heard_remove(&message.devpath) {
            return;
        }
        self.waiting.remove(&message.devpath);
        let (action, devpath) = (message.action, device.devpath.clone());
        // who was told of a rename as of another device's coming has not heard of the name before
        let old = message
            .get(b"DEVPATH_OLD")
            .and_then(|old| Devpath::parse(old).ok());
        let action = match action {
            Action::Move if old.is_none() || self.renamed.remove(&devpath) != old => Action::Change,
            action => action,
        };
        let said = udevdb::of_message(&self.engine.run, &device, message);
        let message = passed_on(action, &devpath, &said);
        self.udev_says(&devpath, Udev::Known(said), &message);
    }

    /// Whether a `remove` of the device is waiting to be carried through.
    pub(crate) fn has_heard_remove(&self, devpath: &Devpath) -> bool {
        self.heard.iter().any(|message| match message {
            Message::Kernel(event) => {
                event.action == Action::Remove && event.devpath == *devpath && !is_synthetic(event)
            }
            Message::Udev(_) | Message::Noise | Message::Overrun => false,
        })
    }

    /// Take up what udev says.
    fn udev_says(&mut self, devpath: &Devpath, udev: Udev, message: &UdevMessage) {
        let before = self.subtree(devpath);
        let Some(facts) = self.facts_of(devpath) else {
            return;
        };
        // what it says may have rules ask for more
        let (ready, pinned) = self.complete(Facts { udev, ..facts });
        if self.has_heard_remove(devpath) {
            return;
        }
        let mut refused = None;
        let change = self.apply(|scene| {
            let was = audit::refusal(scene, devpath);
            ready.put(scene);
            let change = refresh(scene, devpath);
            refused =
                audit::refusal(scene, devpath).filter(|now| was.is_some_and(|was| was != *now));
            change
        });
        audit::say(refused);
        if pinned.is_some_and(|pinned| !pinned.is_there()) {
            self.engine.revoke_below(devpath);
        }
        self.tell(change, &before, Cause::Udev(message));
    }
}

/// A device has gone before it was looked at: nobody is told that it was there.
fn too_late(event: &Uevent) {
    if event.action == Action::Add {
        log::debug!("gone before it was looked at: {}", event.devpath);
    }
}

/// Whether somebody wrote the event to a `uevent` file (Documentation/ABI/testing/sysfs-uevent):
/// then nothing has come or gone.
pub(crate) fn is_synthetic(event: &Uevent) -> bool {
    event.get(b"SYNTH_UUID").is_some()
}
