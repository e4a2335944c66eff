//! What the targets share.

pub mod naive;

use kobject::{Device, Devpath, Properties};
use policy::{DeviceTable, Facts};

/// A device at `devpath`, which must be one, with this `uevent` file.
pub fn device(devpath: &str, subsystem: &str, uevent: &str) -> Device {
    let mut device = Device::new(Devpath::parse(devpath.as_bytes()).expect("a devpath"));
    device.subsystem = Some(subsystem.into());
    device.properties = Properties::parse_lines(uevent.as_bytes());
    device
}

/// A table of these devices, of which udev has said nothing and never will.
pub fn table(devices: impl IntoIterator<Item = Device>) -> DeviceTable {
    let mut table = DeviceTable::new();
    for device in devices {
        table.insert(Facts::new(device));
    }
    table
}

/// Whether the path lies where sysfs has devices and links to them, where path rules only hide, or is
/// a directory that always shows.
pub fn belongs_to_devices(path: &str) -> bool {
    path == "/module"
        || ["/class", "/bus", "/block", "/dev", "/devices"]
            .iter()
            .any(|top| {
                path.strip_prefix(top)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            })
}
