//! A rule file as it is being written.

use policy::Rules;

use crate::{ImportError, Imported, Note, wrong};

/// How wide comments may be, without their indent.
const COMMENT: usize = 88;

#[derive(Debug, Default)]
pub(crate) struct File {
    pub policies: Vec<Policy>,
    pub notes: Vec<Note>,
}

#[derive(Debug, Default)]
pub(crate) struct Policy {
    pub name: String,
    /// Above it.
    pub comments: Vec<String>,
    /// None: `minimal`, as where nothing is said.
    pub base: Option<Vec<String>>,
    pub rules: Vec<Rule>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Rule {
    /// Above it.
    pub comments: Vec<String>,
    pub name: Option<String>,
    pub matching: Map,
    pub show: &'static str,
    pub node: Map,
    /// Commented out.
    pub off: bool,
}

pub(crate) type Map = Vec<(&'static str, Value)>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Word(String),
    Number(u32),
    List(Vec<Value>),
    Map(Map),
}

impl Value {
    /// One word, or a list of them.
    pub fn words(mut words: Vec<String>) -> Value {
        match words.len() {
            1 => Value::Word(words.remove(0)),
            _ => Value::List(words.into_iter().map(Value::Word).collect()),
        }
    }

    pub fn text(&self) -> String {
        match self {
            Value::Word(word) => scalar(word),
            Value::Number(number) => number.to_string(),
            Value::List(items) => {
                let items: Vec<String> = items.iter().map(Value::text).collect();
                format!("[{}]", items.join(", "))
            }
            Value::Map(map) => map_text(map),
        }
    }
}

pub(crate) fn map_text(map: &Map) -> String {
    let entries: Vec<String> = map
        .iter()
        .map(|(key, value)| format!("{key}: {}", value.text()))
        .collect();
    format!("{{ {} }}", entries.join(", "))
}

/// A string: without quotes where it is surely one.
fn scalar(word: &str) -> String {
    let typed = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    let plain = word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && word
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_./-".contains(c))
        && !typed.contains(&word.to_ascii_lowercase().as_str());
    match plain {
        true => word.to_owned(),
        false => format!("\"{}\"", word.chars().map(escaped).collect::<String>()),
    }
}

/// A character as it stands in double quotes.
fn escaped(c: char) -> String {
    match c {
        '"' | '\\' => format!("\\{c}"),
        c if is_unseen(c) => format!("\\U{:08x}", u32::from(c)),
        c => c.to_string(),
    }
}

/// What YAML does not take as it is, and what nobody would see.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
        )
}

/// Text of others in a comment or a message: on one line, and nothing that a terminal would obey.
pub(crate) fn shown(text: &str) -> String {
    let mut shown = String::new();
    for c in text.chars() {
        match is_unseen(c) {
            true => shown.extend(c.escape_unicode()),
            false => shown.push(c),
        }
    }
    shown
}

impl File {
    /// Something that has no equivalent; the line of comment for it.
    pub fn note(&mut self, source: &str, text: impl Into<String>) -> String {
        let note = Note {
            source: source.to_owned(),
            text: text.into(),
        };
        let text = note.text.clone();
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
        text
    }

    /// A policy, under a name that no other has.
    pub fn push(&mut self, mut policy: Policy) {
        let taken = |name: &str, policies: &[Policy]| {
            Rules::builtin(name).is_some() || policies.iter().any(|other| other.name == name)
        };
        policy.name = shown(&policy.name);
        let wanted = policy.name.clone();
        let mut number = 1;
        while taken(&policy.name, &self.policies) {
            number += 1;
            policy.name = format!("{wanted}-{number}");
        }
        let mut names: Vec<String> = Vec::new();
        for rule in &mut policy.rules {
            let Some(wanted) = rule.name.as_deref().map(shown) else {
                continue;
            };
            let (mut name, mut number) = (wanted.clone(), 1);
            while names.contains(&name) {
                number += 1;
                name = format!("{wanted} ({number})");
            }
            names.push(name.clone());
            rule.name = Some(name);
        }
        self.policies.push(policy);
    }

    pub fn finish(self) -> Result<Imported, ImportError> {
        let mut text = "version: 1\n\npolicies:\n".to_owned();
        for policy in &self.policies {
            policy.write(&mut text);
        }
        if self.policies.is_empty() {
            text = "version: 1\npolicies: {}\n".to_owned();
        }
        // a text of ours that is not right would be a fault of ours
        let rules = policy::format("the import", &text)
            .and_then(|rules| Rules::parse("the import", &rules).map(|_| rules))
            .map_err(|e| wrong("the rules that came out", e.to_string()))?;
        Ok(Imported {
            rules,
            notes: self.notes,
        })
    }
}

impl Policy {
    fn write(&self, text: &mut String) {
        for comment in &self.comments {
            write_comment(text, 2, comment);
        }
        text.push_str(&format!("  {}:\n", scalar(&self.name)));
        if let Some(base) = &self.base {
            let base: Vec<String> = base.iter().map(|name| scalar(name)).collect();
            text.push_str(&format!("    base: [{}]\n", base.join(", ")));
        }
        if !self.rules.iter().any(|rule| !rule.off) {
            text.push_str("    rules: []\n");
        } else {
            text.push_str("    rules:\n");
        }
        for rule in &self.rules {
            rule.write(text);
        }
    }
}

impl Rule {
    fn write(&self, text: &mut String) {
        for comment in &self.comments {
            write_comment(text, 6, comment);
        }
        let mut lines = Vec::new();
        if let Some(name) = &self.name {
            lines.push(format!("name: {}", scalar(name)));
        }
        lines.push(format!("match: {}", map_text(&self.matching)));
        lines.push(format!("show: {}", self.show));
        lines.push("scope: device".to_owned());
        if !self.node.is_empty() {
            lines.push(format!("node: {}", map_text(&self.node)));
        }
        let off = if self.off { "# " } else { "" };
        for (index, line) in lines.iter().enumerate() {
            let dash = if index == 0 { "- " } else { "  " };
            text.push_str(&format!("      {off}{dash}{line}\n"));
        }
    }
}

/// Lines that begin with two blanks are examples and stay whole.
fn write_comment(text: &mut String, indent: usize, comment: &str) {
    let comment = shown(comment);
    let mut lines = Vec::new();
    if comment.starts_with("  ") {
        lines.push(comment);
    } else {
        let mut line = String::new();
        for word in comment.split(' ') {
            if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > COMMENT {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    for line in lines {
        text.push_str(&format!("{:indent$}# {line}\n", ""));
    }
}
