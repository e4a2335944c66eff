//! The layout of rule files: `tests/data/format/NAME.before.yaml` becomes exactly `NAME.yaml`.
//!
//! With `BLESS=1` in the environment the test writes the files instead; read the difference before committing it.

use std::{env, fs, path::PathBuf};

fn files() -> Vec<(String, PathBuf)> {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/format");
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if let Some(name) = name.strip_suffix(".before.yaml") {
            files.push((name.to_owned(), path));
        }
    }
    files.sort();
    files
}

#[test]
fn files_become_what_they_should() {
    let files = files();
    assert!(files.len() >= 3);
    for (name, path) in files {
        let formatted = match policy::format(&name, &fs::read_to_string(&path).unwrap()) {
            Ok(formatted) => formatted,
            Err(e) => panic!("{e}"),
        };
        let expected = path.with_file_name(format!("{name}.yaml"));
        if env::var_os("BLESS").is_some() {
            fs::write(&expected, &formatted).unwrap();
        }
        let expected = fs::read_to_string(&expected).unwrap_or_default();
        assert_eq!(formatted, expected, "{name}");
    }
}

/// What others read as examples has the layout.
#[test]
fn the_examples_have_it() {
    let text = include_str!("../../../examples/loop.yaml");
    assert_eq!(policy::format("loop.yaml", text).as_deref(), Ok(text));
}

/// The examples of the manual have it too.
#[test]
fn the_manual_has_it() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/rules.md");
    let manual = fs::read_to_string(&path).unwrap();
    let mut parts: Vec<String> = Vec::new();
    for (index, part) in manual.split("```").enumerate() {
        parts.push(
            match part.strip_prefix("yaml\n").filter(|_| index % 2 == 1) {
                Some(example) => format!("yaml\n{}", policy::format("rules.md", example).unwrap()),
                None => part.to_owned(),
            },
        );
    }
    let expected = parts.join("```");
    if env::var_os("BLESS").is_some() {
        fs::write(&path, &expected).unwrap();
    }
    assert!(parts.len() > 10);
    assert_eq!(fs::read_to_string(&path).unwrap(), expected);
}
