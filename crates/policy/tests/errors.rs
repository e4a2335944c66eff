//! What an admin reads about a wrong file: `tests/data/errors/NAME.yaml` gives exactly `NAME.txt`.
//!
//! With `BLESS=1` in the environment the test writes the texts instead; read the difference before committing it.

use std::{env, fs, path::PathBuf};

use policy::Rules;

fn files() -> Vec<PathBuf> {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/errors");
    let mut files: Vec<PathBuf> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "yaml")
    });
    files.sort();
    files
}

#[test]
fn wrong_files_say_what_is_wrong() {
    let files = files();
    assert!(files.len() >= 25);
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let errors = Rules::parse(&name, &text)
            .err()
            .unwrap_or_else(|| panic!("{name} has no error"));
        assert!(!errors.0.is_empty(), "{name}");
        let rendered = format!("{errors}\n");
        let expected = path.with_extension("txt");
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
fn positions_point_into_the_file() {
    for path in files() {
        let text = fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        for error in Rules::parse("x", &text).unwrap_err().0 {
            let line = lines
                .get(error.line as usize - 1)
                .copied()
                .unwrap_or_default();
            assert_eq!(error.text, line, "{path:?}");
            assert!(
                error.column as usize <= line.chars().count() + 1,
                "{path:?}: {error}"
            );
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
