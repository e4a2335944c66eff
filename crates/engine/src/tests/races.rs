//! Devices that are looked at while the kernel makes them, or decided about when they are gone already.

use super::*;

/// A look at everything may find a device that the kernel is still making: its links and attributes come after its directory.
#[test]
fn a_device_that_was_found_half_made_is_decided_again_when_its_event_comes() {
    let rules = "      - match: { subsystem: block, attr: { secret: \"1\" } }\n        show: hide\n      - match: { devname: \"loop[345]\" }\n        show: rw\n";
    let mut host = host(rules, false, false);
    let place = |name: &str| format!("sys/devices/virtual/block/{name}");
    let top = host.dir.path().to_path_buf();
    for name in ["loop3", "loop4", "loop5"] {
        plug(&top, name, "");
    }
    // nothing says yet that its number is a block device's
    std::fs::remove_file(top.join(place("loop5")).join("subsystem")).unwrap();
    host.watcher.rescan();
    assert!(
        ["loop3", "loop4"]
            .iter()
            .all(|name| host.watcher.engine.shows(&devpath(name)))
    );
    assert!(!host.watcher.engine.shows(&devpath("loop5")));
    plug(&top, "loop5", "");
    std::fs::write(top.join(place("loop3")).join("secret"), "1\n").unwrap();
    let _ = (host.log(), host.heard());
    for name in ["loop3", "loop4", "loop5"] {
        let mut device = Device::new(devpath(name));
        device.subsystem = Some("block".into());
        let text = std::fs::read(top.join(place(name)).join("uevent")).unwrap();
        device.properties = Properties::parse_lines(&text);
        host.watcher.kernel(made_up(Action::Add, &device));
    }
    let gate: Vec<String> = host
        .log()
        .into_iter()
        .filter(|line| line.contains("7:"))
        .collect();
    assert_eq!(gate, ["revoke b 7:3", "grant b 7:5 Rw"]);
    assert!(host.watcher.engine.shows(&devpath("loop4")));
    // nobody hears twice that a device has come
    assert_eq!(host.heard(), ["remove loop3", "add loop5"]);
}

/// A decision about a device is one about what is below it, of which some may be known to be gone.
#[test]
fn what_is_known_to_be_gone_is_not_granted_with_what_is_above_it() {
    let rules = "      - match: { devname: loop3, property: { READY: \"1\" } }\n        show: rw\n";
    for udev in [false, true] {
        let mut host = host(rules, udev, false);
        host.plug("loop3", "");
        let dir = host.dir.path().join("sys/devices/virtual/block/loop3/part");
        std::fs::create_dir(&dir).unwrap();
        std::fs::write(dir.join("uevent"), "MAJOR=259\nMINOR=1\n").unwrap();
        symlink("../../../../../class/block", dir.join("subsystem")).unwrap();
        host.kernel(Action::Add, "loop3/part");
        if udev {
            host.says(Action::Add, "loop3/part", "");
        }
        let _ = (host.log(), host.heard());
        let mut device = Device::new(devpath("loop3/part"));
        device.subsystem = Some("block".into());
        device.properties.push(b"SEQNUM", b"4712");
        let remove = Message::Kernel(made_up(Action::Remove, &device));
        host.watcher.heard.push_back(remove);
        match udev {
            true => host.says(Action::Change, "loop3", "READY=1\n"),
            false => {
                plug(host.dir.path(), "loop3", "READY=1\n");
                host.kernel(Action::Change, "loop3");
            }
        }
        let grants = |log: Vec<String>| -> Vec<String> {
            log.into_iter()
                .filter(|line| line.contains("grant"))
                .collect()
        };
        assert_eq!(grants(host.log()), ["grant b 7:3 Rw"], "udev: {udev}");
        // which is told as of any other
        host.watcher.hear_host();
        assert_eq!(grants(host.log()), [""; 0]);
        assert_eq!(host.heard().last().unwrap(), "remove part");
    }
}
