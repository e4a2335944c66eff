//! What would change, as diff(1) shows it.

use similar::TextDiff;

use super::Formatted;
use crate::ink::Ink;

/// The lines that differ, with three around them; nothing if none do.
pub(super) fn unified(formatted: &Formatted) -> String {
    let name = match formatted.file.as_str() {
        "-" => "standard input",
        file => file,
    };
    TextDiff::from_lines(&formatted.old, &formatted.new)
        .unified_diff()
        .context_radius(3)
        .header(name, &format!("{name}, formatted"))
        .to_string()
}

/// The same for a terminal.
pub(super) fn coloured(ink: Ink, formatted: &Formatted) -> String {
    let mut out = String::new();
    for line in unified(formatted).split_inclusive('\n') {
        let (text, end) = match line.strip_suffix('\n') {
            Some(text) => (text, "\n"),
            None => (line, ""),
        };
        out += &match line.as_bytes() {
            [b'+', b'+', b'+', ..] | [b'-', b'-', b'-', ..] => ink.bold(text),
            [b'+', ..] => ink.green(text),
            [b'-', ..] => ink.red(text),
            [b'@', ..] => ink.cyan(text),
            _ => text.to_owned(),
        };
        out += end;
    }
    out
}
