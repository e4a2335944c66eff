//! The paths that are worth asking about.

use crate::{naive::Dev, random::Random};

/// Whatever devices there are.
const ALWAYS: &[&str] = &[
    "",
    "/",
    "/kernel",
    "/kernel/mm",
    "/kernel/mm/a",
    "/kernel/mm/a/b",
    "/fs",
    "/fs/a",
    "/fs/ab/uevent",
    "/firmware",
    "/firmware/a",
    "/firmware/a/b",
    "/firmware/a/uevent",
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
];

/// Files and directories of a device.
const WITHIN: [&str; 6] = [
    "uevent",
    "power",
    "power/control",
    "brightness",
    "subsystem",
    "queue/x",
];

/// Paths worth asking about while there are these devices, or have been.
pub fn paths(devices: &[&Dev]) -> Vec<String> {
    let mut paths: Vec<String> = ALWAYS.iter().map(|path| (*path).to_owned()).collect();
    for dev in devices {
        paths.push(dev.path.clone());
        let above = dev.path.match_indices('/').skip(1);
        paths.extend(above.map(|(at, _)| dev.path[..at].to_owned()));
        paths.extend(WITHIN.iter().map(|rel| format!("{}/{rel}", dev.path)));
        paths.extend(links(dev));
        paths.extend(closure(dev));
    }
    paths.sort();
    paths.dedup();
    paths
}

/// One of them.
pub fn path(random: &mut Random, devices: &[&Dev]) -> String {
    if devices.is_empty() || random.chance(3) {
        return (*random.pick(ALWAYS)).to_owned();
    }
    let dev = *random.pick(devices);
    let path = &dev.path;
    match random.number(4) {
        0 => format!("{path}/{}", random.pick(&WITHIN)),
        1 => {
            let ends: Vec<usize> = path.match_indices('/').map(|(at, _)| at).collect();
            path[..*random.pick(&ends)].to_owned()
        }
        2 => links(dev).into_iter().next_back().unwrap_or(path.clone()),
        _ => random.pick(&closure(dev)).clone(),
    }
}

/// Where its driver and its module are.
fn closure(dev: &Dev) -> [String; 2] {
    let text = |name: &Option<String>| name.clone().unwrap_or("none".to_owned());
    let (subsystem, driver) = (text(&dev.subsystem), text(&dev.driver));
    [
        format!("/bus/{subsystem}/drivers/{driver}"),
        format!("/module/{}", text(&dev.module)),
    ]
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
