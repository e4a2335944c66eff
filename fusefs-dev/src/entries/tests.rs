use kobject::{Devname, Devnum};
use policy::{Events, OnRevoke, Owner};
use sys::namespace::IdMap;

use super::*;

mod collisions;

pub(super) fn shown(name: &str, number: &str, show: Show) -> Shown {
    Shown {
        devpath: devpath(name),
        show,
        devnum: Some(number.parse::<Devnum>().unwrap()),
        devname: Devname::parse(name.as_bytes()).ok(),
        devmode: (name == "null").then_some(0o666),
        subsystem: None,
        own: false,
        mode: None,
        uid: None,
        gid: None,
        links: Vec::new(),
        no_links: Vec::new(),
        host_links: Vec::new(),
        link_priority: 0,
        order: 0,
        arrival: 0,
        on_revoke: OnRevoke::Report,
        events: Events::default(),
    }
}

fn devpath(name: &str) -> Devpath {
    let name = name.replace('/', "!");
    Devpath::parse(format!("/devices/virtual/x/{name}").as_bytes()).unwrap()
}

fn names(names: &[&str]) -> Vec<Devname> {
    let parse = |name: &&str| Devname::parse(name.as_bytes()).unwrap();
    names.iter().map(parse).collect()
}

fn put(all: &[Shown]) -> Entries {
    entries(all.iter(), &Owners::new(IdMap::IDENTITY, None))
}

fn at(entries: &Entries, path: &str) -> Option<Item> {
    entries.get(&BString::from(path)).cloned()
}

/// Where a link leads.
fn target(entries: &Entries, path: &str) -> Option<String> {
    match at(entries, path)? {
        Item::Link { target, .. } => Some(target.to_string()),
        Item::Directory | Item::Node { .. } => None,
    }
}

/// A node of root's: zram1 shows to be read, the others wholly.
fn node(name: &str, kind: Kind, device: (u32, u32), perm: u16) -> Option<Item> {
    Some(Item::Node {
        kind,
        device,
        perm,
        uid: 0,
        gid: 0,
        show: if name == "zram1" { Show::Ro } else { Show::Rw },
        devpath: devpath(name),
        arrival: 0,
    })
}

#[test]
fn nodes_have_the_kernels_names_and_modes() {
    let e = put(&[
        shown("null", "c 1:3", Show::Rw),
        shown("input/event0", "c 13:64", Show::Rw),
        shown("zram1", "b 254:1", Show::Ro),
    ]);
    let event = node("input/event0", Kind::Char, (13, 64), 0o600);
    assert_eq!(at(&e, "/null"), node("null", Kind::Char, (1, 3), 0o666));
    assert_eq!(at(&e, "/input"), Some(Item::Directory));
    assert_eq!(at(&e, "/input/event0"), event);
    assert_eq!(
        at(&e, "/zram1"),
        node("zram1", Kind::Block, (254, 1), 0o400)
    );
    assert_eq!(target(&e, "/ptmx").as_deref(), Some("pts/ptmx"));
}

#[test]
fn a_rule_says_mode_and_owner_and_ro_never_has_write_bits() {
    let says = |show| Shown {
        mode: Some(0o664),
        uid: Some(Owner::Id(1000)),
        gid: Some(Owner::Id(70_000)),
        ..shown("loop3", "b 7:3", show)
    };
    let ids = IdMap {
        outside: 100_000,
        count: 65_536,
    };
    let owners = Owners::new(ids, None);
    for (show, wanted) in [(Show::Rw, 0o664), (Show::Ro, 0o444)] {
        let e = entries([says(show)].iter(), &owners);
        let Some(Item::Node { perm, uid, gid, .. }) = at(&e, "/loop3") else {
            panic!("{e:?}");
        };
        // a group that the container does not have is its root's
        assert_eq!((perm, uid, gid), (wanted, 101_000, 100_000));
    }
    let plain = entries([shown("x", "c 9:9", Show::Rw)].iter(), &owners);
    assert!(matches!(
        at(&plain, "/x"),
        Some(Item::Node {
            uid: 100_000,
            gid: 100_000,
            ..
        })
    ));
}

#[test]
fn links_stand_beside_their_node_with_their_directories() {
    let e = put(&[Shown {
        links: names(&["pads/one", "pad"]),
        host_links: names(&["input/by-id/x", "disk/by-path/y"]),
        ..shown("input/event3", "c 13:67", Show::Rw)
    }]);
    for (link, wanted) in [
        ("/pads/one", "../input/event3"),
        ("/pad", "input/event3"),
        ("/input/by-id/x", "../event3"),
        ("/disk/by-path/y", "../../input/event3"),
    ] {
        assert_eq!(target(&e, link).as_deref(), Some(wanted), "{link}");
    }
    for directory in ["/pads", "/input/by-id", "/disk", "/disk/by-path"] {
        assert_eq!(at(&e, directory), Some(Item::Directory), "{directory}");
    }
}

#[test]
fn no_device_takes_a_standard_name_or_leaves_its_place() {
    let hostile = [
        shown("null", "c 99:3", Show::Rw),
        shown("tty", "b 5:0", Show::Rw),
        shown("fd", "c 99:4", Show::Rw),
        shown("pts/0", "c 99:5", Show::Rw),
        shown("stdin/x", "c 99:6", Show::Rw),
        shown("zero/x", "c 99:9", Show::Rw),
        shown("../../etc/passwd", "c 99:7", Show::Rw),
        shown("/etc/passwd", "c 99:8", Show::Rw),
        shown("a\nb", "c 99:9", Show::Rw),
    ];
    assert_eq!(put(&hostile), put(&[]));
}

#[test]
fn a_device_does_not_hide_behind_another() {
    let two = [
        shown("x", "c 99:1", Show::Rw),
        shown("x/y", "c 99:2", Show::Rw),
    ];
    let e = put(&two);
    assert!(matches!(
        at(&e, "/x"),
        Some(Item::Node {
            device: (99, 1),
            ..
        })
    ));
    assert_eq!(at(&e, "/x/y"), None);
}

#[test]
fn a_change_names_the_links_before_and_after_and_their_directories() {
    let before = Shown {
        links: names(&["a/old"]),
        host_links: names(&["disk/by-id/x"]),
        ..shown("loop3", "b 7:3", Show::Rw)
    };
    let after = Shown {
        links: names(&["a/new"]),
        host_links: Vec::new(),
        ..before.clone()
    };
    let change = policy::ViewChange {
        altered: vec![(before, after)],
        ..Default::default()
    };
    let mut paths: Vec<String> = crate::paths(&change)
        .iter()
        .map(|p| p.to_string())
        .collect();
    assert!(paths.iter().rposition(|p| p == "/a/old") < paths.iter().position(|p| p == "/a"));
    paths.sort();
    let all = [
        "/a",
        "/a/new",
        "/a/old",
        "/disk",
        "/disk/by-id",
        "/disk/by-id/x",
        "/loop3",
    ];
    assert_eq!(paths, all);
}
