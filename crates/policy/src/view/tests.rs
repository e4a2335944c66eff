use kobject::{Bytes, Devpath, Properties};

use super::*;
use crate::Show;
use crate::decide::tests::{facts, table, view};

/// What shows at a path, in one word per kind: `d`, `r` `w` or `u` for a file, `l`.
fn at(view: &View, table: &DeviceTable, path: &str) -> String {
    let verdict = view.judge(table, path.as_bytes());
    let file = match verdict.file {
        FileAccess::None => "",
        FileAccess::Read => "r",
        FileAccess::Write => "w",
        FileAccess::Uevent => "u",
    };
    format!(
        "{}{file}{}",
        if verdict.dir { "d" } else { "" },
        if verdict.link { "l" } else { "" }
    )
}

fn check(view: &View, table: &DeviceTable, expected: &[(&str, &str)]) {
    for (path, letters) in expected {
        assert_eq!(at(view, table, path), *letters, "{path}");
    }
}

fn path(text: &str) -> Devpath {
    Devpath::parse(text.as_bytes()).unwrap()
}

const PAD: [&str; 5] = [
    "/devices/pci0 -",
    "/devices/pci0/usb1 usb driver=usb module=usbcore DEVTYPE=usb_device MAJOR=189 MINOR=0",
    "/devices/pci0/usb1/1:1.0 usb driver=usbhid module=usbhid",
    "/devices/pci0/usb1/1:1.0/input/input3 input",
    "/devices/pci0/usb1/1:1.0/input/input3/event3 input MAJOR=13 MINOR=67 DEVNAME=input/event3",
];
const INPUT: &str = "/devices/pci0/usb1/1:1.0/input/input3";

mod changes;
mod rows;

#[test]
fn bus_and_class_directories_always_show() {
    let view = view(
        "      - { match: { subsystem: x }, show: rw }\n      - { path: /**, show: hide }\n",
        &table(&[]),
    );
    for path in [
        "",
        "/",
        "/bus",
        "/class",
        "/block",
        "/dev",
        "/dev/block",
        "/dev/char",
        "/devices",
        "/module",
        "/class/net",
        "/bus/usb",
        "/bus/usb/devices",
        "/bus/usb/drivers",
    ] {
        assert_eq!(at(&view, &table(&[]), path), "d", "{path}");
    }
    for path in [
        "/kernel",
        "/class/x/y",
        "/class/x/y/z",
        "/bus/usb/uevent",
        "/bus/usb/drivers/x",
        "relative",
        "/.",
        "//",
        "/class/",
        "/a\0",
    ] {
        assert_eq!(at(&view, &table(&[]), path), "", "{path}");
    }
}

#[test]
fn drivers_and_modules_show_while_a_shown_device_is_bound() {
    let mut table = table(&PAD);
    let mut view = view(
        "      - { match: { driver: usbhid }, scope: device, show: rw }\n",
        &table,
    );
    let driver = "/bus/usb/drivers/usbhid";
    check(
        &view,
        &table,
        &[
            (driver, "d"),
            (&format!("{driver}/module"), "rl"),
            (&format!("{driver}/bind"), ""),
            (&format!("{driver}/unbind"), ""),
            (&format!("{driver}/new_id"), ""),
            (&format!("{driver}/remove_id"), ""),
            (&format!("{driver}/uevent"), ""),
            (&format!("{driver}/1:1.0"), "l"),
            (&format!("{driver}/usb1"), ""),
            // Of an ancestor, which is no shown device, the links show and the driver does not.
            ("/bus/usb/drivers/usb", ""),
            ("/bus/usb/drivers/usb/usb1", "l"),
            ("/module/usbhid", "d"),
            ("/module/usbhid/parameters/quirks", "drl"),
            ("/module/usbhid/uevent", ""),
            ("/module/usbcore", ""),
        ],
    );
    table.insert(facts("/devices/pci0/usb1/1:1.0 usb"));
    let change = view.refresh(&table, &path("/devices/pci0/usb1/1:1.0"));
    check(&view, &table, &[(driver, ""), ("/module/usbhid", "")]);
    for gone in [driver, "/module/usbhid", "/bus/usb/drivers/usbhid/1:1.0"] {
        assert!(change.paths.iter().any(|path| path == gone), "{gone}");
    }
}

#[test]
fn path_rules_show_what_belongs_to_no_device_and_hide_anywhere() {
    let table = table(&[
        "/devices/system/cpu -",
        "/devices/system/cpu/cpu0 cpu",
        "/devices/virtual/zram0 block",
    ]);
    let view = view(
        "      - { path: /devices/system/cpu/cpu0/secret, show: hide }\n      - { match: { devpath: /devices/system/cpu/** }, show: ro }\n      - { path: [/devices/**, /class/**, /kernel/mm/**], show: ro }\n",
        &table,
    );
    check(
        &view,
        &table,
        &[
            ("/devices/system", "drl"),
            ("/devices/system/cpu/cpu0/online", "drl"),
            ("/devices/system/cpu/cpu0/secret", ""),
            ("/devices/virtual/zram0", ""),
            ("/devices/virtual/zram0/size", ""),
            ("/class/block/zram0", "r"),
            ("/class/zram-control/hot_add", "r"),
            ("/kernel", "d"),
            ("/kernel/mm", "drl"),
            ("/kernel/mm/x", "drl"),
            ("/kernel/debug", ""),
        ],
    );
}

#[test]
fn the_first_path_rule_counts() {
    let table = table(&[]);
    let narrow_first = view(
        "      - { path: /fs/a/b, show: ro }\n      - { path: /fs/**, show: hide }\n      - { path: /**, show: ro }\n",
        &table,
    );
    check(
        &narrow_first,
        &table,
        &[
            ("/fs", "d"),
            ("/fs/a", "d"),
            ("/fs/a/b", "drl"),
            ("/fs/a/c", ""),
            ("/fs/a/b/c", ""),
            ("/power", "drl"),
        ],
    );
    let wide_first = view(
        "      - { path: /fs/**, show: hide }\n      - { path: /fs/a/b, show: ro }\n",
        &table,
    );
    check(&wide_first, &table, &[("/fs", ""), ("/fs/a/b", "")]);
}

#[test]
fn globs_of_sysfs_are_relative_to_the_device_and_to_the_matched_one() {
    let table = table(&["/devices/kbd hid", "/devices/kbd/leds/caps leds"]);
    let view = view(
        "      - { match: { subsystem: hid }, show: rw, sysfs: { write: 'leds/*/brightness', hide: trigger } }\n",
        &table,
    );
    check(
        &view,
        &table,
        &[
            ("/devices/kbd/leds/caps/brightness", "dwl"),
            ("/devices/kbd/leds/caps/trigger", ""),
            ("/devices/kbd/brightness", "drl"),
        ],
    );
}

#[test]
fn the_standard_policy() {
    let table = table(&[
        "/devices/virtual/mem/null mem MAJOR=1 MINOR=3 DEVNAME=null DEVMODE=0666",
        "/devices/virtual/mem/mem mem MAJOR=1 MINOR=1 DEVNAME=mem",
        "/devices/virtual/tty/ptmx tty MAJOR=5 MINOR=2 DEVNAME=ptmx",
        "/devices/virtual/tty/console tty MAJOR=5 MINOR=1 DEVNAME=console",
        "/devices/system/cpu -",
        "/devices/virtual/net/lo net !",
    ]);
    let names = |name: &str| -> Vec<String> {
        let mut view = View::new(crate::Rules::builtin(name).unwrap().policy(name).unwrap());
        view.refresh_all(&table);
        view.shown()
            .map(|(devpath, shown)| {
                format!("{} {}", String::from_utf8_lossy(devpath.name()), shown.show)
            })
            .collect()
    };
    assert_eq!(names("minimal"), ["cpu ro", "null rw", "lo rw", "ptmx rw"]);
    assert_eq!(
        names("all"),
        [
            "cpu rw",
            "mem rw",
            "null rw",
            "lo rw",
            "console rw",
            "ptmx rw"
        ]
    );
}
