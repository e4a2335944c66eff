//! What is known of the host's devices.

use kobject::{Device, UdevSaid};

use crate::Attributes;

/// What the host's udev says of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Udev {
    /// The host has no udev: what only udev could say is not there.
    Absent,
    /// udev has not spoken of this device yet: what it could say is unknown, and what depends on it stays hidden.
    Unknown,
    /// udev has spoken.
    Known(UdevSaid),
}

/// All that rules can ask of one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// What sysfs says.
    pub device: Device,
    /// What udev says.
    pub udev: Udev,
    /// What was read of its attributes ([`Policy::wanted_attributes`](crate::Policy::wanted_attributes)).
    pub attrs: Attributes,
    /// Whether the device belongs to the container's own network namespace: an interface of it, or a device below one.
    pub own: bool,
}

impl Facts {
    /// What sysfs says and nothing else: of a device of the host's, on a host without udev.
    pub fn new(device: Device) -> Facts {
        Facts {
            device,
            udev: Udev::Absent,
            attrs: Attributes::default(),
            own: false,
        }
    }
}
