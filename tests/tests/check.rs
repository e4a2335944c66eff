//! `devns check`: what it prints, and its exit status.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use tests::{Output, Running, binaries, run};

const FINE: &str =
    "version: 1\npolicies:\n  p:\n    rules:\n      - { match: { subsystem: usb }, show: rw }\n";
const WARNS: &str = "version: 1\npolicies:\n  p:\n    rules:\n      - { match: { subsystem: usb }, show: rw }\n      \
                     - { match: { subsystem: usb, driver: x }, show: ro }\n";
const WRONG: &str = "version: 1\npolicies:\n  p:\n    rules:\n      - { match: { subsystem: block, driver: sd }, shw: rw }\n";

fn check(dir: &Path, args: &[&str]) -> Output {
    run(Command::new(binaries::devns())
        .arg("check")
        .args(args)
        .current_dir(dir))
}

fn rules(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    for (name, text) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, text).expect("a rule file");
    }
    dir
}

#[test]
fn what_is_fine_is_counted() {
    let include = "version: 1\ninclude: conf.d/*.yaml\n";
    let dir = rules(&[
        ("one.yaml", FINE),
        ("two.yaml", include),
        ("conf.d/a.yaml", FINE),
    ]);
    let seen = check(dir.path(), &["one.yaml", "two.yaml"]).ok();
    assert_eq!(
        seen.stdout,
        "one.yaml: fine, 1 policy, 1 rule, 1 file\ntwo.yaml: fine, 1 policy, 1 rule, 2 files\n",
        "{seen}"
    );
    assert_eq!(seen.stderr, "");
    // what is found stands apart from what comes before it
    let dir = rules(&[("one.yaml", FINE), ("wrong.yaml", WRONG)]);
    let seen = check(dir.path(), &["one.yaml", "wrong.yaml"]).exits(2);
    assert!(
        seen.stdout
            .starts_with("one.yaml: fine, 1 policy, 1 rule, 1 file\n\nwarning: "),
        "{seen}"
    );
}

#[test]
fn errors_fail_and_warnings_do_when_they_shall() {
    let dir = rules(&[
        ("warns.yaml", WARNS),
        ("wrong.yaml", WRONG),
        ("fine.yaml", FINE),
    ]);
    let seen = check(dir.path(), &["warns.yaml"]).ok();
    assert!(
        seen.stdout.starts_with("warning: this rule never decides"),
        "{seen}"
    );
    assert!(
        seen.stdout.contains("note: `ro` takes away writing"),
        "{seen}"
    );
    assert!(
        seen.stdout
            .ends_with("\nwarns.yaml: 1 warning, 1 policy, 2 rules, 1 file\n"),
        "{seen}"
    );
    check(dir.path(), &["--strict", "warns.yaml"]).exits(2);
    check(dir.path(), &["--strict", "fine.yaml"]).ok();
    let seen = check(dir.path(), &["fine.yaml", "wrong.yaml", "gone.yaml"]).exits(2);
    assert!(seen.stdout.contains("fine.yaml: fine"), "{seen}");
    assert!(seen.stdout.contains(" --> wrong.yaml:5:52\n"), "{seen}");
    assert!(
        seen.stdout.contains("wrong.yaml: 1 error, 1 warning\n"),
        "{seen}"
    );
    assert!(
        seen.stdout.ends_with("`gone.yaml` cannot be read: no such file or directory\n --> gone.yaml\n\ngone.yaml: 1 error\n"),
        "{seen}"
    );
    check(dir.path(), &[]).exits(2);
}

#[test]
fn stdin_includes_from_here() {
    let dir = rules(&[("more.yaml", FINE)]);
    let piped = |text: &str| {
        let mut command = Command::new(binaries::devns());
        command.args(["check", "-"]).current_dir(dir.path());
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("devns");
        let mut stdin = child.stdin.take().expect("a pipe");
        stdin.write_all(text.as_bytes()).expect("written");
        drop(stdin);
        let output = child.wait_with_output().expect("output");
        (
            output.status.code(),
            String::from_utf8(output.stdout).expect("text"),
        )
    };
    let (status, text) = piped("version: 1\ninclude: more.yaml\n");
    assert_eq!(
        (status, text.as_str()),
        (Some(0), "<stdin>: fine, 1 policy, 1 rule, 2 files\n")
    );
    let (status, text) = piped("version: 2\n");
    assert_eq!(status, Some(2));
    assert!(text.contains(" --> <stdin>:1:10\n"), "{text}");
}

#[test]
fn json_says_the_same() {
    let dir = rules(&[("wrong.yaml", WRONG), ("warns.yaml", WARNS)]);
    let seen = check(
        dir.path(),
        &["--json", "wrong.yaml", "warns.yaml", "gone.yaml"],
    )
    .exits(2);
    let json = seen.json();
    let (wrong, warns, gone) = (&json[0], &json[1], &json[2]);
    assert_eq!(wrong["file"], "wrong.yaml");
    assert_eq!(
        (&wrong["errors"], &wrong["warnings"]),
        (&1.into(), &1.into())
    );
    assert!(wrong["rules"].is_null());
    let error = &wrong["found"][1];
    assert_eq!(error["severity"], "error");
    assert_eq!((&error["line"], &error["column"]), (&5.into(), &52.into()));
    assert_eq!(error["message"], "a rule has no key `shw`");
    assert_eq!(error["expected"], "`show`");
    assert_eq!(error["text"], WRONG.lines().nth(4).expect("a line"));
    assert_eq!((&warns["errors"], &warns["rules"]), (&0.into(), &2.into()));
    let found = warns["found"].as_array().expect("a list");
    let warning = found
        .iter()
        .find(|f| f["severity"] == "warning")
        .expect("one");
    assert_eq!(
        (&warning["line"], &warning["also"]["line"]),
        (&6.into(), &5.into())
    );
    assert!(gone["found"][0]["line"].is_null());
}

/// As for head(1): who has read enough closes the pipe.
#[test]
fn a_pipe_that_nobody_reads_is_no_failure() {
    let dir = rules(&[("fine.yaml", FINE), ("wrong.yaml", WRONG)]);
    for (args, status) in [
        (&["check", "fine.yaml"][..], 0),
        (&["check", "wrong.yaml"], 2),
        (&["schema"], 0),
        (&["tree"], 0),
        (&["explain", "/dev/null"], 0),
        (&["diff", "builtin:minimal", "builtin:all"], 1),
        (&["doctor", "--json"], 0),
    ] {
        let (end, pipe) = std::io::pipe().expect("a pipe");
        drop(end);
        let mut command = Command::new(binaries::devns());
        command.args(args).current_dir(dir.path()).stdout(pipe);
        let seen = command.output().expect("devns");
        let said = String::from_utf8_lossy(&seen.stderr);
        assert_eq!((seen.status.code(), &*said), (Some(status), ""), "{args:?}");
    }
}

#[test]
fn what_cannot_be_written_is_a_failure() {
    let full = fs::File::options()
        .write(true)
        .open("/dev/full")
        .expect("/dev/full");
    let seen = Command::new(binaries::devns())
        .arg("schema")
        .stdout(full)
        .output()
        .expect("devns");
    let said = String::from_utf8_lossy(&seen.stderr);
    assert_eq!(seen.status.code(), Some(4));
    assert_eq!(said, "devns: standard output: no space left on device\n");
}

#[test]
fn colours_are_for_terminals() {
    let dir = rules(&[("wrong.yaml", WRONG)]);
    let plain = check(dir.path(), &["wrong.yaml"]).stdout;
    assert!(!plain.contains('\x1b'), "{plain}");
    // script(1) gives it a terminal
    let on_terminal = |env: &str| {
        let script = format!("{env} {} check wrong.yaml", binaries::devns().display());
        let mut command = Command::new("script");
        command
            .args(["-qec", &script, "/dev/null"])
            .current_dir(dir.path());
        Running::start(command.stdin(Stdio::null()))
            .wait(std::time::Duration::from_secs(20))
            .stdout
    };
    let coloured = on_terminal("env -u NO_COLOR");
    assert!(coloured.contains("\x1b[1;31merror\x1b[0m"), "{coloured}");
    // one that is empty is none (https://no-color.org)
    assert_eq!(on_terminal("NO_COLOR="), coloured);
    let without = on_terminal("NO_COLOR=1");
    assert_eq!(without.replace('\r', ""), plain);
}

#[test]
fn what_does_not_end_does_not_hang() {
    let dir = rules(&[("r.yaml", "version: 1\ninclude: \"d/*\"\n")]);
    fs::create_dir(dir.path().join("d")).expect("a directory");
    let fifo = dir.path().join("d/fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::from_bits_truncate(0o600)).expect("a fifo");
    std::os::unix::fs::symlink("/dev/zero", dir.path().join("d/zero")).expect("a link");
    std::os::unix::fs::symlink("loop", dir.path().join("d/loop")).expect("a link");
    let seen = check(dir.path(), &["r.yaml", "/dev/zero", "d/fifo"]).exits(2);
    for text in [
        "`d/fifo` is not a regular file\n --> r.yaml:2:10",
        "`d/zero` is not a regular file\n --> r.yaml:2:10",
        "`d/loop` cannot be read: too many symbolic links encountered\n --> r.yaml:2:10",
        "r.yaml: 3 errors\n",
        "/dev/zero: 1 error\n",
    ] {
        assert!(seen.stdout.contains(text), "{text:?}: {seen}");
    }
}
