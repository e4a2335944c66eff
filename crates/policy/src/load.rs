//! From trees of YAML to rules, collecting everything that is wrong on the way.

mod bindings;
mod file;
mod globs;
mod include;
mod lint;
mod maps;
mod matching;
mod node;
mod resolve;
mod rule;
mod scalars;

pub(crate) use bindings::Binding;
pub(crate) use file::Definition;
pub(crate) use include::{Root, load};
pub(crate) use maps::Map;
pub(crate) use node::LimitsSay;

use std::sync::Arc;

use crate::{Place, RuleError, RuleErrors, Severity, Source, yaml::Position};

/// How many errors are shown, and how many warnings.
const MOST_FOUND: usize = 100;

/// What reading rules needs all along: the files so far, and what was found in them.
#[derive(Default)]
pub(crate) struct Loader {
    texts: Vec<Text>,
    found: Vec<(Position, RuleError)>,
    /// How many errors there are, shown or not.
    pub errors: usize,
    /// How many warnings and notes.
    warnings: usize,
}

/// A text and where its lines begin.
struct Text {
    source: Source,
    lines: Vec<usize>,
}

/// Another place, and what is there.
pub(crate) type Also<'a> = Option<(Position, &'a str)>;

impl Loader {
    /// Takes a text; the number that its positions have to have.
    pub fn add(&mut self, name: &str, text: &str) -> u32 {
        let lines = text.match_indices('\n').map(|(at, _)| at + 1);
        // what is no part of the first line, for columns do not count it
        let start = text.len() - text.strip_prefix('\u{feff}').unwrap_or(text).len();
        self.texts.push(Text {
            lines: std::iter::once(start).chain(lines).collect(),
            source: Source {
                name: name.into(),
                text: text.into(),
            },
        });
        u32::try_from(self.texts.len() - 1).unwrap_or(u32::MAX)
    }

    /// The name of the file that a position is in.
    pub fn file(&self, at: Position) -> Arc<str> {
        let text = self.texts.get(at.file as usize);
        text.map_or_else(|| "".into(), |text| text.source.name.clone())
    }

    /// The line of a position; nothing of what is no line.
    pub fn line(&self, at: Position) -> &str {
        let line = || {
            let text = self.texts.get(at.file as usize)?;
            let start = *text.lines.get((at.line as usize).checked_sub(1)?)?;
            text.source.text.get(start..)?.lines().next()
        };
        line().unwrap_or_default()
    }

    /// A position as it is shown.
    pub fn place(&self, at: Position) -> Place {
        Place::new(&self.file(at), (at.line, at.column), self.line(at))
    }

    pub fn error(
        &mut self,
        at: Position,
        message: impl Into<String>,
        expected: impl Into<Option<String>>,
    ) {
        self.report(Severity::Error, at, message, expected, None);
    }

    /// An error unless another one, which there is then, may have brought it about.
    pub fn error_if(
        &mut self,
        is_certain: bool,
        at: Position,
        message: &'static str,
        expected: String,
    ) {
        if is_certain {
            self.error(at, message, expected);
        }
    }

    pub fn warning(
        &mut self,
        at: Position,
        message: impl Into<String>,
        expected: impl Into<Option<String>>,
    ) {
        self.report(Severity::Warning, at, message, expected, None);
    }

    pub fn report(
        &mut self,
        severity: Severity,
        at: Position,
        message: impl Into<String>,
        expected: impl Into<Option<String>>,
        also: Also,
    ) {
        let is_full = match severity {
            Severity::Error => self.is_full(),
            Severity::Warning | Severity::Note => self.warnings >= MOST_FOUND,
        };
        match severity {
            Severity::Error => self.errors += 1,
            Severity::Warning | Severity::Note => self.warnings += 1,
        }
        if !is_full {
            let error = RuleError {
                severity,
                at: self.place(at),
                message: message.into(),
                expected: expected.into(),
                also: also.map(|(at, what)| (self.place(at), what.to_owned())),
            };
            self.found.push((at, error));
        }
    }

    /// Whether no more errors are shown, so that it need not be found out what was expected.
    pub fn is_full(&self) -> bool {
        self.errors >= MOST_FOUND
    }

    /// The files, and what was found: in the order of the text.
    pub fn finish(mut self) -> (Vec<Source>, RuleErrors) {
        self.found.sort_by_key(|(at, _)| *at);
        let errors = RuleErrors {
            found: self.found.into_iter().map(|(_, error)| error).collect(),
            more: self.errors.saturating_sub(MOST_FOUND),
        };
        let sources = self.texts.into_iter().map(|text| text.source).collect();
        (sources, errors)
    }
}

/// The keys of every kind of map, by what [`crate::language`] calls it.
#[cfg(test)]
pub(crate) fn keys() -> Vec<(&'static str, &'static [&'static str])> {
    let tables: [&[(&'static str, &'static [&'static str])]; 5] = [
        &file::KEYS,
        &bindings::KEYS,
        &matching::KEYS,
        &node::KEYS,
        &rule::KEYS,
    ];
    tables.concat()
}
