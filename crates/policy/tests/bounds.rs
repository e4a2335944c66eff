//! Whatever a file holds, reading it takes time and memory in proportion: a check of a large file, and of the worst small ones.

use std::time::{Duration, Instant};

use policy::{RuleErrors, Rules};

/// Reads in time; these take a few seconds at the most on a busy machine, and what grows with the square of its size takes hours.
#[track_caller]
fn read(text: &str) -> Result<Rules, RuleErrors> {
    let began = Instant::now();
    let read = Rules::parse("rules.yaml", text);
    let shown = read.as_ref().err().map(RuleErrors::to_string);
    let took = began.elapsed();
    assert!(
        took < Duration::from_secs(30),
        "{took:?} for {} bytes",
        text.len()
    );
    assert!(shown.is_none_or(|shown| shown.len() < 1 << 20));
    read
}

fn rules(count: usize, rule: impl Fn(usize) -> String) -> String {
    let rules: String = (0..count)
        .map(|n| format!("      - {}\n", rule(n)))
        .collect();
    format!("version: 1\npolicies:\n  p:\n    rules:\n{rules}")
}

#[test]
fn large_files() {
    let many = rules(16_000, |n| {
        format!(
            "{{ name: rule {n}, match: {{ subsystem: usb, devpath: \"/devices/x{n}/**\", property: {{ ID_X: \"{n}\" }} }}, show: rw }}"
        )
    });
    assert_eq!(read(&many).unwrap().count(), 16_000);
    // more than any file may have
    assert!(
        read(&rules(60_000, |_| {
            "{ match: { subsystem: usb }, show: rw }".into()
        }))
        .is_err()
    );
    // at its end with a text before the next is made
    for (part, times) in [
        ("# a comment\n", 9_000_000),
        ("x", 100_000_000),
        ("[", 100_000_000),
    ] {
        let errors = read(&part.repeat(times)).unwrap_err();
        assert_eq!(errors.found[0].message, "a rule file of more than 2 MiB");
    }
}

#[test]
fn one_long_line_of_errors() {
    let text = format!(
        "version: 1\npolicies: {{ p: {{ rules: [{}] }} }}\n",
        "{ show: r }, ".repeat(60_000)
    );
    let errors = read(&text).unwrap_err();
    assert_eq!(errors.found.len(), 100);
    assert!(errors.more > 50_000);
    assert!(
        errors
            .found
            .iter()
            .all(|error| error.at.text.chars().count() <= 160)
    );
    let text = rules(8_000, |n| format!("{{ x{n}: \"{}\" }}", "y".repeat(200)));
    assert_eq!(read(&text).unwrap_err().found.len(), 100);
}

#[test]
fn many_names() {
    let policies: String = (0..60_000)
        .map(|n| format!("  p{n}: {{ base: [] }}\n"))
        .collect();
    let text = format!("version: 1\npolicies:\n{policies}");
    let read_rules = read(&text).unwrap();
    assert_eq!(read_rules.names().len(), 60_000);
    // each is its base, and all that do not exist
    let chain: String = (1..60_000)
        .map(|n| format!("  p{n}: {{ base: p{} }}\n", n - 1))
        .collect();
    assert!(read(&format!("version: 1\npolicies:\n  p0: {{}}\n{chain}")).is_err());
    let round: String = (0..60_000)
        .map(|n| format!("  p{n}: {{ base: p{} }}\n", (n + 1) % 60_000))
        .collect();
    assert!(read(&format!("version: 1\npolicies:\n{round}")).is_err());
    let unknown: String = (0..60_000)
        .map(|n| format!("  p{n}: {{ base: q{n} }}\n"))
        .collect();
    assert!(
        read(&format!("version: 1\npolicies:\n{unknown}"))
            .unwrap_err()
            .more
            > 50_000
    );
    let twice = "  p: {}\n".repeat(100_000);
    assert!(read(&format!("version: 1\npolicies:\n{twice}")).is_err());
    let names = rules(16_000, |_| {
        "{ name: x, match: { subsystem: usb }, show: rw }".into()
    });
    assert!(read(&names).unwrap_err().more > 15_000);
}

#[test]
fn a_base_of_many_with_many_rules() {
    let shared: String = (0..10_000)
        .map(|n| format!("      - {{ match: {{ devname: d{n} }}, show: rw }}\n"))
        .collect();
    let users: String = (0..10_000)
        .map(|n| format!("  u{n}: {{ base: shared }}\n"))
        .collect();
    let text =
        format!("version: 1\npolicies:\n  shared:\n    base: []\n    rules:\n{shared}{users}");
    let rules = read(&text).unwrap();
    assert!(rules.policy("u9999").is_some());
}

#[test]
fn bombs_of_aliases() {
    let mut nested = "version: 1\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..12 {
        let item = format!("*a{}", n - 1);
        nested.push_str(&format!(
            "a{n}: &a{n} [{}]\n",
            [item.as_str(); 10].join(", ")
        ));
    }
    assert!(read(&nested).is_err());
    // a long text, many times
    for length in [4000, 100_000] {
        let text = format!(
            "version: 1\nx: &x \"{}\"\ny: [{}]\n",
            "x".repeat(length),
            "*x, ".repeat(49_000)
        );
        assert!(read(&text).is_err());
    }
    let keys = format!(
        "version: 1\nx: &x {{ a: b }}\ny: {{ {} }}\n",
        "? *x : *x, ".repeat(20_000)
    );
    assert!(read(&keys).is_err());
}

#[test]
fn deep_nesting() {
    for (open, close) in [
        ("[", "]"),
        ("{ a: ", "}"),
        ("- ", ""),
        ("a:\n  ", ""),
        ("? ", ""),
    ] {
        for depth in [47, 49, 300, 100_000] {
            let _ = read(&format!(
                "version: 1\nx: {}1{}\n",
                open.repeat(depth),
                close.repeat(depth)
            ));
            let _ = read(&format!("{}1{}\n", open.repeat(depth), close.repeat(depth)));
        }
    }
    let nested = |depth: usize| {
        let open = "{ not: ".repeat(depth);
        let close = "}".repeat(depth);
        rules(1, |_| {
            format!("{{ match: {open}{{ subsystem: usb }}{close}, show: rw }}")
        })
    };
    assert!(read(&nested(40)).is_ok());
    assert!(read(&nested(60)).is_err());
}

#[test]
fn globs_that_would_be_tried_in_many_ways() {
    let stars = "*a".repeat(2000);
    let text = rules(20, |n| {
        format!("{{ match: {{ devname: \"{stars}{n}\", subsystem: \"{stars}*\" }}, show: rw }}")
    });
    assert!(read(&text).is_ok());
    let nested =
        "{ any: [{ subsystem: \"*a*b*\" }, ".repeat(20) + "{ driver: x }" + &"] }".repeat(20);
    let text = rules(200, |n| {
        format!("{{ match: {{ parent: {nested}, driver: \"*{n}*\" }}, show: rw }}")
    });
    assert!(read(&text).is_ok());
}
