//! Names with placeholders: `link` of a rule.

use std::sync::Arc;

use kobject::Devname;

use crate::{NoLinkReason, words::quoted};

/// A name below /dev, with places for what is known of a device only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    text: Arc<str>,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    /// `%n`
    Number,
    /// `%k`
    Name,
    /// `%E{KEY}`
    Property(Arc<str>),
}

/// What is wrong with a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TemplateError {
    /// At which character, from 0.
    pub at: usize,
    /// How many characters there are wrong.
    pub length: usize,
    pub message: String,
    pub expected: String,
}

const CHOICES: &str = "`%n`, `%k`, `%E{PROPERTY}` or `%%`";

impl Template {
    /// Reads what stands in a rule.
    pub fn parse(text: &str) -> Result<Template, TemplateError> {
        let chars: Vec<char> = text.chars().collect();
        let mut parts: Vec<Part> = Vec::new();
        let mut plain = String::new();
        let mut at = 0;
        while at < chars.len() {
            let (part, length) = match chars[at] {
                '%' => placeholder(&chars, at)?,
                c => (Part::Text(c.to_string()), 1),
            };
            match part {
                Part::Text(text) => plain.push_str(&text),
                other => {
                    if !plain.is_empty() {
                        parts.push(Part::Text(std::mem::take(&mut plain)));
                    }
                    parts.push(other);
                }
            }
            at += length;
        }
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        let template = Template {
            text: text.into(),
            parts,
        };
        // whatever stands in for the placeholders, nothing else may be wrong with it
        let sample = template.expand(b"x1", |_| Ok(b"x")).unwrap_or_default();
        if let Err(e) = Devname::parse(&sample) {
            return Err(TemplateError {
                at: 0,
                length: 0,
                message: format!("{} is not a name below /dev: {e}", quoted(text)),
                expected: "a name like `input/pad%n`".to_owned(),
            });
        }
        Ok(template)
    }

    /// As it is written.
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// The name for the device of this kernel name, whose properties `said` knows. The result need be no good name: a value may be
    /// empty, or `..`.
    pub fn expand<'a>(
        &self,
        name: &[u8],
        said: impl Fn(&str) -> Result<&'a [u8], NoLinkReason>,
    ) -> Result<Vec<u8>, NoLinkReason> {
        let mut expanded = Vec::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => expanded.extend_from_slice(text.as_bytes()),
                Part::Number => {
                    let digits = name.iter().rev().take_while(|b| b.is_ascii_digit()).count();
                    expanded.extend_from_slice(&name[name.len() - digits..]);
                }
                Part::Name => expanded.extend(encode(name)),
                Part::Property(key) => expanded.extend(encode(said(key)?)),
            }
        }
        Ok(expanded)
    }
}

/// The placeholder at `at`, where a `%` stands, and how many characters it has.
fn placeholder(chars: &[char], at: usize) -> Result<(Part, usize), TemplateError> {
    let wrong = |length: usize, message: String, expected: String| {
        Err(TemplateError {
            at,
            length,
            message,
            expected,
        })
    };
    let rest = &chars[at + 1..];
    let key = |rest: &[char]| -> Option<String> {
        let key: String = rest
            .strip_prefix(&['{'])?
            .iter()
            .take_while(|c| **c != '}')
            .collect();
        (rest.len() > key.chars().count() + 1).then_some(key)
    };
    match rest {
        ['%', ..] => Ok((Part::Text("%".to_owned()), 2)),
        ['n', ..] => Ok((Part::Number, 2)),
        ['k', ..] => Ok((Part::Name, 2)),
        ['E', named @ ..] => match key(named) {
            Some(key) if is_key(&key) => {
                let length = key.chars().count() + 4;
                Ok((Part::Property(key.into()), length))
            }
            Some(key) => {
                let message = format!("{} is not the name of a property", quoted(&key));
                wrong(key.chars().count() + 4, message, "`%E{ID_SERIAL}`".into())
            }
            None => wrong(
                2,
                "`%E` does not say which property".into(),
                "`%E{PROPERTY}`".into(),
            ),
        },
        [] => wrong(1, "`%` stands for nothing".into(), CHOICES.into()),
        [letter, named @ ..] => {
            let expected = match (letter.to_ascii_lowercase(), key(named)) {
                (_, Some(key)) if is_key(&key) => format!("`%E{{{key}}}`"),
                ('n', _) => "`%n`".to_owned(),
                ('k', _) => "`%k`".to_owned(),
                ('e', _) => "`%E{PROPERTY}`".to_owned(),
                _ => CHOICES.to_owned(),
            };
            let message = format!("{} is not a placeholder", quoted(&format!("%{letter}")));
            wrong(2, message, expected)
        }
    }
}

/// What the kernel and udev call properties.
fn is_key(key: &str) -> bool {
    !key.is_empty() && !key.chars().any(|c| c.is_control() || "={}%/".contains(c))
}

/// A value as udev puts it into a name: blanks at the ends are dropped, others become one `_`; letters, digits, `#+-.:=@_`, `\x` and what
/// is valid UTF-8 stay; anything else, a `/` too, is `_` (`udev_replace_whitespace`, `udev_replace_chars` in systemd's
/// src/shared/udev-util.c). Control characters that are valid UTF-8 are `_` as well.
fn encode(value: &[u8]) -> Vec<u8> {
    let blank = |b: &u8| b.is_ascii_whitespace() || *b == 0x0b;
    let mut encoded = Vec::with_capacity(value.len());
    let words = value.split(blank).filter(|word| !word.is_empty());
    for (index, word) in words.enumerate() {
        if index > 0 {
            encoded.push(b'_');
        }
        for chunk in word.utf8_chunks() {
            let mut chars = chunk.valid().chars().peekable();
            while let Some(c) = chars.next() {
                let hex = c == '\\' && chars.peek() == Some(&'x');
                let ascii = c.is_ascii_alphanumeric() || "#+-.:=@_".contains(c);
                let stays = hex || ascii || (!c.is_ascii() && !c.is_control());
                let c = if stays { c } else { '_' };
                encoded.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
            encoded.extend(chunk.invalid().iter().map(|_| b'_'));
        }
    }
    encoded
}

#[cfg(test)]
mod tests;
