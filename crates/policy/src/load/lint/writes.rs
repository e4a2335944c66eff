//! `sysfs.write` that gives more than a container should have, or nothing.

use crate::{glob::Glob, load::Loader, words::quoted, yaml::Position};

/// Attributes that act upon more than their device, or take it from everybody, and what writing to them does
/// (Documentation/ABI/testing/sysfs-bus-pci, sysfs-bus-usb, sysfs-bus-platform; drivers/scsi/scsi_sysfs.c).
const DANGEROUS: [(&str, &str); 14] = [
    ("remove", "takes the device from the whole host"),
    ("delete", "takes the disk from the whole host"),
    ("rescan", "has the host look for devices anew"),
    ("scan", "has the host look for devices anew"),
    ("reset", "resets the device under whoever else uses it"),
    ("bind", "binds a driver of the host to a device"),
    ("unbind", "takes a device from its driver"),
    (
        "driver_override",
        "says which driver of the host binds to the device next",
    ),
    ("new_id", "has a driver take devices that it is not for"),
    ("remove_id", "has a driver refuse devices that it is for"),
    (
        "authorized",
        "takes a USB device from the whole host, or lets one in",
    ),
    (
        "authorized_default",
        "says whether the host trusts new USB devices",
    ),
    ("sriov_numvfs", "makes more devices on the host"),
    (
        "bConfigurationValue",
        "changes what a USB device is for everybody",
    ),
];

/// Links in a device's directory that lead out of it (`device_add_class_symlinks`, `driver_sysfs_add`, drivers/base; `acpi_bind_one`).
const LINKS: [&str; 6] = [
    "device",
    "driver",
    "subsystem",
    "firmware_node",
    "of_node",
    "iommu_group",
];

impl Loader {
    /// A pattern of `sysfs.write`.
    pub fn look_at_write(&mut self, glob: &Glob, at: Position) {
        let pattern = glob.pattern();
        let (first, last) = match pattern.split_once('/') {
            Some((first, _)) => (Some(first), pattern.rsplit('/').next().unwrap_or(pattern)),
            None => (None, pattern),
        };
        if let Some(link) = first.filter(|first| LINKS.contains(first)) {
            self.warning(
                at,
                format!(
                    "{} is a link that leads out of the device, and this gives nothing of what is behind it",
                    quoted(link)
                ),
                "attributes of the device itself, or of devices below it".to_owned(),
            );
            return;
        }
        let is_about = |name: &str| {
            last == name
                || glob.matches(name.as_bytes())
                || glob.matches(&[b"x/", name.as_bytes()].concat())
        };
        let reached: Vec<_> = DANGEROUS
            .iter()
            .filter(|(name, _)| is_about(name))
            .collect();
        match reached[..] {
            [] => {}
            [(name, does)] if last == *name => {
                self.warning(at, format!("writing to {} {does}", quoted(name)), None);
            }
            [(name, does), ..] => self.warning(
                at,
                format!(
                    "{} takes in {}, and writing to that {does}",
                    quoted(pattern),
                    quoted(name)
                ),
                "the attributes that it needs, by their names".to_owned(),
            ),
        }
    }
}
