//! `devns simulate` on recorded traces: what a container would have been told. With `BLESS=1` in the environment the texts in
//! `tests/data/traces` are written anew; read the difference before committing it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use tests::{Output, Recorded, binaries, run};

fn trace(name: &str) -> PathBuf {
    binaries::repository("tests/data/traces").join(name)
}

fn simulate(arguments: &[&str], trace: &PathBuf) -> Output {
    let mut command = Command::new(binaries::devns());
    run(command.arg("simulate").args(arguments).arg(trace))
}

#[track_caller]
fn same(name: &str, text: &str) {
    let path = trace(name);
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, text).expect("the text");
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(expected, text, "{name}");
}

/// Each outcome as `what source action name`.
fn outcomes(json: &Value) -> Vec<String> {
    let messages = json["messages"].as_array().expect("messages").iter();
    let outcomes = messages.flat_map(|message| message["outcome"].as_array().expect("outcomes"));
    let word = |one: &Value, key: &str| one[key].as_str().expect("a word").to_string();
    let line = |one: &Value| {
        let devpath = word(one, "devpath");
        let name = devpath.rsplit('/').next().unwrap_or_default();
        format!(
            "{} {} {} {name}",
            word(one, "what"),
            word(one, "source"),
            word(one, "action")
        )
    };
    outcomes.map(line).collect()
}

#[test]
fn a_gamepad_waits_for_udev_and_goes_with_the_kernel() {
    let trace = trace("uinput-gamepad.txt");
    let text = simulate(&["--policy", "builtin:gamepads"], &trace).ok();
    same("uinput-gamepad.gamepads", &text.stdout);
    let json = simulate(
        &["--policy", "builtin:gamepads", "--json", "--told"],
        &trace,
    )
    .ok();
    let told = outcomes(&json.json());
    assert_eq!(
        told,
        [
            "made up kernel add input8",
            "made up kernel add event4",
            "made up kernel add js0",
            "told kernel remove event4",
            "told kernel remove js0",
            "told kernel remove input8",
        ]
    );
    // who may see nothing of it is told nothing
    let nothing = simulate(&["--policy", "builtin:minimal", "--told"], &trace).ok();
    assert_eq!(
        nothing.stdout,
        "0 messages: 0 told, 0 made up, 0 withheld\n"
    );
}

#[test]
fn a_keyboard_comes_on_a_machine_that_is_known() {
    let machine = Recorded::unpack();
    let rules = "version: 1
policies:
  desk:
    rules:
      - name: what is in port 1
        match: { parent: { devtype: usb_device, devpath: /devices/**/usb1/1-1 } }
        show: rw
        events: both
";
    let file = machine.root().join("desk.yaml");
    fs::write(&file, rules).expect("rules");
    let policy = ["--policy", file.to_str().expect("a path")];
    // unplugged, and plugged in again
    let root = ["--root", machine.root().to_str().expect("a path")];
    let gone = [&policy[..], &root, &["--json", "--told"]].concat();
    let gone = outcomes(&simulate(&gone, &trace("usb-kbd-del.txt")).ok().json());
    assert!(
        gone.contains(&"told kernel remove event4".into()),
        "{gone:?}"
    );
    assert!(
        gone.iter().any(|line| line == "made up udev remove event4"),
        "{gone:?}"
    );
    assert!(gone.iter().all(|line| !line.contains(" add ")), "{gone:?}");
    let come = [&policy[..], &["--json", "--told"]].concat();
    let come = outcomes(&simulate(&come, &trace("usb-kbd-add.txt")).ok().json());
    let at = |line: &str| come.iter().position(|one| one == line);
    let (kernel, udev) = (at("told kernel add event4"), at("told udev add event4"));
    assert!(kernel.is_some() && kernel < udev, "{come:?}");
    assert!(
        come.iter().all(|line| !line.contains("hid-generic")),
        "{come:?}"
    );
}

#[test]
fn our_own_form_is_played_as_udevadms() {
    let text = fs::read(trace("uinput-gamepad.txt")).expect("a trace");
    let all = kobject::trace::parse(&text).expect("a trace");
    let lines: String = all
        .iter()
        .map(|one| kobject::trace::line(&one.message, one.time))
        .collect();
    let own = tempfile::NamedTempFile::new().expect("a file");
    fs::write(own.path(), lines).expect("our own form");
    let play = |trace: &PathBuf| {
        simulate(&["--policy", "builtin:gamepads"], trace)
            .ok()
            .stdout
    };
    assert_eq!(
        play(&own.path().to_path_buf()),
        play(&trace("uinput-gamepad.txt"))
    );
}

#[test]
fn what_is_no_trace_is_refused_with_its_line() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), "\nKERNEL[1.0] add /devices/x (y)\n\n").expect("half a trace");
    simulate(&[], &file.path().to_path_buf())
        .exits(2)
        .says("line 2: the event has no ACTION; record with `udevadm monitor --property`");
    simulate(&[], &PathBuf::from("/nowhere"))
        .exits(2)
        .says("cannot be read");
}
