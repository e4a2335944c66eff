//! `devns import` as a command: what it prints, what it looks at, how it ends.

use std::fs;
use std::path::Path;
use std::process::Command;

use policy::Rules;
use tempfile::TempDir;
use tests::{Output, binaries, output};

fn import(dir: &Path, args: &[&str]) -> Output {
    output::run(
        Command::new(binaries::devns())
            .current_dir(dir)
            .arg("import")
            .args(args),
    )
}

/// Rules without an error, in the layout.
#[track_caller]
fn rules(text: &str) -> Rules {
    assert_eq!(policy::format("imported", text).as_deref(), Ok(text));
    match Rules::parse("imported", text) {
        Ok(rules) => rules,
        Err(e) => panic!("{e}"),
    }
}

#[test]
fn everything_goes_into_one_file() {
    let dir = TempDir::new().unwrap();
    let spec = r#"{ "cdiVersion": "0.6.0", "kind": "a.org/b", "devices": [
        { "name": "0", "containerEdits": { "deviceNodes": [{ "path": "/dev/b0" }], "env": ["A=B"] } }] }"#;
    fs::write(dir.path().join("b.json"), spec).unwrap();
    fs::write(
        dir.path().join("devfs.rules"),
        "[jail=20]\nadd include $devfsrules_hide_all\nadd path 'b*' unhide\n",
    )
    .unwrap();
    let args = [
        "--device",
        "/dev/not-there:/dev/here:r",
        "--name",
        "mine",
        "--cdi",
        "b.json",
        "--devfs-rules",
        "devfs.rules",
    ];
    let printed = import(dir.path(), &args).exits(0).stdout;
    assert_eq!(rules(&printed).names(), ["mine", "a.org/b=0", "jail"]);
    assert!(
        printed.contains("# --device /dev/not-there:/dev/here:r\n"),
        "{printed}"
    );

    let written = [&args[..], &["-o", "rules.yaml"]].concat();
    let silent = import(dir.path(), &written).exits(0);
    assert_eq!(silent.stdout, "");
    silent.says("devns: something has no equivalent: see the comments in \"rules.yaml\"");
    assert_eq!(
        fs::read_to_string(dir.path().join("rules.yaml")).unwrap(),
        printed
    );

    let json = import(dir.path(), &[&args[..], &["--json"]].concat())
        .exits(0)
        .json();
    assert_eq!(json["rules"], printed);
    assert_eq!(json["notes"][0]["source"], "b.json: a.org/b=0");
    assert_eq!(
        json["notes"][0]["text"],
        "env: `devns run -e A=B` sets it, rules do not"
    );
}

#[test]
fn a_device_that_is_there_is_looked_at() {
    let dir = TempDir::new().unwrap();
    let link = format!("/dev/{}", tests::unique("import-link"));
    std::os::unix::fs::symlink("full", &link).unwrap();
    let seen = import(dir.path(), &["--device", &link, "--device", "/dev/pts"]);
    let elsewhere = import(dir.path(), &["--elsewhere", "--device", &link]);
    fs::remove_file(&link).unwrap();
    let seen = seen.exits(0).stdout;
    rules(&seen);
    assert!(seen.contains("match: { devname: full }"), "{seen}");
    assert!(
        seen.contains("# a link, which leads to full now;"),
        "{seen}"
    );
    assert!(seen.contains("match: { devname: \"pts/*/**\" }"), "{seen}");
    let name = link.strip_prefix("/dev/").unwrap();
    let elsewhere = elsewhere.exits(0).stdout;
    rules(&elsewhere);
    assert!(
        elsewhere.contains(&format!("match: {{ devname: {name} }}")),
        "{elsewhere}"
    );
}

#[test]
fn wrong_use_and_wrong_files() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("x"), "{").unwrap();
    for (args, message) in [
        (&[][..], "required arguments were not provided"),
        (
            &["--device", "sda"],
            "devns: --device sda: the device is no path",
        ),
        (
            &["--cdi", "none"],
            "devns: \"none\" cannot be read: no such file",
        ),
        (&["--cdi", "."], "devns: \".\" is no regular file"),
        (&["--cdi", "x"], "devns: x: no JSON: "),
        (&["--devfs-rules", "x"], "devns: x:1: "),
    ] {
        let output = import(dir.path(), args).exits(2).says(message);
        assert_eq!(output.stdout, "");
    }
    let unwritable = import(dir.path(), &["--device", "/dev/x", "-o", "no/such/file"]);
    unwritable
        .exits(4)
        .says("devns: \"no/such/file\" cannot be written: no such file");
}
