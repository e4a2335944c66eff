//! The container's own directories, beside and under what is given.

use super::*;

#[test]
fn directories_that_change_places_keep_what_is_in_them_whatever_it_is_called() {
    let setup = Setup::new(Vec::new());
    for dir in ["/a", "/a/of-a", "/b", "/b/ ", "/b/ /of-b"] {
        setup.make(dir, New::Directory).unwrap();
    }
    let numbers = |paths: [&str; 3]| paths.map(|path| setup.at(path).unwrap().number);
    let before = numbers(["/a", "/b", "/b/ "]);
    setup.rename("/a", "/b", Replace::Exchange).unwrap();
    assert_eq!(numbers(["/b", "/a", "/a/ "]), before);
    assert_eq!(setup.names("/b"), ["of-a"]);
    assert_eq!(setup.names("/a"), [" "]);
    assert_eq!(setup.names("/a/ "), ["of-b"]);
}

/// As many as there are directories, and two: not for a file that a directory covers, nor for a directory
/// that a directory or a node covers.
#[test]
fn link_counts_are_of_what_shows() {
    for (path, new) in [
        ("/disk", New::File),
        ("/input", New::Directory),
        ("/sda", New::Directory),
    ] {
        let setup = Setup::new(Vec::new());
        let links = || setup.at("/").unwrap().links;
        setup.make("/mine", New::Directory).unwrap();
        setup.make(path, new.clone()).unwrap();
        let before = 2 + 4 + u32::from(new == New::Directory);
        assert_eq!(links(), before, "pts, shm, mqueue, mine: {path}");
        setup.plug(sda());
        setup.plug(event());
        assert_eq!(links(), 2 + 6, "and disk, input: {path}");
        setup.pull("/devices/x/sda");
        setup.pull("/devices/x/event0");
        assert_eq!(links(), before, "{path}");
    }
}

/// The directory behind it in the tmpfs is as the one that was given, whoever puts something in there.
#[test]
fn a_directory_that_is_given_stays_as_it_is_when_something_is_put_into_it() {
    let setup = Setup::new(vec![event()]);
    let by = Maker { umask: 0o777, ..BY };
    setup.fs.make(ROOT, b"x", &New::File, by).unwrap();
    let wanted = Wanted {
        perm: Some(0o2755),
        gid: Some(7),
        ..Wanted::default()
    };
    setup.fs.change(ROOT, &wanted).unwrap();
    let acl = [
        &[2u8, 0, 0, 0][..],
        &[1, 0, 6, 0, 255, 255, 255, 255],
        &[2, 0, 6, 0, 9, 0, 0, 0],
        &[4, 0, 0, 0, 255, 255, 255, 255],
        &[16, 0, 6, 0, 255, 255, 255, 255],
        &[32, 0, 0, 0, 255, 255, 255, 255],
    ]
    .concat();
    let name = b"system.posix_acl_default";
    let root = Caller { uid: 0, gid: 0 };
    setup.fs.set_xattr(ROOT, name, &acl, 0, root).unwrap();
    let before = setup.at("/input").unwrap();
    setup.make("/input/mine", New::File).unwrap();
    let after = setup.at("/input").unwrap();
    assert_eq!(
        (after.perm, after.uid, after.gid),
        (before.perm, before.uid, before.gid)
    );
    assert!(setup.fs.list_xattr(after.number).unwrap().is_empty());
}
