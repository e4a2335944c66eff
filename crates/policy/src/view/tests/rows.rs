//! The table of rules.md, one test per row.

use super::*;

#[test]
fn rw() {
    let table = table(&PAD);
    let view = view(
        "      - { match: { subsystem: input }, show: rw, sysfs: { write: [inhibited, power/control], hide: 'id/**' } }\n",
        &table,
    );
    assert_eq!(view.sight(&path(INPUT)), Some(Sight::Rw));
    check(
        &view,
        &table,
        &[
            (INPUT, "d"),
            (&format!("{INPUT}/name"), "drl"),
            (&format!("{INPUT}/uevent"), "dul"),
            (&format!("{INPUT}/inhibited"), "dwl"),
            (&format!("{INPUT}/power/control"), "dwl"),
            (&format!("{INPUT}/power"), "drl"),
            (&format!("{INPUT}/id"), ""),
            (&format!("{INPUT}/id/vendor"), ""),
            ("/class/input/input3", "l"),
        ],
    );
}

#[test]
fn ro() {
    let table = table(&PAD);
    let view = view(
        "      - { match: { subsystem: input }, show: ro }\n",
        &table,
    );
    assert_eq!(view.sight(&path(INPUT)), Some(Sight::Ro));
    check(
        &view,
        &table,
        &[
            (INPUT, "d"),
            (&format!("{INPUT}/name"), "drl"),
            (&format!("{INPUT}/uevent"), "drl"),
            (&format!("{INPUT}/power/control"), "drl"),
            ("/class/input/event3", "l"),
            ("/dev/char/13:67", "l"),
        ],
    );
    assert!(view.shown().all(|(_, shown)| shown.show == Show::Ro));
}

#[test]
fn ancestor() {
    let table = table(&PAD);
    let view = view(
        "      - { match: { subsystem: input }, show: rw }\n",
        &table,
    );
    let interface = "/devices/pci0/usb1/1:1.0";
    assert_eq!(view.sight(&path(interface)), Some(Sight::Ancestor));
    check(
        &view,
        &table,
        &[
            (interface, "d"),
            (&format!("{interface}/uevent"), "rl"),
            (&format!("{interface}/input"), "drl"),
            (&format!("{interface}/power"), "rl"),
            (&format!("{interface}/power/control"), ""),
            ("/devices/pci0", "d"),
            ("/bus/usb/devices/1:1.0", "l"),
        ],
    );
    assert!(
        view.shown()
            .all(|(devpath, _)| devpath.is_within(&path(INPUT)))
    );
}

#[test]
fn hidden_ancestor() {
    let table = table(&PAD);
    let view = view(
        "      - { match: { subsystem: input }, show: rw }\n      - { match: { subsystem: usb }, show: hide }\n",
        &table,
    );
    let interface = "/devices/pci0/usb1/1:1.0";
    assert_eq!(view.sight(&path(interface)), Some(Sight::HiddenAncestor));
    assert_eq!(view.sight(&path("/devices/pci0")), Some(Sight::Ancestor));
    check(
        &view,
        &table,
        &[
            (interface, "d"),
            (&format!("{interface}/uevent"), ""),
            (&format!("{interface}/input"), "d"),
            (&format!("{interface}/power"), ""),
            (&format!("{interface}/driver"), ""),
        ],
    );
}

#[test]
fn hide() {
    let table = table(&PAD);
    let view = view(
        "      - { match: { subsystem: usb }, show: hide }\n",
        &table,
    );
    for device in table.iter() {
        assert_eq!(view.sight(&device.device.devpath), None);
    }
    check(
        &view,
        &table,
        &[
            ("/devices/pci0", ""),
            (INPUT, ""),
            (&format!("{INPUT}/uevent"), ""),
            ("/class/input/input3", ""),
            ("/dev/char/13:67", ""),
            ("/bus/usb/devices/1:1.0", ""),
        ],
    );
}
