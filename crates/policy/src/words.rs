//! The words of messages: the nearest valid one for a wrong one, what somebody wrote, lists.

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

/// `a, b or c`, each in backquotes; the first twenty of many.
pub(crate) fn list<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    const MOST: usize = 20;
    let mut words = words.into_iter();
    let mut some: Vec<String> = words.by_ref().take(MOST).map(quoted).collect();
    match words.count() {
        0 => {}
        more => return format!("{} or one of {more} others", some.join(", ")),
    }
    let words = &mut some;
    match words.pop() {
        None => "nothing".to_owned(),
        Some(last) if words.is_empty() => last,
        Some(last) => format!("{} or {last}", words.join(", ")),
    }
}

/// What somebody wrote, as a message has it: in backquotes, control characters escaped, not without end.
pub(crate) fn quoted(text: &str) -> String {
    const LONGEST: usize = 80;
    if text.is_empty() {
        return "`\"\"`".to_owned();
    }
    let escape = |c: char| match c.is_control() {
        true => c.escape_default().to_string(),
        false => c.to_string(),
    };
    let more = text.chars().nth(LONGEST).map_or("", |_| "...");
    let shown: String = text.chars().take(LONGEST).map(escape).collect();
    format!("`{shown}{more}`")
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
    fn what_is_quoted_is_short_and_plain() {
        assert_eq!(quoted(""), "`\"\"`");
        assert_eq!(quoted("a b\\\"ü"), "`a b\\\"ü`");
        assert_eq!(quoted("\u{1b}[2J\n"), "`\\u{1b}[2J\\n`");
        assert_eq!(quoted(&"x".repeat(80)).len(), 82);
        assert_eq!(quoted(&"x".repeat(81)), format!("`{}...`", "x".repeat(80)));
    }

    #[test]
    fn lists_read_well() {
        assert_eq!(list([]), "nothing");
        assert_eq!(list(["a"]), "`a`");
        assert_eq!(list(["a", "b", "c"]), "`a`, `b` or `c`");
    }
}
