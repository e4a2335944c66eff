//! Where devices can be.

/// Where a device can be, with its subsystem, driver, module and the lines of its `uevent` file.
pub type Place = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

pub const USB: &str = "/devices/pci0/0000:00:01.0/usb1";

pub const PLACES: &[Place] = &[
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

pub fn all() -> Vec<String> {
    PLACES
        .iter()
        .map(|place| place.0.replace("USB", USB))
        .collect()
}

/// The place that a number stands for: mostly one where devices are above others.
pub fn of(number: u64) -> usize {
    let number = number as usize;
    let usb = PLACES.len() / 2;
    match number % 2 {
        0 => number / 2 % PLACES.len(),
        _ => usb + number / 2 % (PLACES.len() - usb),
    }
}

/// The path of a place.
pub fn path(place: usize) -> String {
    PLACES[place].0.replace("USB", USB)
}
