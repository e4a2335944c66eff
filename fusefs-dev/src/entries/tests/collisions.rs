//! Who gets a name that several want.

use proptest::prelude::*;

use super::*;

fn device(number: u32) -> Shown {
    let name = format!("loop{number}");
    Shown {
        arrival: number.into(),
        ..shown(&name, &format!("b 7:{number}"), Show::Rw)
    }
}

#[test]
fn a_node_wins_over_a_link_and_a_rules_link_over_udevs() {
    let rule = Shown {
        links: names(&["loop2", "disk/one"]),
        order: 9,
        ..device(1)
    };
    let udev = Shown {
        host_links: names(&["disk/one", "loop1", "disk/two"]),
        link_priority: 100,
        ..device(2)
    };
    let e = put(&[rule, udev]);
    assert!(matches!(
        at(&e, "/loop2"),
        Some(Item::Node { device: (7, 2), .. })
    ));
    assert!(matches!(
        at(&e, "/loop1"),
        Some(Item::Node { device: (7, 1), .. })
    ));
    assert_eq!(target(&e, "/disk/one").as_deref(), Some("../loop1"));
    assert_eq!(target(&e, "/disk/two").as_deref(), Some("../loop2"));
}

#[test]
fn of_two_links_of_rules_the_earlier_rules_wins_then_the_older_devices() {
    let by = |number: u32, order: usize| Shown {
        links: names(&["x"]),
        order,
        ..device(number)
    };
    for (devices, winner) in [
        (vec![by(1, 3), by(2, 0), by(3, 1)], "loop2"),
        (vec![by(3, 1), by(2, 1), by(5, 0)], "loop5"),
        (vec![by(3, 1), by(2, 1), by(1, 7)], "loop2"),
    ] {
        assert_eq!(target(&put(&devices), "/x").as_deref(), Some(winner));
    }
}

#[test]
fn of_two_links_of_udevs_the_higher_priority_wins_then_the_older_device() {
    let by = |number: u32, link_priority: i32| Shown {
        host_links: names(&["disk/by-label/x"]),
        link_priority,
        ..device(number)
    };
    for (devices, winner) in [
        (vec![by(1, 0), by(2, 10), by(3, 10)], "../../loop2"),
        (vec![by(9, -5), by(8, -5)], "../../loop8"),
        // who does not show does not claim
        (vec![by(1, 0)], "../../loop1"),
    ] {
        let e = put(&devices);
        assert_eq!(target(&e, "/disk/by-label/x").as_deref(), Some(winner));
    }
}

#[test]
fn no_link_takes_a_standard_name_or_runs_through_another_things_name() {
    let standard = [
        "null",
        "zero",
        "full",
        "random",
        "urandom",
        "tty",
        "ptmx",
        "core",
        "fd",
        "stdin",
        "stdout",
        "stderr",
        "pts",
        "shm",
        "mqueue",
        "console",
        "pts/7",
        "shm/x",
        "mqueue/x",
        "fd/9",
        "null/x",
        "console/x",
        "loop2/x",
    ];
    let plain = put(&[device(1), device(2)]);
    let link = |links, host_links| Shown {
        links,
        host_links,
        ..device(1)
    };
    let rule = put(&[link(names(&standard), Vec::new()), device(2)]);
    let udev = put(&[link(Vec::new(), names(&standard)), device(2)]);
    assert_eq!((&rule, &udev), (&plain, &plain));
    // not through a link, and not in place of a directory
    let e = put(&[link(names(&["a", "a/b", "c/d", "c"]), Vec::new())]);
    assert_eq!(target(&e, "/a").as_deref(), Some("loop1"));
    assert_eq!(at(&e, "/a/b"), None);
    assert_eq!(at(&e, "/c"), Some(Item::Directory));
}

#[test]
fn a_device_without_its_node_has_no_links() {
    let hostile = Shown {
        links: names(&["x"]),
        host_links: names(&["y"]),
        ..shown("null", "c 99:3", Show::Rw)
    };
    assert_eq!(put(&[hostile]), put(&[]));
}

#[test]
fn what_is_refused_is_said_once() {
    let owners = Owners::new(IdMap::IDENTITY, None);
    let both = [device(1), device(2)].map(|device| Shown {
        links: names(&["x"]),
        ..device
    });
    entries(both.iter(), &owners);
    let line = "/devices/virtual/x/loop2: no link \"/x\" in /dev: the name is taken by \
                /devices/virtual/x/loop1";
    assert!(owners.told.has(line));
}

/// Names that run into one another.
fn name_strategy() -> impl Strategy<Value = String> {
    let part = prop::sample::select(&["a", "b", "null", "pts", "x1", "fd", "console"][..]);
    prop::collection::vec(part, 1..4).prop_map(|parts| parts.join("/"))
}

prop_compose! {
    fn any_shown()(
        name in name_strategy(),
        number in 0..5u32,
        links in prop::collection::vec(name_strategy(), 0..4),
        host_links in prop::collection::vec(name_strategy(), 0..4),
        order in 0..3usize,
        link_priority in -1..2i32,
        arrival in 0..9u64,
    ) -> Shown {
        let names = |all: &[String]| names(&all.iter().map(String::as_str).collect::<Vec<_>>());
        Shown {
            links: names(&links),
            host_links: names(&host_links),
            order,
            link_priority,
            arrival,
            ..shown(&name, &format!("c 99:{number}"), Show::Rw)
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_is_always_a_tree_whose_links_lead_to_their_devices(all in prop::collection::vec(any_shown(), 0..6)) {
        let e = put(&all);
        for (path, item) in &put(&[]) {
            prop_assert_eq!(e.get(path), Some(item));
        }
        for (path, item) in &e {
            if let Some(slash) = path.iter().rposition(|b| *b == b'/') {
                prop_assert_eq!(e.get(&BString::from(&path[..slash])), Some(&Item::Directory));
            }
            let Item::Link { target, of: Some(of), .. } = item else { continue };
            // walk it
            let mut at: Vec<&str> = std::str::from_utf8(path).unwrap().split('/').collect();
            at.pop();
            for part in std::str::from_utf8(target).unwrap().split('/') {
                if part == ".." { prop_assert!(at.pop().is_some()); } else { at.push(part); }
            }
            let node = e.get(&BString::from(at.join("/")));
            prop_assert!(matches!(node, Some(Item::Node { devpath, .. }) if devpath == of), "{} {:?}", path, node);
            let claims = all.iter().filter(|shown| shown.devpath == *of).any(|shown| {
                shown.links.iter().chain(&shown.host_links).any(|link| link.as_bytes() == &path[1..])
            });
            prop_assert!(claims);
        }
    }
}
