//! The nearest valid word for a wrong one.

/// The choice that `word` was probably meant to be: few letters differ, or only the case does. None when two are as near.
pub(crate) fn nearest<'a>(
    word: &str,
    choices: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    // A name of any length is compared in bounded time: nobody mistypes a longer one recognisably.
    let word: Vec<char> = word.chars().take(64).collect();
    let allowed = (word.len() / 3).max(1);
    let mut near: Vec<(usize, &str)> = choices
        .into_iter()
        .map(|choice| (distance(&word, choice), choice))
        .filter(|(distance, _)| *distance <= allowed)
        .collect();
    near.sort();
    near.dedup();
    match near[..] {
        [(first, _), (second, _), ..] if first == second => None,
        [(_, choice), ..] => Some(choice),
        [] => None,
    }
}

/// Levenshtein's: how many letters to insert, drop or replace; letters that differ in case only cost nothing.
fn distance(word: &[char], choice: &str) -> usize {
    let mut row: Vec<usize> = (0..=word.len()).collect();
    for (index, wanted) in choice.chars().take(64).enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (at, letter) in word.iter().enumerate() {
            let replace = diagonal + usize::from(!letter.eq_ignore_ascii_case(&wanted));
            diagonal = row[at + 1];
            row[at + 1] = replace.min(row[at] + 1).min(diagonal + 1);
        }
    }
    row[word.len()]
}

/// `a, b or c`, each in backquotes.
pub(crate) fn list<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let mut words: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    match words.pop() {
        None => "nothing".to_owned(),
        Some(last) if words.is_empty() => last,
        Some(last) => format!("{} or {last}", words.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_found_and_far_ones_not() {
        let words = ["subsystem", "devtype", "devname", "not", "any"];
        for (word, expected) in [
            ("subsytem", Some("subsystem")),
            ("SUBSYSTEM", Some("subsystem")),
            ("devnames", Some("devname")),
            ("nt", Some("not")),
            ("vendor", None),
            ("ny", Some("any")),
            ("", None),
        ] {
            assert_eq!(nearest(word, words), expected, "{word}");
        }
    }

    #[test]
    fn of_two_as_near_none_is() {
        assert_eq!(nearest("r", ["rw", "ro", "hide"]), None);
        assert_eq!(nearest("r", ["rw", "rw"]), Some("rw"));
    }

    #[test]
    fn lists_read_well() {
        assert_eq!(list([]), "nothing");
        assert_eq!(list(["a"]), "`a`");
        assert_eq!(list(["a", "b", "c"]), "`a`, `b` or `c`");
    }
}
