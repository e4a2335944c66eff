//! Man pages: [`of_command`] makes them of a command line as clap has it, [`of_markdown`] of a document.
//!
//! Both end in the same sections, so that a reader finds things where other manuals have them.

mod command;
mod help;
mod markdown;

pub use command::of_command;
pub use markdown::{Unknown, of_markdown};

use roff::{Roff, bold, roman};

/// A page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Its file: `devns-run.1`.
    pub file: String,
    /// Its text, in roff.
    pub text: String,
}

/// What pages have in common.
#[derive(Clone, Copy, Debug)]
pub struct Common<'a> {
    /// The name of all of it, with the version: `devns 0.1.0`.
    pub source: &'a str,
    /// Year, month, day: `2026-01-31`.
    pub date: &'a str,
    /// The exit statuses where a command says nothing about them, as a command's help has them.
    pub exit_status: &'a str,
    /// FILES: a path and what it is.
    pub files: &'a [(&'a str, &'a str)],
    /// ENVIRONMENT: a variable and what it does.
    pub environment: &'a [(&'a str, &'a str)],
    /// All pages, `devns(1)`: what a page may send its reader to.
    pub see_also: &'a [&'a str],
}

impl Common<'_> {
    fn title(&self, roff: &mut Roff, name: &str, section: &str) {
        roff.control("TH", [name, section, self.date, self.source]);
        // names are neither broken nor spread
        roff.control("nh", []);
        roff.control("ad", ["l"]);
    }

    fn lists(&self, roff: &mut Roff) {
        for (section, list) in [("ENVIRONMENT", self.environment), ("FILES", self.files)] {
            if !list.is_empty() {
                roff.control("SH", [section]);
            }
            for (term, about) in list {
                roff.control("TP", []);
                roff.text([bold(*term)]);
                roff.text(help::inlines(about));
            }
        }
    }

    /// The last section, without the page itself.
    fn others(&self, roff: &mut Roff, page: &str) {
        roff.control("SH", ["SEE ALSO"]);
        let others: Vec<&str> = self
            .see_also
            .iter()
            .copied()
            .filter(|other| *other != page)
            .collect();
        for (index, other) in others.iter().enumerate() {
            let (name, section) = other.split_once('(').unwrap_or((other, ""));
            let comma = if index + 1 < others.len() { "," } else { "" };
            roff.text([bold(name), roman(format!("({section}{comma}"))]);
        }
    }
}

/// A page's text from its parts: each begins with the definition of an apostrophe, which is needed once; and a paragraph that begins where a
/// section does is said twice.
fn joined(parts: &str) -> String {
    let definition = Roff::new().render();
    let mut text = definition.clone();
    let mut heading = false;
    for line in parts.replace(&definition, "").lines() {
        if heading && line == ".PP" {
            continue;
        }
        heading = line.starts_with(".SH ") || line.starts_with(".SS ");
        text += line;
        text.push('\n');
    }
    // clap_mangen breaks the line before and after an empty one, which is a break
    text.replace(".br\n\n.br\n", ".sp\n")
}

/// Lines as they stand, indented.
fn literal<'a>(roff: &mut Roff, lines: impl IntoIterator<Item = &'a str>) {
    roff.control("PP", []);
    roff.control("RS", ["4"]);
    roff.control("nf", []);
    for line in lines {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
    roff.control("RE", []);
}
