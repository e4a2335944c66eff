//! `node` of a rule, `limits` of a policy.

use crate::{
    load::{Loader, scalars::is_plain_number},
    node::{NodeSays, Owner},
    template::Template,
    words::quoted,
    yaml::{Node, Position, Scalar, Value},
};

pub(super) const NODE: [&str; 4] = ["mode", "uid", "gid", "link"];
pub(super) const LIMITS: [&str; 2] = ["inodes", "bytes"];

/// What a policy says of the container's own entries in /dev; None: as its bases have it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LimitsSay {
    pub inodes: Option<u64>,
    pub bytes: Option<u64>,
}

impl Loader {
    /// `node: { mode, uid, gid, link }`.
    pub fn node(&mut self, node: &Node) -> NodeSays {
        let mut says = NodeSays::default();
        let Some(map) = self.keyed(node, "`node`", &NODE) else {
            return says;
        };
        for (key, _, value) in map.iter() {
            match key {
                "mode" => says.mode = self.mode(value),
                "uid" => says.uid = self.owner(value, "`uid`", "/etc/passwd"),
                "gid" => says.gid = self.owner(value, "`gid`", "/etc/group"),
                _ => {
                    for item in self.items(value, "`link`") {
                        says.links.extend(self.template(item));
                    }
                }
            }
        }
        says
    }

    fn mode(&mut self, node: &Node) -> Option<u32> {
        const EXPECTED: &str = "three octal digits after a 0, in quotes: `\"0660\"`";
        let Value::Scalar(Scalar { text, typed }) = &node.value else {
            self.error(node.at, "`mode` is one word", EXPECTED.to_owned());
            return None;
        };
        let octal = matches!(text.len(), 3 | 4) && text.bytes().all(|b| (b'0'..=b'7').contains(&b));
        let mode = u32::from_str_radix(text, 8)
            .ok()
            .filter(|mode| octal && *mode <= 0o777);
        match mode {
            Some(mode) if *typed => {
                let expected = format!("`\"{mode:04o}\"`");
                let message = format!(
                    "without quotes YAML reads the mode {} as a number",
                    quoted(text)
                );
                self.error(node.at, message, expected);
                None
            }
            Some(mode) => Some(mode),
            None => {
                let message = format!("{} is not the mode of a node", quoted(text));
                self.error(node.at, message, EXPECTED.to_owned());
                None
            }
        }
    }

    fn owner(&mut self, node: &Node, what: &str, file: &str) -> Option<Owner> {
        let text = self.string(node, what)?;
        let expected = || format!("a number, or a name of the container's {file}");
        if text.bytes().all(|b| b.is_ascii_digit()) && !text.is_empty() {
            // the last number is -1, which no call takes for an id
            return match text.parse().ok().filter(|id| *id < u32::MAX) {
                Some(id) => Some(Owner::Id(id)),
                None => {
                    self.error(
                        node.at,
                        format!("{} is not an id", quoted(text)),
                        expected(),
                    );
                    None
                }
            };
        }
        let is_name = !text.is_empty()
            && text.len() <= 256
            && !text.starts_with('-')
            && !text.contains([':', '/', ' '])
            && !text.chars().any(char::is_control);
        if !is_name {
            let message = format!("{what} cannot be {}", quoted(text));
            self.error(node.at, message, expected());
            return None;
        }
        Some(Owner::Name(text.into()))
    }

    fn template(&mut self, node: &Node) -> Option<Template> {
        let text = self.string(node, "`link`")?;
        match Template::parse(text) {
            Ok(template) => Some(template),
            Err(e) => {
                let wrong: String = text.chars().skip(e.at).take(e.length).collect();
                let at = match self.is_full() {
                    true => node.at,
                    false => self.within(node.at, e.at, &wrong),
                };
                self.error(at, e.message, e.expected);
                None
            }
        }
    }

    /// Where the character `offset` of the scalar at `at` stands in the file, if the text `wrong` is there: a scalar with escapes, or of
    /// several lines, is only told by its beginning.
    fn within(&self, at: Position, offset: usize, wrong: &str) -> Position {
        let start = (at.column as usize).saturating_sub(1);
        // of a line of any length only as much as a scalar may have
        let mut chars = self.line(at).chars().skip(start);
        let quote = matches!(chars.clone().next(), Some('"' | '\''));
        let before = usize::from(quote) + offset;
        let place = start + before;
        let there: String = chars
            .by_ref()
            .skip(before)
            .take(wrong.chars().count())
            .collect();
        match u32::try_from(place + 1) {
            Ok(column) if !wrong.is_empty() && there == wrong => Position { column, ..at },
            _ => at,
        }
    }

    /// `limits: { inodes, bytes }`.
    pub fn limits(&mut self, node: &Node) -> LimitsSay {
        let mut limits = LimitsSay::default();
        let Some(map) = self.keyed(node, "`limits`", &LIMITS) else {
            return limits;
        };
        for (key, _, value) in map.iter() {
            match key {
                "inodes" => limits.inodes = self.amount(value, "`inodes`", false),
                _ => limits.bytes = self.amount(value, "`bytes`", true),
            }
        }
        limits
    }

    fn amount(&mut self, node: &Node, what: &str, bytes: bool) -> Option<u64> {
        let text = self.raw(node, what)?;
        let (digits, unit) = match text.bytes().last() {
            Some(b'K') if bytes => (&text[..text.len() - 1], 1 << 10),
            Some(b'M') if bytes => (&text[..text.len() - 1], 1 << 20),
            Some(b'G') if bytes => (&text[..text.len() - 1], 1 << 30),
            _ => (text, 1),
        };
        let plain = is_plain_number(digits) && !digits.starts_with('-');
        let amount = digits.parse::<u64>().ok().filter(|_| plain);
        let amount = amount.and_then(|n| n.checked_mul(unit));
        if amount.is_none() {
            let expected = if bytes {
                "a number of bytes, or with a suffix `64K`, `16M` or `1G`"
            } else {
                "a number like `4096`; 0 is none"
            };
            let message = format!("{what} cannot be {}", quoted(text));
            self.error(node.at, message, expected.to_owned());
        }
        amount
    }
}

#[cfg(test)]
pub(super) const KEYS: [(&str, &[&str]); 2] = [("node", &NODE), ("limits", &LIMITS)];
