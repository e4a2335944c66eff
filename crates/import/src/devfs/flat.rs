//! A ruleset with its includes in their places: a list of rules that each do one thing.

use std::collections::BTreeSet;

use super::{
    pattern::Pattern,
    read::{self, Ruleset, Spec, Type},
};
use crate::{
    ImportError,
    text::{Value, shown},
    wrong,
};

/// One rule, its conditions and those of whatever includes it.
#[derive(Clone, Debug)]
pub(super) struct Flat {
    pub sources: Vec<Source>,
    pub conditions: Conditions,
    pub says: Says,
}

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Source {
    pub file: String,
    pub line: usize,
    pub text: String,
}

/// All must hold. Without any, all do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Conditions {
    pub paths: Vec<Pattern>,
    /// Each is a choice.
    pub types: Vec<BTreeSet<Type>>,
}

/// What is said of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Says {
    pub visible: Option<bool>,
    pub mode: Option<Value>,
    pub uid: Option<Value>,
    pub gid: Option<Value>,
}

impl Conditions {
    /// Both; None if that can hold for nothing.
    pub fn and(&self, other: &Conditions) -> Option<Conditions> {
        let mut both = self.clone();
        for path in &other.paths {
            if both.paths.iter().any(|known| known.excludes(path)) {
                return None;
            }
            if !both.paths.iter().any(|known| path.covers(known)) {
                both.paths.retain(|known| !known.covers(path));
                both.paths.push(path.clone());
            }
        }
        for types in &other.types {
            if !both.types.iter().any(|known| known.is_subset(types)) {
                both.types.retain(|known| !types.is_subset(known));
                both.types.push(types.clone());
            }
        }
        Some(both)
    }

    /// Whether these surely hold wherever `other` does.
    pub fn hold_where(&self, other: &Conditions) -> bool {
        self.paths
            .iter()
            .all(|path| other.paths.iter().any(|known| path.covers(known)))
            && self
                .types
                .iter()
                .all(|types| other.types.iter().any(|known| known.is_subset(types)))
    }
}

impl Says {
    /// What `earlier` says besides.
    pub fn or(&self, earlier: &Says) -> Says {
        let either =
            |mine: &Option<Value>, its: &Option<Value>| mine.clone().or_else(|| its.clone());
        Says {
            visible: self.visible.or(earlier.visible),
            mode: either(&self.mode, &earlier.mode),
            uid: either(&self.uid, &earlier.uid),
            gid: either(&self.gid, &earlier.gid),
        }
    }
}

/// More than anybody writes, and includes of includes might be.
const MOST: usize = 10_000;

/// The rules in the order in which they are applied.
pub(super) struct Flattened {
    pub rules: Vec<Flat>,
    /// What they leave out or do otherwise: where, and what.
    pub notes: Vec<(String, String)>,
}

pub(super) fn flatten(ruleset: &Ruleset, all: &[Ruleset]) -> Result<Flattened, ImportError> {
    let mut flattened = Flattened {
        rules: Vec::new(),
        notes: Vec::new(),
    };
    flattened.add(ruleset, all, None, &mut Vec::new())?;
    Ok(flattened)
}

impl Flattened {
    /// Adds the rules of a ruleset. `by`: the rule that includes it, whose conditions must hold as well. `way`: the numbers of the
    /// rulesets that lead here.
    fn add(
        &mut self,
        ruleset: &Ruleset,
        all: &[Ruleset],
        by: Option<&Flat>,
        way: &mut Vec<u32>,
    ) -> Result<(), ImportError> {
        way.push(ruleset.number);
        for spec in &ruleset.rules {
            let Some(mut rule) = flat(spec, &mut self.notes)? else {
                continue;
            };
            if let Some(by) = by {
                let Some(both) = by.conditions.and(&rule.conditions) else {
                    continue;
                };
                rule.conditions = both;
                rule.sources.extend(by.sources.iter().cloned());
            }
            if rule.says != Says::default() {
                self.rules.push(rule.clone());
            }
            if self.rules.len() > MOST {
                let message = format!("its includes come to more than {MOST} rules");
                return Err(wrong(place(spec), message));
            }
            let Some(name) = &spec.include else { continue };
            let Some(included) = find(name, all) else {
                let message = format!("the ruleset `{}` is in none of these files", shown(name));
                return Err(wrong(place(spec), message));
            };
            if way.contains(&included.number) {
                let message = format!("the ruleset {} includes itself", included.name);
                return Err(wrong(place(spec), message));
            }
            if let (Some(top), true) = (rule.sources.last(), way.len() > 1) {
                let text = "an included ruleset includes others; FreeBSD follows that only if its sysctl vfs.devfs.rule_depth is more than 1";
                let source = read::place(&top.file, top.line);
                self.notes.push((source, text.to_owned()));
            }
            self.add(included, all, Some(&rule), way)?;
        }
        way.pop();
        Ok(())
    }
}

fn find<'a>(name: &str, all: &'a [Ruleset]) -> Option<&'a Ruleset> {
    match name.strip_prefix('$') {
        // the last one that had the name set the variable
        Some(name) => all.iter().rfind(|ruleset| ruleset.name == name),
        None => {
            let number: u32 = name.parse().ok()?;
            all.iter().find(|ruleset| ruleset.number == number)
        }
    }
}

fn place(spec: &Spec) -> String {
    read::place(&spec.file, spec.line)
}

/// One rule without what it includes; None if it can match nothing.
fn flat(spec: &Spec, notes: &mut Vec<(String, String)>) -> Result<Option<Flat>, ImportError> {
    let bad = |message: String| wrong(place(spec), message);
    let mut conditions = Conditions::default();
    if let Some(path) = &spec.path {
        match Pattern::parse(path).map_err(bad)? {
            Some(pattern) => conditions.paths.push(pattern),
            None => {
                let text =
                    format!("the path `{path}` matches nothing: names are below /dev, as `snd/*`");
                notes.push((place(spec), text));
                return Ok(None);
            }
        }
    }
    if !spec.types.is_empty() {
        conditions.types.push(spec.types.iter().copied().collect());
    }
    let mut says = Says {
        visible: spec.visible,
        ..Says::default()
    };
    if let Some(text) = &spec.mode {
        match u32::from_str_radix(text, 8)
            .ok()
            .filter(|mode| *mode <= 0o7777)
        {
            Some(mode) => {
                if mode > 0o777 {
                    let text = format!("of `mode {text}`, rules have the permission bits only");
                    notes.push((place(spec), text));
                }
                says.mode = Some(Value::Word(format!("{:04o}", mode & 0o777)));
            }
            None => {
                let text = format!("`mode {text}` is no octal number, and left out");
                notes.push((place(spec), text));
            }
        }
    }
    says.uid = owner(spec.user.as_deref()).map_err(bad)?;
    says.gid = owner(spec.group.as_deref()).map_err(bad)?;
    Ok(Some(Flat {
        sources: vec![Source {
            file: spec.file.clone(),
            line: spec.line,
            text: spec.text.clone(),
        }],
        conditions,
        says,
    }))
}

/// A number, or a name of the container's /etc/passwd or /etc/group.
fn owner(text: Option<&str>) -> Result<Option<Value>, String> {
    let Some(text) = text else { return Ok(None) };
    if let Some(number) = text.parse::<u32>().ok().filter(|n| *n < u32::MAX) {
        return Ok(Some(Value::Number(number)));
    }
    let is_name = !text.is_empty()
        && text.len() <= 256
        && !text.starts_with(|c: char| c == '-' || c.is_ascii_digit())
        && !text
            .chars()
            .any(|c| c.is_control() || c.is_whitespace() || ":/".contains(c));
    match is_name {
        true => Ok(Some(Value::Word(text.to_owned()))),
        false => Err(format!("`{}` is no name of a user or a group", shown(text))),
    }
}
