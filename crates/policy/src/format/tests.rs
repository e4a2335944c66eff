use super::{format, place::Place};
use crate::{
    language::{self, Says},
    yaml::{self, Node, Value},
};

mod generate;
mod properties;

/// What a text says, wherever it stands, the keys of maps in the order of the alphabet.
fn said(text: &str) -> String {
    fn say(node: &Node) -> String {
        match &node.value {
            Value::Scalar(scalar) => format!("{:?}{}", scalar.text, u8::from(scalar.typed)),
            Value::List(items) => {
                let items: Vec<String> = items.iter().map(say).collect();
                format!("[{}]", items.join(" "))
            }
            Value::Map(entries) => {
                let mut entries: Vec<(String, String)> = entries
                    .iter()
                    .map(|(key, value)| (say(key), say(value)))
                    .collect();
                // a key that stands twice keeps the order of its values
                entries.sort_by(|a, b| a.0.cmp(&b.0));
                format!("{entries:?}")
            }
        }
    }
    match yaml::parse(0, text) {
        Ok(node) => say(&node),
        Err(e) => panic!("{e:?}\n{text}"),
    }
}

#[track_caller]
fn gives(text: &str, expected: &str) {
    let formatted = match format("x", text) {
        Ok(formatted) => formatted,
        Err(e) => panic!("{e}"),
    };
    assert_eq!(formatted, expected);
    assert_eq!(said(text), said(expected));
    assert_eq!(format("x", expected).as_deref(), Ok(expected));
}

fn refuses(text: &str) -> String {
    format("x", text).unwrap_err().to_string()
}

mod scalars {
    use super::*;

    fn scalar(written: &str, expected: &str) {
        gives(
            &format!("version: {written}\n"),
            &format!("version: {expected}\n"),
        );
    }

    #[test]
    fn no_quotes_stay_no_quotes() {
        for plain in [
            "a",
            "0660",
            "1e3",
            "-1",
            "~",
            "no",
            "c 1:3",
            "a:b",
            "a#b",
            "/x/**",
            "größe",
            "16M",
            "a, b",
            "x[1]",
            "-.5",
            "a  b",
            "0x1f",
            "it's",
            "say \"x\"",
            "a\\b",
            "<x>",
        ] {
            scalar(plain, plain);
        }
    }

    #[test]
    fn quotes_stay_quotes() {
        scalar("'0660'", "\"0660\"");
        scalar("'*'", "\"*\"");
        scalar("\"sd*\"", "\"sd*\"");
        scalar("''", "\"\"");
        scalar("'it''s'", "\"it's\"");
    }

    #[test]
    fn whichever_quotes_spare_escapes() {
        scalar("\"a\\\\b\"", "'a\\b'");
        scalar("\"say \\\"x\\\"\"", "'say \"x\"'");
        scalar("\"it's \\\"x\\\"\"", "\"it's \\\"x\\\"\"");
        scalar("\"a\\tb\\n\\x07\\u2028\"", "\"a\\tb\\n\\x07\\u2028\"");
    }

    #[test]
    fn several_lines_become_one() {
        gives("version: a\n  b\n\n  c\n", "version: \"a b\\nc\"\n");
        gives("version: |\n  a\n   b\n", "version: \"a\\n b\\n\"\n");
        gives("version: >-\n  a\n  b\n", "version: \"a b\"\n");
    }

    #[test]
    fn what_brackets_would_end_gets_quotes_there() {
        gives(
            "include:\n  - a, b\n  - x[1]\n  - c:d\n",
            "include: [\"a, b\", \"x[1]\", c:d]\n",
        );
    }

    #[test]
    fn the_languages_keys_need_no_quotes() {
        gives(
            "{\"version\": 1, \"policies\": {\"no\": {\"rules\": []}}}",
            "version: 1\n\npolicies:\n  \"no\":\n    rules: []\n",
        );
    }
}

mod comments {
    use super::*;

    #[test]
    fn alone_they_belong_to_the_column_in_which_they_stand() {
        gives(
            "policies:\n    a:\n        rules:\n            - show: ro\n            # of the rules\n        # of the policy\n    # of b\n    b: {}\n    # of the policies\n# of the file\n",
            "policies:\n  a:\n    rules:\n      - show: ro\n      # of the rules\n    # of the policy\n\n  # of b\n  b: {}\n  # of the policies\n# of the file\n",
        );
    }

    #[test]
    fn further_in_than_the_one_before_is_no_way_back() {
        gives(
            "policies:\n  a:\n    cpus: host\n  # one\n    # two\n  b: {}\n",
            "policies:\n  a:\n    cpus: host\n\n  # one\n  # two\n  b: {}\n",
        );
    }

    #[test]
    fn they_move_with_what_they_are_about() {
        gives(
            "# the file\n\npolicies: # more\n  a: # still more\n    rules:\n      # about the rule\n      - # and this\n        # about show\n        show: ro # as told\n        # about the name\n        name: x\n\n# about the version\nversion: 1 # the first\n",
            "# the file\n\n# about the version\nversion: 1  # the first\n\npolicies:  # more\n  a:       # still more\n    rules:\n      # about the rule\n      # and this\n      # about the name\n      - name: x\n        # about show\n        show: ro  # as told\n",
        );
    }

    #[test]
    fn at_the_top_they_are_about_the_file() {
        gives(
            "# the file\n\n# all of it\npolicies: {}\n# one\nversion: 1\n",
            "# the file\n\n# all of it\n# one\nversion: 1\npolicies: {}\n",
        );
    }

    #[test]
    fn within_brackets_they_need_lines() {
        gives(
            "include: [ # all\n  a, # first\n  # before b\n  b\n  # at the end\n] # behind\n",
            "# all\ninclude:  # behind\n  - a     # first\n  # before b\n  - b\n  # at the end\n",
        );
        gives(
            "include: [\n  # none\n] # yet\n",
            "# none\ninclude: []  # yet\n",
        );
        gives(
            "policies:\n  p:\n    rules:\n      - show: hide\n      - { show: ro } # a rule\n",
            "policies:\n  p:\n    rules:\n      - show: hide\n      # a rule\n      - show: ro\n",
        );
    }

    #[test]
    fn two_on_a_line_do_not_fit() {
        gives(
            "include: # one\n  [a] # two\n",
            "# one\ninclude: [a]  # two\n",
        );
    }

    #[test]
    fn they_stand_below_each_other_where_there_is_room() {
        let long = "x".repeat(90);
        gives(
            &format!(
                "version: 1 # a\ninclude: [] # b\n\ncontainers: [] # c\npolicies: {{}} # {long}\n"
            ),
            &format!(
                "version: 1   # a\ninclude: []  # b\n\ncontainers: []  # c\npolicies: {{}}  # {long}\n"
            ),
        );
    }

    #[test]
    fn a_file_may_have_nothing_else() {
        assert_eq!(
            format("x", "  # a\n\n\n#b  \n").as_deref(),
            Ok("# a\n\n#b\n")
        );
        assert_eq!(format("x", "\n\n").as_deref(), Ok(""));
    }

    #[test]
    fn there_may_be_many() {
        let many = "# and another thing\n".repeat(500);
        let text = format!("{many}version: 1\n{many}");
        assert_eq!(format("x", &text).as_deref(), Ok(&*text));
    }
}

mod refused {
    use super::*;

    #[test]
    fn what_would_be_lost() {
        let text = "version: &v 1\npolicies:\n  a: *v\n  b: !!str 1\n  <<: {}\n  [x]: 1\n  : 1\n";
        let errors = refuses(text);
        let told: Vec<&str> = errors
            .lines()
            .filter(|line| line.starts_with("error") || line.contains("-->"))
            .collect();
        assert_eq!(
            told,
            [
                "error: an anchor has no place in a rules file",
                " --> x:1:13",
                "error: an alias has no place in a rules file",
                " --> x:3:6",
                "error: a tag has no place in a rules file",
                " --> x:4:6",
                "error: a merge key has no place in a rules file",
                " --> x:5:3",
                "error: a list or a map as a key has no place in a rules file",
                " --> x:6:3",
                "error: an empty key has no place in a rules file",
                " --> x:7:3",
            ]
        );
    }

    #[test]
    fn what_is_no_rules_file() {
        assert!(refuses("- a\n").starts_with("error: a rules file is no map\n --> x:1:1\n"));
        assert!(refuses("a: [\n").starts_with("error: invalid YAML: "));
        assert!(refuses("a: 1\n---\nb: 2\n").starts_with("error: invalid YAML: a second document"));
        assert!(refuses("%YAML 1.1\n---\na: 1\n").starts_with("error: invalid YAML: "));
        let key = "\\x01".repeat(400);
        assert!(
            refuses(&format!("? \"{key}\"\n: 1\n"))
                .starts_with("error: a key that is too long\n --> x:1:3")
        );
    }
}

/// What the language knows has a place in the layout: the loader lists its keys where it meets a wrong one.
/// Found by the fuzzer: without its brackets an empty map is no map.
#[test]
fn nothing_keeps_its_brackets() {
    let long = "n".repeat(120);
    let text = format!("policies:\n  {long}: {{}}\n");
    assert_eq!(format("x", &text).unwrap(), text);
    for (text, formatted) in [
        (
            "policies:\n  p:\n    base: [ # none\n    ]\n    rules: []\n",
            "policies:\n  p:\n    # none\n    base: []\n    rules: []\n",
        ),
        ("policies: {\n  # not yet\n}\n", "# not yet\npolicies: {}\n"),
    ] {
        assert_eq!(format("x", text).unwrap(), formatted);
        assert_eq!(said(formatted), said(text));
    }
}

/// What the language has at a place is what the place says, all the way down.
#[test]
fn every_map_of_the_language_has_its_place() {
    fn holds(place: Place, says: &'static Says, seen: &mut Vec<&'static str>) {
        match says {
            Says::Map(kind) => {
                let map = place
                    .map()
                    .unwrap_or_else(|| panic!("{place:?} has no keys"));
                assert_eq!(map.name, kind.name, "{place:?}");
                if !seen.contains(&kind.name) {
                    seen.push(kind.name);
                    for key in kind.keys {
                        holds(place.under(key.name), &key.value, seen);
                    }
                }
            }
            Says::List { of, alone, .. } => {
                holds(place.item(), of, seen);
                if *alone {
                    holds(place, of, seen);
                }
            }
            Says::Named { of, .. } => holds(place.under("any name"), of, seen),
            _ => assert_eq!(place, Place::Words),
        }
    }
    static FILE: Says = Says::Map(&language::FILE);
    let mut seen = Vec::new();
    holds(Place::File, &FILE, &mut seen);
    assert_eq!(seen.len(), 9, "{seen:?}");
}
