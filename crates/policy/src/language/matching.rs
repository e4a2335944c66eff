//! The keys of `match`.

use super::{ANY_TEXT, DEVNUM, Kind, NAMED_GLOBS, PART, RELATIVE, SYSFS_PATH, Says, globs, key};

/// `match` of a rule, and what stands under `parent`, `not` and `any`.
pub(crate) static MATCH: Kind = Kind {
    name: "match",
    required: &[],
    least: 1,
    keys: &[
        key(
            "subsystem",
            "The device's subsystem: a glob, or a list of which one must match.",
            globs(&Says::Text(PART)),
            &["\"block\"", "[\"input\", \"hidraw\"]"],
        ),
        key(
            "devtype",
            "The device's type within its subsystem: a glob, or a list of which one must match.",
            ANY_TEXT,
            &["\"disk\"", "\"usb_device\""],
        ),
        key(
            "devname",
            "The name below /dev as the kernel says it: a glob, or a list of which one must match. `*` stays within one part of \
             the path.",
            globs(&Says::Text(RELATIVE)),
            &["\"sdc*\"", "\"input/event*\""],
        ),
        key(
            "devpath",
            "The path below /sys, which says where a device is plugged in: a glob, or a list of which one must match. `**` \
             crosses parts of the path.",
            globs(&Says::Text(SYSFS_PATH)),
            &["\"/devices/**/usb2/2-1/**\""],
        ),
        key(
            "driver",
            "The driver that is bound to the device: a glob, or a list of which one must match.",
            globs(&Says::Text(PART)),
            &["\"ftdi_sio\""],
        ),
        key(
            "devnum",
            "The device number: `c` or `b`, major and minor, each a number, a range or `*`; or a list of these.",
            globs(&Says::Text(DEVNUM)),
            &["\"c 13:64-95\"", "[\"b 7:*\", \"c 10:237\"]"],
        ),
        key(
            "property",
            "Properties by name, of the kernel's uevent or from the host's udev: each must be there and match its glob, or one \
             of a list.",
            NAMED_GLOBS,
            &[
                "{ \"ID_INPUT_JOYSTICK\": \"1\" }",
                "{ \"ID_BUS\": [\"usb\", \"bluetooth\"] }",
            ],
        ),
        key(
            "attr",
            "Attributes in the device's directory, by name: each must be there and match its glob, or one of a list. They are \
             read when the device comes, changes, is bound or moves.",
            NAMED_GLOBS,
            &["{ \"idVendor\": \"2b2e\", \"serial\": \"LAB*\" }"],
        ),
        key(
            "tag",
            "A tag that the host's udev gave the device: a glob, or a list of which one must match.",
            ANY_TEXT,
            &["\"seat\""],
        ),
        key(
            "link",
            "A name that the host's udev gave the device below /dev: a glob, or a list of which one must match.",
            globs(&Says::Text(RELATIVE)),
            &["\"disk/by-id/usb-*\""],
        ),
        key(
            "parent",
            "Keys that must all hold on one and the same device: this one or one above it. A list: one of them must.",
            globs(&Says::Map(&MATCH)),
            &["{ \"subsystem\": \"usb\", \"devpath\": \"/devices/**/usb2/**\" }"],
        ),
        key(
            "not",
            "Keys that must not all hold. A list: none of them may.",
            globs(&Says::Map(&MATCH)),
            &["{ \"devname\": \"uinput\" }"],
        ),
        key(
            "any",
            "A list of matches, of which one must hold.",
            Says::List {
                of: &Says::Map(&MATCH),
                alone: false,
                least: 1,
            },
            &["[{ \"driver\": \"ftdi_sio\" }, { \"driver\": \"ch341\" }]"],
        ),
    ],
};
