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
