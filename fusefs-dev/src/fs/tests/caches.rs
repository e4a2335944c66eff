//! What the kernel has to forget, and what it must not: with a name goes what is mounted there.

use super::*;

impl Setup {
    /// The names that go when these paths are said to have changed.
    fn outdated(&self, paths: &[&str]) -> Vec<String> {
        let paths: Vec<BString> = paths.iter().map(|path| (*path).into()).collect();
        let outdated = self.fs.outdated(&paths).into_iter();
        outdated.map(|o| o.name.to_string()).collect()
    }
}

#[test]
fn directories_that_stay_keep_what_is_mounted_on_them() {
    let setup = Setup::new(vec![event()]);
    for path in ["/pts", "/input"] {
        setup.at(path).unwrap();
    }
    setup.plug(sda());
    // a rule's link "pts/9" has such paths, and a device in a directory that is there
    let paths = ["/pts/9", "/pts", "/input/event1", "/input", "/sda"];
    assert_eq!(setup.outdated(&paths), ["9", "event1", "sda"]);
    setup.pull("/devices/x/event0");
    assert_eq!(setup.outdated(&["/input"]), ["input"], "it is gone");
    // what it knew by this name was no directory
    setup.make("/input", New::File).unwrap();
    setup.plug(event());
    assert_eq!(setup.outdated(&["/input"]), ["input"]);
    setup.at("/input").unwrap();
    assert!(setup.outdated(&["/input"]).is_empty());
}

/// Whoever is in there, or has mounted something there, is not to lose it to a link that does not show.
#[test]
fn a_directory_over_a_link_stays_whatever_comes_and_goes() {
    let setup = Setup::new(Vec::new());
    setup.make("/disk", New::Directory).unwrap();
    setup.make("/disk/one-sda", New::Directory).unwrap();
    setup.make("/disk/one-sda/mine", New::File).unwrap();
    let before = setup.at("/disk/one-sda").unwrap().number;
    for _ in 0..2 {
        setup.plug(sda());
        assert_eq!(setup.fs.attributes(before).unwrap().kind, Kind::Directory);
        assert_eq!(setup.outdated(&["/disk/one-sda", "/sda"]), ["sda"]);
        setup.pull("/devices/x/sda");
        assert_eq!(setup.at("/disk/one-sda").unwrap().number, before);
        assert_eq!(setup.outdated(&["/disk/one-sda", "/sda"]), ["sda"]);
    }
    assert_eq!(setup.names("/disk/one-sda"), ["mine"]);
}

#[test]
fn the_console_is_a_place_for_the_containers_terminal() {
    let text = "MAJOR=5\nMINOR=1\nDEVNAME=console\n";
    let hosts = || device("/devices/virtual/tty/console", "tty", text);
    let setup = Setup::new(vec![hosts()]);
    assert_eq!(setup.kind("/console"), None, "never the host's");
    setup.make("/console", New::File).unwrap();

    let scene = setup.scene.clone();
    let owners = Owners::new(IdMap::IDENTITY, None);
    let fs = DevFs::with_console(scene, Arc::new(Nobody), owners).unwrap();
    let setup = Setup { fs, ..setup };
    assert_eq!(setup.kind("/console"), Some(Kind::File));
    let room = setup.fs.room().unwrap();
    assert_eq!((room.inodes, room.free_inodes), (64, 64));
    // a rule may say `link: console`, and does not get it
    assert!(setup.outdated(&["/console"]).is_empty());
}

/// The kernel is told of a change a moment after it. What it asks for meanwhile may be meant for what was there,
/// also in a directory that has another name by now.
#[test]
fn what_the_kernel_may_be_wrong_about_it_has_to_look_up_first() {
    let setup = Setup::new(vec![sda()]);
    let disk = setup.at("/disk").unwrap().number;
    let link = setup.at("/disk/one-sda").unwrap().number;
    setup.make("/disk/mine", New::File).unwrap();
    setup.pull("/devices/x/sda");
    let move_disk = || {
        let to = (ROOT, &b"d"[..]);
        setup.fs.rename((ROOT, b"disk"), to, Replace::Yes)
    };
    assert_eq!(move_disk(), Err(Error::Stale));
    setup.fs.look_up(ROOT, b"disk").unwrap();
    move_disk().unwrap();
    assert_eq!(setup.fs.attributes(link), Err(Error::Stale));
    assert_eq!(setup.fs.lost(), [link]);
    assert!(setup.fs.lost().is_empty(), "it was said");

    let name = &b"one-sda"[..];
    let rename = |from, to| setup.fs.rename((disk, from), (disk, to), Replace::Yes);
    assert_eq!(setup.fs.unlink(disk, name), Err(Error::Stale));
    assert_eq!(setup.fs.rmdir(disk, name), Err(Error::Stale));
    assert_eq!(rename(name, b"x"), Err(Error::Stale));
    assert_eq!(rename(b"mine", name), Err(Error::Stale));
    assert_eq!(setup.fs.look_up(disk, name), Err(Error::NotFound));
    rename(b"mine", name).unwrap();
    setup.fs.unlink(disk, name).unwrap();
    // what the container has removed is gone, and no more
    setup.fs.rmdir(ROOT, b"d").unwrap();
    assert_eq!(setup.fs.attributes(disk), Err(Error::NotFound));
    assert!(setup.fs.lost().is_empty());
}

/// A node covers a directory: what is in there can only be reached by who has it open, and has to go with that.
#[test]
fn what_is_in_a_directory_that_is_lost_is_forgotten_name_by_name() {
    let setup = Setup::new(Vec::new());
    setup.make("/sda", New::Directory).unwrap();
    setup.make("/sda/below", New::Directory).unwrap();
    for path in ["/sda/one", "/sda/below/two"] {
        setup.make(path, New::File).unwrap();
    }
    let numbers = ["/sda", "/sda/below"].map(|path| setup.at(path).unwrap().number);
    setup.plug(sda());
    let told = || {
        let all = setup.fs.outdated(&[]).into_iter();
        let mut all: Vec<_> = all.map(|o| (o.parent, o.name.to_string())).collect();
        all.sort();
        all
    };
    let names = [
        (numbers[0], "below"),
        (numbers[0], "one"),
        (numbers[1], "two"),
    ];
    assert_eq!(
        told(),
        names.map(|(parent, name)| (parent, name.to_string()))
    );
    assert!(told().is_empty(), "it was said");
}
