//! The JSON Schema takes what the loader takes, and refuses what is wrong by its structure alone.

use std::{fs, path::PathBuf};

use jsonschema::{Validator, draft7};
use serde_json::Value;

fn validator() -> Validator {
    let schema: Value = serde_json::from_str(&policy::schema()).unwrap();
    assert!(draft7::meta::is_valid(&schema));
    draft7::new(&schema).unwrap()
}

/// As an editor reads it.
fn read(yaml: &str) -> Value {
    serde_saphyr::from_str(yaml).unwrap_or_else(|e| panic!("{e}\n{yaml}"))
}

fn check(schema: &Validator, what: &str, yaml: &str) {
    let file = read(yaml);
    let errors: Vec<String> = schema
        .iter_errors(&file)
        .map(|e| format!("{}: {e}", e.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{what}:\n{}\n{yaml}", errors.join("\n"));
}

fn yaml_files(dir: &str) -> Vec<(String, String)> {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(dir);
    let paths = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut files: Vec<(String, String)> = paths
        .filter(|path| path.extension().is_some_and(|e| e == "yaml"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect();
    files.sort();
    files
}

#[test]
fn it_takes_the_examples_of_the_manual() {
    let schema = validator();
    let manual = include_str!("../../../docs/rules.md");
    let examples = manual.split("```yaml\n").skip(1);
    let examples = examples.filter_map(|rest| rest.split("```").next());
    let count = examples
        .inspect(|text| check(&schema, "docs/rules.md", text))
        .count();
    assert!(count >= 3, "{count}");
}

#[test]
fn it_takes_the_rule_files_that_come_along() {
    let schema = validator();
    let files = [yaml_files("../../examples"), yaml_files("src/builtin")].concat();
    assert!(files.len() >= 3);
    for (name, text) in files {
        check(&schema, &name, &text);
    }
}

/// All that the language has, also what a version may not read yet.
const EVERYTHING: &str = r#"
version: 1
include: ["conf.d/*.yaml", builtin:gpu]
containers:
  - match: { name: "steam-*", label: { app: games }, id: 4711, image: "**/steam", annotation: { a: [b, 1] }, cgroup: /x/** }
    policy: gamepads
policies:
  gamepads:
    base: [minimal]
    cpus: cgroup
    limits: { inodes: 4096, bytes: 16M }
    ancestors: skeleton
    rules:
      - name: joysticks
        match:
          subsystem: [input, hidraw]
          property: { ID_INPUT_JOYSTICK: "1" }
          tag: seat
          link: "input/by-id/*"
          any: [{ driver: xpad }, { not: [{ devtype: x }, { devnum: b 7:* }] }]
        show: rw
        scope: device
        ancestors: files
        node: { mode: "0660", gid: 104, link: ["input/pad%n", "100%%/%E{ID_SERIAL}%k"] }
        sysfs: { write: [uevent, "leds/*/brightness"], hide: ["power/**"] }
        events: both
        on_revoke: report
      - match: { parent: { subsystem: usb, attr: { idVendor: "2b2e", serial: "LAB*" } } }
        show: ro    # usb
        sysfs: { hide: power/** }
      - path: /kernel/mm/transparent_hugepage/**
        show: ro    # path
"#;

#[test]
fn it_takes_the_whole_language() {
    check(&validator(), "everything", EVERYTHING);
}

#[test]
fn it_refuses_what_is_wrong_with_a_part() {
    let schema = validator();
    for (good, wrong, at) in [
        ("version: 1", "version: 2", "/version"),
        ("include: [\"conf", "includes: [\"conf", ""),
        ("policy: gamepads", "polisy: gamepads", "/containers/0"),
        (
            "label: { app: games }",
            "label: {}",
            "/containers/0/match/label",
        ),
        ("cpus: cgroup", "cpus: cpuset", "/policies/gamepads/cpus"),
        (
            "bytes: 16M",
            "bytes: 16MB",
            "/policies/gamepads/limits/bytes",
        ),
        (
            "ancestors: skeleton",
            "ancestors: none",
            "/policies/gamepads/ancestors",
        ),
        (
            "[input, hidraw]",
            "[]",
            "/policies/gamepads/rules/0/match/subsystem",
        ),
        (
            "devnum: b 7:*",
            "devnum: 7:*",
            "/policies/gamepads/rules/0/match/any/1/not",
        ),
        ("tag: seat", "tga: seat", "/policies/gamepads/rules/0/match"),
        (
            "any: [{ driver: xpad }",
            "any: [xpad",
            "/policies/gamepads/rules/0/match/any/0",
        ),
        (
            "mode: \"0660\"",
            "mode: 660",
            "/policies/gamepads/rules/0/node/mode",
        ),
        (
            "mode: \"0660\"",
            "mode: \"0680\"",
            "/policies/gamepads/rules/0/node/mode",
        ),
        (
            "input/pad%n",
            "input/pad%d",
            "/policies/gamepads/rules/0/node/link",
        ),
        (
            "input/pad%n",
            "/input/pad%n",
            "/policies/gamepads/rules/0/node/link",
        ),
        (
            "[uevent, ",
            "[/uevent, ",
            "/policies/gamepads/rules/0/sysfs/write",
        ),
        (
            "events: both",
            "events: all",
            "/policies/gamepads/rules/0/events",
        ),
        (
            "hide: power",
            "write: power",
            "/policies/gamepads/rules/1/sysfs/write",
        ),
        (
            "path: /kernel",
            "path: /sys/kernel",
            "/policies/gamepads/rules/2/path",
        ),
        (
            "show: ro    # path",
            "show: rw",
            "/policies/gamepads/rules/2/show",
        ),
        (
            "show: ro    # usb",
            "show: hide",
            "/policies/gamepads/rules/1/sysfs",
        ),
        (
            "      - path: /kernel",
            "      - scope: device\n        path: /kernel",
            "/policies/gamepads/rules/2/scope",
        ),
    ] {
        assert_eq!(EVERYTHING.matches(good).count(), 1, "{good}");
        let file = read(&EVERYTHING.replace(good, wrong));
        let places: Vec<String> = schema
            .iter_errors(&file)
            .map(|e| e.instance_path().to_string())
            .collect();
        assert!(!places.is_empty(), "{wrong}");
        assert!(
            places.iter().all(|place| place.starts_with(at)),
            "{wrong}: {places:?}"
        );
    }
}

/// Files of `tests/data/errors` in which keys, types or words are wrong. What is wrong with the others only the loader finds: what
/// rules mean, and what YAML itself does not allow.
const STRUCTURE: [&str; 22] = [
    "anchors",
    "bases",
    "comment-only",
    "containers",
    "containers-map",
    "cpus",
    "devnum",
    "empty",
    "globs",
    "lists",
    "match-or-path",
    "no-version",
    "node",
    "not-a-map",
    "path-rule",
    "rule-key",
    "scope",
    "show",
    "sysfs",
    "top-key",
    "unquoted",
    "version",
];

#[test]
fn it_refuses_what_is_wrong_by_its_structure() {
    let schema = validator();
    let files = yaml_files("tests/data/errors");
    for name in STRUCTURE {
        let (_, text) = files.iter().find(|(file, _)| file == name).unwrap();
        assert!(!schema.is_valid(&read(text)), "{name}\n{text}");
    }
}

/// The properties of the schema with their names, wherever they stand.
fn properties<'a>(schema: &'a Value, found: &mut Vec<(&'a str, &'a Value)>) {
    match schema {
        Value::Object(map) => {
            for (key, value) in map {
                if let ("properties", Value::Object(keys)) = (key.as_str(), value) {
                    found.extend(keys.iter().map(|(name, key)| (name.as_str(), key)));
                }
                properties(value, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| properties(item, found)),
        _ => {}
    }
}

#[test]
fn examples_and_defaults_are_what_may_stand_there() {
    let schema: Value = serde_json::from_str(&policy::schema()).unwrap();
    let mut found = Vec::new();
    properties(&schema, &mut found);
    let described = found
        .iter()
        .filter(|(_, key)| key["description"].is_string());
    let mut checked = 0;
    for (name, key) in described {
        let mut alone = (*key).clone();
        alone["definitions"] = schema["definitions"].clone();
        let alone = draft7::new(&alone).unwrap();
        let examples = key["examples"].as_array().unwrap();
        for example in examples.iter().chain(key.get("default")) {
            assert!(alone.is_valid(example), "{name}: {example}");
            checked += 1;
        }
    }
    assert!(checked > 50, "{checked}");
}
