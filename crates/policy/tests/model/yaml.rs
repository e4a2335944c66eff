//! The file that an admin would have written.

use std::{collections::BTreeSet, fmt::Write};

use crate::naive::{About, File, Key, Rule, Show};

/// The file's text. Puts its rules in order, takes away names that are there twice, and notes each rule's line.
pub fn yaml(file: &mut File) -> String {
    let File {
        rules,
        ancestors,
        comments,
    } = file;
    rules.sort_by_key(|rule| rule.policy != "top");
    let mut text = "# more to come\n".repeat(*comments);
    text.push_str("version: 1\npolicies:\n");
    for (policy, base, ancestors) in [("top", "[low]", ancestors[0]), ("low", "[]", ancestors[1])] {
        writeln!(text, "  {policy}:\n    base: {base}").unwrap();
        if let Some(word) = ancestors {
            writeln!(text, "    ancestors: {word}").unwrap();
        }
        let some = rules.iter().any(|rule| rule.policy == policy);
        text.push_str(if some {
            "    rules:\n"
        } else {
            "    rules: []\n"
        });
        let mut names = BTreeSet::new();
        for rule in rules.iter_mut().filter(|rule| rule.policy == policy) {
            rule.name = rule.name.take().filter(|name| names.insert(name.clone()));
            rule.line = u32::try_from(text.lines().count()).unwrap() + 1;
            write_rule(&mut text, rule);
        }
    }
    text
}

fn write_rule(text: &mut String, rule: &Rule) {
    let show = match rule.show {
        Show::Rw => "rw",
        Show::Ro => "ro",
        Show::Hide => "hide",
    };
    writeln!(text, "      - show: {show}").unwrap();
    if let Some(name) = &rule.name {
        writeln!(text, "        name: {name}").unwrap();
    }
    match &rule.about {
        About::Paths(patterns) => writeln!(text, "        path: {}", list(patterns)).unwrap(),
        About::Devices { keys, subtree } => {
            writeln!(text, "        match: {}", flow(keys)).unwrap();
            if !subtree {
                text.push_str("        scope: device\n");
            }
        }
    }
    let sysfs: Vec<String> = [("write", &rule.write), ("hide", &rule.hide)]
        .iter()
        .filter(|(_, globs)| !globs.is_empty())
        .map(|(key, globs)| format!("{key}: {}", list(globs)))
        .collect();
    let plain = [("mode", rule.mode), ("uid", rule.uid), ("gid", rule.gid)];
    let mut node: Vec<String> = plain
        .iter()
        .filter_map(|(key, value)| Some(format!("{key}: \"{}\"", (*value)?)))
        .collect();
    if !rule.links.is_empty() {
        let links: Vec<String> = rule.links.iter().map(|l| (*l).to_owned()).collect();
        node.push(format!("link: {}", list(&links)));
    }
    if !node.is_empty() {
        writeln!(text, "        node: {{ {} }}", node.join(", ")).unwrap();
    }
    if rule.kill {
        text.push_str("        on_revoke: kill\n");
    }
    for (key, word) in [("events", rule.events), ("ancestors", rule.ancestors)] {
        if let Some(word) = word {
            writeln!(text, "        {key}: {word}").unwrap();
        }
    }
    if !sysfs.is_empty() {
        writeln!(text, "        sysfs: {{ {} }}", sysfs.join(", ")).unwrap();
    }
}

fn list(patterns: &[String]) -> String {
    let quoted: Vec<String> = patterns
        .iter()
        .map(|pattern| format!("\"{pattern}\""))
        .collect();
    if let [only] = &quoted[..] {
        only.clone()
    } else {
        format!("[{}]", quoted.join(", "))
    }
}

fn flow(keys: &[Key]) -> String {
    let keys: Vec<String> = keys
        .iter()
        .map(|key| match key {
            Key::Subsystem(patterns) => format!("subsystem: {}", list(patterns)),
            Key::Devtype(patterns) => format!("devtype: {}", list(patterns)),
            Key::Devname(patterns) => format!("devname: {}", list(patterns)),
            Key::Devpath(patterns) => format!("devpath: {}", list(patterns)),
            Key::Driver(patterns) => format!("driver: {}", list(patterns)),
            Key::Devnum(patterns) => format!(
                "devnum: {}",
                list(
                    &patterns
                        .iter()
                        .map(|&(kind, a, b, c, d)| format!(
                            "{kind} {}:{}",
                            range(a, b),
                            range(c, d)
                        ))
                        .collect::<Vec<_>>()
                )
            ),
            Key::Property(name, patterns) => format!("property: {{ {name}: {} }}", list(patterns)),
            Key::Attr(name, patterns) => format!("attr: {{ {name}: {} }}", list(patterns)),
            Key::Tag(patterns) => format!("tag: {}", list(patterns)),
            Key::Link(patterns) => format!("link: {}", list(patterns)),
            Key::Parent(list) => format!("parent: {}", matches(list)),
            Key::Not(list) => format!("not: {}", matches(list)),
            Key::Any(list) => format!("any: [{}]", all(list)),
        })
        .collect();
    format!("{{ {} }}", keys.join(", "))
}

fn all(list: &[Vec<Key>]) -> String {
    let list: Vec<String> = list.iter().map(|keys| flow(keys)).collect();
    list.join(", ")
}

fn matches(list: &[Vec<Key>]) -> String {
    match list {
        [only] => flow(only),
        list => format!("[{}]", all(list)),
    }
}

fn range(low: u32, high: u32) -> String {
    match (low, high) {
        (0, u32::MAX) => "*".to_owned(),
        (low, high) if low == high => low.to_string(),
        (low, high) => format!("{low}-{high}"),
    }
}
