//! What would change, as diff(1) shows it.

use std::io::Write;

use anstyle::{AnsiColor, Style};
use cli::Failure;
use similar::TextDiff;

use super::Formatted;

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

/// Prints it; on a terminal, and without NO_COLOR, in colours.
pub(super) fn print(formatted: &Formatted) -> Result<(), Failure> {
    let mut out = anstream::stdout().lock();
    for line in unified(formatted).split_inclusive('\n') {
        let style = match line.as_bytes() {
            [b'+', b'+', b'+', ..] | [b'-', b'-', b'-', ..] => Style::new().bold(),
            [b'+', ..] => AnsiColor::Green.on_default(),
            [b'-', ..] => AnsiColor::Red.on_default(),
            [b'@', ..] => AnsiColor::Cyan.on_default(),
            _ => Style::new(),
        };
        let (text, end) = match line.strip_suffix('\n') {
            Some(text) => (text, "\n"),
            None => (line, ""),
        };
        write!(out, "{style}{text}{style:#}{end}").map_err(crate::output::failed)?;
    }
    Ok(())
}
