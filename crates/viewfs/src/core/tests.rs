use std::sync::mpsc::channel;

use super::*;
use crate::filter::Filtered;
use crate::fixtures::{Events, Fake, facts, host, scene};

const ROOT_CALLER: Caller = Caller { uid: 0, gid: 0 };
const READ: Access = Access {
    read: true,
    write: false,
};
const WRITE: Access = Access {
    read: false,
    write: true,
};
const BOTH: Access = Access {
    read: true,
    write: true,
};

type Shown = Core<Filtered<Arc<Fake>>>;

fn core() -> (Shown, crate::SharedScene, Arc<Fake>) {
    let fake = host();
    let rules = "      - match: { devname: sda }\n        show: rw\n";
    let scene = scene(rules, facts());
    let events = Arc::new(Events::default());
    let tree = Filtered::new(Arc::new(fake.clone()), scene.clone(), events, None, (0, 0));
    (Core::new(Arc::new(tree)), scene, fake)
}

fn find(core: &Shown, path: &str) -> Result<Node, Error> {
    let mut node = core.stat(ROOT)?;
    for name in path.split('/').filter(|n| !n.is_empty()) {
        node = core.look_up(node.number, name.as_bytes())?;
    }
    Ok(node)
}

fn open(core: &Shown, number: u64, access: Access) -> Result<u64, Error> {
    let (tx, rx) = channel();
    core.open(number, access, ROOT_CALLER, move |r| tx.send(r).unwrap());
    rx.recv().unwrap()
}

fn read(core: &Shown, handle: u64) -> Result<Vec<u8>, Error> {
    let (tx, rx) = channel();
    core.read(handle, 0, 4096, ROOT_CALLER, move |r| tx.send(r).unwrap());
    rx.recv().unwrap()
}

fn write(core: &Shown, handle: u64, data: &[u8]) -> Result<usize, Error> {
    let (tx, rx) = channel();
    core.write(handle, 0, data.to_vec(), move |r| tx.send(r).unwrap());
    rx.recv().unwrap()
}

#[test]
fn names_become_numbers_and_content() {
    let (core, _, _) = core();
    let ro = find(&core, "/devices/pci0/usb1/block/sda/ro").unwrap();
    let handle = open(&core, ro.number, READ).unwrap();
    assert_eq!(read(&core, handle).unwrap(), b"0\n");
    assert_eq!(write(&core, handle, b"1"), Err(Error::BadHandle));
    core.close(handle);
    assert_eq!(read(&core, handle), Err(Error::BadHandle));
    assert_eq!(open(&core, ro.number, WRITE), Err(Error::Denied));
    assert_eq!(open(&core, ro.number, BOTH), Err(Error::Denied));
    let uevent = find(&core, "/class/block/sda");
    assert_eq!(uevent.unwrap().stat.kind, Kind::Link);
}

#[test]
fn strange_names_get_an_errno() {
    let (core, _, _) = core();
    let at = |name: &[u8]| core.look_up(ROOT, name).map(|n| n.number);
    assert_eq!(at(&[b'x'; 255]), Err(Error::NotFound));
    // sysfs has no limit of its own
    assert_eq!(at(&[b'x'; 256]), Err(Error::NotFound));
    assert_eq!(at(b"\xff\xfe"), Err(Error::NotFound));
    assert_eq!(at(b""), Err(Error::NotFound));
    assert_eq!(at(b".."), Err(Error::NotFound));
    assert_eq!(
        core.look_up(999, b"x").map(|n| n.number),
        Err(Error::NotFound)
    );
}

#[test]
fn what_is_hidden_leaves_no_gap_in_the_numbers() {
    let run = |with_hidden: bool| {
        let (core, scene, fake) = core();
        if !with_hidden {
            fake.take("/devices/pci0/usb1/block/sdb");
            fake.take("/class/block/sdb");
            let sdb = kobject::Devpath::parse(b"/devices/pci0/usb1/block/sdb").unwrap();
            scene.write().table.remove(&sdb);
        }
        let mut seen = Vec::new();
        for dir in [
            "/class/block",
            "/devices/pci0/usb1/block",
            "/devices/pci0/usb1/block/sda",
        ] {
            let node = find(&core, dir).unwrap();
            let handle = core.open_directory(node.number).unwrap();
            seen.push(core.listing(node.number, handle, true).unwrap().to_vec());
            assert!(core.look_up(node.number, b"sdb").is_err());
        }
        seen
    };
    assert_eq!(run(true), run(false));
}

#[test]
fn an_unplugged_disk_is_gone_for_those_who_hold_it() {
    let (core, scene, fake) = core();
    let ro = find(&core, "/devices/pci0/usb1/block/sda/ro").unwrap();
    let handle = open(&core, ro.number, READ).unwrap();
    let sda = kobject::Devpath::parse(b"/devices/pci0/usb1/block/sda").unwrap();
    fake.take("/devices/pci0/usb1/block/sda");
    let change = {
        let mut scene = scene.write();
        let scene = &mut *scene;
        for part in ["/sda1", ""] {
            let gone = format!("/devices/pci0/usb1/block/sda{part}");
            scene
                .table
                .remove(&kobject::Devpath::parse(gone.as_bytes()).unwrap());
        }
        scene.view.refresh(&scene.table, &sda)
    };
    assert_eq!(change.vanished.len(), 2);
    let outdated = core.outdated(&change.paths);
    assert!(
        outdated.iter().any(|(_, name, _)| name == "sda"),
        "{outdated:?}"
    );
    assert_eq!(read(&core, handle), Err(Error::NoDevice));
    assert_eq!(core.stat(ro.number), Err(Error::NotFound));
    assert!(find(&core, "/devices/pci0").is_err());
    // the same name again is another node
    let node = find(&core, "/devices").unwrap();
    assert_ne!(node.number, ro.number);
}

#[test]
fn rewinding_a_listing_reads_it_anew() {
    let (core, _, fake) = core();
    let disk = find(&core, "/devices/pci0/usb1/block/sda").unwrap().number;
    let handle = core.open_directory(disk).unwrap();
    let count = |from_top| core.listing(disk, handle, from_top).unwrap().len();
    let before = count(true);
    fake.put(
        "/devices/pci0/usb1/block/sda/size",
        crate::fixtures::Item::File("8\n"),
    );
    assert_eq!(count(false), before);
    assert_eq!(count(true), before + 1);
}

#[test]
fn open_files_are_capped() {
    let (core, _, _) = core();
    let node = find(&core, "/class").unwrap().number;
    for _ in 0..MAX_HANDLES {
        core.open_directory(node).unwrap();
    }
    assert_eq!(core.open_directory(node), Err(Error::TooMany));
}
