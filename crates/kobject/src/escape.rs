use std::fmt;

/// Bytes for people to read: control characters, those that turn the text around them or are not seen, backslashes and what is not UTF-8
/// as `\xHH`.
///
/// Names come from devices and so from whoever plugged them in; written raw they could drive a terminal or forge a line of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Escaped<'a>(pub &'a [u8]);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for c in chunk.valid().chars() {
                if is_unseen(c) || c == '\\' {
                    let mut utf8 = [0; 4];
                    for byte in c.encode_utf8(&mut utf8).bytes() {
                        write!(f, "\\x{byte:02x}")?;
                    }
                } else {
                    fmt::Write::write_char(f, c)?;
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

/// Control characters; line ends of Unicode's own; what has no width, or says in which direction text runs.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printable_stays_and_the_rest_is_hex() {
        for (bytes, shown) in [
            (
                &b"/devices/virtual/block/loop0"[..],
                "/devices/virtual/block/loop0",
            ),
            ("/devices/über".as_bytes(), "/devices/über"),
            (b"a\x1b[2J\n", "a\\x1b[2J\\x0a"),
            (b"\xff\xfe", "\\xff\\xfe"),
            (b"back\\slash", "back\\x5cslash"),
            ("\u{85}".as_bytes(), "\\xc2\\x85"),
            (
                "a\u{202e}b\u{2028}".as_bytes(),
                "a\\xe2\\x80\\xaeb\\xe2\\x80\\xa8",
            ),
        ] {
            assert_eq!(Escaped(bytes).to_string(), shown);
        }
    }
}
