//! `devns fmt` as a command: what it changes, what it prints, how it ends.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;
use tests::{Output, binaries, output, sh};

const WRONG: &str = "policies:\n    p:\n        rules:\n        - {show: ro, match: {subsystem: tty}} # a terminal\nversion: 1\n";
const RIGHT: &str = "version: 1\n\npolicies:\n  p:\n    rules:\n      # a terminal\n      - match: { subsystem: tty }\n        show: ro\n";

fn fmt(dir: &Path, args: &[&str]) -> Output {
    output::run(
        Command::new(binaries::devns())
            .current_dir(dir)
            .arg("fmt")
            .args(args),
    )
}

fn dir(files: &[(&str, &str)]) -> TempDir {
    let dir = TempDir::new().unwrap();
    for (name, text) in files {
        fs::write(dir.path().join(name), text).unwrap();
    }
    dir
}

#[test]
fn files_get_the_layout_and_are_named_once() {
    let dir = dir(&[("wrong.yaml", WRONG), ("right.yaml", RIGHT)]);
    let first = fmt(dir.path(), &["wrong.yaml", "right.yaml"]).exits(0);
    assert_eq!(first.stdout, "wrong.yaml\n");
    assert_eq!(
        fs::read_to_string(dir.path().join("wrong.yaml")).unwrap(),
        RIGHT
    );
    let again = fmt(dir.path(), &["wrong.yaml", "right.yaml"]).exits(0);
    assert_eq!(again.stdout, "");
    assert_eq!(
        fs::read_dir(dir.path()).unwrap().count(),
        2,
        "nothing is left over"
    );
}

#[test]
fn a_check_changes_nothing_and_shows_what_would() {
    let dir = dir(&[("wrong.yaml", WRONG), ("right.yaml", RIGHT)]);
    let check = fmt(dir.path(), &["--check", "right.yaml", "wrong.yaml"]).exits(1);
    let diff = "--- wrong.yaml\n+++ wrong.yaml, formatted\n@@ -1,5 +1,8 @@\n+version: 1\n+\n policies:\n-    p:\n-        rules:\n-        - {show: ro, match: {subsystem: tty}} # a terminal\n-version: 1\n+  p:\n+    rules:\n+      # a terminal\n+      - match: { subsystem: tty }\n+        show: ro\n";
    assert_eq!(check.stdout, diff);
    assert_eq!(
        fs::read_to_string(dir.path().join("wrong.yaml")).unwrap(),
        WRONG
    );
    assert_eq!(
        fmt(dir.path(), &["--check", "right.yaml"]).exits(0).stdout,
        ""
    );
}

#[test]
fn mode_and_owner_stay_and_links_lead_where_they_did() {
    let dir = dir(&[("real.yaml", WRONG)]);
    let real = dir.path().join("real.yaml");
    fs::set_permissions(&real, Permissions::from_mode(0o640)).unwrap();
    sh(&format!("chown 12:34 {}", real.display()));
    symlink("real.yaml", dir.path().join("link.yaml")).unwrap();
    assert_eq!(
        fmt(dir.path(), &["link.yaml"]).exits(0).stdout,
        "link.yaml\n"
    );
    let meta = fs::metadata(&real).unwrap();
    assert_eq!(
        (meta.mode() & 0o7777, meta.uid(), meta.gid()),
        (0o640, 12, 34)
    );
    assert_eq!(fs::read_to_string(&real).unwrap(), RIGHT);
    let link = fs::symlink_metadata(dir.path().join("link.yaml")).unwrap();
    assert!(link.is_symlink());
}

#[test]
fn standard_input_goes_to_standard_output() {
    let dir = dir(&[("wrong.yaml", WRONG)]);
    let devns = binaries::devns();
    let piped = |args: &str| {
        let script = format!(
            "cd {}; {} fmt {args} - <wrong.yaml && echo done || true",
            dir.path().display(),
            devns.display()
        );
        sh(&script)
    };
    assert_eq!(piped(""), format!("{RIGHT}done\n"));
    let diff = piped("--check");
    assert!(
        diff.starts_with("--- standard input\n+++ standard input, formatted\n@@ "),
        "{diff}"
    );
    let alone = fmt(dir.path(), &["-", "wrong.yaml"]).exits(2);
    alone.says("devns: standard input (`-`) is formatted alone, not among files");
}

#[test]
fn what_cannot_be_formatted_stays_and_the_others_do_not() {
    let anchor = "version: 1\npolicies:\n  a: &a {}\n  b: *a\n";
    let dir = dir(&[
        ("bad.yaml", "a: [\n"),
        ("anchor.yaml", anchor),
        ("wrong.yaml", WRONG),
    ]);
    let all = ["bad.yaml", "anchor.yaml", "none.yaml", "wrong.yaml"];
    let output = fmt(dir.path(), &all).exits(2);
    assert_eq!(output.stdout, "wrong.yaml\n");
    let output = output
        .says("devns: error: invalid YAML: ")
        .says("error: an anchor has no place in a rules file\n --> anchor.yaml:3:9\n")
        .says("error: an alias has no place in a rules file\n --> anchor.yaml:4:6\n");
    output.says("devns: the rule file \"none.yaml\" cannot be read: no such file or directory");
    assert_eq!(
        fs::read_to_string(dir.path().join("anchor.yaml")).unwrap(),
        anchor
    );
}

#[test]
fn json_says_it_for_programs() {
    let dir = dir(&[("wrong.yaml", WRONG), ("right.yaml", RIGHT)]);
    let all = ["--json", "--check", "right.yaml", "wrong.yaml", "none.yaml"];
    let report = fmt(dir.path(), &all).exits(2).json();
    let files = report["files"].as_array().unwrap();
    assert_eq!(
        files[0],
        serde_json::json!({ "file": "right.yaml", "changed": false })
    );
    assert_eq!(files[1]["changed"], true);
    assert!(
        files[1]["diff"]
            .as_str()
            .unwrap()
            .contains("\n+version: 1\n")
    );
    assert!(files[2]["error"].as_str().unwrap().contains("no such file"));
    let done = fmt(dir.path(), &["--json", "wrong.yaml"]).exits(0).json();
    assert_eq!(
        done["files"][0],
        serde_json::json!({ "file": "wrong.yaml", "changed": true })
    );
}

/// Colours are for terminals, and for those who want them.
#[test]
fn colours_are_for_terminals() {
    let dir = dir(&[("wrong.yaml", WRONG)]);
    let devns = binaries::devns();
    let on_a_terminal = |env: &str| {
        let command = format!("{env} {} fmt --check wrong.yaml", devns.display());
        sh(&format!(
            "cd {}; TERM=xterm script -qec '{command}' /dev/null </dev/null || true",
            dir.path().display()
        ))
    };
    assert!(on_a_terminal("").contains("\u{1b}[32m+version: 1"));
    assert!(!on_a_terminal("NO_COLOR=1").contains('\u{1b}'));
    assert!(
        !fmt(dir.path(), &["--check", "wrong.yaml"])
            .stdout
            .contains('\u{1b}')
    );
}
