use std::collections::BTreeSet;

use crate::{Bytes, Devname, Properties};

/// What udev said of a device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UdevSaid {
    /// Its properties, the kernel's among them.
    pub properties: Properties,
    /// The links to its node, below /dev: `disk/by-id/usb-x`.
    pub links: Vec<Devname>,
    /// Who gets a link that several devices claim: the highest (udev(7), `link_priority`).
    pub link_priority: i32,
    /// Its tags, those that the last event left it (`CURRENT_TAGS` in udev(7)).
    pub tags: BTreeSet<Bytes>,
}

impl From<Properties> for UdevSaid {
    /// Properties alone, of a device without links.
    fn from(properties: Properties) -> UdevSaid {
        UdevSaid {
            properties,
            ..UdevSaid::default()
        }
    }
}
