//! Rule files: any text is read or refused with reasons, in time. What is read decides about devices
//! in time too.
#![no_main]

use std::collections::BTreeMap;

use fuzz::{Patience, host};
use libfuzzer_sys::fuzz_target;
use policy::{Container, RuleErrors, Rules, View};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let patience = Patience::with(data);
    let parsed = read(text);
    patience.check();
    let rules = match parsed {
        Ok(rules) => rules,
        Err(errors) => {
            let shown = errors.to_string();
            assert!(shown.contains("--> "), "{shown}");
            return;
        }
    };
    let container = Container {
        name: "web1".into(),
        ..Container::default()
    };
    let Ok(policy) = rules.select(None, &container) else {
        return;
    };
    let mut table = host::devices();
    host::read(&mut table, &policy);
    let mut view = View::new(policy);
    view.refresh_all(&table);
    for path in host::paths() {
        let _ = view.judge(&table, path.as_bytes());
    }
    patience.check();
});

/// The first file; the others of the input, each behind a line `=== NAME`, are what it may include.
fn read(text: &str) -> Result<Rules, RuleErrors> {
    let mut parts = text.split("\n=== ");
    let first = parts.next().unwrap_or_default();
    let mut files: BTreeMap<String, String> = parts
        .filter_map(|part| part.split_once('\n'))
        .map(|(name, text)| (name.to_owned(), text.to_owned()))
        .collect();
    files.insert("rules.yaml".to_owned(), first.to_owned());
    Rules::load("rules.yaml", &files)
}
