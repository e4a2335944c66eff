//! Colours, on a terminal that wants them.

use std::fmt::Display;
use std::io::IsTerminal;

/// Colours text, or leaves it as it is (<https://no-color.org>).
#[derive(Clone, Copy, Debug)]
pub struct Ink(bool);

impl Ink {
    /// For stdout.
    pub fn stdout() -> Ink {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Ink(std::io::stdout().is_terminal() && !unwanted)
    }

    /// Good news.
    pub fn green(self, text: impl Display) -> String {
        self.code("32", text)
    }

    /// Bad news.
    pub fn red(self, text: impl Display) -> String {
        self.code("31", text)
    }

    /// Something between.
    pub fn yellow(self, text: impl Display) -> String {
        self.code("33", text)
    }

    /// Where something is.
    pub fn cyan(self, text: impl Display) -> String {
        self.code("36", text)
    }

    /// What is read first.
    pub fn bold(self, text: impl Display) -> String {
        self.code("1", text)
    }

    /// What is read last.
    pub fn dim(self, text: impl Display) -> String {
        self.code("2", text)
    }

    /// None, whatever stdout is.
    #[cfg(test)]
    pub fn none() -> Ink {
        Ink(false)
    }

    /// Whether it colours.
    pub fn is_on(self) -> bool {
        self.0
    }

    fn code(self, code: &str, text: impl Display) -> String {
        match self.0 {
            true => format!("\x1b[{code}m{text}\x1b[0m"),
            false => text.to_string(),
        }
    }
}
