//! Patterns of `path`: fnmatch(3) with FNM_PATHNAME, so that no wildcard matches a `/`.

/// A pattern, part by part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    pub parts: Vec<Vec<Token>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Char(char),
    One,
    Any,
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

impl Pattern {
    /// None: it matches no name below /dev.
    pub fn parse(text: &str) -> Result<Option<Pattern>, String> {
        let mut parts = vec![Vec::new()];
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            let token = match c {
                '/' => {
                    parts.push(Vec::new());
                    continue;
                }
                '*' => Token::Any,
                '?' => Token::One,
                '\\' => Token::Char(chars.next().unwrap_or('\\')),
                '[' => class(&mut chars).ok_or_else(|| {
                    let text = crate::text::shown(text);
                    format!("the pattern `{text}` has a `[]` that rules do not have")
                })?,
                c => Token::Char(c),
            };
            let part: &mut Vec<Token> = parts.last_mut().expect("there is a part");
            if token != Token::Any || part.last() != Some(&Token::Any) {
                part.push(token);
            }
        }
        let nothing = parts.iter().any(|part| {
            let chars: Option<String> = part.iter().map(Token::char).collect();
            part.is_empty()
                || chars.is_some_and(|text| matches!(text.as_str(), "." | ".."))
                || part
                    .iter()
                    .any(|t| t.char().is_some_and(char::is_control) || t.char() == Some('/'))
        });
        Ok((!nothing).then_some(Pattern { parts }))
    }

    /// As a glob of the rule language.
    pub fn glob(&self) -> String {
        let parts: Vec<String> = self
            .parts
            .iter()
            .map(|part| part.iter().map(Token::glob).collect())
            .collect();
        parts.join("/")
    }

    /// The text that alone it matches.
    pub fn literal(&self) -> Option<String> {
        self.literal_dir(self.parts.len())
    }

    /// The text that alone its first parts match.
    pub fn literal_dir(&self, parts: usize) -> Option<String> {
        let parts: Option<Vec<String>> = self.parts[..parts]
            .iter()
            .map(|part| part.iter().map(Token::char).collect())
            .collect();
        parts.map(|parts| parts.join("/"))
    }

    pub fn matches(&self, name: &str) -> bool {
        let names: Vec<&str> = name.split('/').collect();
        names.len() == self.parts.len()
            && self
                .parts
                .iter()
                .zip(names)
                .all(|(part, name)| part_matches(part, &name.chars().collect::<Vec<_>>()))
    }

    /// Whether it surely matches all that `other` does.
    pub fn covers(&self, other: &Pattern) -> bool {
        if let Some(name) = other.literal() {
            return self.matches(&name);
        }
        self.parts.len() == other.parts.len()
            && self
                .parts
                .iter()
                .zip(&other.parts)
                .all(|(mine, its)| match &mine[..] {
                    // `x*` covers whatever begins with x
                    [begins @ .., Token::Any] if !begins.contains(&Token::Any) => {
                        its.starts_with(begins)
                    }
                    _ => mine == its,
                })
    }

    /// Whether surely no name is matched by both.
    pub fn excludes(&self, other: &Pattern) -> bool {
        match (self.literal(), other.literal()) {
            (Some(name), _) => return !other.matches(&name),
            (_, Some(name)) => return !self.matches(&name),
            _ => {}
        }
        self.parts.len() != other.parts.len()
            || self.parts.iter().zip(&other.parts).any(|(mine, its)| {
                let begins =
                    |part: &[Token]| -> String { part.iter().map_while(Token::char).collect() };
                let (mine, its) = (begins(mine), begins(its));
                !mine.starts_with(&its) && !its.starts_with(&mine)
            })
    }
}

impl Token {
    fn char(&self) -> Option<char> {
        match self {
            Token::Char(c) => Some(*c),
            _ => None,
        }
    }

    fn glob(&self) -> String {
        match self {
            Token::Char(c @ ('*' | '?' | '[')) => format!("[{c}]"),
            Token::Char(c) => c.to_string(),
            Token::One => "?".to_owned(),
            Token::Any => "*".to_owned(),
            Token::Class { negated, ranges } => {
                let mut text = String::from(if *negated { "[!" } else { "[" });
                for (low, high) in ranges {
                    text.push(*low);
                    if low != high {
                        text.extend(['-', *high]);
                    }
                }
                text + "]"
            }
        }
    }

    fn takes(&self, c: char) -> bool {
        match self {
            Token::Char(own) => *own == c,
            Token::One | Token::Any => true,
            Token::Class { negated, ranges } => {
                ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *negated
            }
        }
    }
}

/// Follows all ways at once, so that no pattern takes long.
fn part_matches(part: &[Token], name: &[char]) -> bool {
    let skip = |reached: &mut Vec<bool>| {
        for (at, token) in part.iter().enumerate() {
            if reached[at] && *token == Token::Any {
                reached[at + 1] = true;
            }
        }
    };
    let mut reached = vec![false; part.len() + 1];
    reached[0] = true;
    skip(&mut reached);
    for c in name {
        let mut next = vec![false; part.len() + 1];
        for (at, token) in part.iter().enumerate() {
            if reached[at] && token.takes(*c) {
                next[at + usize::from(*token != Token::Any)] = true;
            }
        }
        skip(&mut next);
        reached = next;
    }
    reached[part.len()]
}

/// What is behind a `[`, as both languages understand it; None for what only fnmatch(3) does.
fn class(chars: &mut std::iter::Peekable<std::str::Chars>) -> Option<Token> {
    let negated = chars.next_if(|c| matches!(c, '!' | '^')).is_some();
    let mut inner = Vec::new();
    loop {
        match chars.next()? {
            ']' if !inner.is_empty() => break,
            c @ ('a'..='z'
            | 'A'..='Z'
            | '0'..='9'
            | '_'
            | '.'
            | '-'
            | ':'
            | ','
            | '+'
            | '@'
            | '%'
            | '=') => inner.push(c),
            _ => return None,
        }
    }
    let mut ranges = Vec::new();
    let mut rest = &inner[..];
    while let Some((low, more)) = rest.split_first() {
        match more {
            ['-', high, more @ ..] => {
                if low > high || *low == '-' || *high == '-' {
                    return None;
                }
                ranges.push((*low, *high));
                rest = more;
            }
            // a hyphen that means itself would be read as a range again
            _ if *low == '-' => return None,
            _ => {
                ranges.push((*low, *low));
                rest = more;
            }
        }
    }
    Some(Token::Class { negated, ranges })
}
