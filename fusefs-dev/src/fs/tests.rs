use kobject::{Device, Devpath, Properties};
use parking_lot::RwLock;
use policy::{DeviceTable, Facts, Rules, View};
use std::time::SystemTime;
use sys::namespace::IdMap;

use viewfs::{Kind, Scene, Time};

use super::*;
use crate::numbers::{Numbers, ROOT};

mod bounds;
mod caches;
mod directories;
mod made;
mod setup;

use setup::*;

const EINVAL: Error = Error::Host(libc::EINVAL);
const EBUSY: Error = Error::Host(libc::EBUSY);
const EEXIST: Error = Error::Host(libc::EEXIST);
const ENOTEMPTY: Error = Error::Host(libc::ENOTEMPTY);
const ENOSPC: Error = Error::Host(libc::ENOSPC);

#[test]
fn a_node_shows_over_the_containers_entry_which_is_back_when_it_goes() {
    let setup = Setup::new(Vec::new());
    setup.make("/sda", New::File).unwrap();
    setup.make("/input", New::File).unwrap();
    setup.plug(sda());
    setup.plug(event());
    assert_eq!(setup.kind("/sda"), Some(Kind::Block));
    assert_eq!(setup.kind("/input/event0"), Some(Kind::Char));
    assert_eq!(
        setup.make("/input/x", New::File),
        Err(EBUSY),
        "its place is taken"
    );
    assert_eq!(setup.remove("/sda"), Err(Error::NotPermitted));
    assert_eq!(
        setup.rename("/sda", "/y", Replace::Yes),
        Err(Error::NotPermitted)
    );
    setup.pull("/devices/x/sda");
    setup.pull("/devices/x/event0");
    assert_eq!(setup.kind("/sda"), Some(Kind::File));
    assert_eq!(setup.kind("/input"), Some(Kind::File));
}

#[test]
fn the_containers_entry_shows_over_a_link_and_what_it_removes_stays_away() {
    let setup = Setup::new(vec![sda()]);
    assert_eq!(setup.kind("/disk/one-sda"), Some(Kind::Link));
    setup.make("/new", New::Link("elsewhere".into())).unwrap();
    setup.rename("/new", "/disk/one-sda", Replace::Yes).unwrap();
    let link = setup.at("/disk/one-sda").unwrap().number;
    assert_eq!(setup.fs.readlink(link).unwrap(), "elsewhere");
    assert_eq!(setup.names("/disk"), ["one-sda"]);
    setup.remove("/disk/one-sda").unwrap();
    assert_eq!(setup.kind("/disk/one-sda"), None);
    assert!(setup.names("/disk").is_empty());
    setup.pull("/devices/x/sda");
    assert_eq!(setup.kind("/disk"), None);
    setup.plug(sda());
    assert_eq!(
        setup.kind("/disk/one-sda"),
        Some(Kind::Link),
        "it is another device"
    );
}

#[test]
fn directories_come_and_go_with_what_is_in_them() {
    let setup = Setup::new(vec![event()]);
    assert_eq!(
        setup.at("/").unwrap().links,
        2 + 5,
        "pts, shm, mqueue, disk, input"
    );
    setup.make("/input/mine", New::File).unwrap();
    assert_eq!(setup.at("/").unwrap().links, 2 + 5);
    assert_eq!(setup.names("/input"), ["event0", "mine"]);
    assert_eq!(setup.remove("/input"), Err(ENOTEMPTY));
    assert_eq!(setup.rename("/input", "/i", Replace::Yes), Err(EBUSY));
    setup.pull("/devices/x/event0");
    assert_eq!(setup.names("/input"), ["mine"]);
    setup.remove("/input/mine").unwrap();
    assert_eq!(setup.kind("/input"), Some(Kind::Directory));
    setup.remove("/input").unwrap();
    setup.make("/input", New::Directory).unwrap();
    setup.plug(event());
    setup.pull("/devices/x/event0");
    assert_eq!(
        setup.kind("/input"),
        Some(Kind::Directory),
        "it was the container's"
    );
}

#[test]
fn what_is_changed_of_a_node_lasts_until_its_device_goes() {
    let setup = Setup::new(vec![sda()]);
    let wanted = Wanted {
        perm: Some(0o666),
        uid: Some(7),
        mtime: Some(Time::At(SystemTime::UNIX_EPOCH)),
        ..Wanted::default()
    };
    let sda_number = setup.at("/sda").unwrap().number;
    setup.fs.change(sda_number, &wanted).unwrap();
    let acl = [
        &[2u8, 0, 0, 0][..],
        &[1, 0, 6, 0, 255, 255, 255, 255],
        &[2, 0, 6, 0, 9, 0, 0, 0],
        &[4, 0, 6, 0, 255, 255, 255, 255],
        &[16, 0, 6, 0, 255, 255, 255, 255],
        &[32, 0, 0, 0, 255, 255, 255, 255],
    ]
    .concat();
    let name = b"system.posix_acl_access";
    let by = Caller { uid: 0, gid: 0 };
    setup.fs.set_xattr(sda_number, name, &acl, 0, by).unwrap();
    // the kernel forgets it, and looks it up again
    setup.fs.forget(sda_number, 1);
    let now = setup.at("/sda").unwrap();
    assert_eq!(
        (now.perm, now.uid, now.mtime),
        (0o660, 7, SystemTime::UNIX_EPOCH)
    );
    assert_eq!(setup.fs.get_xattr(now.number, name).unwrap(), acl);
    setup.plug(event());
    assert_eq!(setup.at("/sda").unwrap().uid, 7);
    setup.pull("/devices/x/sda");
    setup.plug(sda());
    let again = setup.at("/sda").unwrap();
    assert_eq!((again.perm, again.uid), (0o600, 0));
    assert_ne!(again.number, now.number);
}

#[test]
fn a_node_to_be_read_never_has_a_write_bit() {
    let text = "MAJOR=4\nMINOR=1\nDEVNAME=tty1\n";
    let setup = Setup::new(vec![device("/devices/x/tty1", "tty", text)]);
    let tty = setup.at("/tty1").unwrap();
    assert_eq!(tty.perm, 0o400);
    let wanted = Wanted {
        perm: Some(0o666),
        ..Wanted::default()
    };
    assert_eq!(setup.fs.change(tty.number, &wanted).unwrap().perm, 0o444);
}

#[test]
fn device_nodes_can_be_made_of_what_shows_only_and_go_with_it() {
    let setup = Setup::new(vec![sda()]);
    let disk = |minor| New::Device(Kind::Block, (8, minor));
    assert_eq!(setup.make("/a", disk(1)), Err(Error::NotPermitted));
    let char = New::Device(Kind::Char, (8, 0));
    assert_eq!(setup.make("/a", char), Err(Error::NotPermitted));
    setup.make("/dir", New::Directory).unwrap();
    let made = setup.make("/dir/a", disk(0)).unwrap();
    assert_eq!((made.kind, made.device), (Kind::Block, (8, 0)));
    assert_eq!(made.keep, Duration::ZERO);
    setup.pull("/devices/x/sda");
    assert_eq!(setup.kind("/dir/a"), None);
    assert!(setup.fs.attributes(made.number).is_err());
    assert!(setup.names("/dir").is_empty());
    setup.make("/dir/a", New::File).unwrap();
    setup.plug(sda());
    assert_eq!(setup.kind("/dir/a"), Some(Kind::File));
    setup.make("/dir/b", disk(0)).unwrap();
    setup.pull("/devices/x/sda");
    setup.remove("/dir/a").unwrap();
    setup.remove("/dir").unwrap();
}

#[test]
fn renames_take_directories_along() {
    let setup = Setup::new(vec![event()]);
    for dir in ["/a", "/a/b", "/c"] {
        setup.make(dir, New::Directory).unwrap();
    }
    let file = setup.make("/a/b/f", New::File).unwrap().number;
    let b = setup.at("/a/b").unwrap().number;
    setup.rename("/a", "/c/d", Replace::Yes).unwrap();
    assert_eq!(setup.at("/c/d/b").unwrap().number, b);
    assert_eq!(setup.at("/c/d/b/f").unwrap().number, file);
    assert_eq!(setup.kind("/a"), None);
    assert_eq!(setup.rename("/c", "/c/d/b/x", Replace::Yes), Err(EINVAL));
    setup.make("/x", New::Directory).unwrap();
    let x = setup.at("/x").unwrap().number;
    setup.rename("/x", "/c/d", Replace::Exchange).unwrap();
    assert_eq!(setup.at("/c/d").unwrap().number, x);
    assert_eq!(setup.at("/x/b/f").unwrap().number, file);
    assert_eq!(setup.rename("/x", "/c", Replace::Never), Err(EEXIST));
    assert_eq!(setup.rename("/x", "/c", Replace::Yes), Err(ENOTEMPTY));
    assert_eq!(setup.rename("/x", "/input", Replace::Yes), Err(EBUSY));
    assert_eq!(
        setup.rename("/x/b/f", "/input/event0", Replace::Yes),
        Err(EBUSY)
    );
}

#[test]
fn files_have_many_names_or_none() {
    let setup = Setup::new(Vec::new());
    let (file, handle) = setup.fs.create(ROOT, b"f", libc::O_RDWR, BY).unwrap();
    assert_eq!(setup.fs.write(handle, 0, b"text"), Ok(4));
    let linked = setup.fs.link(file.number, ROOT, b"g").unwrap();
    assert_eq!((linked.number, linked.links), (file.number, 2));
    setup.remove("/f").unwrap();
    setup.remove("/g").unwrap();
    assert_eq!(setup.fs.attributes(file.number).unwrap().links, 0);
    assert_eq!(setup.fs.read(handle, 1, 9).unwrap(), b"ext");
    setup.fs.close(handle);
    assert_eq!(setup.fs.read(handle, 0, 9), Err(Error::BadHandle));
    let used = setup.fs.room().unwrap();
    // told of it twice, and by each removal once more
    setup.fs.forget(file.number, 4);
    assert_eq!(setup.fs.room().unwrap().free_inodes, used.free_inodes + 1);
}

#[test]
fn what_is_full_says_so() {
    let setup = Setup::new(vec![sda()]);
    let (_, handle) = setup.fs.create(ROOT, b"f", libc::O_RDWR, BY).unwrap();
    let block = vec![1; 1 << 20];
    assert_eq!(setup.fs.write(handle, 0, &block), Ok(1 << 20));
    assert_eq!(setup.fs.write(handle, 1 << 20, b"x"), Err(ENOSPC));
    let made = (0..99).map(|n| setup.make(&format!("/n{n}"), New::File));
    let made = made.take_while(Result::is_ok).count();
    assert_eq!(made, 63, "f has one of the 64");
    let room = setup.fs.room().unwrap();
    assert_eq!((room.free, room.inodes, room.free_inodes), (0, 64, 0));
    assert_eq!(setup.make("/x", New::Directory), Err(ENOSPC));
    assert_eq!(setup.kind("/sda"), Some(Kind::Block));
}

#[test]
fn owners_follow_the_maker_and_the_directory() {
    let setup = Setup::new(Vec::new());
    let by = Maker {
        uid: 5,
        gid: 6,
        perm: 0o6777,
        umask: 0o027,
    };
    let dir = setup
        .fs
        .make(ROOT, b"d", &New::Directory, Maker { perm: 0o2777, ..BY });
    let dir = dir.unwrap().number;
    let wanted = Wanted {
        gid: Some(8),
        perm: Some(0o2777),
        ..Wanted::default()
    };
    setup.fs.change(dir, &wanted).unwrap();
    let in_dir = setup.fs.make(dir, b"x", &New::File, by).unwrap();
    assert_eq!((in_dir.uid, in_dir.gid, in_dir.perm), (5, 8, 0o6750));
    let below = setup
        .fs
        .make(dir, b"y", &New::Directory, Maker { perm: 0o777, ..by });
    let below = below.unwrap();
    assert_eq!((below.gid, below.perm), (8, 0o2750));
    let plain = setup
        .fs
        .make(ROOT, b"x", &New::Fifo, Maker { perm: 0o666, ..by });
    let plain = plain.unwrap();
    assert_eq!((plain.uid, plain.gid, plain.perm), (5, 6, 0o640));
}
