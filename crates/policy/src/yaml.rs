//! YAML as a tree that knows where everything stands. The only module that names the YAML library.
//!
//! The library would turn `no` into a boolean and `0660` into a number. Rules compare with what sysfs says, so a scalar here is the text
//! that was written, with a note when YAML means something else by it.

pub(crate) mod written;

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, MergeKeyPolicy, Spanned};

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub at: Position,
    pub value: Value,
}

/// Line and column, from 1; columns count characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub line: u32,
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
}

/// Nesting beyond any rules file, far below what would exhaust the stack.
const MAX_DEPTH: usize = 48;

/// Reads one YAML document. Repeated keys are kept for the caller to complain about; `<<` is an ordinary key.
pub(crate) fn parse(text: &str) -> Result<Node, SyntaxError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_depth: MAX_DEPTH },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: 100_000 },
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        merge_keys: MergeKeyPolicy::AsOrdinary,
        with_snippet: false,
        // else more than 32 lines of comment in a row would be too many
        emit_comments: false,
    };
    let raw =
        serde_saphyr::from_str_with_options::<Spanned<Raw>>(text, options).map_err(|error| {
            let location = error.location();
            let at = location.map_or(Position { line: 1, column: 1 }, |location| {
                position(&location)
            });
            let message = error.to_string();
            let suffix = location
                .map(|location| {
                    format!(" at line {}, column {}", location.line(), location.column())
                })
                .unwrap_or_default();
            let message = match message.strip_suffix(&suffix).unwrap_or(&message) {
                limit if limit.starts_with("budget breached: Depth") => {
                    format!("nested more than {MAX_DEPTH} levels deep")
                }
                limit if limit.starts_with("budget breached") => {
                    "more than a rules file may hold".to_owned()
                }
                documents if documents.starts_with("multiple YAML documents") => {
                    "a second document".to_owned()
                }
                other => other.to_owned(),
            };
            SyntaxError { at, message }
        })?;
    let chars: Vec<char> = text.chars().collect();
    Ok(node(raw, &chars))
}

fn node(raw: Spanned<Raw>, chars: &[char]) -> Node {
    let value = match raw.value {
        Raw::Text(text) => Value::Scalar(Scalar { text, typed: false }),
        Raw::Typed => {
            let span = raw.defined.span();
            let start = usize::try_from(span.offset()).unwrap_or(usize::MAX);
            let length = usize::try_from(span.len()).unwrap_or(0);
            Value::Scalar(Scalar {
                text: chars.iter().skip(start).take(length).collect(),
                typed: true,
            })
        }
        Raw::List(items) => Value::List(items.into_iter().map(|item| node(item, chars)).collect()),
        Raw::Map(entries) => Value::Map(
            entries
                .into_iter()
                .map(|(key, value)| (node(key, chars), node(value, chars)))
                .collect(),
        ),
    };
    Node {
        at: position(&raw.referenced),
        value,
    }
}

fn position(location: &serde_saphyr::Location) -> Position {
    let number = |n: u64| u32::try_from(n).unwrap_or(u32::MAX).max(1);
    Position {
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

    fn visit_str<E>(self, text: &str) -> Result<Raw, E> {
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
