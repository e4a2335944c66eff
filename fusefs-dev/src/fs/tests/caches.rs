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
