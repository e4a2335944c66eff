//! A small host, on which rules of every kind find something.

use std::sync::Arc;

use kobject::{Device, Devname, Devpath, Properties, UdevSaid};
use policy::{Attribute, DeviceTable, Facts, Policy, Udev};

const USB: &str = "/devices/pci0000:00/0000:00:03.0/usb1";

/// Where a device is below `/devices`, its subsystem, its `uevent` file, and whether udev has spoken of it.
const DEVICES: [(&str, &str, &str, bool); 10] = [
    (
        "/devices/pci0000:00/0000:00:03.0",
        "pci",
        "DRIVER=xhci_hcd\n",
        true,
    ),
    (
        USB,
        "usb",
        "MAJOR=189\nMINOR=0\nDEVNAME=bus/usb/001/001\nDEVTYPE=usb_device\n",
        true,
    ),
    (
        "USB/1-1",
        "usb",
        "MAJOR=189\nMINOR=1\nDEVNAME=bus/usb/001/002\nDEVTYPE=usb_device\n",
        false,
    ),
    ("USB/1-1/1-1:1.0/input/input3", "input", "NAME=pad\n", true),
    (
        "USB/1-1/1-1:1.0/input/input3/event3",
        "input",
        "MAJOR=13\nMINOR=67\nDEVNAME=input/event3\n",
        true,
    ),
    (
        "/devices/virtual/block/loop3",
        "block",
        "MAJOR=7\nMINOR=3\nDEVNAME=loop3\nDEVTYPE=disk\n",
        true,
    ),
    (
        "/devices/virtual/block/loop3/loop3p1",
        "block",
        "MAJOR=259\nMINOR=3\nDEVNAME=loop3p1\nDEVTYPE=partition\n",
        false,
    ),
    (
        "/devices/virtual/mem/null",
        "mem",
        "MAJOR=1\nMINOR=3\nDEVNAME=null\nDEVMODE=0666\n",
        true,
    ),
    ("/devices/virtual/net/lo", "net", "INTERFACE=lo\n", true),
    (
        "/devices/virtual/net/lo/tap4",
        "macvtap",
        "MAJOR=240\nMINOR=1\nDEVNAME=tap4\n",
        false,
    ),
];

/// Paths that rules may be about.
pub fn paths() -> Vec<String> {
    let mut paths: Vec<String> = DEVICES.map(|(path, ..)| path.replace("USB", USB)).into();
    for device in paths.clone() {
        paths.extend(["uevent", "power/control", "queue"].map(|rel| format!("{device}/{rel}")));
    }
    let others = [
        "/",
        "/class/block/loop3",
        "/bus/usb/drivers/usb",
        "/dev/char/1:3",
        "/kernel/mm",
        "/kernel/mm/a/b",
        "/module/usbcore/parameters/x",
        "/devices/virtual",
        "/devices/system/cpu/online",
        "/fs/fuse",
    ];
    paths.extend(others.map(str::to_owned));
    paths
}

/// The devices, none of whose attributes has been read.
pub fn devices() -> DeviceTable {
    let mut table = DeviceTable::new();
    for (path, subsystem, uevent, spoken) in DEVICES {
        let path = path.replace("USB", USB);
        let mut device = Device::new(Devpath::parse(path.as_bytes()).expect("a devpath"));
        device.subsystem = Some(subsystem.into());
        device.driver = (subsystem == "usb").then(|| "usb".into());
        device.module = (subsystem == "usb").then(|| "usbcore".into());
        device.properties = Properties::parse_lines(uevent.as_bytes());
        let mut facts = Facts::new(device);
        facts.udev = match spoken {
            true => Udev::Known(UdevSaid {
                properties: Properties::from_iter([("ID_MODEL", "x"), ("ID_INPUT_JOYSTICK", "1")]),
                links: vec![Devname::parse(b"disk/by-id/usb-x").expect("a name")],
                link_priority: 0,
                tags: ["seat".into(), "uaccess".into()].into(),
            }),
            false => Udev::Unknown,
        };
        facts.own = path.contains("/net/lo/");
        table.insert(facts);
    }
    table
}

/// Read what the policy asks for.
pub fn read(table: &mut DeviceTable, policy: &Policy) {
    let all: Vec<Facts> = table.iter().cloned().collect();
    for mut facts in all {
        for name in policy.wanted_attributes(&facts) {
            let said = attribute(&facts.device, &name);
            facts.attrs.insert(name, said);
        }
        table.insert(facts);
    }
}

/// What an attribute says: some are there, some are not, some cannot be read.
fn attribute(device: &Device, name: &Arc<str>) -> Attribute {
    match (device.devpath.as_bytes().len() + name.len()) % 4 {
        0 => Attribute::Absent,
        1 => Attribute::Unknown,
        _ => Attribute::said(b"1\n"),
    }
}
