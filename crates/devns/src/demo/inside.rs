//! The demo's half in the container: says what it hears and sees, does what it is told.

use std::io::{BufRead, Write};
use std::os::fd::AsFd;

use cli::Failure;
use host::Monitor;
use host::monitor::Message;
use kobject::{Action, Uevent};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// Until the end of the input.
pub fn run() -> Result<(), Failure> {
    let monitor = Monitor::open(None, false, 1 << 20)?;
    let mut input = std::io::stdin().lock();
    say("ready")?;
    loop {
        let stdin = std::io::stdin();
        let mut fds = [
            PollFd::new(monitor.as_fd(), PollFlags::POLLIN),
            PollFd::new(stdin.as_fd(), PollFlags::POLLIN),
        ];
        let _ = poll(&mut fds, PollTimeout::NONE);
        let has_input = fds[1].any() == Some(true);
        while let Some(message) = monitor.receive()? {
            if let Message::Kernel(event) = message {
                say(&describe(&event))?;
            }
        }
        if has_input {
            let mut line = String::new();
            if input.read_line(&mut line)? == 0 {
                return Ok(());
            }
            obey(line.trim())?;
        }
    }
}

fn obey(line: &str) -> Result<(), Failure> {
    match line.split_once(' ') {
        Some(("write", name)) => {
            let path = format!("/sys/class/block/{name}/uevent");
            Ok(std::fs::write(path, "change")?)
        }
        _ => say(&super::disks(&names("/sys/class/block")?)),
    }
}

/// `ACTION DEVPATH`, and what became of the node; `!` marks what should not be.
fn describe(event: &Uevent) -> String {
    let mut text = format!("{} {}", event.action, event.devpath);
    let Some(name) = event.get(b"DEVNAME") else {
        return text;
    };
    let node = format!("/dev/{}", String::from_utf8_lossy(name));
    match (event.action, std::fs::File::open(&node)) {
        (Action::Add, Ok(_)) => text += &format!("; {node} opens"),
        (Action::Add, Err(e)) => text += &format!("; {node} does not open! {e}"),
        (Action::Remove, Ok(_)) => text += &format!("; {node} still opens!"),
        (Action::Remove, Err(_)) => text += &format!("; {node} is gone"),
        _ => {}
    }
    text
}

/// The names in a directory, sorted.
pub fn names(dir: &str) -> Result<Vec<String>, Failure> {
    let mut names: Vec<String> = std::fs::read_dir(dir)?
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        .collect();
    names.sort();
    Ok(names)
}

fn say(line: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}
