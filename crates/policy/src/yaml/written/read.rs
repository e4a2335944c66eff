//! From the library's events to nodes.

use granit_parser::{Event, Marker, Parser, ScalarStyle, Span, StructureStyle};

use super::{Collection, Comment, Item, Node, Position, Refusal, Scalar, Value, Written, comments};

/// Reads one document that [`crate::yaml::parse`] reads, too. The errors say what cannot be written anew without losing something.
pub(crate) fn read(text: &str) -> Result<Written, Vec<Refusal>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let text = &text.replace("\r\n", "\n").replace('\r', "\n");
    let options = granit_parser::options! {
        disallow_directives: true,
        max_buffered_comment_events: usize::MAX,
    };
    let mut reader = Reader {
        lines: text.lines().map(|line| line.chars().collect()).collect(),
        events: Vec::new(),
        next: 0,
        comments: Vec::new(),
        errors: Vec::new(),
    };
    for event in Parser::new_from_str_with_options(text, options) {
        match event {
            Ok((Event::Comment(rest, _), span)) => reader.comment(&rest, span),
            Ok(event) => reader.events.push(event),
            Err(e) => {
                return Err(vec![Refusal {
                    at: position(e.marker()),
                    message: format!("invalid YAML: {}", e.info()),
                    expected: None,
                }]);
            }
        }
    }
    let root = reader.root();
    match reader.errors.is_empty() {
        true => Ok(comments::place(root, reader.comments)),
        false => Err(reader.errors),
    }
}

fn position(marker: &Marker) -> Position {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Position {
        file: 0,
        line: number(marker.line()),
        column: number(marker.col()).saturating_add(1),
    }
}

struct Reader<'a> {
    lines: Vec<Vec<char>>,
    events: Vec<(Event<'a>, Span)>,
    next: usize,
    comments: Vec<Comment>,
    errors: Vec<Refusal>,
}

impl<'a> Reader<'a> {
    fn comment(&mut self, rest: &str, span: Span) {
        let at = position(&span.start);
        self.comments.push(Comment {
            at,
            text: format!("#{rest}").trim_end().to_owned(),
            alone: self.begins_line(at),
            after_blank: self.after_blank(at),
        });
    }

    fn line(&self, number: u32) -> &[char] {
        let index = (number as usize).checked_sub(1);
        index
            .and_then(|index| self.lines.get(index))
            .map_or(&[], |line| line)
    }

    fn begins_line(&self, at: Position) -> bool {
        let before = self.line(at.line).iter().take(at.column as usize - 1);
        before.into_iter().all(|c| c.is_whitespace())
    }

    fn after_blank(&self, at: Position) -> bool {
        at.line > 1 && self.line(at.line - 1).iter().all(|c| c.is_whitespace())
    }

    fn take(&mut self) -> Option<(Event<'a>, Span)> {
        let event = self.events.get(self.next).cloned();
        self.next += 1;
        event
    }

    fn root(&mut self) -> Option<Node> {
        let skip = |event: &Event| {
            matches!(
                event,
                Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd
            )
        };
        while self
            .events
            .get(self.next)
            .is_some_and(|(event, _)| skip(event))
        {
            self.next += 1;
        }
        let node = self.node()?;
        // what stands for a document of comments only
        let nothing =
            matches!(&node.value, Value::Scalar(Scalar { text, quoted: false }) if text.is_empty());
        (!nothing).then_some(node)
    }

    fn refuse(&mut self, at: Position, what: &str, expected: &'static str) {
        self.errors.push(Refusal {
            at,
            message: format!("{what} has no place in a rules file"),
            expected: Some(expected),
        });
    }

    /// The next node; None at the end of a collection or of the document.
    fn node(&mut self) -> Option<Node> {
        let (event, span) = self.take()?;
        let at = position(&span.start);
        if let Event::Scalar(_, _, anchor, tag)
        | Event::SequenceStart(_, anchor, tag)
        | Event::MappingStart(_, anchor, tag) = &event
        {
            if *anchor != 0 {
                self.refuse(at, "an anchor", "a value without `&` and a name");
            }
            if tag.is_some() {
                let at = span.tag_start().map_or(at, |tag| position(&tag));
                self.refuse(at, "a tag", "a value without `!`");
            }
        }
        let (value, end) = match event {
            Event::Scalar(text, style, ..) => {
                let quoted = style != ScalarStyle::Plain;
                // where nothing stands, the library says `~`
                let text = match quoted || !span.is_empty() {
                    true => text.into_owned(),
                    false => String::new(),
                };
                (Value::Scalar(Scalar { text, quoted }), position(&span.end))
            }
            Event::SequenceStart(style, ..) => self.collection(false, style, at),
            Event::MappingStart(style, ..) => self.collection(true, style, at),
            Event::Alias(_) => {
                self.refuse(at, "an alias", "what it stands for, or `\"*\"` for a glob");
                let (text, quoted) = (String::new(), true);
                (Value::Scalar(Scalar { text, quoted }), position(&span.end))
            }
            _ => return None,
        };
        Some(Node { at, end, value })
    }

    fn collection(&mut self, map: bool, style: StructureStyle, at: Position) -> (Value, Position) {
        let flow = style == StructureStyle::Flow;
        let mut items: Vec<Item> = Vec::new();
        loop {
            let key = match map {
                true => match self.node() {
                    Some(key) => Some(key),
                    None => break,
                },
                false => None,
            };
            let Some(mut value) = self.node() else { break };
            // the library's idea of where nothing stands may be anywhere
            if let (
                Value::Scalar(Scalar {
                    text,
                    quoted: false,
                }),
                Some(key),
            ) = (&value.value, &key)
                && text.is_empty()
            {
                (value.at, value.end) = (key.end, key.end);
            }
            let at = match &key {
                Some(key) => key.at,
                None if flow => value.at,
                None => self.dash(at.column, value.at),
            };
            items.push(Item {
                at,
                key: key.map(|key| self.key(key)),
                value,
                after_blank: self.begins_line(at) && self.after_blank(at),
                before: Vec::new(),
                head: Vec::new(),
                tail: Vec::new(),
            });
        }
        let closed = self
            .events
            .get(self.next - 1)
            .map(|(_, span)| position(&span.end));
        let end = match items.last() {
            Some(item) if !flow => item.value.end,
            _ => closed.unwrap_or(at),
        };
        let collection = Collection {
            map,
            flow,
            items,
            last: Vec::new(),
        };
        (Value::Collection(collection), end)
    }

    fn key(&mut self, key: Node) -> Scalar {
        let Value::Scalar(scalar) = key.value else {
            self.refuse(key.at, "a list or a map as a key", "a word");
            return Scalar {
                text: String::new(),
                quoted: true,
            };
        };
        if !scalar.quoted && scalar.text == "<<" {
            self.refuse(key.at, "a merge key", "the keys that it stands for");
        }
        if !scalar.quoted && scalar.text.is_empty() {
            self.refuse(key.at, "an empty key", "a word");
        }
        scalar
    }

    /// Where the `-` of the item of a block list stands whose value is at `value`: in the list's column, on that line or above it, where
    /// only comments can be between them.
    fn dash(&self, column: u32, value: Position) -> Position {
        let is_dash = |line: &u32| {
            let chars = self.line(*line);
            let before = chars.iter().take(column as usize - 1);
            chars.get(column as usize - 1) == Some(&'-')
                && before.into_iter().all(|c| !matches!(c, '#'))
        };
        let lines = 1..=value.line;
        match lines.rev().find(is_dash) {
            Some(line) => Position {
                file: 0,
                line,
                column,
            },
            None => value,
        }
    }
}
