//! What is wrong with a rules file, shown as compilers do.

use std::fmt;

use kobject::Escaped;

/// Everything that is wrong with a rules file, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleErrors(pub Vec<RuleError>);

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleError {
    /// The file's name as it was given.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// The line itself.
    pub text: String,
    /// What is wrong.
    pub message: String,
    /// What should stand there.
    pub expected: Option<String>,
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.line.to_string();
        let pad = " ".repeat(number.len());
        let (text, at) = around(&self.text, self.column.saturating_sub(1) as usize);
        let before: String = text.chars().take(at).collect();
        // As wide as the line's beginning is when escaped; tabs stay tabs.
        let indent: String = shown(&before)
            .chars()
            .map(|c| if c == '\t' { '\t' } else { ' ' })
            .collect();
        writeln!(f, "error: {}", self.message)?;
        writeln!(f, "{pad}--> {}:{}:{}", self.file, self.line, self.column)?;
        writeln!(f, "{pad} |")?;
        writeln!(f, "{number} | {}", shown(&text))?;
        write!(f, "{pad} | {indent}^")?;
        match &self.expected {
            Some(expected) => write!(f, " expected {expected}"),
            None => Ok(()),
        }
    }
}

/// What of a line is shown: all of it, or the part around character `at`; and where that is in it.
fn around(text: &str, at: usize) -> (String, usize) {
    const WIDEST: usize = 160;
    if text.chars().count() <= WIDEST {
        return (text.to_owned(), at);
    }
    let from = at.saturating_sub(WIDEST / 2);
    let part: String = text.chars().skip(from).take(WIDEST).collect();
    (part, at - from)
}

/// A line as a terminal may have it: tabs stay, other control characters are escaped.
fn shown(text: &str) -> String {
    text.split('\t')
        .map(|part| Escaped(part.as_bytes()).to_string().replace("\\x5c", "\\"))
        .collect::<Vec<_>>()
        .join("\t")
}

impl fmt::Display for RuleErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n\n")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for RuleError {}
impl std::error::Error for RuleErrors {}
