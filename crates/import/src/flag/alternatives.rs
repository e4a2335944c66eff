//! A device that is there says more than its name: rules that find it again when the name changes.

use crate::{
    name,
    text::{Map, Value, map_text},
};

/// What is at a host path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// A directory.
    Directory,
    /// A device node.
    Device(SeenDevice),
}

/// A device node that somebody has looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeenDevice {
    /// Its name below /dev, as the kernel says it.
    pub devname: String,
    /// Its subsystem.
    pub subsystem: Option<String>,
    /// What udev calls its serial number (`ID_SERIAL`), which differs between devices of one kind as far as they have one.
    pub serial: Option<String>,
    /// The devpath of the USB device that it is a part of: where it is plugged in.
    pub usb: Option<String>,
    /// Permission bits, uid and gid of the node.
    pub node: Option<(u32, u32, u32)>,
}

impl SeenDevice {
    /// Comments with other matches, and what else is different. `writes`: the container may.
    pub(super) fn alternatives(&self, writes: bool) -> Vec<String> {
        let subsystem = self
            .subsystem
            .iter()
            .map(|name| ("subsystem", Value::Word(name::literal(name))));
        let mut comments = Vec::new();
        let mut propose = |why: &str, key: &'static str, value: Value| {
            let matching: Map = subsystem.clone().chain([(key, value)]).collect();
            comments.push(why.to_owned());
            comments.push(format!("  match: {}", map_text(&matching)));
        };
        if let Some(serial) = &self.serial {
            let property = vec![("ID_SERIAL", Value::Word(name::literal(serial)))];
            let why = "Or by what it says of itself, whatever its name:";
            propose(why, "property", Value::Map(property));
        }
        if let Some(usb) = &self.usb {
            let parent = vec![("devpath", Value::Word(name::literal(usb)))];
            let why = "Or by the port that it is plugged into, whatever it is:";
            propose(why, "parent", Value::Map(parent));
        }
        if let Some((mode, uid, gid)) = self.node.filter(|(_, uid, gid)| (*uid, *gid) != (0, 0)) {
            let node = vec![
                ("mode", Value::Word(format!("{mode:04o}"))),
                ("uid", Value::Number(uid)),
                ("gid", Value::Number(gid)),
            ];
            comments.push("Docker gives the node the host's mode and owner:".to_owned());
            comments.push(format!("  node: {}", map_text(&node)));
        }
        if writes && self.subsystem.as_deref() == Some("block") {
            let partitions =
                "Its partitions show with it, since who may write to a disk may write to them.";
            comments.push(partitions.to_owned());
        }
        comments
    }
}
