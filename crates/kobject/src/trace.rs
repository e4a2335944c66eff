//! Recorded device events: what `devns monitor --json` and `udevadm monitor --property` print.
//!
//! udevadm ends a variable with a newline, which a value may hold itself: a device can forge a variable, or an event, in such a text. Our
//! own form cannot be forged.

mod json;
mod text;

use std::{fmt, time::Duration};

pub use json::line;

use crate::{ActionError, DevpathError, UdevMessage, Uevent};

/// One event of a trace.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// The line on which it begins, from 1.
    pub line: u32,
    /// When it was heard, by the clock of whoever wrote it down: udevadm counts from boot, we from 1970.
    pub time: Duration,
    /// What was heard.
    pub message: Message,
}

/// What a listener hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// An event of the kernel.
    Kernel(Uevent),
    /// What udev says once it has processed one.
    Udev(UdevMessage),
}

/// Why a text is no trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceError {
    /// The line, from 1.
    pub line: u32,
    /// What is wrong there.
    pub why: Problem,
}

/// What can be wrong with a trace.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Text before the first event that udevadm does not print.
    #[error(
        "this is neither what `devns monitor --json` prints nor what `udevadm monitor --property` does"
    )]
    NoTrace,
    /// A line that is no JSON, or not of the form.
    #[error("{0}")]
    Json(String),
    /// An event without variables.
    #[error(
        "the event has no {0}; record with `udevadm monitor --property`, or `devns monitor --json`"
    )]
    Missing(&'static str),
    /// A variable that no message can have: JSON can say more than `NAME=VALUE` and a NUL.
    #[error("no event has a variable `{}`", crate::Escaped(.0.as_bytes()))]
    Variable(String),
    /// More than is read.
    #[error("the trace is longer than {} MiB; keep the part that matters", LONGEST >> 20)]
    TooLong,
    /// The line that begins an event says something else than its variables, or they say two things.
    #[error("the event has more than one {0}")]
    Contradiction(&'static str),
    /// A time that is none.
    #[error("the time is no number of seconds")]
    Time,
    /// An action that this program does not know.
    #[error(transparent)]
    Action(#[from] ActionError),
    /// A path that is none.
    #[error(transparent)]
    Devpath(#[from] DevpathError),
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.why)
    }
}

impl std::error::Error for TraceError {}

/// Many thousands of events. Variables can take thirty times as much memory as text.
const LONGEST: usize = 8 << 20;

/// Reads a trace in either form.
pub fn parse(text: &[u8]) -> Result<Vec<Recorded>, TraceError> {
    if text.len() > LONGEST {
        let why = Problem::TooLong;
        return Err(TraceError { line: 1, why });
    }
    match text.trim_ascii_start().first() {
        Some(b'{') => json::parse(text),
        _ => text::parse(text),
    }
}

#[cfg(test)]
mod tests;
