//! Random devices, and the paths that are worth asking about.

use crate::{
    links,
    naive::{Dev, Udev},
};

/// SplitMix64: enough to choose from lists.
pub struct Random(pub u64);

impl Random {
    pub fn number(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % below as u64).unwrap()
    }

    pub fn chance(&mut self, of: usize) -> bool {
        self.number(of) == 0
    }

    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.number(list.len())]
    }

    pub fn some(&mut self, list: &[&str]) -> Vec<String> {
        (0..1 + self.number(8) / 6)
            .map(|_| (*self.pick(list)).to_owned())
            .collect()
    }
}

/// Where a device can be, with its subsystem, driver, module and the lines of its `uevent` file.
type Place = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

const USB: &str = "/devices/pci0/0000:00:01.0/usb1";

const PLACES: &[Place] = &[
    ("/devices/system/cpu", "", "", "", ""),
    ("/devices/system/cpu/cpu0", "cpu", "processor", "", ""),
    (
        "/devices/virtual/mem/null",
        "mem",
        "",
        "",
        "MAJOR=1 MINOR=3 DEVNAME=null DEVMODE=0666",
    ),
    (
        "/devices/virtual/tty/tty",
        "tty",
        "",
        "",
        "MAJOR=5 MINOR=0 DEVNAME=tty",
    ),
    (
        "/devices/virtual/block/loop0",
        "block",
        "",
        "",
        "MAJOR=7 MINOR=0 DEVNAME=loop0 DEVTYPE=disk",
    ),
    (
        "/devices/virtual/block/loop0/loop0p1",
        "block",
        "",
        "",
        "MAJOR=259 MINOR=0 DEVNAME=loop0p1 DEVTYPE=partition",
    ),
    ("/devices/virtual/net/eth0", "net", "", "", "INTERFACE=eth0"),
    (
        "/devices/virtual/net/eth0/tap4",
        "macvtap",
        "",
        "",
        "MAJOR=240 MINOR=1 DEVNAME=tap4",
    ),
    ("/devices/pci0", "", "", "", ""),
    (
        "/devices/pci0/0000:00:01.0",
        "pci",
        "xhci_hcd",
        "xhci_pci",
        "PCI_ID=1",
    ),
    (
        "USB",
        "usb",
        "usb",
        "usbcore",
        "MAJOR=189 MINOR=0 DEVNAME=bus/usb/001/001 DEVTYPE=usb_device",
    ),
    (
        "USB/1-1",
        "usb",
        "usb",
        "usbcore",
        "MAJOR=189 MINOR=1 DEVNAME=bus/usb/001/002 DEVTYPE=usb_device",
    ),
    (
        "USB/1-1/1-1:1.0",
        "usb",
        "usbhid",
        "usbhid",
        "DEVTYPE=usb_interface",
    ),
    ("USB/1-1/1-1:1.0/input/input3", "input", "", "", "NAME=pad"),
    (
        "USB/1-1/1-1:1.0/input/input3/event3",
        "input",
        "",
        "",
        "MAJOR=13 MINOR=67 DEVNAME=input/event3",
    ),
    ("USB/1-1/1-1:1.0/leds/green", "leds", "", "", ""),
    (
        "USB/1-2",
        "usb",
        "usb",
        "usbcore",
        "MAJOR=189 MINOR=2 DEVNAME=bus/usb/001/003 DEVTYPE=usb_device",
    ),
    (
        "USB/1-2/host0/block/sda",
        "block",
        "sd",
        "sd_mod",
        "MAJOR=8 MINOR=0 DEVNAME=sda DEVTYPE=disk",
    ),
    (
        "USB/1-2/host0/block/sda/sda1",
        "block",
        "",
        "",
        "MAJOR=8 MINOR=1 DEVNAME=sda1 DEVTYPE=partition",
    ),
    (
        "USB/1-2/host0/block/sda/sda2",
        "block",
        "",
        "",
        "MAJOR=8 MINOR=2 DEVNAME=/sda2 DEVTYPE=partition",
    ),
];

pub fn places() -> Vec<String> {
    PLACES
        .iter()
        .map(|place| place.0.replace("USB", USB))
        .collect()
}

/// A device at one of the places, a little different each time.
pub fn device(random: &mut Random, place: usize) -> Dev {
    let (path, subsystem, driver, module, lines) = PLACES[place];
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let bound = !random.chance(4);
    let mut kernel: Vec<(String, String)> = lines
        .split(' ')
        .filter_map(|line| line.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    if random.chance(6) {
        for (key, value) in &mut kernel {
            if key == "MINOR" {
                // no two devices of a host have one number
                *value = (77 + 100 * place).to_string();
            }
        }
    }
    if random.chance(4) {
        kernel.push(("ID_S".to_owned(), random.pick(links::VALUES).to_string()));
    }
    if random.chance(4) {
        kernel.push(("ID_X".to_owned(), random.number(2).to_string()));
    }
    Dev {
        path: path.replace("USB", USB),
        subsystem: text(subsystem),
        driver: text(driver).filter(|_| bound),
        module: text(module).filter(|_| bound),
        kernel,
        udev: udev(random),
        host_links: links::of_udev(random),
        link_priority: [0, 0, 0, 7, -7][random.number(5)],
        arrival: 0,
        own: path.contains("/net/") && random.chance(2),
    }
}

pub fn udev(random: &mut Random) -> Udev {
    match random.number(6) {
        0 => Udev::Absent,
        1 | 2 => Udev::Unknown,
        _ => {
            let mut known = Vec::new();
            for key in ["ID_X", "ID_Y"] {
                if random.chance(2) {
                    known.push((key.to_owned(), random.number(2).to_string()));
                }
            }
            if random.chance(2) {
                known.push(("ID_S".to_owned(), random.pick(links::VALUES).to_string()));
            }
            Udev::Known(known)
        }
    }
}

/// Paths worth asking about, with those of these places.
pub fn paths(places: &[String], devices: &[Dev]) -> Vec<String> {
    let mut paths: Vec<String> = [
        "",
        "/",
        "/kernel",
        "/kernel/mm",
        "/kernel/mm/a",
        "/kernel/mm/a/b",
        "/fs",
        "/class",
        "/class/block",
        "/class/zram-control",
        "/class/zram-control/hot_add",
        "/bus",
        "/bus/usb",
        "/bus/usb/uevent",
        "/bus/usb/drivers_probe",
        "/bus/usb/drivers",
        "/bus/usb/devices",
        "/bus/usb/drivers/usbhid/bind",
        "/bus/usb/drivers/usbhid/module",
        "/bus/usb/drivers/usbhid/uevent",
        "/bus/usb/drivers/usb/x/y",
        "/bus/usb/drivers/usbhid/1-1:1.0",
        "/bus/usb/drivers/usb/1-1:1.0",
        "/bus/usb/drivers/usb/1-1/x",
        "/bus/usb/drivers/usbhid",
        "/bus/usb/drivers/usb",
        "/bus/pci/drivers/xhci_hcd",
        "/module",
        "/module/usbhid",
        "/module/usbhid/parameters/x",
        "/module/usbhid/uevent",
        "/module/usbcore",
        "/module/other",
        "/block",
        "/dev",
        "/dev/block",
        "/dev/char",
        "/devices",
        "/devices/system",
        "/devices/system/cpu/online",
        "/devices/virtual",
        "/devices/virtual/block",
        "/devices/nothing/x",
        "/class/block/loop0/size",
        "/block/x/y",
        "/dev/char/1:3/x",
        "/bus/usb/devices/1-1/x",
        "relative",
        "/a/../b",
        "/class//x",
    ]
    .map(str::to_owned)
    .into();
    for place in places {
        paths.push(place.clone());
        paths.extend(
            place
                .match_indices('/')
                .skip(1)
                .map(|(at, _)| place[..at].to_owned()),
        );
        for rel in [
            "uevent",
            "power",
            "power/control",
            "brightness",
            "subsystem",
            "queue/x",
        ] {
            paths.push(format!("{place}/{rel}"));
        }
    }
    for dev in devices {
        paths.extend(links(dev));
        let (subsystem, driver) = (
            dev.subsystem.as_deref().unwrap_or("none"),
            dev.driver.as_deref().unwrap_or("none"),
        );
        paths.push(format!("/bus/{subsystem}/drivers/{driver}"));
        paths.push(format!(
            "/module/{}",
            dev.module.as_deref().unwrap_or("none")
        ));
    }
    paths.sort();
    paths.dedup();
    paths
}

/// The symlinks that the kernel has for a device.
pub fn links(dev: &Dev) -> Vec<String> {
    let name = dev.path.rsplit('/').next().unwrap();
    let mut links = Vec::new();
    if let Some(subsystem) = &dev.subsystem {
        links.push(format!("/class/{subsystem}/{name}"));
        links.push(format!("/bus/{subsystem}/devices/{name}"));
        if subsystem == "block" {
            links.push(format!("/block/{name}"));
        }
        if let Some(driver) = &dev.driver {
            links.push(format!("/bus/{subsystem}/drivers/{driver}/{name}"));
        }
    }
    if let Some((kind, major, minor)) = dev.devnum() {
        links.push(format!(
            "/dev/{}/{major}:{minor}",
            if kind == 'b' { "block" } else { "char" }
        ));
    }
    links
}
