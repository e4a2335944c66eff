//! Every example of the manual is a rule file without an error, and nothing is to be said about it.

use std::collections::BTreeMap;

use policy::{Rules, Severity};

#[track_caller]
fn is_fine(name: &str, text: &str) {
    let common = "version: 1\npolicies: { common: {} }\n";
    let files = BTreeMap::from(
        [(name, text), ("docs/common.yaml", common)].map(|(name, text)| (name.into(), text.into())),
    );
    match Rules::load(name, &files) {
        Err(errors) => panic!("{errors}\n{text}"),
        Ok(rules) => {
            for found in rules.warnings() {
                assert_eq!(found.severity, Severity::Note, "{found}");
            }
        }
    }
}

#[test]
fn examples_of_the_manual_parse() {
    let manual = include_str!("../../../docs/rules.md");
    let examples: Vec<&str> = manual
        .split("```yaml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    assert!(examples.len() >= 8, "{}", examples.len());
    for example in examples {
        is_fine("docs/rules.md", example);
    }
    is_fine("loop.yaml", include_str!("../../../examples/loop.yaml"));
}
