//! A rule as it is written, with a mark below what matters, as compilers show it.

use policy::{FailedKey, Is};

use crate::ink::Ink;

/// As many lines of a rule are shown.
const MOST: usize = 12;

/// Lines that are wider are cut.
const WIDEST: usize = 160;

/// The rule that begins on `line` (from 1) of the text of `file`; marked where `keys` lead, one within the other, with a note. Without
/// keys the rule's beginning is marked.
pub fn excerpt(ink: Ink, file: &str, text: &str, line: u32, keys: &[String], note: &str) -> String {
    let lines = rule_at(text, line);
    let (row, column, width) = mark(&lines, keys);
    let pad = " ".repeat((line as usize + lines.len()).to_string().len());
    let mut out = format!("{pad} {} {file}:{line}\n", ink.dim("-->"));
    for (index, text) in lines.iter().enumerate() {
        let number = format!("{:>1$}", line as usize + index, pad.len());
        let text: String = text.chars().take(WIDEST).collect();
        let bar = ink.dim(format!("{number} |"));
        out += format!("{bar} {text}").trim_end();
        out.push('\n');
        if index == row && column < WIDEST {
            let indent = " ".repeat(column);
            let bar = ink.dim(format!("{pad} |"));
            let mark = ink.bold(format!("{} {note}", "^".repeat(width)));
            out += format!("{bar} {indent}{mark}").trim_end();
            out.push('\n');
        }
    }
    out
}

/// The keys that lead to the first thing that fails.
pub fn way_to(failed: &[FailedKey]) -> Vec<String> {
    let Some(first) = failed.first() else {
        return Vec::new();
    };
    let mut keys: Vec<String> = first.key.split(' ').map(String::from).collect();
    if let Is::Nearest { failed, .. } = &first.is {
        keys.extend(way_to(failed));
    }
    keys
}

/// The lines of the item of a list that begins on `line`, as a terminal may have them.
fn rule_at(text: &str, line: u32) -> Vec<String> {
    let mut lines = text.lines().skip((line as usize).saturating_sub(1));
    let Some(first) = lines.next() else {
        return Vec::new();
    };
    let indent = |line: &str| line.len() - line.trim_start().len();
    let dash = indent(first);
    let mut rule = vec![first];
    for next in lines.take(MOST - 1) {
        let is_blank = next.trim().is_empty() || next.trim_start().starts_with('#');
        if !is_blank && indent(next) <= dash {
            break;
        }
        rule.push(next);
    }
    let is_beside = |line: &&str| line.trim().is_empty() || line.trim_start().starts_with('#');
    while rule.len() > 1 && rule.last().is_some_and(is_beside) {
        rule.pop();
    }
    let plain = |c: char| {
        if c == '\t' {
            ' '
        } else if c.is_control() {
            '?'
        } else {
            c
        }
    };
    rule.iter()
        .map(|line| line.chars().map(plain).collect())
        .collect()
}

/// Line, column and width of what the last of the keys that can be found is.
fn mark(lines: &[String], keys: &[String]) -> (usize, usize, usize) {
    let start = lines.first().map_or(0, |line| {
        line.chars()
            .take_while(|c| c.is_whitespace() || *c == '-')
            .count()
    });
    let mut found = (0, start, 1);
    let mut from = (0, start);
    for key in keys {
        let next = lines
            .iter()
            .enumerate()
            .skip(from.0)
            .find_map(|(row, line)| {
                let skip = if row == from.0 { from.1 } else { 0 };
                key_in(line, key, skip).map(|column| (row, column))
            });
        let Some((row, column)) = next else {
            break;
        };
        let width = key.chars().count();
        found = (row, column, width);
        from = (row, column + width);
    }
    found
}

/// At which character `key` stands as a key, from character `skip` on.
fn key_in(line: &str, key: &str, skip: usize) -> Option<usize> {
    let chars: Vec<char> = line.chars().collect();
    let key: Vec<char> = key.chars().collect();
    let ends = |at: usize| {
        let rest = chars[at + key.len()..].iter();
        rest.copied().find(|c| !matches!(c, '"' | '\'' | ' ')) == Some(':')
    };
    let begins = |at: usize| at == 0 || matches!(chars[at - 1], ' ' | '{' | ',' | '"' | '\'' | '-');
    (skip..(chars.len() + 1).saturating_sub(key.len()))
        .find(|at| chars[*at..].starts_with(&key) && begins(*at) && ends(*at))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"policies:
  p:
    rules:
      - name: a devname
        match:
          subsystem: tty
          parent: { subsystem: usb, attr: { "serial": X } }
        # said of the next

      - match: { devname: x }
        show: rw
"#;

    fn shown(line: u32, keys: &[&str]) -> String {
        let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
        excerpt(Ink::none(), "f", FILE, line, &keys, "here")
    }

    #[test]
    fn the_whole_rule_with_a_mark_below_the_key() {
        let expected = r#"  --> f:4
4 |       - name: a devname
5 |         match:
6 |           subsystem: tty
7 |           parent: { subsystem: usb, attr: { "serial": X } }
  |                                              ^^^^^^ here
"#;
        assert_eq!(shown(4, &["parent", "attr", "serial"]), expected);
        assert!(shown(4, &["devname"]).contains("name: a devname\n  |         ^ here\n"));
        let expected = "   --> f:10\n10 |       - match: { devname: x }\n   |         ^ here\n11 |         show: rw\n";
        assert_eq!(shown(10, &[]), expected);
        assert!(
            shown(10, &["devname"])
                .contains("{ devname: x }\n   |                  ^^^^^^^ here\n")
        );
    }

    #[test]
    fn a_file_that_has_changed_meanwhile_is_no_reason_to_fail() {
        assert_eq!(shown(99, &["x"]), "   --> f:99\n");
    }
}
