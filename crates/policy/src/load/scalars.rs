//! Values that are one word, or a list of such.

use crate::{
    load::Loader,
    words::{list, nearest, quoted},
    yaml::{Node, Scalar, Value},
};

impl Loader {
    /// A string. Numbers without quotes are taken as written when YAML reads them as the same digits; whatever YAML would turn into
    /// something else has to be quoted.
    pub fn string<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n str> {
        let Value::Scalar(Scalar { text, typed }) = &node.value else {
            self.error(
                node.at,
                format!("{what} is one word, not a list or a map"),
                "a string".to_owned(),
            );
            return None;
        };
        if !typed || is_plain_number(text) {
            return Some(text);
        }
        let reads = match text.to_ascii_lowercase().as_str() {
            "" => {
                self.error(
                    node.at,
                    format!("{what} has no value"),
                    "a string".to_owned(),
                );
                return None;
            }
            "~" | "null" => "nothing",
            "y" | "n" | "yes" | "no" | "on" | "off" | "true" | "false" => "a boolean",
            _ => "another number",
        };
        self.error(
            node.at,
            format!("without quotes YAML reads {} as {reads}", quoted(text)),
            quoted(&format!("\"{text}\"")),
        );
        None
    }

    /// A word that is looked at as it is written, whatever YAML makes of it.
    pub fn raw<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n str> {
        match &node.value {
            Value::Scalar(scalar) if !scalar.text.is_empty() => Some(&scalar.text),
            _ => self.string(node, what),
        }
    }

    /// A string that is not empty.
    pub fn name<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n str> {
        let name = self.string(node, what)?;
        if name.is_empty() || name.chars().any(char::is_control) {
            self.error(
                node.at,
                format!("{what} is empty or holds control characters"),
                "a name".to_owned(),
            );
            return None;
        }
        Some(name)
    }

    /// One of a few words.
    pub fn word<T: Copy>(&mut self, node: &Node, what: &str, words: &[(&str, T)]) -> Option<T> {
        let text = self.raw(node, what)?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        let choices = words.iter().map(|(word, _)| *word);
        let expected = nearest(text, choices.clone()).map_or_else(|| list(choices), quoted);
        let message = format!("{what} cannot be {}", quoted(text));
        self.error(node.at, message, expected);
        None
    }

    /// The items of a list, or the one value that stands for a list of one. An empty list is an error: it could match nothing.
    pub fn items<'n>(&mut self, node: &'n Node, what: &str) -> Vec<&'n Node> {
        match &node.value {
            Value::List(items) if items.is_empty() => {
                self.error(
                    node.at,
                    format!("{what} is an empty list"),
                    "at least one value".to_owned(),
                );
                Vec::new()
            }
            Value::List(items) => items.iter().collect(),
            _ => vec![node],
        }
    }
}

/// Whether YAML reads the same digits: no zeros before them, no sign but `-`, nothing between them.
pub(super) fn is_plain_number(text: &str) -> bool {
    let digits = text
        .strip_prefix('-')
        .filter(|digits| *digits != "0")
        .unwrap_or(text);
    !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && (digits == "0" || !digits.starts_with('0'))
}
