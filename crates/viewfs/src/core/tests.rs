use std::sync::mpsc::channel;

use super::*;
use crate::filter::Filtered;
use crate::fixtures::{Events, Fake, Item, facts, host, scene};
use crate::nodes::ROOT;

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
            let listing = core.listing(node.number, 0).unwrap();
            let times = |line: &Line| (line.node.number, line.name.clone(), line.place);
            seen.push(listing.after(0).iter().map(times).collect::<Vec<_>>());
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
    assert!(outdated.iter().any(|o| o.name == "sda"), "{outdated:?}");
    assert_eq!(read(&core, handle), Err(Error::NoDevice));
    assert_eq!(core.stat(ro.number), Err(Error::NotFound));
    assert!(find(&core, "/devices/pci0").is_err());
    // the same name again is another node
    let node = find(&core, "/devices").unwrap();
    assert_ne!(node.number, ro.number);
}

const DISK: &str = "/devices/pci0/usb1/block/sda";

/// Whoever reads on sees each name that stays once, whatever comes and goes meanwhile.
#[test]
fn a_listing_is_read_on_where_it_was_left() {
    let (core, _, fake) = core();
    let disk = find(&core, DISK).unwrap().number;
    let all = core.listing(disk, 0).unwrap().after(0).to_vec();
    let names = |lines: &[Line]| lines.iter().map(|l| l.name.to_string()).collect::<Vec<_>>();
    assert_eq!(names(&all[..2]), [".", ".."]);
    let half = all[all.len() / 2].place;
    fake.take(&format!("{DISK}/{}", all[2].name));
    fake.put(&format!("{DISK}/size"), Item::File("8\n"));
    // from the top it is read anew
    let anew = core.listing(disk, 0).unwrap();
    assert_eq!(anew.after(0).len(), all.len());
    let rest = names(anew.after(half));
    let mut expected = names(&all[all.len() / 2 + 1..]);
    expected.push("size".into());
    assert_eq!(rest, expected);
}

/// The kernel keeps listings as long as the directory's time stays the same.
#[test]
fn the_time_of_a_directory_is_that_of_its_names() {
    let (core, scene, fake) = core();
    let time = || find(&core, DISK).unwrap().stat.time;
    let never_listed = time();
    fake.put(&format!("{DISK}/a"), Item::File("1\n"));
    assert_eq!(time(), never_listed);
    let disk = find(&core, DISK).unwrap().number;
    core.listing(disk, 0).unwrap();
    // that somebody lists it changes nothing: tar would say that it changed under its eyes
    let listed = time();
    assert_eq!(listed, never_listed);
    assert_eq!(core.stat(disk).unwrap().stat.time, listed);
    fake.put(&format!("{DISK}/b"), Item::File("1\n"));
    // it is looked at once a second, or when the view has changed
    scene.write().generation += 1;
    let changed = time();
    assert!(changed > listed);
    assert_eq!(core.stat(disk).unwrap().stat.time, changed);
    // what is hidden changes nothing: nobody can tell that it came
    let block = find(&core, "/devices/pci0/usb1/block").unwrap().number;
    core.listing(block, 0).unwrap();
    let before = core.stat(block).unwrap().stat.time;
    fake.take("/devices/pci0/usb1/block/sdb");
    scene.write().generation += 1;
    assert_eq!(core.stat(block).unwrap().stat.time, before);
}

/// Defence: the look at the generation in `Core::tell` (without it the kernel keeps a name that
/// nobody will tell it to forget).
#[test]
fn what_is_hidden_while_it_is_listed_is_not_told() {
    let (core, scene, _) = core();
    let block = find(&core, "/devices/pci0/usb1/block").unwrap().number;
    let listing = core.listing(block, 0).unwrap();
    let line = listing.after(2)[0].clone();
    assert_eq!(line.name, "sda");
    assert!(core.tell(&listing, &line));
    core.untell(&line);
    let gone = kobject::Devpath::parse(DISK.as_bytes()).unwrap();
    {
        let mut scene = scene.write();
        let scene = &mut *scene;
        scene.table.remove(&gone);
        scene.view.refresh(&scene.table, &gone);
        scene.generation += 1;
    }
    assert!(!core.tell(&listing, &line));
}

/// Names that are never the same again, as those of interfaces may be, and nobody says that they went.
#[test]
fn what_goes_in_silence_leaves_no_node() {
    let (core, _, fake) = core();
    let disk = find(&core, DISK).unwrap().number;
    for n in 0..3000 {
        let name = format!("once{n}");
        let path = format!("{DISK}/{name}");
        fake.put(&path, Item::File("1\n"));
        if n % 2 == 0 {
            core.listing(disk, 0).unwrap();
        } else {
            let node = core.look_up(disk, name.as_bytes()).unwrap();
            core.forget(node.number, 1);
        }
        fake.take(&path);
    }
    let left = core.nodes.lock().len();
    assert!(left < 1000, "{left}");
    assert_eq!(find(&core, DISK).unwrap().number, disk);
}

#[test]
fn another_object_under_a_name_is_another_node() {
    let (core, _, fake) = core();
    let path = format!("{DISK}/ro");
    let before = find(&core, &path).unwrap();
    fake.renew(&path);
    assert_eq!(core.stat(before.number), Err(Error::Stale));
    let after = find(&core, &path).unwrap();
    assert_ne!(after.number, before.number);
    assert_eq!(core.stat(before.number), Err(Error::NotFound));
}

/// The kernel reads by itself what is text, readable by all, and has been read before.
#[test]
fn text_is_read_by_the_kernel_the_second_time() {
    let (core, scene, _) = core();
    let way = |number| match core.way(number) {
        Ok(Way::Direct) => "direct",
        Ok(Way::New) => "new",
        Ok(Way::Known(..)) => "known",
        Err(Error::Stale) => "stale",
        Err(e) => panic!("{e}"),
    };
    let ro = find(&core, &format!("{DISK}/ro")).unwrap().number;
    assert_eq!(way(ro), "direct", "nobody has read it yet");
    let handle = open(&core, ro, READ).unwrap();
    read(&core, handle).unwrap();
    assert_eq!(way(ro), "new");
    let (tx, rx) = channel();
    core.open_backed(
        ro,
        |_| Ok(Arc::new("a backing") as Wire),
        move |r| tx.send(r.map(|(handle, _)| handle)).unwrap(),
    );
    let backed = rx.recv().unwrap().unwrap();
    assert_eq!(way(ro), "known");
    core.close(backed);
    // what the container's writes make of it only we know
    let uevent = find(&core, &format!("{DISK}/uevent")).unwrap().number;
    let handle = open(&core, uevent, READ).unwrap();
    read(&core, handle).unwrap();
    assert_eq!(way(uevent), "direct");
    // and with the device it ends
    let gone = kobject::Devpath::parse(DISK.as_bytes()).unwrap();
    {
        let mut scene = scene.write();
        let scene = &mut *scene;
        scene.table.remove(&gone);
        scene.view.refresh(&scene.table, &gone);
    }
    assert!(core.way(ro).is_err());
}

#[test]
fn binary_is_never_read_by_the_kernel() {
    let (core, _, fake) = core();
    let path = format!("{DISK}/blob");
    fake.put(&path, Item::File("a\0b"));
    let blob = find(&core, &path).unwrap().number;
    let handle = open(&core, blob, READ).unwrap();
    read(&core, handle).unwrap();
    assert!(matches!(core.way(blob), Ok(Way::Direct)));
}

#[test]
fn open_files_are_capped() {
    let (core, _, _) = core();
    let ro = find(&core, &format!("{DISK}/ro")).unwrap().number;
    for _ in 0..MAX_HANDLES {
        open(&core, ro, READ).unwrap();
    }
    assert_eq!(open(&core, ro, READ), Err(Error::TooMany));
}
