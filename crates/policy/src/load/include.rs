//! All files of a rules file: the one that was named, and those that it includes.

mod names;

use std::collections::{HashMap, HashSet};

use crate::{
    FileText, Files, RuleError, RuleErrors, Severity, Source,
    load::{Binding, Definition, Loader, file::Include},
    words::{nearest, quoted},
    yaml::{self, Position},
};
use names::{join, matching, split};

/// What all files together may hold, in bytes: some 20,000 rules. Patterns take up to 120 times their size in memory.
const MOST_TEXT: usize = 2 << 20;
/// How many files there may be.
const MOST_FILES: usize = 1000;
/// How many files may stand around one, each including the next.
const DEEPEST: usize = 16;

/// What is read first.
pub(crate) enum Root<'a> {
    /// A text; without files nothing can be included.
    Text(&'a str),
    /// A file.
    File(&'a dyn Files),
}

/// What all files say, every name in it resolved.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub policies: Vec<Definition>,
    /// The first file's own, then those of what it includes.
    pub bindings: Vec<Binding>,
    /// In the order in which they were read.
    pub sources: Vec<Source>,
    /// Warnings and notes.
    pub warnings: Vec<RuleError>,
}

/// Reads the file `name` and what it includes. `builtin` names the policies that exist besides, which nobody must define or miss.
pub(crate) fn load(name: &str, root: Root, builtin: &[&str]) -> Result<Loaded, RuleErrors> {
    let mut reading = Reading {
        loader: Loader::default(),
        files: None,
        known: HashMap::new(),
        done: HashSet::new(),
        way: Vec::new(),
        bytes: 0,
        policies: Vec::new(),
        bindings: Vec::new(),
    };
    match root {
        Root::Text(text) => reading.text(name, text),
        Root::File(files) => {
            reading.files = Some(files);
            reading.file(name, None);
        }
    }
    let Reading {
        mut loader,
        policies,
        bindings,
        ..
    } = reading;
    loader.resolve(&policies, &bindings, builtin);
    if loader.errors == 0 {
        loader.look_at(&policies, &bindings);
    }
    let errors = loader.errors;
    let (sources, found) = loader.finish();
    match errors {
        0 => Ok(Loaded {
            policies,
            bindings,
            sources,
            warnings: found.found,
        }),
        _ => Err(found),
    }
}

struct Reading<'f> {
    loader: Loader,
    files: Option<&'f dyn Files>,
    /// Names that were read, and the files that they are.
    known: HashMap<String, String>,
    /// Files that were read.
    done: HashSet<String>,
    /// Those that are being read, each included by the one before: what they are and what they are called.
    way: Vec<(String, String)>,
    bytes: usize,
    policies: Vec<Definition>,
    bindings: Vec<Binding>,
}

impl Reading<'_> {
    /// A file: the first one, or the one that is named at `by`.
    fn file(&mut self, name: &str, by: Option<Position>) {
        let Some(files) = self.files else {
            return;
        };
        if let Some(identity) = self.known.get(name) {
            return self.again(&identity.clone(), name, by.unwrap_or_default());
        }
        if self.known.len() >= MOST_FILES {
            let message = format!("there are more than {MOST_FILES} files already");
            return self.loader.error(by.unwrap_or_default(), message, None);
        }
        let FileText { identity, text } = match files.read(name) {
            Ok(file) => file,
            Err(why) => return self.unreadable(name, &why, by),
        };
        self.known.insert(name.to_owned(), identity.clone());
        if self.done.contains(&identity) {
            return self.again(&identity, name, by.unwrap_or_default());
        }
        if self.way.len() >= DEEPEST {
            let message = format!("{} is included through {DEEPEST} others", quoted(name));
            let expected = "files that are named nearer to the first one".to_owned();
            return self.loader.error(by.unwrap_or_default(), message, expected);
        }
        self.done.insert(identity.clone());
        self.way.push((identity, name.to_owned()));
        self.text(name, &text);
        self.way.pop();
    }

    /// A file that was read before has said what it says; one that is being read would go on without end.
    fn again(&mut self, identity: &str, name: &str, by: Position) {
        let Some(at) = self.way.iter().position(|(other, _)| other == identity) else {
            return;
        };
        let round: Vec<&str> = self.way[at..].iter().map(|(_, name)| &**name).collect();
        let first = quoted(round[0]);
        let through = match round[..] {
            [_] => String::new(),
            _ => {
                let names: Vec<String> = round.iter().copied().map(quoted).collect();
                format!(": {} -> {first}", names.join(" -> "))
            }
        };
        let called = match name == round[0] {
            true => String::new(),
            false => format!(" as {}", quoted(name)),
        };
        let message = format!("{first} includes itself{called}{through}");
        let expected = match round[..] {
            [_] => "other files, or a pattern that leaves this one out",
            _ => "files that do not lead back",
        };
        self.loader.error(by, message, expected.to_owned());
    }

    fn unreadable(&mut self, name: &str, why: &str, by: Option<Position>) {
        let message = format!("{} {why}", quoted(name));
        match by {
            Some(at) => {
                let expected = self.near(name);
                let expected = expected.unwrap_or_else(|| "a file that is there".to_owned());
                self.loader.error(at, message, expected);
            }
            None => {
                let file = self.loader.add(name, "");
                let at = Position {
                    file,
                    ..Position::default()
                };
                self.loader.error(at, message, "a rule file".to_owned());
            }
        }
    }

    /// The name beside a wrong one that was probably meant.
    fn near(&self, name: &str) -> Option<String> {
        let files = self.files.filter(|_| !self.loader.is_full())?;
        let (dir, last) = split(name);
        let names = files.list(dir).ok()?;
        let near = nearest(last, names.iter().map(String::as_str))?;
        Some(quoted(&join(dir, near)))
    }

    /// The text of a file, then what it includes.
    fn text(&mut self, name: &str, text: &str) {
        self.bytes = self.bytes.saturating_add(text.len());
        if self.bytes > MOST_TEXT {
            let file = self.loader.add(name, "");
            let at = Position {
                file,
                ..Position::default()
            };
            let message = match self.way.len() {
                0 | 1 => "a rule file of more than 2 MiB",
                _ => "more than 2 MiB of rules in all files together",
            };
            return self.loader.error(at, message, "fewer rules".to_owned());
        }
        let file = self.loader.add(name, text);
        let said = match yaml::parse(file, text) {
            Ok(node) => self.loader.rules_file(&node),
            Err(error) => {
                return self.loader.error(error.at, error.message, error.expected);
            }
        };
        let Some(said) = said else {
            return;
        };
        self.policies.extend(said.policies);
        self.bindings.extend(said.bindings);
        let (dir, _) = split(name);
        for include in said.includes {
            self.include(dir, &include);
        }
    }

    fn include(&mut self, dir: &str, include: &Include) {
        let Include { pattern, at } = include;
        let Some(files) = self.files else {
            return self.loader.error(
                *at,
                "nothing can be included here: these rules come from no file",
                "rules in one piece".to_owned(),
            );
        };
        if !pattern.contains(['*', '?', '[']) {
            return self.file(&join(dir, pattern), Some(*at));
        }
        match matching(files, dir, pattern) {
            Ok(names) => {
                for name in names {
                    self.file(&name, Some(*at));
                }
            }
            Err((message, expected)) => {
                self.loader
                    .report(Severity::Error, *at, message, expected, None)
            }
        }
    }
}

#[cfg(test)]
mod tests;
