//! What the YAML library complains of, in the words of who wrote the file.

use crate::words::quoted;

/// What is said of it: a message, and what was expected. `library` is the library's message, `rest` the line from the place on.
pub(super) fn explain(library: &str, rest: &str) -> (String, Option<String>) {
    let word: &str = rest
        .split([',', ']', '}', '#'])
        .next()
        .unwrap_or_default()
        .trim_end();
    let in_quotes = || {
        Some(format!(
            "quotes around it: {}",
            quoted(&format!("\"{word}\""))
        ))
    };
    let plain = |message: &str, expected: &str| (message.to_owned(), Some(expected.to_owned()));
    match library {
        _ if library.starts_with("budget breached: Depth") => {
            let message = format!("nested more than {} levels deep", super::MAX_DEPTH);
            (message, None)
        }
        _ if library.starts_with("budget breached") || library.contains("alias replay") => {
            plain("more than a rule file may hold", "fewer rules in it")
        }
        _ if library.starts_with("multiple YAML documents") => plain(
            "a second document begins here",
            "one document, without `---` between",
        ),
        _ if library.ends_with(super::TOO_LONG) => plain(
            "a value of more than 4096 bytes: nothing that rules compare with is longer",
            "a shorter one",
        ),
        "alias references unknown anchor" => (
            format!(
                "{} is an alias to YAML, and nothing has that name",
                quoted(word)
            ),
            in_quotes(),
        ),
        "tabs disallowed within this context (block indentation)"
        | "tabs disallowed in this context"
        | "tab cannot be used as indentation" => plain("a tab cannot indent a line", "blanks"),
        "while parsing a block collection, did not find expected '-' indicator"
        | "while parsing a block mapping, did not find expected key"
        | "invalid indentation" => plain(
            "this line belongs to nothing: no line above begins in this column",
            "as many blanks as before the line that it goes with",
        ),
        "simple key expected ':'" => plain("a key without a colon", "`key: value`"),
        "mapping values are not allowed in this context" | "illegal placement of ':' indicator" => {
            plain(
                "a colon that begins a value where there is one already",
                "quotes around a value with a colon and a blank in it",
            )
        }
        "unclosed quote" => plain(
            "the quote that opens here is never closed",
            "one at its end",
        ),
        "invalid trailing content after single-quoted scalar"
        | "invalid trailing content after double-quoted scalar" => plain(
            "something follows the quote that closes",
            "all of it in quotes",
        ),
        "while parsing a flow mapping, did not find expected ',' or '}'" => plain(
            "the map that `{` began is not closed before this",
            "`,` or `}` before it",
        ),
        "while parsing a flow sequence, expected ',' or ']'" => plain(
            "the list that `[` began is not closed before this",
            "`,` or `]` before it",
        ),
        "\"-\" is only valid inside a block" => plain(
            "a list of lines cannot stand within `[` or `{`",
            "`]`, or the list without `[`",
        ),
        "while parsing a quoted scalar, found unknown escape character" => plain(
            "in double quotes a backslash begins an escape, and this one means nothing",
            "`\\\\` for a backslash, or single quotes",
        ),
        _ => match library.strip_prefix("unexpected character: `") {
            Some(rest) if rest.starts_with("\\u") => (
                format!(
                    "the character `{} cannot stand in a file",
                    rest.replace('\'', "`")
                ),
                Some("it as an escape, in double quotes".to_owned()),
            ),
            Some(rest) => (
                format!(
                    "without quotes nothing can begin with `{}",
                    rest.replace('\'', "`")
                ),
                in_quotes(),
            ),
            None => match library.strip_prefix("unclosed bracket '") {
                Some(open) => {
                    let open = open.trim_end_matches('\'');
                    let close = if open == "{" { "`}`" } else { "`]`" };
                    let message = format!("`{open}` is opened here and never closed");
                    (message, Some(close.to_owned()))
                }
                None => (format!("this is not YAML: {library}"), None),
            },
        },
    }
}
