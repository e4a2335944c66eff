//! YAML as a tree that knows where everything stands. The only module that names the YAML library.
//!
//! The library would turn `no` into a boolean and `0660` into a number. Rules compare with what sysfs says, so a scalar here is the text
//! that was written, with a note when YAML means something else by it.

mod errors;
pub(crate) mod written;

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, MergeKeyPolicy, NonFiniteFloatPolicy, Spanned};

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub at: Position,
    pub value: Value,
}

/// File, line and column; columns count characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    /// Which file, by the order in which they were read, from 0.
    pub file: u32,
    /// From 1; 0 stands for the file as a whole.
    pub line: u32,
    /// From 1.
    pub column: u32,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

/// A scalar as it was written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scalar {
    /// The text, quotes and escapes resolved.
    pub text: String,
    /// Written without quotes, and no string to YAML.
    pub typed: bool,
}

/// What is wrong with a text that is not YAML.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SyntaxError {
    pub at: Position,
    pub message: String,
    pub expected: Option<String>,
}

/// Nesting beyond any rules file, far below what would exhaust the stack.
const MAX_DEPTH: usize = 48;

/// No attribute, property or path is longer (a page; PATH_MAX), so no pattern has to be. With the number of aliases this bounds what a
/// small file can grow to.
const MAX_SCALAR: usize = 4096;
const TOO_LONG: &str = "a value of more than 4096 bytes";

/// Reads one YAML document, the text of this file. Repeated keys are kept for the caller to complain about; `<<` is an ordinary key.
pub(crate) fn parse(file: u32, text: &str) -> Result<Node, SyntaxError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_depth: MAX_DEPTH },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: 20_000 },
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        merge_keys: MergeKeyPolicy::AsOrdinary,
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        with_snippet: false,
        // else more than 32 lines of comment in a row would be too many
        emit_comments: false,
    };
    let raw =
        serde_saphyr::from_str_with_options::<Spanned<Raw>>(text, options).map_err(|error| {
            let location = error.location();
            let start = Position {
                file,
                line: 1,
                column: 1,
            };
            let at = location.map_or(start, |location| position(file, &location));
            let message = error.to_string();
            let suffix = location
                .map(|location| {
                    format!(" at line {}, column {}", location.line(), location.column())
                })
                .unwrap_or_default();
            let library = message.strip_suffix(&suffix).unwrap_or(&message);
            let line = text.lines().nth(at.line as usize - 1).unwrap_or_default();
            let before = at.column as usize - 1;
            let rest = line
                .char_indices()
                .nth(before)
                .map(|(from, _)| &line[from..]);
            let (message, expected) = errors::explain(library, rest.unwrap_or_default());
            SyntaxError {
                at,
                message,
                expected,
            }
        })?;
    Ok(node(raw, file, text))
}

fn node(raw: Spanned<Raw>, file: u32, source: &str) -> Node {
    let value = match raw.value {
        Raw::Text(text) => Value::Scalar(Scalar { text, typed: false }),
        Raw::Typed => {
            let span = raw.defined.span();
            let number = |n: Option<u64>| n.and_then(|n| usize::try_from(n).ok());
            let start = number(span.byte_offset()).unwrap_or(usize::MAX);
            let end = start.saturating_add(number(span.byte_len()).unwrap_or(0));
            Value::Scalar(Scalar {
                text: source.get(start..end).unwrap_or_default().to_owned(),
                typed: true,
            })
        }
        Raw::List(items) => Value::List(
            items
                .into_iter()
                .map(|item| node(item, file, source))
                .collect(),
        ),
        Raw::Map(entries) => Value::Map(
            entries
                .into_iter()
                .map(|(key, value)| (node(key, file, source), node(value, file, source)))
                .collect(),
        ),
    };
    Node {
        at: position(file, &raw.referenced),
        value,
    }
}

fn position(file: u32, location: &serde_saphyr::Location) -> Position {
    let number = |n: u64| u32::try_from(n).unwrap_or(u32::MAX).max(1);
    Position {
        file,
        line: number(location.line()),
        column: number(location.column()),
    }
}

/// What the library hands out, before the text of typed scalars is looked up.
enum Raw {
    Text(String),
    Typed,
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<Raw>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Raw, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a scalar, a list or a map")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Raw, E> {
        if text.len() > MAX_SCALAR {
            return Err(E::custom(TOO_LONG));
        }
        Ok(Raw::Text(text.to_owned()))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Raw, E> {
        Ok(Raw::Typed)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Raw, E> {
        Ok(Raw::Typed)
    }

    fn visit_i128<E>(self, _: i128) -> Result<Raw, E> {
        Ok(Raw::Typed)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Raw, E> {
        Ok(Raw::Typed)
    }

    fn visit_u128<E>(self, _: u128) -> Result<Raw, E> {
        Ok(Raw::Typed)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Raw, E> {
        Ok(Raw::Typed)
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Typed)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Typed)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Raw::Map(map))
    }
}

#[cfg(test)]
mod tests;
