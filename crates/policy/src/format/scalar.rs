//! How a scalar is written.

use std::fmt::Write;

use crate::yaml::written::Scalar;

/// A scalar that had no quotes has none where YAML lets it; one that had some keeps them, since they say that it is a string. `flow`: it
/// stands in `[]` or `{}`.
pub(super) fn written(scalar: &Scalar, flow: bool) -> String {
    match scalar.quoted || !is_plain(&scalar.text, flow) {
        true => quoted(&scalar.text),
        false => scalar.text.clone(),
    }
}

/// Whether `text` may stand without quotes and is then the same text, though perhaps no string.
pub(crate) fn is_plain(text: &str, flow: bool) -> bool {
    let mut chars = text.chars();
    let first = chars.next();
    let second = chars.next();
    let begins = match first {
        None => false,
        // a hyphen and the like begin a word, if one follows
        Some('-' | '?' | ':') => second.is_some_and(|c| c != ' ' && c != '-' && is_inner(c, flow)),
        Some(c) => !",[]{}#&*!|>'\"%@`= ".contains(c),
    };
    begins
        && text.chars().all(|c| is_inner(c, flow))
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.ends_with([':', ' '])
        && !text.starts_with("...")
}

fn is_inner(c: char, flow: bool) -> bool {
    is_printable(c) && !(flow && ",[]{}".contains(c))
}

fn is_printable(c: char) -> bool {
    !(c.is_control()
        || matches!(
            c,
            '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
        ))
}

/// In double quotes; in single ones where that spares escapes.
pub(crate) fn quoted(text: &str) -> String {
    let plainly = text.chars().all(is_printable);
    if plainly && text.contains(['"', '\\']) && !text.contains('\'') {
        return format!("'{text}'");
    }
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            c if is_printable(c) => quoted.push(c),
            c => {
                let code = u32::from(c);
                let _ = match code {
                    0..=0xff => write!(quoted, "\\x{code:02x}"),
                    0x100..=0xffff => write!(quoted, "\\u{code:04x}"),
                    _ => write!(quoted, "\\U{code:08x}"),
                };
            }
        }
    }
    quoted.push('"');
    quoted
}
