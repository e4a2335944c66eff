//! What holds of every text.

use proptest::prelude::*;

use super::{format, generate, said};
use crate::yaml::parse;

/// The comments of a file of [`generate::Writer`], by their numbers.
fn comments(text: &str) -> Vec<usize> {
    let mut numbers: Vec<usize> = text
        .split('#')
        .filter_map(|part| part.trim_start().strip_prefix('c')?.split_once('.'))
        .filter_map(|(number, _)| number.parse().ok())
        .collect();
    numbers.sort_unstable();
    numbers
}

const WORDS: &[&str] = &[
    "version: 1",
    "policies:",
    "p:",
    "rules:",
    "- ",
    "match:",
    "show: rw",
    "{",
    "}",
    "[",
    "]",
    "\n",
    "\n  ",
    "\n    ",
    "\n      ",
    ", ",
    "a: ",
    "minimal",
    "&a ",
    "*a",
    "!!str ",
    "\"",
    "'",
    "|",
    ">",
    "<<: ",
    "~",
    "0",
    "? ",
    "---",
    " # c",
    "ü",
    "\u{feff}",
    "\t",
    "\r",
    "...",
    "-",
    ":",
    "b:",
    "\n- ",
    "\n\n",
    "%",
    "=",
    "\n# x\n",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_and_the_layout_is_one(
        tree in generate::tree(),
        choices in prop::collection::vec(any::<u8>(), 1..200),
    ) {
        let mut writer = generate::Writer::new(&choices);
        writer.file(&tree);
        let text = writer.text;
        prop_assert!(parse(0, &text).is_ok(), "{:?}\n{text}", parse(0, &text));
        let formatted = match format("x", &text) {
            Ok(formatted) => formatted,
            Err(e) => return Err(TestCaseError::fail(format!("{e}\n{text}"))),
        };
        prop_assert_eq!(said(&formatted), said(&text), "{}\n---\n{}", text, formatted);
        let all: Vec<usize> = (0..writer.comments).collect();
        prop_assert_eq!(comments(&formatted), all, "{}\n---\n{}", text, formatted);
        let again = format("x", &formatted);
        prop_assert_eq!(again.as_deref(), Ok(&*formatted), "{}", text);
        for line in formatted.lines() {
            prop_assert_eq!(line, line.trim_end());
        }
        prop_assert!(!formatted.contains("\n\n\n") && !formatted.starts_with('\n'), "{formatted}");
    }

    #[test]
    fn any_text_is_formatted_or_refused(text in "\\PC{0,80}") {
        stands(&text)?;
    }

    #[test]
    fn any_characters_too(text in "(?s).{0,80}") {
        stands(&text)?;
    }

    #[test]
    fn with_words_of_the_language_too(words in prop::collection::vec(prop::sample::select(WORDS), 0..30)) {
        stands(&words.concat())?;
    }
}

/// A text that is formatted at all says the same afterwards, and is as it should be.
fn stands(text: &str) -> Result<(), TestCaseError> {
    let Ok(formatted) = format("x", text) else {
        return Ok(());
    };
    prop_assert_eq!(
        said(&formatted),
        said(text),
        "{:?}\n---\n{}",
        text,
        formatted
    );
    let again = format("x", &formatted);
    prop_assert_eq!(again.as_deref(), Ok(&*formatted), "{:?}", text);
    let signs = |text: &str| text.matches('#').count();
    prop_assert_eq!(
        signs(&formatted),
        signs(text),
        "{:?}\n---\n{}",
        text,
        formatted
    );
    Ok(())
}
