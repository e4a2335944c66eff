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

mod rows {
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
}

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

#[test]
fn a_change_tells_what_came_and_went() {
    let mut table = table(&PAD);
    let mut view = view(
        "      - { match: { subsystem: input, property: { NAME: pad } }, show: ro }\n      - { match: { subsystem: input }, show: rw }\n",
        &table,
    );
    let event = path(&format!("{INPUT}/event3"));
    // Another number under the same name.
    table.insert(facts(&format!(
        "{event} input MAJOR=13 MINOR=68 DEVNAME=input/event3"
    )));
    let change = view.refresh(&table, &event);
    let [(before, after)] = &change.altered[..] else {
        panic!("{change:?}")
    };
    assert_eq!(
        (before.devnum.unwrap().minor, after.devnum.unwrap().minor),
        (67, 68)
    );
    assert_eq!(
        change.paths,
        [
            "/class/input/event3",
            "/bus/input/devices/event3",
            "/dev/char/13:67",
            "/dev/char/13:68",
            &event.to_string()
        ]
        .map(Bytes::from)
        .into_iter()
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect::<Vec<_>>()
    );
    // Another answer for a device above.
    table.insert(facts(&format!("{INPUT} input NAME=pad")));
    let change = view.refresh(&table, &path(INPUT));
    assert_eq!(
        change
            .altered
            .iter()
            .map(|(before, after)| (before.show, after.show))
            .collect::<Vec<_>>(),
        [(Show::Rw, Show::Ro); 2]
    );
    // Gone, from the bottom.
    table.remove(&event);
    let change = view.refresh(&table, &event);
    assert_eq!(
        change
            .vanished
            .iter()
            .map(|shown| &shown.devpath)
            .collect::<Vec<_>>(),
        [&event]
    );
    table.remove(&path(INPUT));
    let change = view.refresh(&table, &path(INPUT));
    assert_eq!(change.vanished.len(), 1);
    // With it the directories on its way.
    for gone in [
        "/devices/pci0",
        "/devices/pci0/usb1/1:1.0/input",
        "/bus/usb/devices/1:1.0",
    ] {
        assert!(
            change.paths.iter().any(|path| path == gone),
            "{gone} in {:?}",
            change.paths
        );
    }
    assert_eq!(view.shown().count(), 0);
    assert_eq!(view.sight(&path("/devices/pci0")), None);
}

#[test]
fn a_hidden_device_comes_and_goes_in_silence() {
    let mut table = table(&PAD);
    let mut view = view(
        "      - { match: { subsystem: input }, show: rw }\n",
        &table,
    );
    let hidden = path("/devices/pci0/usb1/1:1.1");
    table.insert(facts("/devices/pci0/usb1/1:1.1 usb driver=usbhid"));
    assert!(view.refresh(&table, &hidden).is_empty());
    assert_eq!(at(&view, &table, "/devices/pci0/usb1/1:1.1"), "");
    table.remove(&hidden);
    assert!(view.refresh(&table, &hidden).is_empty());
}

#[test]
fn udevs_answer_shows_what_waited() {
    let mut table = table(&["/devices/a input DEVNAME=a ?"]);
    let mut view = view(
        "      - { match: { property: { ID_PAD: '1' } }, show: rw }\n",
        &table,
    );
    assert_eq!(view.waiting().count(), 1);
    let mut facts = facts("/devices/a input DEVNAME=a");
    facts.udev = crate::Udev::Known(Properties::from_iter([("ID_PAD", "1")]).into());
    table.insert(facts);
    let change = view.refresh(&table, &path("/devices/a"));
    assert_eq!((change.appeared.len(), view.waiting().count()), (1, 0));
}

#[test]
fn another_policy_is_one_change() {
    let table = table(&PAD);
    let mut view = view(
        "      - { match: { subsystem: input }, show: rw }\n",
        &table,
    );
    let all = crate::Rules::builtin("all").unwrap().policy("all").unwrap();
    let change = view.set_policy(all, &table);
    assert_eq!(
        (
            change.appeared.len(),
            change.vanished.len(),
            change.altered.len()
        ),
        (3, 0, 0)
    );
    assert_eq!(view.policy().name(), "all");
    assert!(view.refresh_all(&table).is_empty());
}

#[test]
fn what_shows_below_a_device_is_found_by_its_place() {
    let table = table(&PAD);
    let view = view(
        "      - { match: { subsystem: input }, show: rw }\n",
        &table,
    );
    let below = |top: &str| view.shown_below(&path(top)).count();
    assert_eq!(below("/devices/pci0"), 2);
    assert_eq!(below(INPUT), 2);
    assert_eq!(below(&format!("{INPUT}/event3")), 1);
    assert_eq!(below("/devices/pci"), 0);
}
