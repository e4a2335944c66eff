//! What the built-in policies show of recorded and described machines: `tests/data/builtins/NAME.txt`, a line for each node.
//!
//! With `BLESS=1` in the environment the first test writes these files instead; read the difference before committing it.

use std::collections::BTreeSet;
use std::sync::LazyLock;
use std::{env, fs};

use kobject::Devpath;
use policy::{DeviceTable, FileAccess, Reason, Rules, Udev, View, builtins};
use tests::recorded::{Recorded, view};

/// Those for a kind of device.
const KINDS: [&str; 6] = ["storage", "serial", "gamepads", "desktop", "gpu", "camera"];

fn builtin(name: &str, table: &DeviceTable) -> View {
    let rules = Rules::builtin(name).expect(name);
    view(table, rules.policy(name).expect(name))
}

/// `rw b 8:1 sda1`, and with `why` the rule too; sorted by number.
fn nodes(view: &View, table: &DeviceTable, why: bool) -> Vec<String> {
    let mut found = Vec::new();
    for (devpath, shown) in view.shown() {
        let (Some(number), Some(name)) = (shown.devnum, &shown.devname) else {
            continue;
        };
        let mut line = format!("{} {number} {name}", shown.show);
        if why {
            let rule = match view.decision(table, devpath).expect("a decision").reason {
                Reason::Rule { rule, .. } => rule,
                other => panic!("{devpath}: {other}"),
            };
            line += &format!("  {}: {}", rule.policy, rule.rule.as_deref().unwrap_or("?"));
        }
        found.push((number, line));
    }
    found.sort();
    found.into_iter().map(|(_, line)| line).collect()
}

fn names(view: &View) -> BTreeSet<String> {
    let shown = view.shown().filter(|(_, shown)| shown.devnum.is_some());
    shown
        .filter_map(|(_, shown)| Some(shown.devname.as_ref()?.to_string()))
        .collect()
}

/// Those that the policy shows beside what `minimal` does.
fn own(name: &str, table: &DeviceTable) -> Vec<String> {
    let minimal = names(&builtin("minimal", table));
    let shown = names(&builtin(name, table));
    shown.difference(&minimal).cloned().collect()
}

static RECORDED: LazyLock<DeviceTable> = LazyLock::new(|| Recorded::unpack().table());
static DESCRIBED: LazyLock<DeviceTable> = LazyLock::new(|| Recorded::described().table());

fn machines() -> [(&'static str, &'static DeviceTable); 2] {
    [("recorded", &RECORDED), ("described", &DESCRIBED)]
}

#[test]
fn each_shows_exactly_these_nodes() {
    for policy in builtins().map(|it| it.name).filter(|name| *name != "all") {
        let mut text = String::new();
        for (machine, table) in machines() {
            text += &format!("# {machine}\n");
            for line in nodes(&builtin(policy, table), table, true) {
                text += &format!("{line}\n");
            }
        }
        let file = tests::binaries::repository(&format!("tests/data/builtins/{policy}.txt"));
        if env::var_os("BLESS").is_some() {
            fs::write(&file, &text).expect("the snapshot");
        }
        let expected = fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(expected, text, "{policy}: {}", file.display());
    }
}

#[test]
fn all_shows_every_node() {
    for (machine, table) in machines() {
        let has_node = |facts: &&policy::Facts| facts.device.devname().is_some();
        let there = table.iter().filter(has_node).count();
        assert!(there > 60, "{machine}: {there}");
        assert_eq!(
            nodes(&builtin("all", table), table, false).len(),
            there,
            "{machine}"
        );
    }
}

#[test]
fn none_shows_what_reaches_the_host_or_other_devices() {
    // consoles, terminals, memory, the machine, what makes devices, raw lines to a bus, what is below or beside what may show
    let never = "console tty0 tty1 ttyS0 ttyS1 ttyS2 ttyAMA0 hvc0 ttyGS0 rfcomm0 vcs vcsa1 mem port kmsg kvm uinput uhid userfaultfd \
                 psaux snapshot hpet watchdog rtc0 cpu_dma_latency vga_arbiter bus/usb/001/001 bus/usb/001/002 bus/usb/001/009 input/mice \
                 input/event1 input/event2 input/event42 sg0 sg1 bsg/6:0:0:0 nvme0 ng0n1 nvme0n1 nvme0n1p1 sdb vda mmcblk1 mmcblk2 \
                 mmcblk2boot0 mmcblk2rpmb loop0 loop-control zram0 dm-0 mapper/control md127 nbd0 drm_dp_aux0 i2c-5 fb0 snd/hwC0D0 \
                 dvb/adapter0/frontend0 vbi0 radio0 video9 hidraw7 hidraw9 hidraw10 hidraw11";
    let never: BTreeSet<String> = never.split_whitespace().map(str::to_string).collect();
    let mut there = BTreeSet::new();
    for (_, table) in machines() {
        there.extend(names(&builtin("all", table)));
        for policy in KINDS {
            let shown = names(&builtin(policy, table));
            let wrong: Vec<_> = shown.intersection(&never).collect();
            assert!(wrong.is_empty(), "{policy}: {wrong:?}");
        }
    }
    let missing: Vec<_> = never.difference(&there).collect();
    assert!(missing.is_empty(), "no machine has {missing:?}");
}

#[test]
fn what_shows_is_of_its_kind() {
    let said = |table: &DeviceTable, devpath: &Devpath, key: &str| -> String {
        let facts = table.get(devpath).expect("a device that shows");
        let Udev::Known(said) = &facts.udev else {
            return String::new();
        };
        String::from_utf8_lossy(said.properties.get(key.as_bytes()).unwrap_or_default()).into()
    };
    for (machine, table) in machines() {
        let minimal = names(&builtin("minimal", table));
        let mut seen = 0;
        for policy in KINDS {
            for (devpath, shown) in builtin(policy, table).shown() {
                let name = shown.devname.as_ref().map(ToString::to_string);
                let Some(name) = name.filter(|name| !minimal.contains(name)) else {
                    continue;
                };
                seen += 1;
                let subsystem = shown
                    .subsystem
                    .as_deref()
                    .map(|s| s.to_vec())
                    .unwrap_or_default();
                let of = |names: &[&str]| names.iter().any(|name| name.as_bytes() == subsystem);
                let fine = match policy {
                    "storage" => of(&["block"]),
                    "serial" => of(&["tty"]) && devpath.to_string().contains("/usb"),
                    "gamepads" => {
                        of(&["input", "hidraw"])
                            && said(table, devpath, "ID_INPUT_KEYBOARD") != "1"
                            && said(table, devpath, "ID_INPUT_MOUSE") != "1"
                    }
                    "desktop" => {
                        of(&["input", "sound", "drm"]) && said(table, devpath, "ID_SEAT").is_empty()
                    }
                    "gpu" => of(&["drm", "kfd"]) && !name.contains("card"),
                    _ => {
                        of(&["video4linux", "media"])
                            && !said(table, devpath, "ID_V4L_CAPABILITIES").contains(":tuner:")
                    }
                };
                assert!(fine, "{machine}: {policy} shows {devpath}");
            }
        }
        assert!(seen > 10, "{machine}: {seen}");
    }
}

/// A pad is not taken for what its first facts say of it.
#[test]
fn what_udev_has_not_said_hides() {
    let described = Recorded::described();
    let unknown = described.table_with(|_| Udev::Unknown);
    let known = &*DESCRIBED;
    for policy in ["storage", "serial", "gpu"] {
        assert_eq!(own(policy, &unknown), own(policy, known), "{policy}");
    }
    assert_eq!(own("desktop", &unknown), [""; 0]);
    assert_eq!(own("gamepads", &unknown), ["hidraw5", "hidraw6", "hidraw8"]);
    let camera = ["media0", "media1", "v4l-subdev0", "video0", "video1"];
    assert_eq!(own("camera", &unknown), camera);
    // what does not depend on udev never waits for it
    assert_eq!(
        names(&builtin("desktop", &unknown)),
        names(&builtin("minimal", &unknown))
    );
    assert!(builtin("desktop", &unknown).waiting().count() > 20);
    assert_eq!(builtin("desktop", known).waiting().count(), 0);
}

#[test]
fn without_udev_what_needs_it_is_not_there() {
    let described = Recorded::described();
    fs::remove_file(described.run().join("udev/control")).expect("no udev");
    let table = described.table();
    assert_eq!(own("gamepads", &table), ["hidraw5", "hidraw6", "hidraw8"]);
    let desktop = own("desktop", &table);
    assert!(
        desktop
            .iter()
            .all(|name| name.starts_with("dri/") || name.starts_with("snd/"))
    );
    assert!(desktop.contains(&"dri/card0".to_string()), "{desktop:?}");
}

#[test]
fn two_together_show_what_each_does() {
    let text = "version: 1\npolicies:\n  both: { base: [desktop, gamepads, camera, storage, serial, gpu] }\n";
    let both = Rules::parse("x", text)
        .expect("rules")
        .policy("both")
        .expect("both");
    for (machine, table) in machines() {
        let each = KINDS.iter().flat_map(|name| names(&builtin(name, table)));
        assert_eq!(
            names(&view(table, both.clone())),
            each.collect(),
            "{machine}"
        );
    }
}

#[test]
fn a_keyboards_lights_are_to_read() {
    let table = &*RECORDED;
    let desktop = builtin("desktop", table);
    let light = table
        .iter()
        .find(|facts| facts.device.name().ends_with(b"::capslock"));
    let light = light.expect("a light").device.devpath.to_string();
    let access =
        |view: &View, file: &str| view.judge(table, format!("{light}/{file}").as_bytes()).file;
    assert_eq!(access(&desktop, "brightness"), FileAccess::Read);
    assert_eq!(
        access(&builtin("gamepads", table), "brightness"),
        FileAccess::None
    );
    let backlight =
        b"/devices/pci0000:00/0000:00:02.0/drm/card0/card0-eDP-1/intel_backlight/brightness";
    assert_eq!(
        builtin("desktop", &DESCRIBED)
            .judge(&DESCRIBED, backlight)
            .file,
        FileAccess::None
    );
}
