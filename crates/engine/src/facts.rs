//! Facts on their way into the table: the one place that puts them there, so that none gets there without what
//! rules ask of its attributes.

use std::collections::BTreeSet;
use std::sync::Arc;

use host::Sysfs;
use host::enumerate::Pinned;
use kobject::Device;
use policy::{Attribute, Attributes, Facts, Policy};
use viewfs::Scene;

use crate::rescan::is_another;
use crate::watch::Watcher;

/// What these attributes of a device say. Reading one runs the code of its driver.
pub fn attributes(pinned: &Pinned, names: &BTreeSet<Arc<str>>) -> Attributes {
    let mut all = Attributes::default();
    for name in names {
        let said = match pinned.attribute(name) {
            Ok(Some(text)) => Attribute::said(&text),
            Ok(None) => Attribute::Absent,
            Err(e) => {
                log::debug!("{}: {e}", pinned.device.devpath);
                Attribute::Unknown
            }
        };
        all.insert(name.clone(), said);
    }
    all
}

/// The facts of one device with all that a policy wants to know of it.
pub(crate) struct Ready {
    facts: Facts,
    /// Of one that has come before, under another name.
    arrival: Option<u64>,
}

impl Ready {
    /// Reads what `policy` asks for, through the directory that the other facts came from.
    pub fn read(policy: &Policy, facts: Facts, pinned: &Pinned) -> Ready {
        let attrs = attributes(pinned, &policy.wanted_attributes(&facts));
        let facts = Facts { attrs, ..facts };
        let arrival = None;
        Ready { facts, arrival }
    }

    /// Keeps what was read before, and reads what is asked for only now, or could not be read then; and the device, if something was
    /// read.
    pub fn complete(policy: &Policy, facts: Facts, sysfs: &Sysfs) -> (Ready, Option<Pinned>) {
        let wanted = policy.wanted_attributes(&facts);
        let missing = missing(&facts, &wanted);
        let pinned = match missing.is_empty() {
            true => None,
            false => Pinned::at(sysfs, &facts.device.devpath),
        };
        // another device's attributes are none of this one's: then it is not known what they said
        let pinned = pinned
            .filter(|pinned| !is_another(&facts.device.properties, &pinned.device.properties));
        let mut attrs = pinned
            .as_ref()
            .map_or_else(Attributes::default, |pinned| attributes(pinned, &missing));
        for name in &wanted {
            if !attrs.has(name) {
                attrs.insert(name.clone(), facts.attrs.get(name).clone());
            }
        }
        let facts = Facts { attrs, ..facts };
        let arrival = None;
        (Ready { facts, arrival }, pinned)
    }

    /// Of a device of the container's own network namespace: it shows whatever rules say, so none of its attributes is asked for.
    pub fn own(device: Device) -> Ready {
        let facts = Facts {
            own: true,
            ..Facts::new(device)
        };
        let arrival = None;
        Ready { facts, arrival }
    }

    /// Of one that has come before, as [`policy::DeviceTable::arrival`] said it.
    pub fn arrived(self, arrival: Option<u64>) -> Ready {
        Ready { arrival, ..self }
    }

    /// Puts them into the table.
    pub fn put(self, scene: &mut Scene) {
        let Ready { facts, arrival } = self;
        match arrival {
            Some(_) => scene.table.insert_arrived(facts, arrival),
            None => scene.table.insert(facts),
        };
    }
}

/// What is wanted, and was not read or could not be.
fn missing(facts: &Facts, wanted: &BTreeSet<Arc<str>>) -> BTreeSet<Arc<str>> {
    let is_missing = |name: &&Arc<str>| *facts.attrs.get(name) == Attribute::Unknown;
    wanted.iter().filter(is_missing).cloned().collect()
}

/// Whether what was read of a device is not what `policy` asks for.
pub(crate) fn is_incomplete(policy: &Policy, facts: &Facts) -> bool {
    if facts.own {
        return false;
    }
    let wanted = policy.wanted_attributes(facts);
    !missing(facts, &wanted).is_empty() || facts.attrs.iter().count() != wanted.len()
}

impl Watcher {
    /// As [`Ready::read`]. A driver may take its time: what takes access away does not wait for it.
    pub(crate) fn read(&mut self, facts: Facts, pinned: &Pinned) -> Ready {
        let policy = self.engine.policy();
        if policy.wanted_attributes(&facts).is_empty() {
            return Ready::read(&policy, facts, pinned);
        }
        self.meanwhile(|| Ready::read(&policy, facts, pinned))
    }

    /// As [`Ready::complete`], likewise.
    pub(crate) fn complete(&mut self, facts: Facts) -> (Ready, Option<Pinned>) {
        let policy = self.engine.policy();
        let sysfs = self.engine.sysfs.clone();
        if !is_incomplete(&policy, &facts) {
            return Ready::complete(&policy, facts, &sysfs);
        }
        self.meanwhile(|| Ready::complete(&policy, facts, &sysfs))
    }
}
