//! A page of a Markdown document.
//!
//! What stands above the first heading of the second level is the DESCRIPTION, each such heading is a section. A table is a list of terms:
//! at 80 columns its cells would be too narrow to read.

use std::fmt;

use pulldown_cmark::{CodeBlockKind, CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd};
use roff::{Inline, Roff, bold, italic, roman};

use crate::{Common, Page, help::Help, help::inlines, joined, literal};

/// Something in a document that a page has no form for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown(String);

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a man page has no form for this: {}", self.0)
    }
}

impl std::error::Error for Unknown {}

/// The page NAME(SECTION) of a document. `about` follows the name, `synopsis` is shown line by line, `help` has EXIT STATUS and EXAMPLES as
/// a command's help has them.
pub fn of_markdown(
    document: &str,
    (name, section): (&str, &str),
    about: &str,
    synopsis: &[&str],
    help: &str,
    common: &Common,
) -> Result<Page, Unknown> {
    let mut writer = Writer::default();
    common.title(&mut writer.roff, name, section);
    writer.roff.control("SH", ["NAME"]);
    writer.roff.text([roman(format!("{name} - {about}"))]);
    writer.roff.control("SH", ["SYNOPSIS"]);
    for (index, line) in synopsis.iter().enumerate() {
        if index > 0 {
            writer.roff.control("br", []);
        }
        writer.roff.text(inlines(line));
    }
    writer.roff.control("SH", ["DESCRIPTION"]);
    for event in Parser::new_ext(document, Options::ENABLE_TABLES) {
        writer.event(event)?;
    }
    let mut roff = writer.roff;
    Help::parse(help).end(&mut roff, common.exit_status);
    common.lists(&mut roff);
    common.others(&mut roff, &format!("{name}({section})"));
    Ok(Page {
        file: format!("{name}.{section}"),
        text: joined(&roff.render()),
    })
}

#[derive(Default)]
struct Writer {
    roff: Roff,
    /// The line that is being written.
    line: Vec<Inline>,
    bold: bool,
    italic: bool,
    /// Inside a block of code: its text.
    code: Option<String>,
    /// The lists that are open, each with the number of its next item.
    lists: Vec<Option<u64>>,
    /// An item has begun, whose first paragraph begins on the same line.
    item: bool,
    table: Table,
}

#[derive(Default)]
struct Table {
    header: Vec<Vec<Inline>>,
    row: Vec<Vec<Inline>>,
}

impl Writer {
    fn event(&mut self, event: Event<'_>) -> Result<(), Unknown> {
        match event {
            Event::Start(tag) => self.start(tag)?,
            Event::End(tag) => self.end(tag),
            Event::Text(text) => match &mut self.code {
                Some(code) => code.push_str(&text),
                None => self.push(text),
            },
            Event::Code(text) => self.line.push(bold(text.into_string())),
            Event::SoftBreak => self.flush(),
            Event::HardBreak => {
                self.flush();
                self.roff.control("br", []);
            }
            other => return Err(Unknown(format!("{other:?}"))),
        }
        Ok(())
    }

    fn push(&mut self, text: CowStr<'_>) {
        let text = text.into_string();
        self.line.push(match (self.bold, self.italic) {
            (true, _) => bold(text),
            (_, true) => italic(text),
            _ => roman(text),
        });
    }

    fn flush(&mut self) {
        if !self.line.is_empty() {
            self.roff.text(std::mem::take(&mut self.line));
        }
    }

    fn start(&mut self, tag: Tag<'_>) -> Result<(), Unknown> {
        match tag {
            Tag::Paragraph if std::mem::take(&mut self.item) => {}
            Tag::Paragraph => {
                let within = !self.lists.is_empty();
                self.roff.control(if within { "IP" } else { "PP" }, []);
            }
            Tag::CodeBlock(CodeBlockKind::Fenced(_) | CodeBlockKind::Indented) => {
                self.flush();
                self.code = Some(String::new());
            }
            Tag::List(first) => {
                self.flush();
                self.item = false;
                if !self.lists.is_empty() {
                    self.roff.control("RS", ["4"]);
                }
                self.lists.push(first);
            }
            Tag::Item => {
                self.item = true;
                match self.lists.last_mut() {
                    Some(Some(number)) => {
                        self.roff
                            .control("IP", [format!("{number}.").as_str(), "4"]);
                        *number += 1;
                    }
                    _ => {
                        self.roff.control("IP", ["\\(bu", "2"]);
                    }
                }
            }
            Tag::Table(_) => self.table = Table::default(),
            Tag::Strong => self.bold = true,
            Tag::Emphasis => self.italic = true,
            Tag::Heading { .. }
            | Tag::TableHead
            | Tag::TableRow
            | Tag::TableCell
            | Tag::Link { .. } => {}
            other => return Err(Unknown(format!("{other:?}"))),
        }
        Ok(())
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Heading(level) => self.heading(level),
            TagEnd::Paragraph => self.flush(),
            TagEnd::CodeBlock => {
                let code = self.code.take().unwrap_or_default();
                literal(&mut self.roff, code.lines());
            }
            TagEnd::List(_) => {
                self.lists.pop();
                if !self.lists.is_empty() {
                    self.roff.control("RE", []);
                }
            }
            TagEnd::Item => {
                self.flush();
                self.item = false;
            }
            TagEnd::TableCell => self.table.row.push(std::mem::take(&mut self.line)),
            TagEnd::TableHead => self.table.header = std::mem::take(&mut self.table.row),
            TagEnd::TableRow => self.row(),
            TagEnd::Strong => self.bold = false,
            TagEnd::Emphasis => self.italic = false,
            _ => {}
        }
    }

    /// The first level is the document's own title, which the page has elsewhere.
    fn heading(&mut self, level: HeadingLevel) {
        let text = plain(&std::mem::take(&mut self.line));
        match level {
            HeadingLevel::H1 => {}
            HeadingLevel::H2 => {
                self.roff.control("SH", [text.to_uppercase().as_str()]);
            }
            _ => {
                self.roff.control("SS", [text.as_str()]);
            }
        }
    }

    /// The first cell is the term. Of two cells the other says what it is; of more, each says of what.
    fn row(&mut self) {
        let mut cells = std::mem::take(&mut self.table.row).into_iter();
        let Some(term) = cells.next() else {
            return;
        };
        self.roff.control("TP", []);
        self.roff.text(term);
        let many = self.table.header.len() > 2;
        let mut first = true;
        for (cell, header) in cells.zip(self.table.header.iter().skip(1)) {
            if cell.is_empty() {
                continue;
            }
            if !std::mem::take(&mut first) {
                self.roff.control("br", []);
            }
            let mut line = Vec::new();
            if many && !header.is_empty() {
                line.push(italic(plain(header)));
                line.push(roman(": "));
            }
            line.extend(cell);
            self.roff.text(line);
        }
    }
}

fn plain(line: &[Inline]) -> String {
    line.iter()
        .map(|inline| match inline {
            Inline::Roman(text) | Inline::Italic(text) | Inline::Bold(text) => text.as_str(),
            Inline::LineBreak => " ",
        })
        .collect()
}

#[cfg(test)]
mod tests;
