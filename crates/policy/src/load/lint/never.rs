//! Keys that no device of a subsystem has.

mod known;

use crate::{
    load::{Loader, Map, lint::written},
    matcher::Condition,
    words::{list, nearest, quoted},
    yaml::{Node, Position, Value},
};
use known::{KNOWN, Known, OF_USB_DEVICES};

/// What a match says of subsystem and devtype, as far as that is plain text.
struct About<'k> {
    known: Vec<&'k Known>,
    /// As a message names them: "`block`", "`usb` or `pci`".
    names: String,
    /// Whether it is about USB interfaces only.
    interfaces: bool,
}

impl Loader {
    /// Looks at the keys of one `match`, all of which must hold for one device.
    pub fn look_at_match(&mut self, map: &Map, conditions: &[Condition]) {
        let Some(about) = About::of(conditions) else {
            return;
        };
        for (key, at, value) in map.iter() {
            match key {
                "devtype" => self.devtypes(&about, conditions, value),
                "driver" if about.known.iter().all(|known| !known.drivers) => self.warning(
                    at,
                    format!(
                        "no device of {} has a driver: the one above it has",
                        about.names
                    ),
                    "`parent: { driver: ... }` in its place".to_owned(),
                ),
                "devname" => self.devnames(&about, conditions, at, value),
                "devnum" => {
                    self.nodes(&about, at);
                }
                "property" => self.properties_of(&about, value),
                "attr" => self.attributes_of(&about, value),
                _ => {}
            }
        }
    }

    fn devtypes(&mut self, about: &About, conditions: &[Condition], node: &Node) {
        let types: Option<Vec<&[&str]>> = about.known.iter().map(|known| known.devtypes).collect();
        let Some(types) = types.map(|types| types.concat()) else {
            return;
        };
        let globs = conditions.iter().find_map(|condition| match condition {
            Condition::Devtype(globs) => Some(globs),
            _ => None,
        });
        let globs = globs.map(|globs| written(globs, node)).unwrap_or_default();
        for (glob, at) in globs {
            if types.iter().any(|name| glob.matches(name.as_bytes())) {
                continue;
            }
            let (message, expected) = match types.is_empty() {
                true => (
                    format!("no device of {} has a devtype", about.names),
                    "the match without it".to_owned(),
                ),
                false => {
                    let near = nearest(glob.pattern(), types.iter().copied());
                    (
                        format!(
                            "no device of {} has devtype {}",
                            about.names,
                            quoted(glob.pattern())
                        ),
                        near.map_or_else(|| list(types.iter().copied()), quoted),
                    )
                }
            };
            self.warning(at, message, expected);
        }
    }

    fn devnames(&mut self, about: &About, conditions: &[Condition], at: Position, node: &Node) {
        if self.nodes(about, at) {
            return;
        }
        let prefixes: Option<Vec<&str>> = about.known.iter().map(|known| known.nodes).collect();
        let prefixes = prefixes.unwrap_or_default();
        if prefixes.is_empty() || prefixes.contains(&"") {
            return;
        }
        let globs = conditions.iter().find_map(|condition| match condition {
            Condition::Devname(globs) => Some(globs),
            _ => None,
        });
        let globs = globs.map(|globs| written(globs, node)).unwrap_or_default();
        for (glob, at) in globs {
            let may_be = |prefix: &&str| {
                let (literal, prefix) = (glob.literal(), prefix.as_bytes());
                literal.starts_with(prefix)
                    || prefix.starts_with(literal)
                        && glob.whole().is_none()
                        && (!prefix.contains(&b'/')
                            || glob.pattern().contains("**")
                            || glob.pattern().contains('/'))
            };
            if !prefixes.iter().any(may_be) {
                let named = |prefix: &&str| format!("{prefix}*");
                let names: Vec<String> = prefixes.iter().map(named).collect();
                let names = list(names.iter().map(String::as_str));
                self.warning(
                    at,
                    format!(
                        "no node of {} has a name like {}: a devname is all that comes after /dev/",
                        about.names,
                        quoted(glob.pattern())
                    ),
                    format!("a name like {names}"),
                );
            }
        }
    }

    /// Whether none of the devices has a node; it is said then.
    fn nodes(&mut self, about: &About, at: Position) -> bool {
        let none = about.known.iter().all(|known| known.nodes.is_none());
        if none {
            // what is bound to a device of a bus makes devices below it
            let (more, expected) = match about.known.iter().all(|known| known.drivers) {
                true => (
                    ": devices below it may have",
                    format!(
                        "{} beside the name",
                        quoted(&format!(
                            "parent: {{ subsystem: {} }}",
                            about.known[0].subsystem
                        ))
                    ),
                ),
                false => ("", "the match without it".to_owned()),
            };
            let message = format!("no device of {} has a node{more}", about.names);
            self.warning(at, message, expected);
        } else if about.interfaces {
            self.warning(
                at,
                "a USB interface has no node: the USB device above it has, devices below it may have",
                "`parent: { devtype: usb_interface }` beside the name".to_owned(),
            );
        }
        none || about.interfaces
    }

    /// udev's own rules call blkid for `block` and `ubi` only (60-persistent-storage.rules).
    fn properties_of(&mut self, about: &About, node: &Node) {
        if about.known.iter().any(|known| known.subsystem == "block") {
            return;
        }
        for (key, at) in keys(node) {
            if key.starts_with("ID_FS_") || key.starts_with("ID_PART_") {
                self.warning(
                    at,
                    format!(
                        "udev finds {} of disks and partitions only, not of {}",
                        quoted(key),
                        about.names
                    ),
                    "`subsystem: block`, with the other in `parent`".to_owned(),
                );
            }
        }
    }

    fn attributes_of(&mut self, about: &About, node: &Node) {
        let is_usb = about.known.iter().any(|known| known.subsystem == "usb");
        if is_usb && !about.interfaces {
            return;
        }
        for (key, at) in keys(node) {
            if OF_USB_DEVICES.contains(&key) {
                let whose = match about.interfaces {
                    true => "a USB interface",
                    false => &format!("a device of {}", about.names),
                };
                self.warning(
                    at,
                    format!(
                        "{} is not an attribute of {whose}: the USB device above it has it",
                        quoted(key)
                    ),
                    format!("`parent: {{ attr: {{ {key}: ... }} }}` in its place"),
                );
            }
        }
    }
}

impl About<'_> {
    /// None unless all subsystems are plain names that something is known of.
    fn of(conditions: &[Condition]) -> Option<About<'static>> {
        let globs = conditions.iter().find_map(|condition| match condition {
            Condition::Subsystem(globs) => Some(globs),
            _ => None,
        })?;
        let mut known = Vec::new();
        for glob in &globs.0 {
            let name = glob.whole()?;
            known.push(
                KNOWN
                    .iter()
                    .find(|known| known.subsystem.as_bytes() == name)?,
            );
        }
        let names = list(known.iter().map(|known| known.subsystem));
        let interfaces = conditions.iter().any(|condition| {
            matches!(condition, Condition::Devtype(globs) if !globs.0.is_empty()
                && globs.0.iter().all(|glob| glob.pattern() == "usb_interface"))
        });
        let is_usb = known.iter().all(|known| known.subsystem == "usb");
        (!known.is_empty()).then_some(About {
            known,
            names,
            interfaces: interfaces && is_usb,
        })
    }
}

/// The keys of a map of plain ones.
fn keys(node: &Node) -> Vec<(&str, Position)> {
    let Value::Map(entries) = &node.value else {
        return Vec::new();
    };
    let plain = entries.iter().filter_map(|(key, _)| match &key.value {
        Value::Scalar(scalar) => Some((&*scalar.text, key.at)),
        _ => None,
    });
    plain.collect()
}
