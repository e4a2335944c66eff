//! The tools that say why, on a machine that was recorded: `devns explain` of 30 things, with a rule for each hidden one that shows it,
//! `devns tree` and `devns diff`.
//!
//! With `BLESS=1` in the environment the texts in `tests/data/explain` are written anew; read the difference before committing it.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tests::{Output, Recorded, binaries, run};

/// What is asked about, in the order of `tests/data/explain/explain.txt`.
const TARGETS: [&str; 32] = [
    // devices, by all their names
    "/dev/input/event7",
    "input/js0",
    "/dev/input/pad7",
    "/dev/null",
    "ptmx",
    "/dev/vda",
    "b 254:0",
    "disk/by-path/virtio-pci-0000:00:01.0",
    "/dev/ttyUSB0",
    "/dev/serial/by-id/usb-QEMU_QEMU_USB_SERIAL_1-0000:00:03.0-4-if00-port0",
    "c 4:64",
    "input/event4",
    "/sys/devices/pci0000:00/0000:00:03.0/usb1/1-1/1-1:1.0/0003:0627:0001.0001/input/input5/input5::numlock",
    "input/mouse1",
    "input/event6",
    "/sys/devices/virtual/net/lo",
    "/sys/devices/pci0000:00/0000:00:03.0",
    "/sys/devices/pci0000:00/0000:00:03.0/usb1",
    "/devices/pci0000:00/0000:00:03.0/usb1/1-4/1-4:1.0",
    "rtc0",
    "/dev/snapshot",
    // attributes and links
    "/sys/class/input/input9/inhibited",
    "/sys/class/input/event7",
    "/sys/devices/virtual/input/input9/uevent",
    "/sys/devices/virtual/input/input9/id/vendor",
    "/sys/class/block/vda",
    "/sys/block/vda/queue/scheduler",
    "/sys/devices/pci0000:00/0000:00:03.0/usb1/1-1/idVendor",
    "/sys/devices/pci0000:00/0000:00:03.0/usb1/1-1/ep_00/type",
    "/sys/bus/usb/drivers/ftdi_sio",
    "/sys/devices/system/cpu/online",
    "/sys/bus/usb/drivers_autoprobe",
];

/// The recorded machine, on which udev has not spoken of one mouse, and rules beside it.
fn machine() -> Recorded {
    let machine = Recorded::unpack();
    fs::remove_file(machine.run().join("udev/data/c13:70")).expect("what udev said of event6");
    for name in ["lab.yaml", "new.yaml"] {
        let from = binaries::repository("tests/data/explain").join(name);
        fs::copy(from, machine.root().join(name)).expect("the rules");
    }
    machine
}

fn devns(machine: &Recorded, arguments: &[&str]) -> Output {
    let mut command = Command::new(binaries::devns());
    command.current_dir(machine.root()).args(arguments);
    run(command.args(["--root", "."]))
}

fn explain(machine: &Recorded, rules: &str, more: &[&str]) -> Output {
    devns(machine, &[&["explain", "--policy", rules], more].concat())
}

/// Compares with the text in `tests/data/explain`.
#[track_caller]
fn same(name: &str, text: &str) {
    let path = binaries::repository("tests/data/explain").join(name);
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, text).expect("the text");
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(expected, text, "{name}");
}

/// The rules that an answer offers.
fn offered(text: &str) -> Option<String> {
    let (_, after) = text.split_once("\nto show it, ")?;
    let lines = after.lines().skip(1);
    let rules: Vec<&str> = lines.take_while(|line| line.starts_with("  ")).collect();
    Some(rules.iter().map(|line| format!("    {line}\n")).collect())
}

/// The rule file with more rules where the answer says that they belong.
fn with(dir: &Path, rules: &str) -> &'static str {
    let text = fs::read_to_string(dir.join("lab.yaml")).expect("the rules");
    let text = text.replacen("    rules:\n", &format!("    rules:\n{rules}"), 1);
    fs::write(dir.join("more.yaml"), text).expect("the rules and one more");
    "more.yaml"
}

#[test]
fn every_answer_is_the_expected_one_and_what_it_offers_shows_what_is_hidden() {
    let machine = machine();
    let (mut all, mut hidden, mut offers) = (String::new(), 0, 0);
    for target in TARGETS {
        let answer = explain(&machine, "lab.yaml", &[target]);
        let quoted = if target.contains(' ') {
            format!("\"{target}\"")
        } else {
            target.into()
        };
        all += &format!(
            "$ devns explain --policy lab.yaml {quoted}\n{}",
            answer.stdout
        );
        all += &format!("[exit status {}]\n\n\n", answer.code().unwrap_or(-1));
        let is_hidden = answer.code() == Some(1);
        assert!(is_hidden || answer.code() == Some(0), "{answer}");
        hidden += usize::from(is_hidden);
        let offer = offered(&answer.stdout);
        assert!(is_hidden || offer.is_none(), "{answer}");
        if let Some(offer) = offer {
            offers += 1;
            let rules = with(machine.root(), &offer);
            let again = explain(&machine, rules, &[target]);
            assert_eq!(again.code(), Some(0), "{target} with\n{offer}{again}");
        }
    }
    // but for the interface of another network namespace there is a rule for each
    assert_eq!((hidden, offers), (hidden, hidden - 1), "{all}");
    assert!(hidden >= 12, "{hidden} are hidden");
    same("explain.txt", &all);
}

#[test]
fn programs_are_told_the_same() {
    let machine = machine();
    let all: Vec<&str> = [&["--json"], &TARGETS[..]].concat();
    let answer = explain(&machine, "lab.yaml", &all).exits(1).json();
    let targets = answer["targets"].as_array().expect("targets");
    assert_eq!(targets.len(), TARGETS.len());
    for (one, target) in targets.iter().zip(TARGETS) {
        assert_eq!(one["target"], target);
        let text = explain(&machine, "lab.yaml", &[target]);
        let has = |words: &str| assert!(text.stdout.contains(words), "{words:?}: {one:#}{text}");
        assert_eq!(one["shows"] == true, text.code() == Some(0), "{target}");
        let string = |value: &Value| value.as_str().map(String::from);
        if let Some(rule) = one["to_show"].as_str() {
            rule.lines().for_each(has);
        }
        if let Some(line) = one["rule"]["line"].as_u64() {
            let file = string(&one["rule"]["file"]).expect("a file");
            has(&format!("{file}:{line}"));
        }
        if one["through"]["what"] != "disk" {
            has(one["reason"].as_str().expect("a reason"));
        }
        for value in ["devpath", "devnum", "path"] {
            string(&one[value]).iter().for_each(|value| has(value));
        }
        if one["node"]["refused"].is_null()
            && let Some(mode) = one["node"]["mode"].as_str()
        {
            has(&format!("mode {mode}"));
        }
        for link in one["links"].as_array().into_iter().flatten() {
            has(link["name"].as_str().expect("a name"));
        }
        for close in one["close"].as_array().into_iter().flatten() {
            let rule = &close["rule"];
            let (file, line) = (rule["file"].as_str().expect("a file"), &rule["line"]);
            has(&format!(
                "({file}:{line}), {}",
                close["show"].as_str().expect("how")
            ));
        }
    }
}

#[test]
fn what_is_not_there_and_what_is_not_clear_is_said() {
    let machine = machine();
    for (target, says) in [
        (
            "/dev/ttyUSB7",
            "there is no device \"/dev/ttyUSB7\"; name it as in /dev",
        ),
        ("c 1:99", "there is no device with the number c 1:99"),
        (
            "/sys/class/nothing/x",
            "\"/sys/class/nothing/x\": nothing is there",
        ),
        ("/sys/devices/../x", "a part of the devpath is `.` or `..`"),
        (
            "/etc/passwd",
            "\"/etc/passwd\" is neither below /dev nor below /sys",
        ),
        ("/sys", "it is the root of sysfs"),
    ] {
        explain(&machine, "lab.yaml", &[target]).exits(2).says(says);
    }
    let two = "version: 1\npolicies: { a: {}, b: {} }\n";
    fs::write(machine.root().join("two.yaml"), two).expect("rules");
    explain(&machine, "two.yaml", &["null"])
        .exits(2)
        .says("two.yaml has several policies: a, b; say which with --use");
    let nowhere = &[
        "explain",
        "--policy",
        "builtin:all",
        "--root",
        "/nowhere",
        "null",
    ];
    run(Command::new(binaries::devns()).args(nowhere))
        .exits(2)
        .says("\"/nowhere\" holds no recorded tree");
}

#[test]
fn a_tree_has_what_shows_and_with_all_the_rest() {
    let machine = machine();
    let shown = devns(&machine, &["tree", "--policy", "lab.yaml"]).ok();
    same("tree.txt", &shown.stdout);
    let all = devns(&machine, &["tree", "--policy", "lab.yaml", "--all"]).ok();
    let json = devns(
        &machine,
        &["tree", "--policy", "lab.yaml", "--all", "--json"],
    )
    .ok();
    let devices = json.json()["devices"].as_array().expect("devices").clone();
    assert_eq!(all.lines().len(), devices.len() + 1, "{all}");
    let hidden = |one: &&Value| one["show"] == "hide" && one["on_the_way"] == false;
    let count = devices.iter().filter(hidden).count();
    let told = all
        .lines()
        .iter()
        .filter(|line| line.contains("  hidden  "))
        .count();
    assert_eq!(told, count);
    assert_eq!(shown.lines().len() - 1, devices.len() - count);
    let nothing = "version: 1\npolicies: { none: { base: [] } }\n";
    fs::write(machine.root().join("none.yaml"), nothing).expect("rules");
    devns(&machine, &["tree", "--policy", "none.yaml"]).exits(1);
}

#[test]
fn a_difference_is_told_per_policy() {
    let machine = machine();
    let differs = devns(&machine, &["diff", "lab.yaml", "new.yaml"]).exits(1);
    same("diff.txt", &differs.stdout);
    devns(&machine, &["diff", "lab.yaml", "lab.yaml"]).ok();
    devns(&machine, &["diff", "lab.yaml", "nothing.yaml"]).exits(2);
    devns(
        &machine,
        &["diff", "lab.yaml", "new.yaml", "--use", "guests"],
    )
    .exits(2)
    .says("there is no policy `guests`");
    let json = devns(&machine, &["diff", "lab.yaml", "new.yaml", "--json"])
        .exits(1)
        .json();
    let policies = json.as_array().expect("policies");
    let changes = policies[0]["changes"].as_array().expect("changes");
    let names = changes
        .iter()
        .map(|change| change["name"].as_str().expect("a name"));
    for name in names {
        assert!(differs.stdout.contains(name), "{name}");
    }
    assert_eq!(differs.lines().len(), changes.len() + policies.len());
    assert_eq!(policies[1]["only_in"], "new.yaml");
}

#[test]
fn each_command_says_how_it_is_used() {
    for command in ["explain", "tree", "diff", "simulate"] {
        let help = run(Command::new(binaries::devns()).args([command, "--help"])).ok();
        for words in [
            "Examples:",
            "Exit status",
            "--json",
            &format!("devns {command}"),
        ] {
            assert!(help.stdout.contains(words), "{words}: {help}");
        }
        assert!(
            help.lines().iter().all(|line| line.chars().count() <= 100),
            "{help}"
        );
    }
}

/// The example of the manual is what the command says.
#[test]
fn the_manuals_answer_is_the_real_one() {
    let machine = Recorded::write(
        "P: /devices/virtual/block/loop4\nK: SUBSYSTEM=block\nK: MAJOR=7\nK: MINOR=4\nK: DEVNAME=loop4\nK: DEVTYPE=disk\n",
    );
    let rules = "version: 1\npolicies:\n  loops:\n    rules:\n      \
                 - match: { subsystem: block, devname: \"loop[35]\" }\n        show: rw\n";
    fs::write(machine.root().join("rules.yaml"), rules).expect("rules");
    let answer = explain(&machine, "rules.yaml", &["/dev/loop4"]).exits(1);
    let manual = fs::read_to_string(binaries::repository("docs/rules.md")).expect("the manual");
    let (_, example) = manual
        .split_once("# devns explain --policy rules.yaml /dev/loop4\n")
        .expect("the example");
    let (example, _) = example.split_once("```").expect("its end");
    assert_eq!(example, answer.stdout);
}
