//! Attributes that rules ask for: read when they may decide, and no others.

use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};

use super::*;

const ROTATIONAL: &str = "queue/rotational";

/// Puts a device there with what `queue/rotational` says.
fn make(host: &Host, name: &str, says: &str) -> std::path::PathBuf {
    plug(host.dir.path(), name, "");
    let place = host
        .dir
        .path()
        .join(format!("sys/devices/virtual/block/{name}"));
    std::fs::create_dir_all(place.join("queue")).unwrap();
    std::fs::write(place.join(ROTATIONAL), says).unwrap();
    place.join(ROTATIONAL)
}

/// Whether a file has been opened since.
struct Opened(Inotify);

impl Opened {
    fn of(path: &Path) -> Opened {
        let inotify = Inotify::init(InitFlags::IN_NONBLOCK).unwrap();
        inotify.add_watch(path, AddWatchFlags::IN_OPEN).unwrap();
        Opened(inotify)
    }

    fn now(&self) -> bool {
        self.0.read_events().is_ok_and(|all| !all.is_empty())
    }
}

fn rules(condition: &str) -> String {
    format!("      - match: {{ {condition} }}\n        show: rw\n")
}

#[test]
fn they_are_read_when_a_device_comes_and_when_it_changes() {
    let mut host = host(&rules("attr: { queue/rotational: \"0\" }"), false, false);
    let file = make(&host, "loop3", "1\n");
    host.kernel(Action::Add, "loop3");
    assert_eq!(host.heard(), [""; 0]);
    std::fs::write(&file, "0\n").unwrap();
    assert!(!host.watcher.engine.shows(&devpath("loop3")));
    host.kernel(Action::Change, "loop3");
    assert_eq!(host.heard(), ["add loop3"]);
    std::fs::remove_file(&file).unwrap();
    host.kernel(Action::Bind, "loop3");
    assert_eq!(host.heard(), ["remove loop3"]);
    std::fs::write(&file, "0\n").unwrap();
    host.rename("loop3", "loop8");
    assert_eq!(host.heard(), ["add loop8"]);
}

#[test]
fn what_else_rules_a_device_out_leaves_it_unread() {
    let condition = "devname: loop3, attr: { queue/rotational: \"0\" }";
    let mut host = host(&rules(condition), false, false);
    let asked = Opened::of(&make(&host, "loop3", "0\n"));
    let other = Opened::of(&make(&host, "loop4", "0\n"));
    for name in ["loop3", "loop4"] {
        host.kernel(Action::Add, name);
    }
    assert_eq!((asked.now(), other.now()), (true, false));
    for name in ["loop3", "loop4"] {
        host.kernel(Action::Change, name);
    }
    assert_eq!((asked.now(), other.now()), (true, false));
    host.watcher.set_policy(policy(&rules("devname: loop3")));
    host.kernel(Action::Change, "loop3");
    assert_eq!((asked.now(), other.now()), (false, false));
    host.watcher.set_policy(policy(&rules(condition)));
    assert_eq!((asked.now(), other.now()), (true, false));
    assert_eq!(host.heard(), ["add loop3", "change loop3", "change loop3"]);
}

#[test]
fn what_cannot_be_read_hides() {
    let name = "x".repeat(300);
    let condition = format!("devname: loop3, not: {{ attr: {{ {name}: \"*\" }} }}");
    let mut host = host(&rules(&condition), false, false);
    host.plug("loop3", "");
    assert!(!host.watcher.engine.shows(&devpath("loop3")));
    // nobody will say more of it
    assert_eq!(host.watcher.waiting.len(), 0);
}

#[test]
fn what_udev_says_may_have_rules_ask_for_more() {
    let condition = "property: { ID_X: \"1\" }, attr: { queue/rotational: \"0\" }";
    let mut host = host(&rules(condition), true, false);
    let file = make(&host, "loop3", "1\n");
    host.kernel(Action::Add, "loop3");
    host.says(Action::Add, "loop3", "ID_X=2\n");
    let opened = Opened::of(&file);
    host.kernel(Action::Change, "loop3");
    assert!(!opened.now(), "udev has said that it is another");
    std::fs::write(&file, "0\n").unwrap();
    opened.now();
    host.says(Action::Change, "loop3", "ID_X=1\n");
    assert!(opened.now());
    assert_eq!(host.heard(), ["add loop3"]);
}

#[test]
fn what_is_there_at_the_start_is_read_too() {
    let dir = tempfile::tempdir().unwrap();
    plug(dir.path(), "loop3", "");
    let place = dir.path().join("sys/devices/virtual/block/loop3");
    std::fs::write(place.join("serial"), "LAB-1 \n").unwrap();
    std::fs::create_dir_all(dir.path().join("sys/class/net")).unwrap();
    let engine = Engine::new(Config {
        policy: policy(&rules("attr: { serial: \"LAB-?\" }")),
        sysfs: Arc::new(Sysfs::at(&dir.path().join("sys")).unwrap()),
        net: None,
        run: dir.path().join("run"),
        monitor_buffer: 1 << 16,
        gate: None,
        injector: None,
    });
    assert!(engine.unwrap().shows(&devpath("loop3")));
}
