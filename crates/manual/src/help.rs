//! What stands below the options in a command's help: paragraphs, and parts with a heading.

use roff::{Inline, Roff, bold, roman};

use crate::literal;

/// A block of lines between empty ones.
#[derive(Debug, PartialEq, Eq)]
enum Block<'a> {
    Text(Vec<&'a str>),
    /// Indented: to be kept as it is.
    Literal(Vec<&'a str>),
}

/// What a help says below the options.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Help<'a> {
    /// What belongs to no part.
    description: Vec<Block<'a>>,
    examples: Vec<&'a str>,
    exit_status: Vec<&'a str>,
}

impl<'a> Help<'a> {
    /// `Examples:` and `Exit status:` begin a part, whose lines are indented; or what it says stands on the same line.
    pub fn parse(text: &'a str) -> Help<'a> {
        let mut help = Help::default();
        for block in text.split("\n\n") {
            let lines: Vec<&str> = block.lines().filter(|line| !line.is_empty()).collect();
            let Some((first, rest)) = lines.split_first() else {
                continue;
            };
            if *first == "Examples:" {
                help.examples.extend(rest);
            } else if *first == "Exit status:" {
                help.exit_status.extend(rest);
            } else if let Some(first) = first.strip_prefix("Exit status: ") {
                help.exit_status.push(first);
                help.exit_status.extend(rest);
            } else if first.starts_with("  ") {
                help.description.push(Block::Literal(lines));
            } else {
                help.description.push(Block::Text(lines));
            }
        }
        help
    }

    pub fn describe(&self, roff: &mut Roff) {
        for block in &self.description {
            match block {
                Block::Text(lines) => {
                    roff.control("PP", []);
                    lines.iter().for_each(|line| {
                        roff.text(inlines(line));
                    });
                }
                Block::Literal(lines) => literal(roff, outdented(lines)),
            }
        }
    }

    /// EXIT STATUS and EXAMPLES. `common`: the statuses where the help names none.
    pub fn end(&self, roff: &mut Roff, common: &str) {
        let common = Help::parse(common).exit_status;
        let statuses = match self.exit_status.is_empty() {
            true => &common,
            false => &self.exit_status,
        };
        roff.control("SH", ["EXIT STATUS"]);
        for line in statuses {
            match line.trim().split_once("  ") {
                Some((status, means)) => {
                    roff.control("TP", []);
                    roff.text([bold(status)]);
                    roff.text(inlines(means.trim()));
                }
                None => {
                    roff.text(inlines(line.trim()));
                }
            }
        }
        if !self.examples.is_empty() {
            roff.control("SH", ["EXAMPLES"]);
            literal(roff, outdented(&self.examples));
        }
    }
}

/// Without the two blanks that a help indents by.
fn outdented<'a>(lines: &[&'a str]) -> impl Iterator<Item = &'a str> {
    lines
        .iter()
        .map(|line| line.strip_prefix("  ").unwrap_or(line))
}

/// Text in which what stands in backquotes is bold.
pub(crate) fn inlines(text: &str) -> Vec<Inline> {
    let parts = text.split('`').enumerate();
    parts
        .filter(|(_, part)| !part.is_empty())
        .map(|(index, part)| match index % 2 {
            0 => roman(part),
            _ => bold(part),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELP: &str = "Start here.\nAnd go on.\n\n  a: \"line\"\n\nExamples:\n  devns x   # so\n    more\n\nMind it.\n\nExit status:\n  0    fine\n  128+N  ended";

    #[test]
    fn parts_are_told_apart() {
        assert_eq!(
            Help::parse(HELP),
            Help {
                description: vec![
                    Block::Text(vec!["Start here.", "And go on."]),
                    Block::Literal(vec!["  a: \"line\""]),
                    Block::Text(vec!["Mind it."]),
                ],
                examples: vec!["  devns x   # so", "    more"],
                exit_status: vec!["  0    fine", "  128+N  ended"],
            }
        );
        let short = Help::parse("Exit status: 0 when all is well.");
        assert_eq!(short.exit_status, ["0 when all is well."]);
        assert_eq!(Help::parse(""), Help::default());
    }

    fn ended(help: &str, common: &str) -> String {
        let mut roff = Roff::new();
        Help::parse(help).end(&mut roff, common);
        roff.to_roff()
    }

    #[test]
    fn statuses_are_a_list_and_examples_stay_as_they_are() {
        assert_eq!(
            ended(HELP, "Exit status:\n  9  no"),
            ".SH \"EXIT STATUS\"\n.TP\n\\fB0\\fR\nfine\n.TP\n\\fB128+N\\fR\nended\n\
             .SH EXAMPLES\n.PP\n.RS 4\n.nf\ndevns x   # so\n  more\n.fi\n.RE\n"
        );
    }

    #[test]
    fn who_names_no_status_has_the_common_ones() {
        let text = ended("Just text.", "Exit status:\n  9  as `x` has it");
        assert_eq!(
            text,
            ".SH \"EXIT STATUS\"\n.TP\n\\fB9\\fR\nas \\fBx\\fR has it\n"
        );
    }
}
