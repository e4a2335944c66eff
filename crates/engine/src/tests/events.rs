//! Who hears what: each of kernel, udev, both and none exactly its share.

use super::*;

fn shows(name: &str, more: &str) -> String {
    format!("      - match: {{ devname: {name} }}\n        show: rw\n        {more}\n")
}

fn with_events(events: &str) -> String {
    shows("loop3", &format!("events: {events}"))
}

#[test]
fn each_hears_its_share_on_a_host_without_udev() {
    for (events, expected) in [
        ("kernel", &["add loop3", "change loop3", "remove loop3"][..]),
        (
            "udev",
            &["udev add loop3", "udev change loop3", "udev remove loop3"],
        ),
        (
            "both",
            &[
                "add loop3",
                "udev add loop3",
                "change loop3",
                "udev change loop3",
                "remove loop3",
                "udev remove loop3",
            ],
        ),
        ("none", &[]),
    ] {
        let mut host = host(&with_events(events), false, false);
        host.plug("loop4", "");
        host.plug("loop3", "");
        let log = host.log();
        assert_eq!(log[0], "grant b 7:3 Rw", "access does not depend on it");
        host.kernel(Action::Change, "loop3");
        host.kernel(Action::Change, "loop4");
        host.pull("loop4");
        host.pull("loop3");
        assert_eq!(host.heard(), expected, "{events}");
    }
}

#[test]
fn on_a_host_with_udev_its_listeners_hear_when_it_has_spoken() {
    for (events, kernel) in [("udev", false), ("both", true)] {
        let share = |all: &[&str]| -> Vec<String> {
            let mine = all
                .iter()
                .filter(|event| kernel || event.starts_with("udev"));
            mine.map(|event| event.to_string()).collect()
        };
        let mut host = host(&with_events(events), true, false);
        host.plug("loop4", "");
        host.plug("loop3", "");
        assert_eq!(host.heard(), share(&["add loop3"]));
        host.says(Action::Add, "loop4", "ID_X=1\n");
        host.says(Action::Add, "loop3", "ID_X=1\n");
        assert_eq!(host.heard(), share(&["udev add loop3"]));
        host.kernel(Action::Change, "loop3");
        host.says(Action::Change, "loop3", "ID_X=2\n");
        assert_eq!(host.heard(), share(&["change loop3", "udev change loop3"]));
        host.pull("loop3");
        assert_eq!(host.heard(), share(&["remove loop3", "udev remove loop3"]));
        // it has been said already
        host.says(Action::Remove, "loop3", "");
        assert_eq!(host.heard(), [""; 0]);
        // one that goes before udev has spoken of it was never there for its listeners
        host.plug("loop3", "");
        host.pull("loop3");
        assert_eq!(host.heard(), share(&["add loop3", "remove loop3"]));
        // the first that they hear of it is that it comes, whatever udev says
        host.plug("loop3", "");
        host.says(Action::Change, "loop3", "ID_X=1\n");
        assert_eq!(host.heard(), share(&["add loop3", "udev add loop3"]));
    }
}

/// What udev says makes it show: one event for each who listens, after access and view.
#[test]
fn what_udev_makes_show_is_told_to_both() {
    let rules =
        "      - match: { property: { ID_OK: \"1\" } }\n        show: rw\n        events: both\n";
    let mut host = host(rules, true, false);
    host.plug("loop3", "");
    assert_eq!(host.heard(), [""; 0]);
    host.says(Action::Add, "loop3", "ID_OK=1\n");
    assert_eq!(host.log(), ["grant b 7:3 Rw", "forget 1 paths, loop3 show"]);
    assert_eq!(host.heard(), ["add loop3", "udev add loop3"]);
    host.says(Action::Change, "loop3", "ID_OK=0\n");
    assert_eq!(host.heard(), ["remove loop3", "udev remove loop3"]);
}

/// A name that the container does not know is not in what it hears.
#[test]
fn a_rename_is_told_by_udev_only_to_who_knew_the_old_name() {
    let both = "events: both";
    let rules = shows("loop3", both) + &shows("loop8", both);
    let mut host = host(&rules, true, false);
    host.plug("loop3", "");
    host.says(Action::Add, "loop3", "ID_X=1\n");
    host.heard();
    let moved = |from: &str| format!("DEVPATH_OLD=/devices/virtual/block/{from}\nID_X=1\n");
    host.rename("loop3", "loop8");
    host.says(Action::Move, "loop8", &moved("loop3"));
    assert_eq!(host.heard(), ["move loop8", "udev move loop8"]);
    host.rename("loop8", "loop9");
    host.says(Action::Move, "loop9", &moved("loop8"));
    assert_eq!(host.heard(), ["remove loop8", "udev remove loop8"]);
    host.rename("loop9", "loop3");
    host.says(Action::Move, "loop3", &moved("loop9"));
    assert_eq!(
        host.heard(),
        ["add loop3", "udev add loop3", "udev change loop3"]
    );
}

#[test]
fn what_the_container_writes_is_heard_as_its_rule_says() {
    use viewfs::Uevents;
    for (events, expected) in [
        ("kernel", &["change loop3"][..]),
        ("udev", &["udev change loop3"]),
        ("both", &["udev change loop3", "change loop3"]),
        ("none", &[]),
    ] {
        let mut host = host(&with_events(events), false, false);
        host.plug("loop3", "");
        host.heard();
        let written = host.watcher.engine.write(&devpath("loop3"), b"change\n");
        assert_eq!(written.ok(), Some(7), "{events}");
        assert_eq!(host.heard(), expected, "{events}");
    }
}
