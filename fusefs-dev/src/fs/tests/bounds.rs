//! What the container can make the server keep: no more than its limits are good for.

use super::*;

/// With as many inodes as the container has by default.
fn roomy() -> Setup {
    Setup::with_rules(&RULES.replace("inodes: 64", "inodes: 4096"), Vec::new())
}

impl Setup {
    fn inodes(&self) -> u64 {
        let room = self.fs.room().unwrap();
        room.inodes - room.free_inodes
    }
}

/// Each level would cost the server its whole path: gigabytes.
#[test]
fn no_directory_is_further_down_than_a_path_reaches() {
    let setup = roomy();
    let name = [b'd'; 250];
    let (mut dir, mut depth) = (ROOT, 0);
    let refused = loop {
        match setup.fs.make(dir, &name, &New::Directory, BY) {
            Ok(made) => dir = made.number,
            Err(e) => break e,
        }
        depth += 1;
    };
    assert_eq!((refused, depth), (Error::NameTooLong, 4095 / 251));
    // what has no path of its own has its place there
    setup.fs.make(dir, &name, &New::File, BY).unwrap();
    let inodes = setup.inodes();
    let x = [b'x'; 100];
    let x = setup.fs.make(ROOT, &x, &New::Directory, BY).unwrap().number;
    for how in [Replace::Yes, Replace::Never] {
        let moved = setup.fs.rename((ROOT, &name), (x, &name), how);
        assert_eq!(moved, Err(Error::NameTooLong));
    }
    let y = [b'y'; 250];
    setup.fs.make(x, &y, &New::Directory, BY).unwrap();
    for (from, to) in [
        ((ROOT, &name[..]), (x, &y[..])),
        ((x, &y[..]), (ROOT, &name)),
    ] {
        let exchanged = setup.fs.rename(from, to, Replace::Exchange);
        assert_eq!(exchanged, Err(Error::NameTooLong));
    }
    assert_eq!(setup.inodes(), inodes + 2);
    // to a shorter name it may go, and back to as long a one
    setup
        .fs
        .rename((ROOT, &name), (ROOT, b"short"), Replace::Yes)
        .unwrap();
    setup
        .fs
        .rename((ROOT, b"short"), (ROOT, &[b'e'; 250]), Replace::Yes)
        .unwrap();
}

/// Each handle keeps what was listed, as it was then.
#[test]
fn open_directories_hold_so_many_names_together() {
    let setup = roomy();
    let dir = setup.make("/d", New::Directory).unwrap().number;
    for n in 0..1000 {
        let name = format!("{n:0250}");
        setup.fs.make(dir, name.as_bytes(), &New::File, BY).unwrap();
    }
    let handles: Vec<u64> = (0..200)
        .map(|_| setup.fs.open_directory(dir).unwrap())
        .collect();
    let listed = handles.iter().map(|handle| setup.fs.list(*handle, true));
    let listed = listed.take_while(|all| all.is_ok()).count();
    assert!(
        (90..130).contains(&listed),
        "{listed} listings of 300 KB in 32 MB"
    );
    assert_eq!(setup.fs.list(handles[listed], true), Err(Error::TooMany));
    // what was listed is there still, and room comes back
    assert_eq!(setup.fs.list(handles[0], false).unwrap().len(), 1002);
    setup.fs.close(handles[0]);
    assert_eq!(setup.fs.list(handles[listed], true).unwrap().len(), 1002);
    for handle in handles {
        setup.fs.close(handle);
    }
    let total = &setup.fs.handles.lock().listed;
    assert_eq!(total.load(std::sync::atomic::Ordering::Relaxed), 0);
}

#[test]
fn a_file_that_cannot_be_opened_is_not_made() {
    let setup = roomy();
    setup.make("/f", New::File).unwrap();
    let file = setup.at("/f").unwrap().number;
    let handles: Vec<u64> = (0..)
        .map_while(|_| setup.fs.open(file, libc::O_RDONLY).ok())
        .collect();
    assert_eq!(handles.len(), 4096);
    let refused = setup.fs.create(ROOT, b"new", libc::O_RDWR, BY);
    assert_eq!(refused, Err(Error::TooMany));
    assert_eq!(setup.kind("/new"), None);
    setup.fs.close(handles[0]);
    setup.fs.create(ROOT, b"new", libc::O_RDWR, BY).unwrap();
}

/// Under limits that are more than the server has descriptors for: it needs some for other work.
#[test]
fn no_more_files_are_known_than_there_are_descriptors_for() {
    let setup = roomy();
    setup.make("/0", New::File).unwrap();
    let room_for = |more| {
        let mut state = setup.fs.state.lock();
        state.most = state.numbers.count() + more;
    };
    room_for(0);
    assert_eq!(setup.make("/1", New::File), Err(Error::TooMany));
    assert_eq!(setup.make("/1", New::Directory), Err(Error::TooMany));
    let created = setup.fs.create(ROOT, b"1", libc::O_RDWR, BY);
    assert_eq!(created, Err(Error::TooMany));
    assert_eq!(setup.names("/").iter().filter(|n| *n == "1").count(), 0);
    let again = setup.at("/0").unwrap().number;
    setup.fs.forget(again, 2);
    room_for(1);
    setup.make("/1", New::File).unwrap();
    assert_eq!(setup.at("/0"), Err(Error::TooMany));
}

/// A container that may make nodes would else fill its /dev with what it cannot see, nor remove.
#[test]
fn nodes_of_a_device_that_is_gone_take_no_room_and_are_not_the_next_ones() {
    let setup = Setup::new(vec![sda(), event()]);
    let disk = New::Device(Kind::Block, (8, 0));
    setup.make("/dir", New::Directory).unwrap();
    setup.make("/input/mine", disk.clone()).unwrap();
    let before = setup.inodes();
    let made = (0..99).take_while(|n| setup.make(&format!("/dir/{n}"), disk.clone()).is_ok());
    assert_eq!(made.count() as u64, 64 - before);
    setup.pull("/devices/x/sda");
    assert!(setup.names("/dir").is_empty());
    for n in 0..99 {
        // the kernel has looked, and forgets
        if let Ok(found) = setup.at(&format!("/dir/{n}")) {
            panic!("{found:?}");
        }
    }
    let numbers: Vec<u64> = {
        let state = setup.fs.state.lock();
        state
            .numbers
            .all()
            .filter(|n| *n >= Numbers::of_inode(0))
            .collect()
    };
    for number in numbers {
        setup.fs.forget(number, 99);
    }
    // /dir, and the way to what was in /input
    assert_eq!(setup.inodes(), before - 1);
    // without a look in between
    setup.plug(sda());
    setup.make("/dir/old", disk).unwrap();
    setup.pull("/devices/x/sda");
    setup.plug(sda());
    assert_eq!(setup.kind("/dir/old"), None);
}

#[test]
fn nothing_is_kept_of_devices_that_are_gone() {
    let setup = Setup::new(Vec::new());
    setup.at("/").unwrap();
    let kept = || {
        let state = setup.fs.now();
        (
            state.times.len(),
            state.changed.len(),
            state.removed.len(),
            state.implied.len(),
            state.subdirectories.len(),
            state.numbers.count(),
        )
    };
    let before = kept();
    for n in 0..20 {
        let text = format!("MAJOR=13\nMINOR=64\nDEVNAME=of{n}/event{n}\n");
        let path = format!("/devices/x/event{n}");
        setup.plug(device(&path, "input", &text));
        let node = setup.at(&format!("/of{n}/event{n}")).unwrap();
        let wanted = Wanted {
            perm: Some(0o666),
            ..Wanted::default()
        };
        setup.fs.change(node.number, &wanted).unwrap();
        setup.make(&format!("/of{n}/mine"), New::File).unwrap();
        setup.remove(&format!("/of{n}/mine")).unwrap();
        setup.remove(&format!("/disk/one-event{n}")).unwrap();
        setup.pull(&path);
        setup.names("/");
        let numbers: Vec<u64> = setup.fs.state.lock().numbers.all().collect();
        for number in numbers {
            setup.fs.forget(number, 99);
        }
    }
    assert_eq!(kept(), before);
}

/// The kernel keeps directories, and is told of those only that go with a device.
#[test]
fn directories_with_something_of_the_containers_become_its_own_when_their_device_goes() {
    let text = "MAJOR=13\nMINOR=64\nDEVNAME=a/b/c/event0\n";
    let setup = Setup::new(vec![device("/devices/x/event0", "input", text)]);
    // the kernel looks it up, keeps it, and does not look again
    let a = setup.at("/a").unwrap().number;
    let c = setup.at("/a/b/c").unwrap().number;
    let mine = setup.fs.make(c, b"mine", &New::File, BY).unwrap().number;
    setup.pull("/devices/x/event0");
    assert_eq!(setup.fs.look_up(a, b"b").unwrap().kind, Kind::Directory);
    assert_eq!(setup.names("/a/b/c"), ["mine"]);
    setup.remove("/a/b/c/mine").unwrap();
    for dir in ["/a/b/c", "/a/b", "/a"] {
        setup.remove(dir).unwrap();
    }
    assert_eq!(setup.kind("/a"), None);
    setup.fs.forget(mine, 99);
    assert_eq!(setup.inodes(), 0, "whatever the kernel has not forgotten");
}
