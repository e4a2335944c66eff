//! What runtimes give and what the rules give: the same devices, with the same access, under the same names.

mod same;

use std::collections::{BTreeMap, BTreeSet};

use import::{Import, Seen};
use proptest::prelude::*;
use same::{Has, Node, shown, table};
use serde_json::json;

const NAMES: [&str; 6] = ["p", "q", "d/x", "d/y", "d/z", "e/x"];

fn nodes() -> Vec<Node> {
    let node = |(name, minor): (&&str, u32)| Node {
        name: (*name).to_owned(),
        subsystem: "x",
        major: 9,
        minor,
    };
    NAMES.iter().zip(1..).map(node).collect()
}

/// As [`shown`], the links in the order of the alphabet.
fn seen(rules: &str, policy: &str) -> BTreeMap<String, Has> {
    let mut seen = shown(rules, policy, &table(&nodes()));
    for has in seen.values_mut() {
        has.links.sort();
        has.links.dedup();
    }
    seen
}

/// What is given of one device.
#[derive(Default)]
struct Given {
    letters: String,
    links: BTreeSet<String>,
}

fn expected(given: BTreeMap<String, Given>) -> BTreeMap<String, Has> {
    // what may not be read is no rule's
    let readable = given
        .into_iter()
        .filter(|(_, given)| given.letters.contains('r'));
    readable
        .map(|(name, given)| {
            let has = Has {
                write: given.letters.contains('w'),
                links: given.links.into_iter().collect(),
                ..Has::default()
            };
            (name, has)
        })
        .collect()
}

const LETTERS: &[&str] = &["", ":r", ":rw", ":rwm", ":w", ":rm", ":m"];

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn flags_mean_the_same(flags in prop::collection::vec(
        (
            prop::sample::select(&["p", "q", "d/x", "d/y", "d", "e", "d/"][..]),
            prop::option::of(prop::sample::select(&["m", "n/o", "a%b"][..])),
            prop::sample::select(LETTERS),
        ),
        1..6,
    )) {
        let mut import = Import::new();
        let mut given: BTreeMap<String, Given> = BTreeMap::new();
        for (host, inside, letters) in flags {
            let inside_path = inside.map(|inside| format!(":/dev/{inside}")).unwrap_or_default();
            let host = host.trim_end_matches('/');
            let directory = matches!(host, "d" | "e");
            let seen = directory.then_some(Seen::Directory);
            import.device(&format!("/dev/{host}{inside_path}{letters}"), seen).unwrap();
            for name in NAMES {
                let rest = match name.strip_prefix(host) {
                    Some("") => "",
                    Some(rest) if directory && rest.starts_with('/') => rest,
                    _ => continue,
                };
                let given = given.entry(name.to_owned()).or_default();
                given.letters.push_str(if letters.is_empty() { "rwm" } else { letters });
                if let Some(inside) = inside {
                    given.links.insert(format!("{inside}{rest}"));
                }
            }
        }
        let rules = import.finish("x").unwrap().rules;
        prop_assert_eq!(seen(&rules, "x"), expected(given), "{}", rules);
    }

    #[test]
    fn specifications_mean_the_same(device_nodes in prop::collection::vec(
        (
            0..NAMES.len(),
            prop::option::of(prop::sample::select(&["m", "n/o"][..])),
            prop::sample::select(LETTERS),
        ),
        0..5,
    ), common in 0..3_usize) {
        // a device is told by its name or by its number, not now so and now so
        let by_number = |index: usize| index.is_multiple_of(2);
        let mut given: BTreeMap<String, Given> = BTreeMap::new();
        let mut written = Vec::new();
        for (index, inside, letters) in &device_nodes {
            let name = NAMES[*index];
            let path = format!("/dev/{}", inside.unwrap_or(name));
            let mut node = json!({ "path": path, "permissions": letters.trim_start_matches(':') });
            if inside.is_some() {
                node["hostPath"] = format!("/dev/{name}").into();
            }
            if by_number(*index) {
                node["type"] = "c".into();
                node["major"] = 9.into();
                node["minor"] = (index + 1).into();
            }
            written.push(node);
            let given = given.entry(name.to_owned()).or_default();
            given.letters.push_str(if letters.is_empty() { "rwm" } else { letters });
            given.links.extend(inside.map(str::to_owned));
        }
        let own = written.split_off(common.min(written.len()));
        // the first rule decides: what both parts of a specification name is not told apart here
        let names = |nodes: &[serde_json::Value]| -> BTreeSet<String> {
            let host = |node: &serde_json::Value| node.get("hostPath").unwrap_or(&node["path"]).to_string();
            nodes.iter().map(host).collect()
        };
        prop_assume!(names(&own).is_disjoint(&names(&written)));
        let spec = json!({
            "cdiVersion": "0.5.0",
            "kind": "a.b/c",
            "devices": [{ "name": "0", "containerEdits": { "deviceNodes": own } }],
            "containerEdits": { "deviceNodes": written },
        });
        let mut import = Import::new();
        import.cdi("f", &spec.to_string()).unwrap();
        let rules = import.finish("x").unwrap().rules;
        prop_assert_eq!(seen(&rules, "a.b/c=0"), expected(given), "{}", rules);
    }

    #[test]
    fn any_text_is_imported_or_refused(text in "(?s).{0,60}") {
        for flag in [text.clone(), format!("/dev/{text}"), format!("/dev/a:/dev/{text}")] {
            let mut import = Import::new();
            if import.device(&flag, None).is_ok() {
                let rules = import.finish("x").unwrap().rules;
                seen(&rules, "x");
            }
        }
        let _ = Import::new().cdi("f", &text);
        let spec = json!({
            "cdiVersion": "1.0.0",
            "kind": format!("k{text}"),
            "annotations": { text.clone(): text.clone() },
            "devices": [{ "name": format!("n{text}"), "containerEdits": {
                "deviceNodes": [{ "path": format!("/dev/{text}"), "hostPath": format!("/dev/{text}") }],
                "env": [text.clone()],
                text.clone(): [text.clone()],
            } }],
        });
        let mut import = Import::new();
        if import.cdi("f", &spec.to_string()).is_ok() {
            let finished = import.finish("x");
            prop_assert!(finished.is_ok(), "{finished:?}");
        }
    }
}
