//! The lines of a file: `[name=number]`, and commands of devfs(8).

use crate::{ImportError, text::shown, wrong};

/// `[name=number]` and what follows.
#[derive(Clone, Debug)]
pub(super) struct Ruleset {
    pub name: String,
    pub number: u32,
    pub file: String,
    pub line: usize,
    /// In the order of their numbers.
    pub rules: Vec<Spec>,
}

/// One `add`.
#[derive(Clone, Debug)]
pub(super) struct Spec {
    number: u32,
    pub file: String,
    pub line: usize,
    /// As it is written.
    pub text: String,
    /// The last one counts, as devfs(8) has it.
    pub path: Option<String>,
    /// Any of these.
    pub types: Vec<Type>,
    /// Whether it shows or hides.
    pub visible: Option<bool>,
    pub mode: Option<String>,
    pub user: Option<String>,
    pub group: Option<String>,
    /// A number, or `$` and a name.
    pub include: Option<String>,
}

/// `type`: what kind of driver a device has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Type {
    Disk,
    Mem,
    Tape,
    Tty,
}

const TYPES: [(&str, Type); 4] = [
    ("disk", Type::Disk),
    ("mem", Type::Mem),
    ("tape", Type::Tape),
    ("tty", Type::Tty),
];

/// Where something stands; line 0 is none.
pub(super) fn place(file: &str, line: usize) -> String {
    match line {
        0 => file.to_owned(),
        line => format!("{file}:{line}"),
    }
}

pub(super) fn rulesets(file: &str, text: &str) -> Result<Vec<Ruleset>, ImportError> {
    let mut rulesets: Vec<Ruleset> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        let bad = |message: String| wrong(place(file, number), message);
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        if let Some(header) = line.strip_prefix('[') {
            let (name, id) = header
                .strip_suffix(']')
                .and_then(|header| header.split_once('='))
                .and_then(|(name, id)| Some((name.trim(), id.trim().parse::<u16>().ok()?)))
                .filter(|(name, id)| !name.is_empty() && *id > 0)
                .ok_or_else(|| bad("a ruleset begins with `[name=number]`".to_owned()))?;
            rulesets.push(Ruleset {
                name: name.to_owned(),
                number: id.into(),
                file: file.to_owned(),
                line: number,
                rules: Vec::new(),
            });
            continue;
        }
        let words = words(line).map_err(bad)?;
        let Some(ruleset) = rulesets.last_mut() else {
            return Err(bad(
                "a rule comes after its ruleset's `[name=number]`".to_owned()
            ));
        };
        let last = ruleset.rules.last().map_or(0, |rule| rule.number);
        let mut spec = spec(&words).map_err(bad)?;
        spec.file = file.to_owned();
        spec.line = number;
        spec.text = line.to_owned();
        if spec.number == 0 {
            // the kernel numbers them so (devfs_rule_autonumber)
            spec.number = last.saturating_add(100);
        }
        let taken = |rule: &Spec| rule.number == spec.number;
        if ruleset.rules.iter().any(taken) {
            let (name, number) = (&ruleset.name, spec.number);
            return Err(bad(format!(
                "another rule of {name} has the number {number}"
            )));
        }
        let at = ruleset
            .rules
            .partition_point(|rule| rule.number <= spec.number);
        ruleset.rules.insert(at, spec);
    }
    Ok(rulesets)
}

/// The words of a line as the shell splits them, which runs it.
fn words(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            c if c.is_whitespace() => words.extend(word.take()),
            '\'' | '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next() {
                        None => return Err(format!("a quote `{c}` without its other")),
                        Some(end) if end == c => break,
                        Some('\\') if c == '"' => {
                            let next = chars.next().unwrap_or('\\');
                            if !matches!(next, '"' | '\\' | '$' | '`') {
                                word.push('\\');
                            }
                            word.push(next);
                        }
                        Some(other) => word.push(other),
                    }
                }
            }
            '\\' => word.get_or_insert_default().extend(chars.next()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

/// As rulespec_intok (sbin/devfs/rule.c) reads it: a number, conditions, actions.
fn spec(words: &[String]) -> Result<Spec, String> {
    let mut words = words.iter().map(String::as_str).peekable();
    match words.next() {
        Some("add") => {}
        other => {
            let other = shown(other.unwrap_or_default());
            return Err(format!("`{other}` is no rule; only `add` is imported"));
        }
    }
    let mut spec = Spec {
        number: 0,
        file: String::new(),
        line: 0,
        text: String::new(),
        path: None,
        types: Vec::new(),
        visible: None,
        mode: None,
        user: None,
        group: None,
        include: None,
    };
    if let Some(number) = words.peek().and_then(|word| word.parse::<u16>().ok()) {
        spec.number = number.into();
        words.next();
    }
    let mut acts = false;
    let mut any = false;
    while let Some(word) = words.next() {
        any = true;
        if matches!(word, "hide" | "unhide") {
            acts = true;
            // both in one rule: it is hidden, then shown
            spec.visible = Some(word == "unhide" || spec.visible == Some(true));
            continue;
        }
        if !matches!(
            word,
            "path" | "type" | "mode" | "user" | "group" | "include"
        ) {
            let word = shown(word);
            return Err(format!(
                "`{word}` is none of path, type, hide, unhide, mode, user, group and include"
            ));
        }
        let value = words
            .next()
            .ok_or_else(|| format!("`{word}` has no value"))?;
        match word {
            "path" | "type" if acts => {
                return Err(format!(
                    "`{word}` is a condition and comes before what the rule does"
                ));
            }
            "path" => spec.path = Some(value.to_owned()),
            "type" => match TYPES.iter().find(|(name, _)| *name == value) {
                Some((_, kind)) => spec.types.push(*kind),
                None => {
                    let value = shown(value);
                    return Err(format!(
                        "`{value}` is none of the types disk, mem, tape and tty"
                    ));
                }
            },
            _ => {
                acts = true;
                let to = match word {
                    "mode" => &mut spec.mode,
                    "user" => &mut spec.user,
                    "group" => &mut spec.group,
                    _ => &mut spec.include,
                };
                *to = Some(value.to_owned());
            }
        }
    }
    match any {
        true => Ok(spec),
        false => Err("the rule says nothing".to_owned()),
    }
}
