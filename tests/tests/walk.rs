//! The view beside the real thing: the same walk over /sys in a container, and over a sysfs that
//! is mounted in the same network namespace and read with the same credentials.

use std::collections::BTreeSet;

use serde_json::Value;
use tests::tree::{Comparison, Tree, compare};
use tests::{ByHand, Container, Walker};

/// The file whose content is not the host's.
const OWN_CONTENT: &str = "/kernel/uevent_seqnum";

/// Walk both as user `uid`, and require the same credentials.
#[track_caller]
fn walk(container: &Container, uid: u32, userns: bool, only_shown: bool) -> Comparison {
    let mut view = Walker::inside(container, uid);
    let mut native = Walker::native(&view, uid, userns);
    let mut result = compare(&mut native, &mut view, only_shown);
    // the container's own: what it says is live.rs's to test, here it is a file like the host's
    if let Some((Some(theirs), Some(ours))) = result.differences.get(OWN_CONTENT) {
        let mut theirs = theirs.clone();
        theirs["content"] = ours["content"].clone();
        if theirs == *ours {
            result.differences.remove(OWN_CONTENT);
        }
    }
    assert_eq!(
        native.who, view.who,
        "credentials differ: the comparison proves nothing"
    );
    println!(
        "{} paths; volatile: {:#?}",
        result.native.len(),
        result.volatile
    );
    result
}

fn count(tree: &Tree, wanted: impl Fn(&str, &Value) -> bool) -> usize {
    tree.iter()
        .filter(|(path, entry)| wanted(path, entry))
        .count()
}

/// The comparison met every kind of thing that could go wrong.
#[track_caller]
fn not_vacuous(found: &Comparison, root: bool) {
    let native = &found.native;
    let content = |e: &Value, at: usize, text: &str| e["content"][at] == text;
    assert!(native.len() > 5000, "only {} paths", native.len());
    assert!(count(native, |_, e| e["type"] == "link") > 300);
    assert!(
        count(native, |_, e| content(e, 0, "digest")) > 2,
        "no long attributes"
    );
    assert!(
        count(native, |_, e| content(e, 1, "EACCES")) > 100,
        "nothing was refused"
    );
    assert!(
        count(native, |p, e| content(e, 0, "text")
            && p.ends_with("/uevent"))
            > 50
    );
    // 64 bytes of PCI configuration are for everybody, the rest for CAP_SYS_ADMIN
    let pci = count(native, |p, _| {
        p.starts_with("/devices/pci") && p.ends_with("/config")
    });
    let short = |e: &Value| {
        e["content"][0] == "text"
            && e["content"][1]
                .as_str()
                .is_some_and(|t| t.chars().count() == 64)
    };
    assert_eq!(
        count(native, |p, e| p.starts_with("/devices/pci")
            && p.ends_with("/config")
            && short(e)),
        pci
    );
    let secrets = count(native, |_, e| e["mode"] == "400" && content(e, 1, "EACCES"));
    let read = count(native, |_, e| e["mode"] == "400" && content(e, 0, "text"));
    assert!(
        if root {
            read > 10
        } else {
            secrets > 10 && read == 0
        },
        "0400: {secrets} refused, {read} read"
    );
    assert!(
        found.volatile.len() < native.len() / 10,
        "{} paths are volatile",
        found.volatile.len()
    );
    assert!(count(native, |_, e| content(e, 1, "HANGS")) == 0);
}

#[test]
fn all_is_what_root_reads_natively() {
    let found = walk(&Container::new().policy("builtin:all"), 0, false, false);
    assert!(found.differences.is_empty(), "{:#?}", found.differences);
    not_vacuous(&found, true);
}

#[test]
fn all_is_what_a_user_reads_natively() {
    let found = walk(&Container::new().policy("builtin:all"), 1000, false, false);
    assert!(found.differences.is_empty(), "{:#?}", found.differences);
    not_vacuous(&found, false);
}

/// In a user namespace, the files that its root may write are its root's; nothing else differs.
#[test]
fn all_is_what_root_of_a_user_namespace_reads_natively() {
    for uid in [0, 1000] {
        let found = walk(
            &Container::new().userns().policy("builtin:all"),
            uid,
            true,
            false,
        );
        let mut taken = 0;
        let differences: Vec<_> = found
            .differences
            .iter()
            .filter(|(path, (native, view))| {
                let owner = |e: &Option<Value>| e.as_ref().map(|e| e["owner"].clone());
                let own = path.ends_with("/uevent") && owner(view) == Some("0:0".into());
                let same_but_owner = {
                    let (mut native, mut view) = (native.clone(), view.clone());
                    for e in [&mut native, &mut view].into_iter().flatten() {
                        e["owner"] = Value::Null;
                    }
                    native == view
                };
                taken += usize::from(own && same_but_owner);
                !(own && same_but_owner)
            })
            .collect();
        assert!(differences.is_empty(), "as {uid}: {differences:#?}");
        assert!(taken > 50, "{taken}");
        not_vacuous(&found, false);
    }
}

#[test]
fn minimal_is_exactly_what_the_rules_say() {
    let by_hand = ByHand::minimal();
    for (uid, userns) in [(0, false), (1000, false), (0, true)] {
        let container = Container::new();
        let container = if userns {
            container.userns()
        } else {
            container
        };
        let found = walk(&container, uid, userns, true);
        let expected: BTreeSet<&String> = found
            .native
            .keys()
            .filter(|p| by_hand.shows(p, &found.native))
            .collect();
        let shown: BTreeSet<&String> = found.view.keys().collect();
        let missing: Vec<_> = expected.difference(&shown).collect();
        let extra: Vec<_> = shown
            .difference(&expected)
            .filter(|p| !found.volatile.contains(**p))
            .collect();
        assert!(
            missing.is_empty() && extra.is_empty(),
            "missing {missing:#?}, and shown wrongly {extra:#?}"
        );
        assert!(
            shown.len() > 200 && found.native.len() > shown.len() * 2,
            "{}",
            shown.len()
        );
        // and what shows is what it is
        for (path, (native, view)) in &found.differences {
            let (Some(native), Some(view)) = (native, view) else {
                continue;
            };
            let mut native = native.clone();
            if userns && path.ends_with("/uevent") && view["owner"] == "0:0" {
                native["owner"] = "0:0".into();
            }
            assert_eq!(&native, view, "{path}");
        }
    }
}
