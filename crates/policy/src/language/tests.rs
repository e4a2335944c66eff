//! That the table says what the loader does.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    Key, Kind, Says,
    file::{BINDING, CONTAINER, FILE, LIMITS, POLICY},
    matching::MATCH,
    rule::{NODE, RULE, SYSFS},
};
use crate::{RuleErrors, Rules, load, words::list};

static KINDS: [&Kind; 9] = [
    &FILE, &BINDING, &CONTAINER, &POLICY, &LIMITS, &RULE, &NODE, &SYSFS, &MATCH,
];

fn every_key() -> impl Iterator<Item = (&'static Kind, &'static Key)> {
    KINDS
        .iter()
        .flat_map(|kind| kind.keys.iter().map(|key| (*kind, key)))
}

#[test]
fn the_loader_knows_the_same_keys() {
    let tables = load::keys();
    assert_eq!(tables.len(), KINDS.len());
    for kind in KINDS {
        let table = tables.iter().find(|(name, _)| *name == kind.name);
        let (_, keys) = table.unwrap_or_else(|| panic!("the loader has no {}", kind.name));
        let loader: BTreeSet<&str> = keys.iter().copied().collect();
        let table: BTreeSet<&str> = kind.keys.iter().map(|key| key.name).collect();
        assert_eq!(loader, table, "{}", kind.name);
        assert_eq!(table.len(), kind.keys.len(), "{}", kind.name);
    }
}

#[test]
fn every_key_is_described() {
    for (kind, key) in every_key() {
        let what = format!("{}.{}", kind.name, key.name);
        assert!(key.about.len() > 10 && key.about.ends_with('.'), "{what}");
        assert!(!key.examples.is_empty(), "{what}");
        for text in key.examples.iter().chain(&key.default) {
            serde_json::from_str::<Value>(text).unwrap_or_else(|e| panic!("{what}: {text}: {e}"));
        }
    }
}

/// A rule file in which `key` of this kind of map has this value, and nothing is wrong otherwise.
fn file_with(kind: &Kind, key: &str, value: Value) -> String {
    let rule = |mut rule: Value, key: &str, value: Value| {
        rule[key] = value;
        json!({ "version": 1, "policies": { "p": { "rules": [rule] } } })
    };
    let of_devices = || json!({ "match": { "subsystem": "input" }, "show": "rw" });
    let bound = |mut binding: Value, key: &str, value: Value| {
        binding[key] = value;
        json!({ "version": 1, "containers": [binding] })
    };
    let by_name = || json!({ "match": { "name": "x" }, "policy": "all" });
    let file = match kind.name {
        "file" => {
            let mut file = json!({ "version": 1 });
            file[key] = value;
            file
        }
        "binding" => bound(by_name(), key, value),
        "container" => bound(by_name(), "match", json!({ key: value })),
        "policy" => json!({ "version": 1, "policies": { "p": { key: value } } }),
        "limits" => json!({ "version": 1, "policies": { "p": { "limits": { key: value } } } }),
        "rule" if key == "path" => rule(json!({ "show": "ro" }), key, value),
        "rule" => rule(of_devices(), key, value),
        // `node`, `sysfs`, `match`
        part => rule(of_devices(), part, json!({ key: value })),
    };
    file.to_string()
}

fn load(kind: &Kind, key: &str, value: Value) -> Result<Rules, RuleErrors> {
    Rules::parse("x", &file_with(kind, key, value))
}

/// Whether its value is about other files, of which there are none here.
fn is_about_files(key: &Key) -> bool {
    key.name == "include"
}

#[test]
fn the_loader_takes_every_example() {
    for (kind, key) in every_key().filter(|(_, key)| !is_about_files(key)) {
        for text in key.examples.iter().chain(&key.default) {
            let value: Value = serde_json::from_str(text).unwrap();
            if let Err(e) = load(kind, key.name, value) {
                panic!("{}.{}: {e}", kind.name, key.name);
            }
        }
    }
}

#[test]
fn the_loader_has_the_same_words() {
    let mut compared = 0;
    for (kind, key) in every_key().filter(|(_, key)| !is_about_files(key)) {
        let Says::Words(words) = key.value else {
            continue;
        };
        // nothing is as far from every word
        let errors = load(kind, key.name, "0123456789".into()).unwrap_err();
        let expected = list(words.iter().map(|(word, _)| *word));
        assert_eq!(
            errors.found[0].expected.as_ref(),
            Some(&expected),
            "{}",
            key.name
        );
        compared += 1;
    }
    assert!(compared >= 4, "{compared}");
}
