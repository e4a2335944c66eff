//! What an admin reads about wrong rules: `tests/data/errors/NAME.yaml`, or the files in the directory `NAME` of which `rules.yaml` is the
//! first, give exactly `NAME.txt`.
//!
//! With `BLESS=1` in the environment the test writes the texts instead; read the difference before committing it.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
};

use policy::{RuleError, RuleErrors, Rules, Severity};

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/errors")
}

/// The name of each case, and its files by name; the first one's is `rules.yaml` or the case's own.
fn cases() -> BTreeMap<String, (String, BTreeMap<String, String>)> {
    let mut cases = BTreeMap::new();
    for entry in fs::read_dir(directory()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let mut files = BTreeMap::new();
        if path.is_dir() {
            collect(&path, "", &mut files);
            cases.insert(name, ("rules.yaml".to_owned(), files));
        } else if path.extension().unwrap() == "yaml" {
            let file = format!("{name}.yaml");
            files.insert(file.clone(), fs::read_to_string(&path).unwrap());
            cases.insert(name, (file, files));
        }
    }
    cases
}

fn collect(dir: &Path, prefix: &str, files: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{prefix}{}", path.file_name().unwrap().to_str().unwrap());
        match path.is_dir() {
            true => collect(&path, &format!("{name}/"), files),
            false => drop(files.insert(name, fs::read_to_string(&path).unwrap())),
        }
    }
}

/// What is found in a case; the errors if there are any.
fn found(first: &str, files: &BTreeMap<String, String>) -> RuleErrors {
    match Rules::load(first, files) {
        Err(errors) => errors,
        Ok(rules) => RuleErrors {
            found: rules.warnings().to_vec(),
            more: 0,
        },
    }
}

#[test]
fn wrong_rules_say_what_is_wrong() {
    let cases = cases();
    assert!(cases.len() >= 60, "{}", cases.len());
    for (name, (first, files)) in &cases {
        let errors = found(first, files);
        assert!(!errors.found.is_empty(), "{name}");
        let rendered = format!("{errors}\n");
        let expected = directory().join(format!("{name}.txt"));
        if env::var_os("BLESS").is_some() {
            fs::write(&expected, &rendered).unwrap();
        }
        assert_eq!(
            fs::read_to_string(&expected).unwrap_or_default(),
            rendered,
            "{name}"
        );
    }
}

#[test]
fn no_text_is_of_no_case() {
    let cases = cases();
    let texts: BTreeSet<String> = fs::read_dir(directory())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(texts, cases.into_keys().collect());
}

#[test]
fn positions_point_into_the_files() {
    for (name, (first, files)) in cases() {
        for error in found(&first, &files).found {
            let RuleError { at, also, .. } = &error;
            for place in std::iter::once(at).chain(also.as_ref().map(|(place, _)| place)) {
                if place.line == 0 {
                    assert_eq!(error.severity, Severity::Error);
                    continue;
                }
                let line = files[&place.file]
                    .lines()
                    .nth(place.line as usize - 1)
                    .unwrap_or_default();
                let text: String = line
                    .chars()
                    .skip(place.skipped as usize)
                    .take(160)
                    .collect();
                assert_eq!(place.text, text, "{name}");
                assert!(
                    place.column as usize <= line.chars().count() + 1,
                    "{name}: {error}"
                );
            }
        }
    }
}

mod anything {
    use policy::Rules;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn is_read_or_refused(text in ".{0,200}") {
            let _ = Rules::parse("x", &text);
        }

        #[test]
        fn with_words_of_the_language_too(words in prop::collection::vec(prop::sample::select(&[
            "version: 1", "policies:", "p:", "rules:", "- ", "match:", "show: rw", "path: /x", "{", "}", "[", "]", "\n", "\n  ", "\n    ", "\n      ", ", ", "not: ",
            "property: ", "base: ", "minimal", "containers:", "&a ", "*a", "!!str ", "\"", "'", "|", ">", "<<: ", "~", "0", "? ", "---", "#", "ü", "\u{feff}", "\t",
        ][..]), 0..40)) {
            let _ = Rules::parse("x", &words.concat());
        }
    }
}
