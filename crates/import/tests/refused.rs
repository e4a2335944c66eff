//! What cannot be imported, and what is said about it.

use import::Import;

#[track_caller]
fn flag(text: &str) -> String {
    Import::new().device(text, None).unwrap_err().to_string()
}

#[track_caller]
fn cdi(text: &str) -> String {
    Import::new().cdi("f", text).unwrap_err().to_string()
}

#[track_caller]
fn devfs(text: &str) -> String {
    let mut import = Import::new();
    let read = import.devfs_rules("f", text);
    read.and_then(|()| import.finish("x").map(drop))
        .expect_err(text)
        .to_string()
}

#[test]
fn flags() {
    assert_eq!(
        flag("/dev/a:/dev/b:rx"),
        "--device /dev/a:/dev/b:rx: `rx` is not of the letters r, w and m, each once"
    );
    assert_eq!(
        flag("/dev/a:/dev/b:rr"),
        "--device /dev/a:/dev/b:rr: `rr` is not of the letters r, w and m, each once"
    );
    assert_eq!(
        flag("/dev/a:b:c:d"),
        "--device /dev/a:b:c:d: more than HOST:CONTAINER:LETTERS, such as /dev/ttyUSB0:/dev/modem:rw"
    );
    assert_eq!(
        flag("ttyUSB0\x1b"),
        "--device ttyUSB0\\u{1b}: the device is no path, such as /dev/ttyUSB0, and no CDI device, such as vendor.com/class=name"
    );
}

#[test]
fn specifications() {
    assert!(cdi("{").starts_with("f: no JSON: "));
    assert!(cdi("a: [").starts_with("f: no YAML: "));
    assert!(cdi("a: 1").starts_with("f: no CDI specification: missing field"));
    assert_eq!(
        cdi(r#"{"cdiVersion":"0.2.0","kind":"a/b","devices":[]}"#),
        "f: `cdiVersion: 0.2.0` is not one of 0.3.0 to 1.x"
    );
    let node = |node: &str| {
        cdi(&format!(
            r#"{{"cdiVersion":"0.6.0","kind":"a/b","devices":[{{"name":"0","containerEdits":{{"deviceNodes":[{node}]}}}}]}}"#
        ))
    };
    assert_eq!(
        node(r#"{"path":"dev/x"}"#),
        "f: the path `dev/x` of a device node is not absolute"
    );
    assert_eq!(
        node(r#"{"path":"/dev/x","permissions":"rwx"}"#),
        "f: the permissions `rwx` of /dev/x are not of the letters r, w and m, each once"
    );
    assert_eq!(
        node(r#"{"path":"/dev/x","type":"d"}"#),
        "f: the type `d` of /dev/x is not b, c, u or p"
    );
}

#[test]
fn rulesets() {
    for (text, message) in [
        (
            "add hide",
            "f:1: a rule comes after its ruleset's `[name=number]`",
        ),
        ("[a]", "f:1: a ruleset begins with `[name=number]`"),
        (
            "[a=1]\ndel 100",
            "f:2: `del` is no rule; only `add` is imported",
        ),
        ("[a=1]\nadd", "f:2: the rule says nothing"),
        ("[a=1]\nadd path", "f:2: `path` has no value"),
        (
            "[a=1]\nadd path 'x hide",
            "f:2: a quote `'` without its other",
        ),
        (
            "[a=1]\nadd hide path x",
            "f:2: `path` is a condition and comes before what the rule does",
        ),
        (
            "[a=1]\nadd major 4 hide",
            "f:2: `major` is none of path, type, hide, unhide, mode, user, group and include",
        ),
        (
            "[a=1]\nadd type usb hide",
            "f:2: `usb` is none of the types disk, mem, tape and tty",
        ),
        (
            "[a=1]\nadd include $b",
            "f:2: the ruleset `$b` is in none of these files",
        ),
        (
            "[a=1]\nadd include 2\n[b=2]\nadd include $a",
            "f:4: the ruleset a includes itself",
        ),
        (
            "[a=1]\nadd path '[[:alpha:]]' hide",
            "f:2: the pattern `[[:alpha:]]` has a `[]` that rules do not have",
        ),
        (
            "[a=1]\nadd user 'a b' unhide",
            "f:2: `a b` is no name of a user or a group",
        ),
        (
            "[a=1]\nadd 5 hide\nadd 5 unhide",
            "f:3: another rule of a has the number 5",
        ),
    ] {
        assert_eq!(devfs(text), message);
    }
}

/// Rules that each set something else for names that overlap are a rule for each combination: not without end.
#[test]
fn more_than_anybody_could_read() {
    let mut text = "[a=1]\n".to_owned();
    for index in 0..40 {
        text.push_str(&format!("add path '*{index}*' mode 0{:03o}\n", index + 8));
        text.push_str(&format!("add path '{index}*' group {index}\n"));
        text.push_str(&format!("add path '*{index}' user {index}\n"));
    }
    assert_eq!(
        devfs(&text),
        "f:1: its rules overlap so much that more than 2000 would come out"
    );
}
