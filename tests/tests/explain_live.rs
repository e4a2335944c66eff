//! The tools that say why, on this host: of a container that runs, and of events that were recorded as they came.
//!
//! Loop devices 860 to 864 are this file's.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use tests::{Container, Loop, Running, binaries, run, unique};

#[test]
fn a_container_is_explained_by_the_rules_that_it_was_given() {
    let (shown, hidden) = (Loop::add(860), Loop::add(861));
    let name = unique("why");
    let container = Container::new().name(&name).shows(&[&shown.name()]);
    let mut running = container.start(&["sh", "-c", "echo ready; read end"]);
    running.expect("ready");
    let explain = |target: &str| {
        let mut command = Command::new(binaries::devns());
        run(command.args(["explain", "--json", "--container", &name, target]))
    };
    let one = explain(&shown.name()).ok().json();
    assert_eq!(one["targets"][0]["rule"]["name"], "ours", "{one:#}");
    let two = explain(&format!("/sys/class/block/{}", hidden.name()))
        .exits(1)
        .json();
    assert_eq!(two["targets"][0]["device"]["show"], "hide", "{two:#}");
    // its own loopback interface, not the host's
    let lo = explain("/sys/class/net/lo").ok().json();
    let why = &lo["targets"][0]["device"]["reason"];
    assert_eq!(why, "it belongs to the container's own network namespace");
    let text =
        run(Command::new(binaries::devns()).args(["explain", "--container", &name, &shown.name()]));
    // the file is the test's own, and its text is what the container was given
    assert!(text.stdout.contains("name: ours"), "{text}");
    drop(running);
    explain(&shown.name())
        .exits(2)
        .says("runs; the directories of /run/devns");
}

#[test]
fn what_was_recorded_plays_again() {
    let mut command = Command::new(binaries::devns());
    let command = command.args(["monitor", "--json", "--udev"]);
    let mut monitor = Running::start(command.stdin(Stdio::null()));
    // it says nothing before the first event: make some until it hears one
    let heard = (0..50).any(|_| {
        fs::write("/sys/class/mem/null/uevent", "change").expect("an event");
        let is_one = |line: &str| line.contains("/devices/virtual/mem/null");
        monitor.line(Duration::from_millis(200), is_one).is_some()
    });
    assert!(heard, "{}", monitor.so_far());
    let disk = Loop::add(862);
    let devpath = disk.devpath();
    let is = |action: &str, line: &str| {
        line.contains(&format!("\"ACTION\":\"{action}\"")) && line.contains(&devpath)
    };
    let mut lines = Vec::new();
    lines.extend(monitor.line(Duration::from_secs(5), |line| is("add", line)));
    disk.remove();
    lines.extend(monitor.line(Duration::from_secs(5), |line| is("remove", line)));
    assert_eq!(lines.len(), 2, "{}", monitor.so_far());
    let trace = tempfile::NamedTempFile::new().expect("a file");
    fs::write(trace.path(), lines.join("\n")).expect("a trace");
    let rules = tempfile::NamedTempFile::with_suffix(".yaml").expect("a file");
    fs::write(rules.path(), tests::container::show_block(&["loop862"])).expect("rules");
    let mut command = Command::new(binaries::devns());
    command
        .args(["simulate", "--told", "--policy"])
        .args([rules.path(), trace.path()]);
    let played = run(&mut command).ok();
    assert!(
        played
            .stdout
            .contains("2 messages: 2 told, 0 made up, 0 withheld"),
        "{played}"
    );
}
