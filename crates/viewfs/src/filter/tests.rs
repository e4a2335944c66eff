use std::collections::BTreeSet;

use super::*;
use crate::fixtures::{Events, Fake, Item, facts, host, scene};

const SDA: &str = "      - match: { devname: sda }\n        show: rw\n        sysfs: { write: [\"queue/scheduler\"] }\n";
const DISK: &str = "/devices/pci0/usb1/block/sda";

struct Setup {
    fake: Arc<Fake>,
    events: Arc<Events>,
    tree: Filtered<Arc<Fake>>,
}

fn setup(rules: &str) -> Setup {
    let (fake, events) = (host(), Arc::new(Events::default()));
    let source = Arc::new(fake.clone());
    let tree = Filtered::new(
        source,
        scene(rules, facts()),
        events.clone(),
        None,
        (100_000, 100_001),
    );
    Setup { fake, events, tree }
}

fn names(tree: &impl Tree, path: &str) -> BTreeSet<String> {
    tree.list(path.as_bytes())
        .unwrap()
        .into_iter()
        .map(|e| e.name.to_string())
        .collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|n| n.to_string()).collect()
}

/// Everything below `path` that a walk finds.
fn walk(tree: &impl Tree, path: &str, found: &mut BTreeSet<String>) {
    for entry in tree.list(path.as_bytes()).unwrap() {
        let child = format!("{path}/{}", entry.name);
        assert_eq!(
            tree.stat(child.as_bytes()).unwrap().kind,
            entry.kind,
            "{child}"
        );
        if entry.kind == Kind::Directory {
            walk(tree, &child, found);
        }
        found.insert(child);
    }
}

#[test]
fn a_shown_disk_brings_its_ancestors_links_and_partition() {
    let Setup { tree, .. } = setup(SDA);
    let mut found = BTreeSet::new();
    walk(&tree, "", &mut found);
    let expected = set(&[
        "/bus",
        "/bus/usb",
        "/bus/usb/devices",
        "/bus/usb/devices/usb1",
        "/bus/usb/drivers",
        "/class",
        "/class/block",
        "/class/block/sda",
        "/devices",
        "/devices/pci0",
        "/devices/pci0/uevent",
        "/devices/pci0/usb1",
        "/devices/pci0/usb1/block",
        "/devices/pci0/usb1/block/sda",
        "/devices/pci0/usb1/block/sda/queue",
        "/devices/pci0/usb1/block/sda/queue/nr_requests",
        "/devices/pci0/usb1/block/sda/queue/scheduler",
        "/devices/pci0/usb1/block/sda/ro",
        "/devices/pci0/usb1/block/sda/sda1",
        "/devices/pci0/usb1/block/sda/sda1/start",
        "/devices/pci0/usb1/block/sda/sda1/uevent",
        "/devices/pci0/usb1/block/sda/subsystem",
        "/devices/pci0/usb1/block/sda/uevent",
        "/devices/pci0/usb1/serial",
        "/devices/pci0/usb1/uevent",
        "/devices/pci0/vendor",
        "/module",
    ]);
    assert_eq!(found, expected);
}

#[test]
fn hidden_and_absent_are_one_and_neither_is_asked_for() {
    let Setup { fake, tree, .. } = setup(SDA);
    for path in [
        "/devices/pci0/usb1/block/sdb",
        "/devices/pci0/usb1/block/sdb/ro",
        "/devices/pci0/usb1/block/sdc",
        "/class/block/sdb",
        "/class/block/sdc",
        "/class/block/extra",
        "/kernel",
        "/kernel/notes",
        "/devices/pci0/power/control",
        "/module/usb_storage/version",
        "/bus/usb/drivers/storage/bind",
    ] {
        fake.asked.lock().clear();
        let path = path.as_bytes();
        assert_eq!(tree.stat(path), Err(Error::NotFound));
        assert_eq!(tree.list(path), Err(Error::NotFound));
        assert_eq!(tree.readlink(path), Err(Error::NotFound));
        assert!(matches!(tree.open_read(path), Err(Error::NotFound)));
        assert!(matches!(tree.open_write(path), Err(Error::NotFound)));
        assert_eq!(
            *fake.asked.lock(),
            Vec::<BString>::new(),
            "{}",
            BString::from(path)
        );
    }
}

#[test]
fn a_link_shows_only_with_its_target() {
    let Setup { fake, tree, .. } = setup(SDA);
    let bdi = format!("{DISK}/bdi");
    assert_eq!(tree.readlink(bdi.as_bytes()), Err(Error::NotFound));
    assert_eq!(tree.stat(bdi.as_bytes()), Err(Error::NotFound));
    assert_eq!(tree.readlink(b"/class/block/sda").unwrap(), DISK);
    // the name is the shown disk's, but by now it leads elsewhere
    fake.put(
        "/class/block/sda",
        Item::Link("/devices/pci0/usb1/block/sdb"),
    );
    assert_eq!(tree.readlink(b"/class/block/sda"), Err(Error::NotFound));
}

#[test]
fn a_device_that_nobody_told_us_of_is_hidden() {
    let Setup { fake, tree, .. } = setup(SDA);
    fake.put("/devices/pci0/usb1/block/sda/sda2/uevent", Item::File(""));
    fake.put("/devices/pci0/usb1/block/sda/holders/x", Item::File(""));
    let shown = names(&tree, DISK);
    assert!(
        shown.contains("holders") && !shown.contains("sda2"),
        "{shown:?}"
    );
    assert_eq!(
        tree.stat(format!("{DISK}/sda2").as_bytes()),
        Err(Error::NotFound)
    );
}

/// Whoever holds its directory open, of the device that was there before or from before it had a `uevent` file, needs
/// not ask for its name.
#[test]
fn nothing_in_a_device_that_nobody_told_us_of_shows() {
    let rules =
        "      - match: { devname: sda }\n        show: rw\n        sysfs: { write: [\"**\"] }\n";
    let Setup { fake, tree, .. } = setup(rules);
    fake.put(
        &format!("{DISK}/queue/up"),
        Item::Link("/devices/pci0/usb1"),
    );
    let names = ["uevent", "secret", "queue/scheduler", "deep/er/secret"];
    for name in names {
        fake.put(&format!("{DISK}/sda2/{name}"), Item::File(""));
    }
    fake.put(&format!("{DISK}/sda2/up"), Item::Link("/devices/pci0/usb1"));
    fake.put(
        &format!("{DISK}/to"),
        Item::Link("/devices/pci0/usb1/block/sda/sda2"),
    );
    fake.put(
        &format!("{DISK}/into"),
        Item::Link("/devices/pci0/usb1/block/sda/sda2/queue"),
    );
    assert!(self::names(&tree, DISK).is_disjoint(&set(&["to", "into"])));
    for name in ["to", "into"] {
        let path = format!("{DISK}/{name}").into_bytes();
        assert_eq!(tree.stat(&path), Err(Error::NotFound), "{name}");
        assert_eq!(tree.readlink(&path), Err(Error::NotFound), "{name}");
    }
    for name in names {
        let path = format!("{DISK}/sda2/{name}").into_bytes();
        assert_eq!(tree.stat(&path), Err(Error::NotFound), "{name}");
        assert_eq!(tree.same_for_all(&path), Err(Error::NotFound), "{name}");
        assert!(matches!(tree.open_read(&path), Err(Error::NotFound)));
        assert!(matches!(tree.open_write(&path), Err(Error::NotFound)));
    }
    let at = |name: &str| format!("{DISK}/{name}").into_bytes();
    for name in ["sda2", "sda2/queue", "sda2/deep/er"] {
        assert_eq!(tree.list(&at(name)), Err(Error::NotFound), "{name}");
    }
    assert_eq!(tree.readlink(&at("sda2/up")), Err(Error::NotFound));
    assert!(tree.readlink(&at("queue/up")).is_ok());
    assert!(tree.open_write(&at("queue/scheduler")).is_ok());
    assert!(tree.open_read(&at("sda1/start")).is_ok());
}

#[test]
fn writing_needs_a_rule_and_ownership_follows_it() {
    let Setup { fake, events, tree } = setup(SDA);
    let at = |name: &str| format!("{DISK}/{name}").into_bytes();
    let owner = |name: &str| tree.stat(&at(name)).map(|s| (s.uid, s.gid)).unwrap();
    assert!(matches!(tree.open_write(&at("ro")), Err(Error::Denied)));
    assert!(matches!(
        tree.open_write(&at("queue/nr_requests")),
        Err(Error::Denied)
    ));
    assert_eq!(
        tree.open_write(&at("queue/scheduler"))
            .unwrap()
            .write(0, b"bfq"),
        Ok(3)
    );
    assert_eq!(
        *fake.written.lock(),
        [BString::from(format!("{DISK}/queue/scheduler=bfq"))]
    );
    assert_eq!(owner("queue/scheduler"), (100_000, 100_001));
    assert_eq!(owner("uevent"), (100_000, 100_001));
    assert_eq!(owner("ro"), (0, 0));
    // an event, and nothing written to the host
    assert_eq!(
        tree.open_write(&at("uevent")).unwrap().write(7, b"add"),
        Ok(3)
    );
    assert_eq!(events.0.lock().len(), 1);
    assert_eq!(fake.written.lock().len(), 1);
    assert!(matches!(
        tree.open_write(b"/devices/pci0/usb1/uevent"),
        Err(Error::Denied)
    ));
}

#[test]
fn read_only_devices_take_no_event() {
    let Setup { tree, .. } = setup("      - match: { devname: sda }\n        show: ro\n");
    assert!(matches!(
        tree.open_write(format!("{DISK}/uevent").as_bytes()),
        Err(Error::Denied)
    ));
    assert!(tree.open_read(format!("{DISK}/uevent").as_bytes()).is_ok());
}

#[test]
fn a_driver_shows_with_a_bound_device_but_not_its_bind() {
    let Setup { tree, .. } = setup("      - match: { subsystem: usb }\n        show: rw\n");
    assert_eq!(names(&tree, "/bus/usb/drivers/storage"), set(&["usb1"]));
}

#[test]
fn an_open_file_is_no_more_than_the_view_says_now() {
    let (fake, events) = (host(), Arc::new(Events::default()));
    let rules = "      - match: { devname: sda, property: { OK: \"1\" } }\n        show: rw\n        \
                 sysfs: { write: [ro] }\n      - match: { devname: sda, property: { OK: \"0\" } }\n        show: ro\n";
    let mut all = facts();
    let sda = all.iter().position(|f| f.device.name() == b"sda").unwrap();
    all[sda].device.properties.push(b"OK", b"1");
    let mut changed = all[sda].clone();
    let scene = scene(rules, all);
    let tree = Filtered::new(Arc::new(fake.clone()), scene.clone(), events, None, (0, 0));
    let path = format!("{DISK}/ro").into_bytes();
    let (reader, writer) = (
        tree.open_read(&path).unwrap(),
        tree.open_write(&path).unwrap(),
    );
    assert_eq!(writer.write(0, b"1"), Ok(1));
    let mut decide = |ok: &[u8]| {
        changed.device.properties.insert(b"OK", ok);
        let mut scene = scene.write();
        let scene = &mut *scene;
        scene.table.insert(changed.clone());
        scene.view.refresh(&scene.table, &changed.device.devpath);
    };
    decide(b"0");
    assert_eq!(writer.write(0, b"1"), Err(Error::Denied));
    assert_eq!(reader.read(0, 10), Ok(b"0\n".to_vec()));
    decide(b"2");
    assert_eq!(writer.write(0, b"1"), Err(Error::NoDevice));
    assert_eq!(reader.read(0, 10), Err(Error::NoDevice));
    assert_eq!(fake.written.lock().len(), 1);
}
