//! What is known of subsystems: only what the source of the kernel leaves no doubt about. Each line says where that is.

/// What is known of one subsystem.
pub(super) struct Known {
    pub subsystem: &'static str,
    /// All names of `device_type` that its devices have (`dev_uevent`, drivers/base/core.c, makes DEVTYPE of it). None: not known.
    pub devtypes: Option<&'static [&'static str]>,
    /// Whether drivers are bound to its devices: to those of a bus, not to those of a class (`driver_sysfs_add`, drivers/base/dd.c).
    pub drivers: bool,
    /// What the names of its nodes begin with. Empty: not known. None: it has no nodes.
    pub nodes: Option<&'static str>,
}

pub(super) const KNOWN: [Known; 20] = [
    // block/genhd.c, block/partitions/core.c
    class("block", Some(&["disk", "partition"]), Some("")),
    // drivers/input/input.c: input_dev_type has no name; input_devnode
    class("input", Some(&[]), Some("input/")),
    // drivers/hid/hidraw.c: device_create
    class("hidraw", Some(&[]), Some("hidraw")),
    // drivers/tty/tty_io.c: tty_register_device_attr sets no type
    class("tty", Some(&[]), Some("")),
    // sound/core/init.c, sound/sound_core.c: no types
    class("sound", Some(&[]), Some("")),
    // drivers/gpu/drm/drm_sysfs.c; ttm_module.c until 5.15
    class(
        "drm",
        Some(&["drm_minor", "drm_connector", "ttm"]),
        Some("dri/"),
    ),
    // drivers/media/v4l2-core/v4l2-dev.c: __video_register_device sets no type
    class("video4linux", Some(&[]), Some("")),
    // drivers/char/mem.c, drivers/char/misc.c: device_create
    class("mem", Some(&[]), Some("")),
    class("misc", Some(&[]), Some("")),
    // drivers/leds/led-class.c, drivers/hwmon/hwmon.c, drivers/video/backlight/backlight.c: no devt
    class("leds", Some(&[]), None),
    class("hwmon", None, None),
    class("backlight", None, None),
    class("power_supply", None, None),
    class("thermal", None, None),
    class("scsi_host", None, None),
    // drivers/usb/core/usb.c, message.c; usb_devnode
    bus(
        "usb",
        Some(&["usb_device", "usb_interface"]),
        Some("bus/usb/"),
    ),
    // drivers/scsi/hosts.c, scsi_scan.c, scsi_sysfs.c; nodes are of block, scsi_generic and bsg
    bus(
        "scsi",
        Some(&["scsi_host", "scsi_target", "scsi_device"]),
        None,
    ),
    // drivers/pci/pci-sysfs.c: pci_dev_type has no name
    bus("pci", Some(&[]), None),
    // drivers/hid/hid-core.c
    bus("hid", Some(&[]), None),
    // drivers/input/serio/serio.c
    bus("serio", Some(&[]), None),
];

const fn class(
    subsystem: &'static str,
    devtypes: Option<&'static [&'static str]>,
    nodes: Option<&'static str>,
) -> Known {
    Known {
        subsystem,
        devtypes,
        drivers: false,
        nodes,
    }
}

const fn bus(
    subsystem: &'static str,
    devtypes: Option<&'static [&'static str]>,
    nodes: Option<&'static str>,
) -> Known {
    Known {
        drivers: true,
        ..class(subsystem, devtypes, nodes)
    }
}

/// Attributes of a usb_device and of no device here else (drivers/usb/core/sysfs.c).
pub(super) const OF_USB_DEVICES: [&str; 5] = [
    "idVendor",
    "idProduct",
    "bcdDevice",
    "bDeviceClass",
    "bNumConfigurations",
];
