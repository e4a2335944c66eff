use crate::{Devname, Properties};

/// What udev said of a device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UdevSaid {
    /// Its properties, the kernel's among them.
    pub properties: Properties,
    /// The links to its node, below /dev: `disk/by-id/usb-x`.
    pub links: Vec<Devname>,
    /// Who gets a link that several devices claim: the highest (udev(7), `link_priority`).
    pub link_priority: i32,
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
