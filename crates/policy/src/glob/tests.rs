use super::*;

fn matches(pattern: &str, text: &str) -> bool {
    Glob::new(pattern).unwrap().matches(text.as_bytes())
}

#[test]
fn each_sign_means_what_it_says() {
    for (pattern, yes, no) in [
        (
            "loop0",
            &["loop0"][..],
            &["loop", "loop00", "Loop0", ""][..],
        ),
        ("loop*", &["loop", "loop0", "loop10"], &["lop0", "loop/0"]),
        ("*", &["", "a", "abc"], &["a/b", "/"]),
        ("**", &["", "a/b", "/"], &[]),
        ("a?c", &["abc", "a.c"], &["ac", "a/c", "abbc"]),
        ("tty[0-9]", &["tty0", "tty9"], &["tty", "ttyS", "tty10"]),
        ("tty[!0-9]*", &["ttyS0", "ttyA"], &["tty0", "tty", "tty/0"]),
        ("[a-]", &["a", "-"], &["b"]),
        ("[*]", &["*"], &["a"]),
        ("/a/**", &["/a", "/a/b", "/a/b/c"], &["/ab", "/", "", "/b"]),
        (
            "/a/**/b",
            &["/a/b", "/a/x/b", "/a/x/y/b"],
            &["/ab", "/a/xb", "/b"],
        ),
        ("/**", &["", "/", "/a", "/a/b"], &["a"]),
        ("**/b", &["b", "a/b", "a/a/b", "/b"], &["ab", "a/b/c"]),
        ("a**c", &["ac", "a/b/c", "abc"], &["acd", "b/c"]),
        ("/*/b", &["/a/b", "//b"], &["/b", "/a/a/b"]),
        ("usb\\x20", &["usb\\x20"], &["usb x20"]),
        ("", &[""], &["a"]),
    ] {
        for text in yes {
            assert!(matches(pattern, text), "{pattern:?} and {text:?}");
        }
        for text in no {
            assert!(!matches(pattern, text), "{pattern:?} and not {text:?}");
        }
    }
}

#[test]
fn bytes_need_not_be_text() {
    assert!(Glob::new("a*").unwrap().matches(b"a\xff\xfe"));
    assert!(Glob::new("a[!x]").unwrap().matches(b"a\xff"));
    assert!(matches("ü", "ü"));
}

#[test]
fn directories_on_the_way() {
    let leads =
        |pattern: &str, path: &str| Glob::new(pattern).unwrap().leads_through(path.as_bytes());
    for (pattern, path, expected) in [
        ("/kernel/mm/**", "", true),
        ("/kernel/mm/**", "/kernel", true),
        ("/kernel/mm/**", "/kernel/mm", true),
        ("/kernel/mm/**", "/kernel/mm/x", true),
        ("/kernel/mm/**", "/kernel/debug", false),
        ("/kernel/mm/**", "/ker", false),
        ("/kernel/mm", "/kernel", true),
        ("/kernel/mm", "/kernel/mm", false),
        ("/kernel/*", "/kernel", true),
        ("/kernel/*", "/kernel/mm", false),
        ("/*/mm", "/anything", true),
        ("/**/mm", "/any/thing", true),
        ("/**", "/any", true),
    ] {
        assert_eq!(leads(pattern, path), expected, "{pattern} {path}");
    }
}

#[test]
fn impossible_globs_are_refused() {
    for (pattern, message) in [
        ("[", "`[` without `]`"),
        ("a[b", "`[` without `]`"),
        ("[!", "`[` without `]`"),
        ("[]", "an empty `[]` matches nothing"),
        ("[!]", "an empty `[]` matches nothing"),
        ("[z-a]", "the range `z-a` is backwards"),
        ("[a/b]", "a `/` cannot stand in `[]`"),
        ("a***", "`***` means nothing"),
        ("[ü]", "`[]` takes ASCII characters only"),
        ("a\0", "a glob cannot hold a NUL"),
    ] {
        assert_eq!(Glob::new(pattern).unwrap_err(), message, "{pattern}");
    }
}

#[test]
fn many_stars_take_no_time() {
    let glob = Glob::new(&"*a".repeat(100)).unwrap();
    assert!(!glob.matches(&b"a".repeat(99)));
    assert!(!glob.matches(&[&b"a".repeat(4000)[..], b"b"].concat()));
    assert!(Glob::new("**").unwrap().matches(&b"/".repeat(4000)));
}

mod against_backtracking {
    use proptest::prelude::*;

    use super::*;

    /// Matches by trying everything; patterns of literals, `?`, `*`, `**`, and `/**` at the end only.
    fn naive(pattern: &[u8], text: &[u8]) -> bool {
        match pattern {
            [] => text.is_empty(),
            b"/**" => text.is_empty() || text[0] == b'/',
            [b'*', b'*', rest @ ..] => (0..=text.len()).any(|n| naive(rest, &text[n..])),
            [b'*', rest @ ..] => (0..=text.len())
                .take_while(|&n| !text[..n].contains(&b'/'))
                .any(|n| naive(rest, &text[n..])),
            [b'?', rest @ ..] => !text.is_empty() && text[0] != b'/' && naive(rest, &text[1..]),
            [byte, rest @ ..] => text.first() == Some(byte) && naive(rest, &text[1..]),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn same_answers(parts in prop::collection::vec(prop_oneof![Just("a"), Just("b"), Just("/"), Just("?"), Just("*"), Just("x**y"), Just("b**")], 0..6), below: bool, text in "[ab/xy]{0,8}") {
            let mut pattern = parts.concat();
            // Left out: what has a meaning of its own beside its letters.
            prop_assume!(!pattern.contains("***") && !pattern.contains("/**") && !pattern.starts_with("**/"));
            if below {
                prop_assume!(!pattern.ends_with('*'));
                pattern.push_str("/**");
            }
            prop_assert_eq!(Glob::new(&pattern).unwrap().matches(text.as_bytes()), naive(pattern.as_bytes(), text.as_bytes()), "{} {}", pattern, text);
        }

        #[test]
        fn never_panics(pattern in ".{0,20}", text: Vec<u8>) {
            if let Ok(glob) = Glob::new(&pattern) {
                glob.matches(&text);
                glob.leads_through(&text);
            }
        }
    }
}

/// Who writes many patterns does not pay for all bytes of each.
#[test]
fn a_pattern_takes_little_memory() {
    for (pattern, most) in [("*1", 600), ("loop*[0-9]", 700), ("*abcdefghij", 800)] {
        let glob = Glob::new(pattern).unwrap();
        let Tail::Other(machine) = &glob.tail else {
            panic!("{pattern} is run");
        };
        let size = machine.size();
        assert!(size <= most, "{pattern}: {size} bytes");
    }
}
