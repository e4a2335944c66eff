//! Another policy while events go on: revocations first, never more than both policies together show, and
//! told to the end.

use std::collections::BTreeMap;

use policy::{DeviceTable, Show, View};
use proptest::prelude::*;

use super::*;

fn rule(devname: &str, says: &str) -> String {
    format!("      - match: {{ devname: \"{devname}\" }}\n        show: {says}\n")
}

#[test]
fn the_order_is_revoke_grant_publish_forget_remove_add() {
    let mut host = host(&rule("loop[345]", "rw"), false, false);
    for name in ["loop3", "loop4", "loop5", "loop6"] {
        host.plug(name, "");
    }
    let _ = (host.log(), host.heard());
    let log = host.log.clone();
    let said = move |shown: &Shown| log.lock().push(format!("said {}", shown.devnum.unwrap()));
    host.watcher.outlets.on_revoked = Some(Box::new(said));
    let rules = rule("loop3", "ro") + &rule("loop[56]", "rw");
    let change = host.watcher.set_policy(policy(&rules));
    assert_eq!(
        host.log(),
        [
            "revoke b 7:4",
            "revoke b 7:3",
            "grant b 7:6 Rw",
            "grant b 7:3 Ro",
            "said b 7:4",
            "said b 7:3",
            "forget 1 paths, loop3 loop5 loop6 show",
        ]
    );
    // one that opens otherwise is another to whoever has it open
    assert_eq!(
        host.heard(),
        ["remove loop4", "remove loop3", "add loop3", "add loop6"]
    );
    assert_eq!((change.appeared.len(), change.vanished.len()), (1, 1));
    // the same again is nothing
    let change = host.watcher.set_policy(policy(&rules));
    assert!(change.is_empty(), "{change:?}");
    assert_eq!(host.log(), [""; 0]);
    assert_eq!(host.heard(), [""; 0]);
}

#[test]
fn nodes_that_look_otherwise_change_and_who_hears_only_now_hears_that_it_is_there() {
    let with = |more: &str| format!("{}        {more}\n", rule("loop3", "rw"));
    let mut host = host(&with("events: kernel"), false, false);
    host.plug("loop3", "");
    let _ = (host.log(), host.heard());
    for (more, expected) in [
        ("node: { mode: \"0660\" }", &["change loop3"][..]),
        ("node: { mode: \"0660\", link: x }", &["change loop3"]),
        ("events: both", &["change loop3", "udev add loop3"]),
        ("events: udev", &[]),
        ("events: none", &[]),
        ("events: both", &["add loop3", "udev add loop3"]),
        ("on_revoke: kill", &["change loop3"]),
    ] {
        host.watcher.set_policy(policy(&with(more)));
        assert_eq!(host.heard(), expected, "{more}");
        let log = host.log();
        let gate = |line: &&String| line.contains("revoke") || line.contains("grant");
        assert_eq!(log.iter().find(gate), None, "{more}: {log:?}");
    }
}

/// While udev is silent rules that ask for what it would say hide, and it is waited for as ever.
#[test]
fn a_reload_while_udev_is_silent_hides_what_it_would_decide() {
    let mut host = host(&rule("loop[34]", "rw"), true, false);
    host.plug("loop3", "");
    host.plug("loop4", "");
    host.heard();
    let secret = "      - match: { devname: \"loop[34]\", not: { property: { ID_SECRET: \"1\" } } }\n        show: rw\n";
    host.watcher.set_policy(policy(secret));
    assert_eq!(host.heard(), ["remove loop4", "remove loop3"]);
    assert_eq!(host.watcher.waiting.len(), 2);
    host.says(Action::Add, "loop3", "ID_SECRET=0\n");
    host.says(Action::Add, "loop4", "ID_SECRET=1\n");
    assert_eq!(host.heard(), ["add loop3"]);
    // and nothing is waited for that no rule asks for any more
    host.plug("loop5", "");
    host.watcher.set_policy(policy(&rule("loop[45]", "rw")));
    assert_eq!(host.heard(), ["remove loop3", "add loop4", "add loop5"]);
    assert_eq!(host.watcher.waiting.len(), 0);
}

/// What the old rules hid and the new ones show, and whose `remove` waits for its turn already.
#[test]
fn what_is_known_to_be_gone_is_not_granted_by_new_rules() {
    let mut host = host(&rule("loop9", "rw"), false, false);
    host.plug("loop3", "");
    let _ = host.log();
    let mut device = Device::new(devpath("loop3"));
    device.subsystem = Some("block".into());
    device.properties = Properties::parse_lines(b"SEQNUM=4712\n");
    let remove = || Message::Kernel(made_up(Action::Remove, &device));
    host.watcher.heard.push_back(remove());
    host.watcher.set_policy(policy(&rule("loop3", "rw")));
    assert_eq!(host.log(), [""; 0]);
    assert_eq!(host.heard(), [""; 0]);
    // nor when there is more before it than is dealt with in one go
    host.watcher.set_policy(policy(&rule("loop9", "rw")));
    host.kernel(Action::Add, "loop3");
    let other = made_up(Action::Change, &Device::new(devpath("loop1")));
    for _ in 0..300 {
        host.watcher.heard.push_back(Message::Kernel(other.clone()));
    }
    host.watcher.heard.push_back(remove());
    host.log();
    host.watcher.set_policy(policy(&rule("loop3", "rw")));
    let log = host.log();
    assert!(!log.iter().any(|line| line.contains("grant")), "{log:?}");
}

#[test]
fn the_thread_takes_orders_and_stops() {
    let Host { watcher, log, .. } = host(&rule("loop1", "rw"), false, false);
    let Watcher { engine, .. } = watcher;
    let watch = crate::Watch::start(engine.clone(), Outlets::default()).unwrap();
    for (name, is_shown) in [("loop1", true), ("loop2", false), ("loop1", true)] {
        watch.set_policy(policy(&rule(name, "ro"))).unwrap();
        assert_eq!(engine.shows(&devpath("loop1")), is_shown);
    }
    drop(watch);
    let log = std::mem::take(&mut *log.lock());
    assert_eq!(
        log,
        [
            "revoke b 7:1",
            "grant b 7:1 Ro",
            "revoke b 7:1",
            "grant b 7:1 Ro"
        ]
    );
}

const NAMES: [&str; 5] = ["loop1", "loop2", "loop3", "loop4", "loop5"];

/// What a policy gives of each device.
fn given(policy: &Arc<Policy>, table: &DeviceTable) -> BTreeMap<String, Show> {
    let mut view = View::new(policy.clone());
    view.refresh_all(table);
    let shown = view.shown();
    shown
        .map(|(devpath, shown)| (String::from_utf8_lossy(devpath.name()).into(), shown.show))
        .collect()
}

fn rights(given: &BTreeMap<String, Show>, name: &str) -> u8 {
    match given.get(name) {
        Some(Show::Rw) => 2,
        Some(Show::Ro) => 1,
        Some(Show::Hide) | None => 0,
    }
}

fn any_rules() -> impl Strategy<Value = String> {
    let names = prop::sample::select(vec![
        "loop1",
        "loop2",
        "loop3",
        "loop4",
        "loop5",
        "loop[12]",
        "loop[3-5]",
        "loop*",
    ]);
    let says = prop::sample::select(vec!["rw", "ro", "hide"]);
    let one = (names, says).prop_map(|(name, says)| rule(name, says));
    // an empty list of rules is an error of its own
    prop::collection::vec(one, 1..5).prop_map(|rules| rules.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn never_more_than_both_and_in_order(first in any_rules(), others in prop::collection::vec(any_rules(), 1..6)) {
        let mut host = host(&first, false, false);
        for name in &NAMES[1..] {
            host.plug(name, "");
        }
        let _ = (host.log(), host.heard());
        let mut old = policy(&first);
        for rules in others {
            let new = policy(&rules);
            let scene = host.watcher.engine.scene();
            let (before, after) = {
                let table = &scene.read().table;
                (given(&old, table), given(&new, table))
            };
            host.watcher.set_policy(new.clone());
            // the gate: as it was, then less, then more, and at no time more than one of both gives
            let mut gate = before.clone();
            let mut stage = 0;
            for line in host.log() {
                let words: Vec<&str> = line.split(' ').collect();
                let step = match words[0] {
                    "revoke" => 0,
                    "grant" => 1,
                    _ => 2,
                };
                prop_assert!(step >= stage, "{} comes too late", line);
                stage = step;
                if step < 2 {
                    let name = format!("loop{}", words[2].trim_start_matches("7:"));
                    match words.get(3) {
                        Some(&"Rw") => gate.insert(name.clone(), Show::Rw),
                        Some(_) => gate.insert(name.clone(), Show::Ro),
                        None => gate.remove(&name),
                    };
                    let most = rights(&before, &name).max(rights(&after, &name));
                    prop_assert!(rights(&gate, &name) <= most, "{line}");
                }
            }
            prop_assert_eq!(&gate, &after);
            // what is told: all that goes, then all that comes
            let mut told: Vec<String> = Vec::new();
            let differ = |name: &&&str| before.get(**name) != after.get(**name);
            told.extend(
                NAMES.iter().rev().filter(|name| before.contains_key(**name)).filter(differ).map(|name| format!("remove {name}")),
            );
            told.extend(
                NAMES.iter().filter(|name| after.contains_key(**name)).filter(differ).map(|name| format!("add {name}")),
            );
            prop_assert_eq!(host.heard(), told);
            let shown: Vec<String> = {
                let scene = scene.read();
                scene.view.shown().map(|(d, _)| String::from_utf8_lossy(d.name()).into()).collect()
            };
            prop_assert_eq!(shown, after.keys().cloned().collect::<Vec<_>>());
            old = new;
        }
    }
}
