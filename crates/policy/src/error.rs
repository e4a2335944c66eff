//! What is wrong with rules, or may be, shown as compilers do.

use std::fmt;

use kobject::Escaped;

/// What was found in rules files that cannot be used: at least one error, with the warnings and notes beside, in the order of the text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleErrors {
    /// The first hundred errors, and the first hundred others.
    pub found: Vec<RuleError>,
    /// How many errors there are besides.
    pub more: usize,
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleError {
    /// How bad it is.
    pub severity: Severity,
    /// Where.
    pub at: Place,
    /// What is wrong.
    pub message: String,
    /// What should stand there; of a warning, what is probably better.
    pub expected: Option<String>,
    /// Another place that has to do with it, and what is there.
    pub also: Option<(Place, String)>,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// It holds, and is easily forgotten.
    Note,
    /// The rules can be used, but hardly mean what they say.
    Warning,
    /// The rules cannot be used.
    Error,
}

/// A place in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The file's name as it was given, or as the file that includes it leads to it.
    pub file: String,
    /// Line, from 1; 0 for the file as a whole.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// The line itself; the part around the column of one of more than 160 characters.
    pub text: String,
    /// How many characters of the line come before `text`.
    pub skipped: u32,
}

impl Severity {
    /// `error`, `warning` or `note`.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Place {
    /// A place in `line`, of which it keeps what fits on a screen.
    pub(crate) fn new(file: &str, at: (u32, u32), line: &str) -> Place {
        const WIDEST: usize = 160;
        let (number, column) = at;
        let place = column.saturating_sub(1) as usize;
        let from = match line.char_indices().nth(WIDEST) {
            None => 0,
            Some(_) => place.saturating_sub(WIDEST / 2),
        };
        Place {
            file: file.to_owned(),
            line: number,
            column,
            text: line.chars().skip(from).take(WIDEST).collect(),
            skipped: u32::try_from(from).unwrap_or(u32::MAX),
        }
    }
}

impl RuleError {
    /// As a terminal shows it, with colours if `colour`.
    pub fn show(&self, colour: bool) -> impl fmt::Display + '_ {
        Shown {
            error: self,
            colour,
        }
    }

    /// In one line, for a log.
    pub fn brief(&self) -> String {
        let Place { file, line, .. } = &self.at;
        let also = match &self.also {
            Some((place, what)) => format!(" ({what}: {}:{})", place.file, place.line),
            None => String::new(),
        };
        format!("{file}:{line}: {}{also}", self.message)
    }
}

/// An error as a terminal shows it.
struct Shown<'a> {
    error: &'a RuleError,
    colour: bool,
}

const BOLD: &str = "1";
const BLUE: &str = "1;34";

impl Shown<'_> {
    /// The codes that begin and end a colour (ECMA-48, SGR).
    fn paint(&self, code: &'static str) -> (String, &'static str) {
        match self.colour {
            true => (format!("\x1b[{code}m"), "\x1b[0m"),
            false => (String::new(), ""),
        }
    }

    /// `--> file:line:column`, the line, and a mark below it.
    fn place(
        &self,
        f: &mut fmt::Formatter<'_>,
        place: &Place,
        width: usize,
        mark: &str,
        code: &'static str,
    ) -> fmt::Result {
        let (frame, end) = self.paint(BLUE);
        let (begin, done) = self.paint(code);
        let file = shown(&place.file);
        if place.line == 0 {
            return write!(f, " {frame}-->{end} {file}");
        }
        let pad = " ".repeat(width);
        let before: String = {
            let until = place.column.saturating_sub(1).saturating_sub(place.skipped);
            place.text.chars().take(until as usize).collect()
        };
        // As wide as the line's beginning is when escaped; tabs stay tabs.
        let indent: String = shown(&before)
            .chars()
            .map(|c| if c == '\t' { '\t' } else { ' ' })
            .collect();
        let (number, column) = (place.line, place.column);
        writeln!(f, "{pad}{frame}-->{end} {file}:{number}:{column}")?;
        writeln!(f, "{pad} {frame}|{end}")?;
        let text = shown(&place.text);
        writeln!(f, "{frame}{number:width$} |{end} {text}")?;
        write!(f, "{pad} {frame}|{end} {indent}{begin}{mark}{done}")
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error = self.error;
        let code = match error.severity {
            Severity::Error => "1;31",
            Severity::Warning => "1;33",
            Severity::Note => "1;36",
        };
        let (begin, end) = self.paint(code);
        let (bold, plain) = self.paint(BOLD);
        let (severity, message) = (error.severity, shown(&error.message));
        writeln!(f, "{begin}{severity}{end}{bold}: {message}{plain}")?;
        let also = error.also.as_ref();
        let lines = [error.at.line, also.map_or(0, |(place, _)| place.line)];
        let width = lines.map(|line| line.to_string().len()).into_iter().max();
        let width = width.unwrap_or(1);
        let word = match error.severity {
            Severity::Error => "expected",
            Severity::Warning | Severity::Note => "better",
        };
        let mark = match &error.expected {
            Some(expected) => format!("^ {word} {}", shown(expected)),
            None => "^".to_owned(),
        };
        self.place(f, &error.at, width, &mark, code)?;
        if let Some((place, what)) = also {
            writeln!(f)?;
            self.place(f, place, width, &format!("- {}", shown(what)), BLUE)?;
        }
        Ok(())
    }
}

/// Text as a terminal may have it: tabs stay, other control characters are escaped.
fn shown(text: &str) -> String {
    text.split('\t')
        .map(|part| Escaped(part.as_bytes()).to_string().replace("\\x5c", "\\"))
        .collect::<Vec<_>>()
        .join("\t")
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.show(false).fmt(f)
    }
}

impl fmt::Display for RuleErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.found.iter().enumerate() {
            if index > 0 {
                f.write_str("\n\n")?;
            }
            error.fmt(f)?;
        }
        match self.more {
            0 => Ok(()),
            1 => f.write_str("\n\nand one more error"),
            more => write!(f, "\n\nand {more} more errors"),
        }
    }
}

impl std::error::Error for RuleError {}
impl std::error::Error for RuleErrors {}
