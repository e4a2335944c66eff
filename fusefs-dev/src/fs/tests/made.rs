//! Nodes that the container has made itself.

use super::*;

const DISK: New = New::Device(Kind::Block, (8, 0));
const PAD: New = New::Device(Kind::Char, (13, 64));

#[test]
fn they_go_for_good_with_their_device() {
    let setup = Setup::new(vec![sda(), event()]);
    let free = setup.fs.room().unwrap().free_inodes;
    let dir = setup.make("/dir", New::Directory).unwrap().number;
    let made = setup.make("/dir/a", DISK).unwrap().number;
    setup.fs.link(made, ROOT, b"b").unwrap();
    setup.make("/dir/pad", PAD).unwrap();
    let wanted = Wanted {
        perm: Some(0o666),
        ..Wanted::default()
    };
    setup.fs.change(made, &wanted).unwrap();
    setup.pull("/devices/x/sda");
    setup.plug(sda());
    assert_eq!((setup.kind("/dir/a"), setup.kind("/b")), (None, None));
    let by_descriptor = setup.fs.attributes(made);
    assert_eq!(by_descriptor, Err(Error::Stale), "it has no name either");
    assert_eq!(setup.names("/dir"), ["pad"]);
    assert_eq!(setup.make("/b", DISK).unwrap().perm, 0o644);
    setup.remove("/b").unwrap();
    setup.pull("/devices/x/event0");
    setup.remove("/dir").unwrap();
    // the kernel forgets them all: inodes of a tmpfs are numbered one after the other
    for number in (made..made + 9).chain([dir]) {
        setup.fs.forget(number, 99);
    }
    assert_eq!(setup.fs.room().unwrap().free_inodes, free);
}

/// The pull and the plug are seen at once, if nobody asks for anything in between.
#[test]
fn they_do_not_pass_to_the_next_device_of_the_number() {
    let setup = Setup::new(vec![sda()]);
    setup.make("/a", DISK).unwrap();
    setup.plug(event());
    assert_eq!(setup.kind("/a"), Some(Kind::Block), "others come and go");
    setup.pull("/devices/x/sda");
    let text = "MAJOR=8\nMINOR=0\nDEVNAME=sdb\n";
    setup.plug(device("/devices/x/sdb", "block", text));
    assert_eq!(setup.kind("/a"), None);
    assert_eq!(setup.kind("/sdb"), Some(Kind::Block));
}

#[test]
fn a_directory_that_held_one_when_its_devices_went_is_the_containers_own() {
    let path = |name: &str| format!("/devices/x/{name}");
    let text = "MAJOR=13\nMINOR=65\nDEVNAME=input/by/event1\n";
    let deep = device(&path("event1"), "input", text);
    let setup = Setup::new(vec![sda(), event(), deep]);
    setup.make("/input/by/pad", PAD).unwrap();
    setup.make("/input/by/disk", DISK).unwrap();
    setup.pull(&path("event1"));
    setup.pull(&path("event0"));
    assert_eq!(setup.names("/input/by"), ["disk"]);
    setup.pull(&path("sda"));
    // nobody has told the kernel that it is gone
    assert_eq!(setup.names("/input/by"), Vec::<String>::new());
}
