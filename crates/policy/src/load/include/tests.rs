use std::{collections::BTreeMap, sync::Arc};

use crate::{Container, FileText, Files, Reason, Rules, View, decide::tests::table};

fn files(all: &[(&str, &str)]) -> BTreeMap<String, String> {
    let pair = |(name, text): &(&str, &str)| ((*name).to_owned(), format!("version: 1\n{text}"));
    all.iter().map(pair).collect()
}

fn names(rules: &Rules) -> Vec<&str> {
    rules.sources().iter().map(|source| &*source.name).collect()
}

#[test]
fn names_are_seen_from_the_file_that_has_them() {
    let files = files(&[
        (
            "/etc/devns/rules.yaml",
            "include: [conf.d/a.yaml, ../shared.yaml, /opt/x.yaml]\n",
        ),
        ("/etc/devns/conf.d/a.yaml", "include: deep/b.yaml\n"),
        ("/etc/devns/conf.d/deep/b.yaml", ""),
        ("/etc/devns/../shared.yaml", ""),
        ("/opt/x.yaml", "include: y.yaml\n"),
        ("/opt/y.yaml", ""),
    ]);
    let rules = Rules::load("/etc/devns/rules.yaml", &files).unwrap();
    assert_eq!(
        names(&rules),
        [
            "/etc/devns/rules.yaml",
            "/etc/devns/conf.d/a.yaml",
            "/etc/devns/conf.d/deep/b.yaml",
            "/etc/devns/../shared.yaml",
            "/opt/x.yaml",
            "/opt/y.yaml"
        ]
    );
    assert_eq!(rules.text("/opt/y.yaml"), Some("version: 1\n"));
    assert!(rules.text("builtin:all").unwrap().contains("every device"));
    assert_eq!(rules.text("gone"), None);
}

#[test]
fn patterns_match_names_part_by_part_in_their_order() {
    let files = files(&[
        (
            "r.yaml",
            "include: [\"conf.d/*.yaml\", \"apps/*/rules.yaml\", \"conf.d/.*\", \"[x]/*\", \"none/*\"]\n",
        ),
        ("conf.d/20.yaml", ""),
        ("conf.d/10.yaml", ""),
        ("conf.d/10.yaml~", ""),
        ("conf.d/.hidden.yaml", ""),
        ("apps/b/rules.yaml", ""),
        ("apps/a/rules.yaml", ""),
        ("apps/a/other.yaml", ""),
        ("apps/c/other.yaml", ""),
    ]);
    let rules = Rules::load("r.yaml", &files).unwrap();
    assert_eq!(
        names(&rules),
        [
            "r.yaml",
            "conf.d/10.yaml",
            "conf.d/20.yaml",
            "apps/a/rules.yaml",
            "apps/b/rules.yaml",
            "conf.d/.hidden.yaml"
        ]
    );
}

#[test]
fn a_file_that_is_met_again_is_read_once() {
    let files = files(&[
        ("r.yaml", "include: [a.yaml, b.yaml, \"*.yaml.d/*\"]\n"),
        (
            "a.yaml",
            "include: base.yaml\npolicies: { a: { base: [lib] } }\n",
        ),
        (
            "b.yaml",
            "include: base.yaml\npolicies: { b: { base: [lib] } }\n",
        ),
        ("base.yaml", "policies: { lib: {} }\n"),
    ]);
    let rules = Rules::load("r.yaml", &files).unwrap();
    assert_eq!(names(&rules), ["r.yaml", "a.yaml", "base.yaml", "b.yaml"]);
    assert_eq!(rules.names(), ["a", "lib", "b"]);
}

/// A file system on which every name is the same file.
struct OneFile;

impl Files for OneFile {
    fn read(&self, _: &str) -> Result<FileText, String> {
        Ok(FileText {
            identity: "one".to_owned(),
            text: "version: 1\ninclude: other.yaml\n".to_owned(),
        })
    }

    fn list(&self, _: &str) -> Result<Vec<String>, String> {
        Err("cannot be listed: permission denied".to_owned())
    }
}

#[test]
fn a_file_is_known_by_what_it_is_not_by_its_name() {
    let errors = Rules::load("r.yaml", &OneFile).unwrap_err();
    assert_eq!(errors.found.len(), 1, "{errors}");
    assert_eq!(
        errors.found[0].message,
        "`r.yaml` includes itself as `other.yaml`"
    );
}

#[test]
fn bindings_of_the_file_itself_come_first() {
    let files = files(&[
        (
            "r.yaml",
            "include: [a.yaml, b.yaml]\ncontainers: [{ match: { name: r }, policy: all }]\n",
        ),
        (
            "a.yaml",
            "include: [c.yaml]\ncontainers: [{ match: { name: \"[ra]\" }, policy: a }]\npolicies: { a: {} }\n",
        ),
        (
            "b.yaml",
            "containers: [{ match: { name: \"**\" }, policy: b }]\npolicies: { b: {} }\n",
        ),
        (
            "c.yaml",
            "containers: [{ match: { name: \"[rac]\" }, policy: c }]\npolicies: { c: {} }\n",
        ),
    ]);
    let rules = Rules::load("r.yaml", &files).unwrap();
    for (name, policy) in [("r", "all"), ("a", "a"), ("c", "c"), ("x", "b")] {
        let container = Container {
            name: name.to_owned(),
            ..Container::default()
        };
        assert_eq!(rules.select(None, &container).unwrap().name(), policy);
    }
}

#[test]
fn reasons_name_the_file_that_the_rule_is_in() {
    let files = files(&[
        (
            "etc/r.yaml",
            "include: lib.yaml\npolicies: { p: { base: [lib] } }\n",
        ),
        (
            "etc/lib.yaml",
            "policies:\n  lib:\n    base: []\n    rules:\n      - { match: { subsystem: usb }, show: rw }\n",
        ),
    ]);
    let rules = Rules::load("etc/r.yaml", &files).unwrap();
    let table = table(&["/devices/usb1 usb"]);
    let mut view = View::new(rules.policy("p").unwrap());
    view.refresh_all(&table);
    let devpath = kobject::Devpath::parse(b"/devices/usb1").unwrap();
    match view.decision(&table, &devpath).unwrap().reason {
        Reason::Rule { rule, .. } => {
            assert_eq!((&*rule.file, rule.line), ("etc/lib.yaml", 6));
        }
        other => panic!("{other}"),
    }
}

#[test]
fn a_text_without_files_includes_nothing() {
    let errors = Rules::parse("r.yaml", "version: 1\ninclude: a.yaml\n").unwrap_err();
    assert_eq!(
        errors.to_string(),
        "error: nothing can be included here: these rules come from no file\n --> r.yaml:2:10\n  |\n\
         2 | include: a.yaml\n  |          ^ expected rules in one piece"
    );
}

#[test]
fn a_first_file_that_cannot_be_read_is_said_without_a_line() {
    let errors = Rules::load("r.yaml", &files(&[])).unwrap_err();
    assert_eq!(
        errors.to_string(),
        "error: `r.yaml` cannot be read: no such file or directory\n --> r.yaml"
    );
    let error = Rules::load(
        "etc/r.yaml",
        &files(&[("etc/r.yaml", "include: \"x/*\"\n")]),
    );
    assert!(error.is_ok());
}

#[test]
fn a_directory_that_cannot_be_listed_is_an_error() {
    struct Shut;
    impl Files for Shut {
        fn read(&self, _: &str) -> Result<FileText, String> {
            Ok(FileText {
                identity: "r".to_owned(),
                text: "version: 1\ninclude: \"conf.d/*\"\n".to_owned(),
            })
        }
        fn list(&self, _: &str) -> Result<Vec<String>, String> {
            Err("cannot be listed: permission denied".to_owned())
        }
    }
    let errors = Rules::load("r.yaml", &Shut).unwrap_err();
    assert_eq!(
        errors.found[0].message,
        "the directory `conf.d` cannot be listed: permission denied"
    );
}

#[test]
fn there_are_only_so_many_files() {
    let mut all = files(&[("r.yaml", "include: \"d/*\"\n")]);
    for n in 0..999 {
        all.insert(format!("d/{n}"), "version: 1\n".to_owned());
    }
    assert_eq!(Rules::load("r.yaml", &all).unwrap().sources().len(), 1000);
    all.insert("d/999".to_owned(), "version: 1\n".to_owned());
    let errors = Rules::load("r.yaml", &all).unwrap_err();
    assert_eq!(
        errors.found[0].message,
        "there are more than 1000 files already"
    );
    all.insert("d/1000".to_owned(), "version: 1\n".to_owned());
    let errors = Rules::load("r.yaml", &all).unwrap_err();
    assert_eq!(
        errors.found[0].message,
        "`d/*` matches more than 1000 names"
    );
}

#[test]
fn all_files_together_hold_only_so_much() {
    let comment = format!("version: 1\n# {}\n", "x".repeat(3 << 18));
    let mut all = files(&[("r.yaml", "include: [a, b]\n")]);
    all.insert("a".to_owned(), comment.clone());
    all.insert("b".to_owned(), comment.clone());
    assert!(Rules::load("r.yaml", &all).is_ok());
    all.insert("c".to_owned(), comment.clone());
    all.insert(
        "r.yaml".to_owned(),
        "version: 1\ninclude: [a, b, c]\n".to_owned(),
    );
    let errors = Rules::load("r.yaml", &all).unwrap_err();
    assert_eq!(
        errors.to_string(),
        "error: more than 2 MiB of rules in all files together\n --> c"
    );
    let errors = Rules::parse("r", &comment.repeat(3)).unwrap_err();
    assert_eq!(errors.found[0].message, "a rule file of more than 2 MiB");
}

#[test]
fn sources_hold_what_was_read() {
    let rules = Rules::parse("r", "version: 1\n").unwrap();
    assert_eq!(rules.sources().len(), 1);
    assert_eq!(rules.sources()[0].text, Arc::from("version: 1\n"));
    assert_eq!((rules.count(), rules.warnings()), (0, &[][..]));
}
