//! Whether one glob matches all that another does.

use std::collections::HashSet;

use crate::glob::{Glob, Globs, Tail, Token};

/// Work that may still be done. What cannot be found out with it is taken for not being so.
pub(crate) struct Steps(pub u32);

impl Steps {
    /// Does that much; whether there was as much left.
    pub fn take(&mut self, steps: usize) -> bool {
        let steps = u32::try_from(steps).unwrap_or(u32::MAX);
        let is_left = self.0 >= steps;
        self.0 = self.0.saturating_sub(steps);
        is_left
    }
}

impl Globs {
    /// Whether whatever these match, the others do.
    pub fn within(&self, others: &Globs, steps: &mut Steps) -> bool {
        let is_within = |glob: &Glob| others.0.iter().any(|other| glob.within(other, steps));
        self.0.iter().all(is_within)
    }

    /// Whether nothing that these match is matched by the others: told of globs that match one text each.
    pub fn apart(&self, others: &Globs, steps: &mut Steps) -> bool {
        self.0.iter().all(|glob| {
            let text = glob.whole();
            text.is_some_and(|text| others.0.iter().all(|other| !other.is_about(text, steps)))
        })
    }
}

impl Glob {
    /// Whether every text that this glob matches, the other one does.
    pub fn within(&self, other: &Glob, steps: &mut Steps) -> bool {
        if !steps.take(1) {
            return false;
        }
        if self.pattern == other.pattern {
            return true;
        }
        if let Some(text) = self.whole() {
            return steps.take(text.len()) && other.matches(text);
        }
        let Some(rest) = self.literal().strip_prefix(other.literal()) else {
            return false;
        };
        match other.tail {
            // one text, and this glob matches more
            Tail::None => false,
            Tail::All => true,
            Tail::Below if !rest.is_empty() => rest.starts_with(b"/"),
            Tail::Below => matches!(self.tokens.get(self.prefix), Some(Token::Below)),
            Tail::Other(_) => self.runs_within(other, rest, steps),
        }
    }

    fn is_about(&self, text: &[u8], steps: &mut Steps) -> bool {
        !steps.take(text.len()) || self.matches(text)
    }

    /// Runs both on all texts at once: on one byte of each kind that neither tells apart, from all states that can be reached.
    fn runs_within(&self, other: &Glob, rest: &[u8], steps: &mut Steps) -> bool {
        let Some(start) = other.walk(rest) else {
            return false;
        };
        let kinds = kinds(&[self, other]);
        let cost = self.tokens.len() + other.tokens.len();
        let mut to_do = vec![(self.start(), start)];
        let mut seen: HashSet<_> = to_do.iter().cloned().collect();
        while let Some((ours, theirs)) = to_do.pop() {
            if ours[self.tokens.len()] && !theirs[other.tokens.len()] {
                return false;
            }
            for &byte in &kinds {
                if !steps.take(cost) {
                    return false;
                }
                let mut our_next = vec![false; ours.len()];
                if !self.step(&ours, byte, &mut our_next) {
                    continue;
                }
                let mut their_next = vec![false; theirs.len()];
                // every pattern can be brought to its end from everywhere
                if !other.step(&theirs, byte, &mut their_next) {
                    return false;
                }
                let next = (our_next, their_next);
                if seen.insert(next.clone()) {
                    to_do.push(next);
                }
            }
        }
        true
    }

    /// The states after reading the literal prefix and `text`, told one by one: running both patterns on all texts has to tell them apart.
    fn walk(&self, text: &[u8]) -> Option<Vec<bool>> {
        let mut states = self.start();
        let mut next = vec![false; states.len()];
        for &byte in text {
            if !self.step(&states, byte, &mut next) {
                return None;
            }
            std::mem::swap(&mut states, &mut next);
        }
        Some(states)
    }

    /// The states after the literal prefix.
    fn start(&self) -> Vec<bool> {
        let mut states = vec![false; self.tokens.len() + 1];
        states[self.prefix] = true;
        self.skip(&mut states);
        states
    }

    /// Puts the states after one more byte into `next`; whether there are any.
    fn step(&self, states: &[bool], byte: u8, next: &mut [bool]) -> bool {
        next.fill(false);
        for at in self.prefix..self.tokens.len() {
            if !states[at] {
                continue;
            }
            let in_part = byte != b'/';
            let (takes, stays) = match &self.tokens[at] {
                Token::Byte(wanted) => (byte == *wanted, false),
                Token::One => (in_part, false),
                Token::Class { negated, ranges } => {
                    let listed = ranges
                        .iter()
                        .any(|(low, high)| (low..=high).contains(&&byte));
                    (in_part && listed != *negated, false)
                }
                Token::Below => (!in_part, false),
                Token::Part => (false, in_part),
                Token::All => (false, true),
                Token::Above => (false, false),
            };
            next[at + 1] |= takes;
            next[at] |= stays;
        }
        if !next.contains(&true) {
            return false;
        }
        self.skip(next);
        true
    }

    /// Adds the states that are reached without reading anything.
    fn skip(&self, states: &mut [bool]) {
        for at in self.prefix..self.tokens.len() {
            if !states[at] {
                continue;
            }
            match self.tokens[at] {
                Token::Part | Token::All => states[at + 1] = true,
                Token::Below => states[at + 2] = true,
                Token::Above => {
                    states[at + 1] = true;
                    states[at + 3] = true;
                }
                Token::Byte(_) | Token::One | Token::Class { .. } => {}
            }
        }
    }
}

/// The first byte of each run of bytes that no token of the globs tells apart.
fn kinds(globs: &[&Glob]) -> Vec<u8> {
    let mut begins = vec![0, b'/', b'/' + 1];
    let mut range = |low: u8, high: u8| {
        begins.push(low);
        begins.extend(high.checked_add(1));
    };
    for token in globs.iter().flat_map(|glob| &glob.tokens) {
        match token {
            Token::Byte(byte) => range(*byte, *byte),
            Token::Class { ranges, .. } => ranges.iter().for_each(|(low, high)| range(*low, *high)),
            Token::One | Token::Part | Token::All | Token::Below | Token::Above => {}
        }
    }
    begins.sort_unstable();
    begins.dedup();
    begins
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn within(one: &str, other: &str) -> bool {
        let [one, other] = [one, other].map(|pattern| Glob::new(pattern).unwrap());
        one.within(&other, &mut Steps(100_000))
    }

    #[test]
    fn what_matches_less_is_within_what_matches_more() {
        for (less, more) in [
            ("sda", "sda"),
            ("sda", "sd?"),
            ("sd[ab]", "sd[a-c]"),
            ("sd[a-c]", "sd?"),
            ("sd?", "sd*"),
            ("sd*", "*"),
            ("*", "**"),
            ("input/event*", "input/*"),
            ("input/*", "**"),
            ("/devices/pci0/usb1/**", "/devices/pci0/**"),
            ("/devices/pci0", "/devices/pci0/**"),
            ("/devices/pci0/**/usb1", "/devices/pci0/**"),
            ("/devices/**/usb1/**", "/devices/**"),
            ("/devices/pci0/usb1/**", "/devices/**/usb1/**"),
            ("/a/x/b", "/a/**/b"),
            ("a/b", "**/b"),
            ("b", "**/b"),
            ("*b", "**b"),
            ("x*y*z", "x*z"),
            ("[!b-z]", "?"),
            ("/**", "**"),
        ] {
            assert!(within(less, more), "{less} {more}");
            if less != more {
                assert!(!within(more, less), "{more} {less}");
            }
        }
    }

    #[test]
    fn what_only_looks_alike_is_not() {
        for (one, other) in [
            ("/devices/pci01/**", "/devices/pci0/**"),
            ("/devices/pci0**", "/devices/pci0/**"),
            ("input/*", "*"),
            ("**", "*"),
            ("sd*", "sd?"),
            ("*a", "a*"),
            ("/a/**/b", "/a/*/b"),
            ("**", "/**"),
            ("[!b]x", "ax"),
        ] {
            assert!(!within(one, other), "{one} {other}");
        }
    }

    #[test]
    fn it_gives_up_in_time() {
        let [one, other] = ["*a*b*c*d*e*f*1", "*a*b*c*d*e*f*[0-9]"].map(|p| Glob::new(p).unwrap());
        assert!(one.within(&other, &mut Steps(10_000_000)));
        let mut steps = Steps(500);
        assert!(!one.within(&other, &mut steps));
        assert_eq!(steps.0, 0);
    }

    proptest! {
        #[test]
        fn never_against_a_text(
            one in "[ab*?/]{0,6}|\\[!?[a-c]{1,2}\\][ab*/]{0,3}",
            other in "[ab*?/]{0,5}|\\*\\*/[ab*]{0,3}|[ab]{0,2}/\\*\\*",
            texts in prop::collection::vec("[abc/]{0,7}", 0..60),
        ) {
            let (Ok(one), Ok(other)) = (Glob::new(&one), Glob::new(&other)) else {
                return Ok(());
            };
            let is_within = one.within(&other, &mut Steps(1_000_000));
            for text in &texts {
                let text = text.as_bytes();
                prop_assert!(!is_within || !one.matches(text) || other.matches(text), "{one:?} {other:?} {text:?}");
            }
        }

        /// Whatever may be found: on all short texts of an alphabet that has a byte of each kind.
        #[test]
        fn as_trying_all_texts_says(one in "[ab*?/]{0,4}", other in "[ab*?/]{0,4}|\\*\\*/[ab]|[ab]/\\*\\*") {
            let (Ok(one), Ok(other)) = (Glob::new(&one), Glob::new(&other)) else {
                return Ok(());
            };
            let mut all: Vec<Vec<u8>> = vec![Vec::new()];
            let mut from = 0;
            for _ in 0..6 {
                let end = all.len();
                for at in from..end {
                    for byte in *b"abc/" {
                        let text = [&all[at][..], &[byte]].concat();
                        all.push(text);
                    }
                }
                from = end;
            }
            let expected = all.iter().all(|text| !one.matches(text) || other.matches(text));
            let is_within = one.within(&other, &mut Steps(1_000_000));
            prop_assert!(expected || !is_within, "{one:?} {other:?}");
            // where the beginnings differ it is not looked further
            if one.literal().starts_with(other.literal()) {
                prop_assert_eq!(is_within, expected, "{:?} {:?}", one, other);
            }
        }
    }
}
