//! Events that were recorded, through a policy: what a container would have been told, and why.
//!
//! There is no sysfs of that time to look at, so events are believed: a device is what they say of it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use host::{enumerate, udevdb};
use kobject::trace::Message;
use kobject::{Action, Device, Devpath, UdevMessage, Uevent};
use policy::{Attribute, Decision, DeviceTable, Events, Facts, Policy, Udev, View, ViewChange};
use viewfs::Scene;

use crate::event::passed_on;
use crate::hotplug::is_synthetic;
use crate::own::{merge, refresh};
use crate::rescan::{is_another, is_another_number};
use crate::told::{self, Cause, Known, Told};

/// A host that is not there, and one container's view of its devices.
pub struct Simulation {
    scene: Scene,
    /// Whether the host has a udev.
    udev: bool,
    /// Where it keeps its database; what is not there is not known.
    run: PathBuf,
    /// The kernel's number of the event that brought each device.
    added: BTreeMap<Devpath, u64>,
    /// The names that devices had before their rename.
    renamed: BTreeMap<Devpath, Devpath>,
}

/// What one recorded message led to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What the container was told, and was not.
    pub told: Vec<Told>,
    /// Why nothing was decided, where the message is about no device that rules decide about.
    pub passed_over: Option<&'static str>,
}

impl Known for Scene {
    fn facts_of(&self, devpath: &Devpath) -> Option<Facts> {
        self.table.get(devpath).cloned()
    }

    fn events(&self, devpath: &Devpath) -> Events {
        told::events(self, devpath)
    }

    fn shows(&self, devpath: &Devpath) -> bool {
        told::shows(self, devpath)
    }
}

impl Simulation {
    /// With the devices of `table`. `udev` says whether the host has one, `run` where that keeps its database: `/run` of it.
    pub fn new(table: DeviceTable, policy: Arc<Policy>, udev: bool, run: PathBuf) -> Simulation {
        let mut scene = Scene {
            table,
            view: View::new(policy),
            generation: 0,
        };
        scene.view.refresh_all(&scene.table);
        Simulation {
            scene,
            udev,
            run,
            added: BTreeMap::new(),
            renamed: BTreeMap::new(),
        }
    }

    /// The decision about a device as it is now.
    pub fn decision(&self, devpath: &Devpath) -> Option<Decision> {
        self.scene.view.decision(&self.scene.table, devpath)
    }

    /// Takes the next message.
    pub fn hear(&mut self, message: Message) -> Outcome {
        let devpath = match &message {
            Message::Kernel(event) => &event.devpath,
            Message::Udev(message) => &message.devpath,
        };
        let passed_over = if !devpath.as_bytes().starts_with(b"/devices/") {
            Some("it is about no device")
        } else if enumerate::is_net_path(devpath) {
            Some("interfaces are announced by the kernel, in their own network namespace")
        } else {
            None
        };
        let told = match message {
            _ if passed_over.is_some() => Vec::new(),
            Message::Kernel(event) => self.kernel(&event),
            Message::Udev(message) => self.udev(message),
        };
        Outcome { told, passed_over }
    }

    fn kernel(&mut self, event: &Uevent) -> Vec<Told> {
        let devpath = &event.devpath;
        let known = self.scene.table.get(devpath).cloned();
        match (event.action, known) {
            (Action::Remove, _) if !is_synthetic(event) => self.remove(event),
            (Action::Move, _) if event.devpath_old().is_some() => self.moved(event),
            (Action::Add, Some(facts)) if !is_synthetic(event) => {
                let said = event.device_properties();
                if !is_another(&facts.device.properties, &said) {
                    // it has been found before its event came
                    return Vec::new();
                }
                // its `remove` was lost
                let gone = crate::event::made_up(Action::Remove, &facts.device);
                let mut all = self.remove(&gone);
                all.extend(self.update(event, None));
                all
            }
            (_, known) => self.update(event, known),
        }
    }

    fn remove(&mut self, event: &Uevent) -> Vec<Told> {
        let before = self.subtree(&event.devpath);
        self.added.remove(&event.devpath);
        self.renamed.remove(&event.devpath);
        self.scene.table.remove(&event.devpath);
        self.tell(&before, Cause::Kernel(event))
    }

    /// A device that is there, as the event says it is.
    fn update(&mut self, event: &Uevent, known: Option<Facts>) -> Vec<Told> {
        let before = self.subtree(&event.devpath);
        if let (Action::Add, Some(number)) = (event.action, event.seqnum()) {
            self.added.insert(event.devpath.clone(), number);
        }
        let is_known = known.is_some();
        let mut facts = known.unwrap_or_else(|| Facts {
            udev: match self.udev {
                true => Udev::Unknown,
                false => Udev::Absent,
            },
            ..Facts::new(Device::new(event.devpath.clone()))
        });
        let said = event.device_properties();
        let device = &mut facts.device;
        if !said.is_empty() || !is_known {
            device.properties = said;
        }
        if let Some(subsystem) = event.subsystem() {
            device.subsystem = Some(subsystem.into());
        }
        device.driver = device.properties.get(b"DRIVER").map(Into::into);
        self.put(facts);
        self.tell(&before, Cause::Kernel(event))
    }

    fn moved(&mut self, event: &Uevent) -> Vec<Told> {
        let Some(old) = event.devpath_old() else {
            return Vec::new();
        };
        let before = self.subtree(&old);
        let was_shown = self.scene.shows(&old);
        let mut moved = Vec::new();
        for known in &before {
            let relative = known.device.devpath.relative_to(&old).unwrap_or_default();
            let to = match relative {
                b"" => Ok(event.devpath.clone()),
                relative => event.devpath.join(relative),
            };
            let arrival = self.scene.table.arrival(&known.device.devpath);
            self.added.remove(&known.device.devpath);
            self.scene.table.remove(&known.device.devpath);
            if let Ok(to) = to {
                if let Some(number) = event.seqnum() {
                    self.added.insert(to.clone(), number);
                }
                let mut facts = known.clone();
                facts.device.devpath = to;
                if relative.is_empty() && !event.device_properties().is_empty() {
                    facts.device.properties = event.device_properties();
                }
                moved.push((facts, arrival));
            }
        }
        let mut change = refresh(&mut self.scene, &old);
        for (facts, arrival) in moved {
            self.scene.table.insert_arrived(facts, arrival);
        }
        merge(&mut change, refresh(&mut self.scene, &event.devpath));
        if was_shown && self.scene.shows(&event.devpath) {
            self.renamed.insert(event.devpath.clone(), old.clone());
        }
        told::of_move(&self.scene, &change, &before, event, &old, was_shown)
    }

    fn udev(&mut self, message: UdevMessage) -> Vec<Told> {
        let devpath = message.devpath.clone();
        let Some(facts) = self.scene.table.get(&devpath).cloned() else {
            return Vec::new();
        };
        let number = message.get(b"SEQNUM");
        let number: Option<u64> = number.and_then(|n| std::str::from_utf8(n).ok()?.parse().ok());
        let is_old = self.added.get(&devpath) > number.as_ref() && number.is_some();
        let is_anothers = is_another_number(&facts.device.properties, &message.vars);
        if message.action == Action::Remove || is_old || is_anothers {
            return Vec::new();
        }
        let before = self.subtree(&devpath);
        let old = message.get(b"DEVPATH_OLD");
        let old = old.and_then(|old| Devpath::parse(old).ok());
        let action = match message.action {
            Action::Move if old.is_none() || self.renamed.remove(&devpath) != old => Action::Change,
            action => action,
        };
        let said = udevdb::of_message(&self.run, &facts.device, message);
        let message = passed_on(action, &devpath, &said);
        self.put(Facts {
            udev: Udev::Known(said),
            ..facts
        });
        self.tell(&before, Cause::Udev(&message))
    }

    /// Attributes were not recorded: what rules ask of them is not known, if it was not read from a tree.
    fn put(&mut self, mut facts: Facts) {
        for name in self.scene.view.policy().wanted_attributes(&facts) {
            if !facts.attrs.has(&name) {
                facts.attrs.insert(name, Attribute::Unknown);
            }
        }
        self.scene.table.insert(facts);
    }

    fn tell(&mut self, before: &[Facts], cause: Cause<'_>) -> Vec<Told> {
        let devpath = match cause {
            Cause::Kernel(event) | Cause::Found(event) => &event.devpath,
            Cause::Udev(message) => &message.devpath,
        };
        let change: ViewChange = refresh(&mut self.scene, devpath);
        told::of_change(&self.scene, &change, before, cause)
    }

    fn subtree(&self, top: &Devpath) -> Vec<Facts> {
        self.scene.table.subtree(top).cloned().collect()
    }
}
