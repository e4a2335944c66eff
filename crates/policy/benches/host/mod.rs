//! A simulated host and rules as admins write them, for the benchmarks. Everything follows from numbers: two runs measure the same.

use std::fmt::Write;

use kobject::{Device, Devpath, Properties, UdevSaid};
use policy::{Attribute, DeviceTable, Facts, Rules, Udev};

/// Adds a USB device with an interface, a host adapter, a SCSI target, a disk and two partitions: nine devices on a way of that depth.
fn disk(table: &mut DeviceTable, number: usize) {
    let (bus, port) = (1 + number / 100, 1 + number % 100);
    let usb = format!("/devices/pci0000:00/0000:00:{:02x}.0/usb{bus}", bus % 32);
    let top = format!("{usb}/{bus}-{port}");
    let scsi = format!("{top}/{bus}-{port}:1.0/host{number}");
    let lun = format!("{scsi}/target{number}:0:0/{number}:0:0:0");
    let disk = format!("{lun}/block/sd{number}");
    let node = |minor: usize, name: &str, devtype: &str| {
        format!("MAJOR=8\nMINOR={minor}\nDEVNAME={name}\nDEVTYPE={devtype}\nDISKSEQ={number}\n")
    };
    let device = "DEVTYPE=usb_device\nDRIVER=usb\nPRODUCT=781/5581/100\nTYPE=0/0/0\n";
    let interface = "DEVTYPE=usb_interface\nDRIVER=usb-storage\nINTERFACE=8/6/80\n";
    for (path, subsystem, uevent) in [
        (top.clone(), "usb", device.to_owned()),
        (
            format!("{top}/{bus}-{port}:1.0"),
            "usb",
            interface.to_owned(),
        ),
        (scsi.clone(), "scsi", "DEVTYPE=scsi_host\n".to_owned()),
        (
            format!("{scsi}/target{number}:0:0"),
            "scsi",
            "DEVTYPE=scsi_target\n".to_owned(),
        ),
        (lun, "scsi", "DEVTYPE=scsi_device\nDRIVER=sd\n".to_owned()),
        (
            disk.clone(),
            "block",
            node(number * 16, &format!("sd{number}"), "disk"),
        ),
        (
            format!("{disk}/sd{number}p1"),
            "block",
            node(number * 16 + 1, &format!("sd{number}p1"), "partition"),
        ),
        (
            format!("{disk}/sd{number}p2"),
            "block",
            node(number * 16 + 2, &format!("sd{number}p2"), "partition"),
        ),
        (format!("{disk}/8:{number}"), "bdi", String::new()),
    ] {
        let mut device = Device::new(Devpath::parse(path.as_bytes()).unwrap());
        device.subsystem = Some(subsystem.into());
        device.properties = Properties::parse_lines(uevent.as_bytes());
        device.driver = device.properties.get(b"DRIVER").map(Into::into);
        let mut facts = Facts::new(device);
        if path == top {
            let serial = Attribute::said(format!("SN{number:06}\n").as_bytes());
            facts.attrs.insert("serial".into(), serial);
        }
        if subsystem == "block" {
            let said = [
                ("ID_BUS", "usb".to_owned()),
                ("ID_SERIAL_SHORT", format!("SN{number:06}")),
                ("ID_VENDOR", "SanDisk".to_owned()),
                ("ID_MODEL", "Ultra_Fit".to_owned()),
                (
                    "ID_PATH",
                    format!("pci-0000:00:14.0-usb-0:{port}:1.0-scsi-0:0:0:0"),
                ),
                ("ID_PART_TABLE_TYPE", "dos".to_owned()),
                ("ID_FS_TYPE", "vfat".to_owned()),
            ];
            facts.udev = Udev::Known(UdevSaid::from(Properties::from_iter(said)));
        }
        table.insert(facts);
    }
}

/// A host with at least this many devices.
pub fn table(devices: usize) -> DeviceTable {
    let mut table = DeviceTable::new();
    for (minor, name) in [
        (3, "null"),
        (5, "zero"),
        (7, "full"),
        (8, "random"),
        (9, "urandom"),
    ] {
        let mut device =
            Device::new(Devpath::parse(format!("/devices/virtual/mem/{name}").as_bytes()).unwrap());
        device.subsystem = Some("mem".into());
        let uevent = format!("MAJOR=1\nMINOR={minor}\nDEVNAME={name}\nDEVMODE=0666\n");
        device.properties = Properties::parse_lines(uevent.as_bytes());
        table.insert(Facts::new(device));
    }
    let mut number = 0;
    while table.len() < devices {
        disk(&mut table, number);
        number += 1;
    }
    table
}

/// The devpath of the disk with this number.
pub fn disk_path(table: &DeviceTable, number: usize) -> Devpath {
    let name = format!("sd{number}");
    let found = table
        .iter()
        .find(|facts| facts.device.name() == name.as_bytes());
    found.unwrap().device.devpath.clone()
}

/// A rule of one of the kinds that admins write, of a disk that `number` names.
pub fn rule(number: usize) -> String {
    let serial = format!("SN{:06}", number);
    match number % 6 {
        0 => format!(
            "{{ match: {{ subsystem: block, property: {{ ID_SERIAL_SHORT: \"{serial}\" }} }}, show: rw }}"
        ),
        1 => format!(
            "{{ match: {{ parent: {{ subsystem: usb, attr: {{ serial: \"{serial}\" }} }} }}, show: rw }}"
        ),
        2 => format!(
            "{{ match: {{ subsystem: block, devname: [\"sd{number}\", \"sd{number}p*\"] }}, show: ro }}"
        ),
        3 => format!(
            "{{ match: {{ devpath: \"/devices/**/usb{}/{}-{}/**\" }}, show: rw }}",
            1 + number / 100,
            1 + number / 100,
            1 + number % 100
        ),
        4 => format!(
            "{{ match: {{ devnum: \"b 8:{}-{}\" }}, show: rw }}",
            number * 16,
            number * 16 + 15
        ),
        _ => format!("{{ match: {{ driver: \"driver{number}\" }}, show: rw }}"),
    }
}

/// A policy `p` of `count` rules about disks from `first` on, and one in the middle that `extra` is.
pub fn rules(name: &str, first: usize, count: usize, extra: &str) -> String {
    let mut text = format!("  {name}:\n    base: [common]\n    rules:\n");
    for number in first..first + count {
        let _ = writeln!(text, "      - {}", rule(number));
    }
    text.push_str(extra);
    text
}

/// A rule file.
pub fn parse(policies: &str) -> Rules {
    let text = format!("version: 1\npolicies:\n{policies}");
    Rules::parse("bench.yaml", &text).unwrap_or_else(|errors| panic!("{errors}"))
}
