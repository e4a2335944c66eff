//! What is taken back ahead of its turn, and who is told of it.

use super::*;

/// Who holds it is looked for after nobody can open it any more.
#[test]
fn what_was_revoked_is_said_after_it_is() {
    let mut host = host(LOOP3, false, false);
    let log = host.log.clone();
    let said = move |shown: &Shown| {
        log.lock().push(format!("said {}", shown.devnum.unwrap()));
    };
    host.watcher.outlets.on_revoked = Some(Box::new(said));
    host.plug("loop3", "");
    let _ = host.log();
    host.pull("loop3");
    let expected = ["revoke b 7:3", "said b 7:3", "forget 1 paths,  show"];
    assert_eq!(host.log(), expected);
}

/// It was revoked when its `remove` was taken in, and a look at everything finds one just like it.
#[test]
fn regression_what_came_back_the_same_after_a_loss_is_granted_again() {
    let mut host = host(LOOP3, false, false);
    host.plug("loop3", "");
    host.watcher.scanned = 5000;
    host.watcher.engine.revoke_below(&devpath("loop3"));
    let _ = host.log();
    let mut device = Device::new(devpath("loop3"));
    device.subsystem = Some("block".into());
    device.properties = Properties::parse_lines(b"SEQNUM=4711\n");
    host.watcher.outdated(made_up(Action::Remove, &device));
    assert_eq!(host.log(), ["grant b 7:3 Rw"]);
}

/// What udev says of a device whose `remove` is known already grants nothing.
#[test]
fn a_device_whose_removal_is_known_is_not_granted() {
    let rules = "      - match: { devname: loop3, property: { ID_OK: \"1\" } }\n        show: rw\n";
    let mut host = host(rules, true, false);
    host.plug("loop3", "");
    let mut device = Device::new(devpath("loop3"));
    device.subsystem = Some("block".into());
    let remove = ::host::monitor::Message::Kernel(made_up(Action::Remove, &device));
    host.watcher.heard.push_back(remove);
    let _ = host.log();
    host.watcher.udev(UdevMessage {
        action: Action::Add,
        devpath: devpath("loop3"),
        vars: Properties::parse_lines(b"ID_OK=1\n"),
    });
    assert_eq!(host.log(), Vec::<String>::new());
}
