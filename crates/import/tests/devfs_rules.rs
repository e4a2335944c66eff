//! Rulesets mean here what they mean on FreeBSD: random ones, read in the simplest way, against the views of what they become.

mod same;

use std::collections::BTreeMap;

use import::Import;
use proptest::prelude::*;
use same::{Has, Node, shown, table};

/// A rule as it is written.
#[derive(Clone, Debug)]
struct Rule {
    path: Option<&'static str>,
    kind: Option<&'static str>,
    visible: Option<bool>,
    mode: Option<&'static str>,
    group: Option<&'static str>,
    include: Option<usize>,
}

const PATHS: &[&str] = &[
    "a", "b", "a*", "ab*", "*b", "*", "a?", "[ab]c", "[!a]*", "d", "d*", "d/*", "d/a*", "*/a",
    "*/*", "d/e", "d/e/*", "*/*/*", "\\*", "d/[a-c]?", "/dev/a", "c/..",
];

const NAMES: &[(&str, &str)] = &[
    ("a", "tty"),
    ("b", "block"),
    ("ab", "tty"),
    ("abc", "mem"),
    ("ac", "scsi_tape"),
    ("bc", "x"),
    ("d/a", "tty"),
    ("d/ab", "block"),
    ("d/b", "x"),
    ("d/e/a", "tty"),
    ("d/e/f", "block"),
    ("c/a", "block"),
    ("c/d/e", "tty"),
    ("*", "x"),
    ("mem", "mem"),
    ("q/r/s/t", "block"),
];

fn rule(includes: usize) -> impl Strategy<Value = Rule> {
    let sometimes =
        |words: &'static [&'static str]| prop::option::weighted(0.2, prop::sample::select(words));
    let include = match includes {
        0 => Just(None).boxed(),
        sets => prop::option::weighted(0.2, 0..sets).boxed(),
    };
    (
        prop::option::weighted(0.8, prop::sample::select(PATHS)),
        sometimes(&["disk", "tty", "tape", "mem"]),
        prop::option::weighted(0.7, any::<bool>()),
        sometimes(&["0660", "0600", "444"]),
        sometimes(&["5", "audio"]),
        include,
    )
        .prop_map(|(path, kind, visible, mode, group, include)| Rule {
            path,
            kind,
            visible,
            mode,
            group,
            include,
        })
}

fn written(sets: &[Vec<Rule>]) -> String {
    let mut text = String::new();
    for (index, rules) in sets.iter().enumerate() {
        text.push_str(&format!("\n[set{index}={}]\n", index + 100));
        for rule in rules {
            text.push_str("add");
            let mut word = |key: &str, value: Option<&str>| {
                if let Some(value) = value {
                    text.push_str(&format!(" {key} '{value}'"));
                }
            };
            word("path", rule.path);
            word("type", rule.kind);
            word("mode", rule.mode);
            word("group", rule.group);
            match rule.visible {
                Some(true) => text.push_str(" unhide"),
                Some(false) => text.push_str(" hide"),
                None => {}
            }
            if let Some(set) = rule.include {
                text.push_str(&format!(" include $set{set}"));
            }
            text.push_str("   # a rule\n");
        }
    }
    text
}

/// fnmatch(3) with FNM_PATHNAME, as simply as it can be said.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern, name) {
        ([], []) => true,
        ([b'*', rest @ ..], _) => {
            matches(rest, name)
                || matches!(name, [c, more @ ..] if *c != b'/' && matches(pattern, more))
        }
        ([b'?', rest @ ..], [c, more @ ..]) => *c != b'/' && matches(rest, more),
        ([b'[', rest @ ..], [c, more @ ..]) => {
            let end = rest.iter().position(|b| *b == b']').unwrap();
            let (set, rest) = (&rest[..end], &rest[end + 1..]);
            let (negated, set) = match set {
                [b'!', set @ ..] => (true, set),
                set => (false, set),
            };
            let within = match set {
                [low, b'-', high] => (*low..=*high).contains(c),
                set => set.contains(c),
            };
            within != negated && *c != b'/' && matches(rest, more)
        }
        ([b'\\', p, rest @ ..], [c, more @ ..]) | ([p, rest @ ..], [c, more @ ..]) => {
            p == c && matches(rest, more)
        }
        _ => false,
    }
}

/// An entry of /dev: a directory has no type.
struct Entry {
    visible: bool,
    has: Has,
}

fn apply(sets: &[Vec<Rule>], set: usize, name: &str, kind: Option<&str>, entry: &mut Entry) {
    for rule in &sets[set] {
        let path = rule
            .path
            .is_none_or(|path| matches(path.as_bytes(), name.as_bytes()));
        if !path || rule.kind.is_some_and(|wanted| kind != Some(wanted)) {
            continue;
        }
        if let Some(visible) = rule.visible {
            entry.visible = visible;
        }
        if let Some(mode) = rule.mode {
            entry.has.mode = Some(u32::from_str_radix(mode, 8).unwrap());
        }
        if let Some(group) = rule.group {
            entry.has.gid = Some(group.to_owned());
        }
        if let Some(inner) = rule.include {
            apply(sets, inner, name, kind, entry);
        }
    }
}

fn entry(sets: &[Vec<Rule>], set: usize, name: &str, kind: Option<&str>) -> Entry {
    let mut entry = Entry {
        visible: true,
        has: Has {
            write: true,
            ..Has::default()
        },
    };
    apply(sets, set, name, kind, &mut entry);
    entry
}

fn naive(sets: &[Vec<Rule>], set: usize) -> BTreeMap<String, Has> {
    let mut all = BTreeMap::new();
    for (name, subsystem) in NAMES {
        let kind = match *subsystem {
            "tty" => Some("tty"),
            "block" => Some("disk"),
            "scsi_tape" => Some("tape"),
            "mem" if *name == "mem" => Some("mem"),
            _ => None,
        };
        let own = entry(sets, set, name, kind);
        let slashes = name.match_indices('/');
        let reached = slashes
            .into_iter()
            .all(|(at, _)| entry(sets, set, &name[..at], None).visible);
        if own.visible && reached {
            all.insert((*name).to_owned(), own.has);
        }
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rulesets_mean_the_same(
        first in prop::collection::vec(rule(0), 0..5),
        second in prop::collection::vec(rule(1), 0..6),
        third in prop::collection::vec(rule(2), 0..8),
    ) {
        let sets = [first, second, third];
        let text = written(&sets);
        let mut import = Import::new();
        let read = import.devfs_rules("f", &text);
        if sets.iter().flatten().any(|rule| {
            (rule.path, rule.kind, rule.visible) == (None, None, None)
                && (rule.mode, rule.group, rule.include) == (None, None, None)
        }) {
            prop_assert!(read.is_err());
            return Ok(());
        }
        read.unwrap();
        let rules = import.finish("x").unwrap().rules;
        let nodes: Vec<Node> = NAMES
            .iter()
            .zip(1..)
            .map(|((name, subsystem), minor)| Node {
                name: (*name).to_owned(),
                subsystem,
                major: 9,
                minor,
            })
            .collect();
        let table = table(&nodes);
        for set in 0..3 {
            let seen = shown(&rules, &format!("set{set}"), &table);
            prop_assert_eq!(seen, naive(&sets, set), "set{} of{}\n{}", set, text, rules);
        }
    }

    #[test]
    fn any_text_is_imported_or_refused(text in "(?s).{0,80}") {
        let _ = Import::new().devfs_rules("f", &format!("[a=1]\nadd path {text}"));
        let _ = Import::new().devfs_rules("f", &text);
    }
}

/// FreeBSD's own jail has these names, and no others.
#[test]
fn a_jail_has_what_a_jail_has() {
    let mut import = Import::new();
    let rules = "[mine=20]\nadd include $devfsrules_jail\nadd path 'bpf*' unhide\n";
    import.devfs_rules("f", rules).unwrap();
    let imported = import.finish("x").unwrap();
    assert!(
        imported
            .notes
            .iter()
            .any(|note| note.text.contains("vfs.devfs.rule_depth"))
    );
    let names = [
        "null", "ptyp0", "ttySf", "ttyv0", "ttya", "pts/0", "pts/a/b", "fd/0", "da0", "bpf0",
        "mem", "fuse",
    ];
    let nodes: Vec<Node> = names
        .iter()
        .zip(1..)
        .map(|(name, minor)| Node {
            name: (*name).to_owned(),
            subsystem: "x",
            major: 9,
            minor,
        })
        .collect();
    let table = table(&nodes);
    let seen: Vec<String> = shown(&imported.rules, "mine", &table).into_keys().collect();
    let expected = ["bpf0", "fd/0", "fuse", "null", "pts/0", "ptyp0", "ttySf"];
    assert_eq!(seen, expected);
}
