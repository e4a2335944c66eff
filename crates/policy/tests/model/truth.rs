//! Whether the keys of a match hold, with three values.

use std::collections::BTreeSet;

use crate::{
    globs::any_glob,
    naive::{Dev, Key, Model, Udev},
};

/// Three values: `None` is unknown. With what it waits for.
pub type Truth = (Option<bool>, BTreeSet<String>);

fn and(list: Vec<Truth>) -> Truth {
    if list.iter().any(|(truth, _)| *truth == Some(false)) {
        (Some(false), BTreeSet::new())
    } else if list.iter().all(|(truth, _)| *truth == Some(true)) {
        (Some(true), BTreeSet::new())
    } else {
        (
            None,
            list.into_iter()
                .filter(|(truth, _)| truth.is_none())
                .flat_map(|(_, keys)| keys)
                .collect(),
        )
    }
}

fn not((truth, keys): Truth) -> Truth {
    (truth.map(|truth| !truth), keys)
}

pub fn or(list: Vec<Truth>) -> Truth {
    not(and(list.into_iter().map(not).collect()))
}

impl Model {
    pub fn holds(&self, keys: &[Key], dev: &Dev) -> Truth {
        and(keys.iter().map(|key| self.key(key, dev)).collect())
    }

    fn any(&self, list: &[Vec<Key>], dev: &Dev) -> Truth {
        or(list.iter().map(|keys| self.holds(keys, dev)).collect())
    }

    fn key(&self, key: &Key, dev: &Dev) -> Truth {
        let known = |truth: bool| (Some(truth), BTreeSet::new());
        let text = |patterns: &[String], text: Option<&str>| {
            known(text.is_some_and(|text| any_glob(patterns, text)))
        };
        let said = |list: &[String], patterns: &[String], what: &str| match dev.udev {
            Udev::Absent => known(false),
            Udev::Unknown => (None, BTreeSet::from([what.to_owned()])),
            Udev::Known(_) => known(list.iter().any(|text| any_glob(patterns, text))),
        };
        match key {
            Key::Subsystem(patterns) => text(patterns, dev.subsystem.as_deref()),
            Key::Devtype(patterns) => text(patterns, dev.get("DEVTYPE")),
            Key::Devname(patterns) => text(
                patterns,
                dev.get("DEVNAME").filter(|name| !name.starts_with('/')),
            ),
            Key::Devpath(patterns) => text(patterns, Some(&dev.path)),
            Key::Driver(patterns) => text(patterns, dev.driver.as_deref()),
            Key::Devnum(patterns) => known(dev.devnum().is_some_and(|(kind, major, minor)| {
                patterns.iter().any(|p| {
                    p.0 == kind && p.1 <= major && major <= p.2 && p.3 <= minor && minor <= p.4
                })
            })),
            Key::Property(name, patterns) => match (dev.get(name), &dev.udev) {
                (Some(value), _) => known(any_glob(patterns, value)),
                (None, Udev::Absent) => known(false),
                (None, Udev::Unknown) => (None, BTreeSet::from([name.clone()])),
                (None, Udev::Known(properties)) => text(
                    patterns,
                    properties
                        .iter()
                        .find(|(key, _)| key == name)
                        .map(|(_, value)| value.as_str()),
                ),
            },
            Key::Attr(name, patterns) => match dev.attrs.iter().find(|(other, _)| other == name) {
                None => known(false),
                Some((_, Some(value))) => known(any_glob(patterns, value)),
                Some((_, None)) => (None, BTreeSet::from([format!("attribute {name}")])),
            },
            Key::Tag(patterns) => said(&dev.tags, patterns, "its tags"),
            Key::Link(patterns) => said(&dev.host_links, patterns, "its links"),
            Key::Parent(list) => {
                let mut devices = self.above(dev);
                devices.push(dev);
                or(devices.iter().map(|dev| self.any(list, dev)).collect())
            }
            Key::Not(list) => not(self.any(list, dev)),
            Key::Any(list) => self.any(list, dev),
        }
    }
}
