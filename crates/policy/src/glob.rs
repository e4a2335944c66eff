//! Globs over bytes.

mod machine;
mod within;

use std::sync::Arc;

use machine::{Machine, States};
pub(crate) use within::Steps;

/// One pattern, compiled.
///
/// `*` is any bytes of one path part, `**` any bytes at all, `?` one byte of a part, `[a-z]` one of these bytes and `[!a-z]` one other
/// byte of a part; everything else is itself. `/**` stands for the directory before it too, `**/` for nothing too.
///
/// Matching follows all ways at once (Thompson's construction), so that it takes at most pattern length times text length steps.
#[derive(Clone, Debug)]
pub(crate) struct Glob {
    pattern: String,
    tokens: Vec<Token>,
    /// How many bytes at the beginning of the pattern stand for themselves.
    prefix: usize,
    tail: Tail,
}

/// What comes after the bytes at the beginning: most patterns need no more than a look at that.
#[derive(Clone, Debug)]
enum Tail {
    /// Nothing.
    None,
    /// `/**`
    Below,
    /// `**`
    All,
    /// Something that has to be run.
    Other(Arc<Machine>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Byte(u8),
    /// `?`
    One,
    Class {
        negated: bool,
        ranges: Vec<(u8, u8)>,
    },
    /// `*`
    Part,
    /// `**`
    All,
    /// Before the `All` of `/**`: nothing, or `/` and what `All` takes.
    Below,
    /// Before the `All` and the `/` of a leading `**/`: nothing, or what they take.
    Above,
}

impl PartialEq for Glob {
    fn eq(&self, other: &Glob) -> bool {
        self.pattern == other.pattern
    }
}

impl Eq for Glob {}

impl Glob {
    /// Compiles `pattern`; the error says what is wrong with it.
    pub fn new(pattern: &str) -> Result<Glob, String> {
        let mut tokens = Vec::new();
        let mut rest = pattern.as_bytes();
        if rest.contains(&0) {
            return Err("a glob cannot hold a NUL".to_owned());
        }
        if rest.starts_with(b"**/") {
            tokens.extend([Token::Above, Token::All, Token::Byte(b'/')]);
            rest = &rest[3..];
        }
        while let Some(&first) = rest.first() {
            let length = match rest {
                [b'*', b'*', b'*', ..] => return Err("`***` means nothing".to_owned()),
                [b'/', b'*', b'*'] | [b'/', b'*', b'*', b'/', ..] => {
                    tokens.extend([Token::Below, Token::All]);
                    3
                }
                [b'*', b'*', ..] => {
                    tokens.push(Token::All);
                    2
                }
                [b'*', ..] => {
                    tokens.push(Token::Part);
                    1
                }
                [b'?', ..] => {
                    tokens.push(Token::One);
                    1
                }
                [b'[', ..] => {
                    let (token, length) = class(rest)?;
                    tokens.push(token);
                    length
                }
                _ => {
                    tokens.push(Token::Byte(first));
                    1
                }
            };
            rest = &rest[length..];
        }
        let prefix = tokens
            .iter()
            .take_while(|token| matches!(token, Token::Byte(_)))
            .count();
        let tail = match tokens[prefix..] {
            [] => Tail::None,
            [Token::Below, Token::All] => Tail::Below,
            [Token::All] => Tail::All,
            _ => Tail::Other(Arc::new(Machine::of(&tokens[prefix..]))),
        };
        Ok(Glob {
            pattern: pattern.to_owned(),
            tokens,
            prefix,
            tail,
        })
    }

    /// What was compiled.
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// Whether the whole of `text` matches.
    pub fn matches(&self, text: &[u8]) -> bool {
        let Some(rest) = text.strip_prefix(self.literal()) else {
            return false;
        };
        match self.tail {
            Tail::None => rest.is_empty(),
            Tail::Below => rest.is_empty() || rest.starts_with(b"/"),
            Tail::All => true,
            Tail::Other(_) => self.run(rest).is_some_and(|states| states.is_done()),
        }
    }

    /// Whether something below the directory `path` could match: whether `path`, `/` and more can.
    pub fn leads_through(&self, path: &[u8]) -> bool {
        if path.len() + 1 < self.prefix {
            let rest = self.literal().strip_prefix(path);
            return rest.is_some_and(|rest| rest.starts_with(b"/"));
        }
        if matches!(self.tail, Tail::None) {
            // at the end of the pattern nothing more can follow
            return false;
        }
        let text = [path, b"/"].concat();
        let Some(rest) = text.strip_prefix(self.literal()) else {
            return false;
        };
        match self.tail {
            Tail::None => false,
            Tail::Below => rest.is_empty() || rest.starts_with(b"/"),
            Tail::All => true,
            Tail::Other(_) => self.run(rest).is_some_and(|states| states.can_go_on()),
        }
    }

    /// The one text that it matches, if there is only one.
    pub fn whole(&self) -> Option<&[u8]> {
        matches!(self.tail, Tail::None).then(|| self.literal())
    }

    /// What every match begins with.
    pub fn literal(&self) -> &[u8] {
        &self.pattern.as_bytes()[..self.prefix]
    }

    /// The states after reading the literal prefix and `text`. `None` when no tokens can take it.
    fn run(&self, text: &[u8]) -> Option<States<'_>> {
        let Tail::Other(machine) = &self.tail else {
            return None;
        };
        machine.run(text)
    }
}

/// Reads `[...]` at the start of `text`; how long it is.
fn class(text: &[u8]) -> Result<(Token, usize), String> {
    let negated = text.get(1) == Some(&b'!');
    let first = 1 + usize::from(negated);
    let mut ranges = Vec::new();
    let mut at = first;
    loop {
        match (text.get(at), text.get(at + 1), text.get(at + 2)) {
            (None, ..) => return Err("`[` without `]`".to_owned()),
            (Some(b']'), ..) if at > first => {
                return Ok((Token::Class { negated, ranges }, at + 1));
            }
            (Some(b']'), ..) => return Err("an empty `[]` matches nothing".to_owned()),
            (Some(b'/'), ..) => return Err("a `/` cannot stand in `[]`".to_owned()),
            (Some(low), Some(b'-'), Some(high)) if *high != b']' => {
                if !low.is_ascii() || !high.is_ascii() {
                    return Err("`[]` takes ASCII characters only".to_owned());
                }
                if low > high {
                    return Err(format!(
                        "the range `{}-{}` is backwards",
                        char::from(*low),
                        char::from(*high)
                    ));
                }
                ranges.push((*low, *high));
                at += 3;
            }
            (Some(byte), ..) => {
                if !byte.is_ascii() {
                    return Err("`[]` takes ASCII characters only".to_owned());
                }
                ranges.push((*byte, *byte));
                at += 1;
            }
        }
    }
}

/// Some globs; any of them may match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Globs(pub Vec<Glob>);

impl Globs {
    pub fn patterns(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(Glob::pattern)
    }

    pub fn matches(&self, text: &[u8]) -> bool {
        self.0.iter().any(|glob| glob.matches(text))
    }
}

#[cfg(test)]
mod tests;
