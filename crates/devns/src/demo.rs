//! `devns demo`: host and container side by side, for three seconds.

mod container;
mod disk;
mod inside;
mod screen;

use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use cli::failure::need_root_and_fuse;
use cli::{Failure, Status};
use container::Container;
use disk::Disk;
use host::Monitor;
use host::monitor::Message;
use kobject::Action;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use screen::Screen;

use crate::args::DemoArgs;

/// How long nothing must arrive to count as silence.
const SILENCE: Duration = Duration::from_millis(300);

/// Show it; an error unless everything was seen.
pub fn run(args: DemoArgs) -> Result<(), Failure> {
    if args.inside {
        return inside::run();
    }
    need_root_and_fuse("devns demo")?;
    let screen = Screen::new();
    let shown = Disk::new()?;
    let hidden = Disk::new()?;
    let rules = Rules::write(&shown.name)?;
    screen.title(&rules.text);

    let mut container = Container::start(&rules.path)?;
    let mut host = HostEars::open()?;
    screen.line(
        &disks(&inside::names("/sys/class/block")?),
        &container.look()?,
    );

    shown.plug()?;
    let event = container.event("add", &shown.name)?;
    screen.line(&format!("plug in {}", shown.name), &event);
    hidden.plug()?;
    container.silence()?;
    screen.line(
        &format!("plug in {}", hidden.name),
        "(nothing: its policy hides it)",
    );
    let inside = container.look()?;
    if inside != disks(std::slice::from_ref(&shown.name)) {
        return Err(unseen(&format!(
            "only {} in the container, but: {inside}",
            shown.name
        )));
    }
    screen.line(&disks(&inside::names("/sys/class/block")?), &inside);

    host.drain();
    container.say(&format!("write {}", shown.name))?;
    let event = container.event("change", &shown.name)?;
    screen.line(
        "",
        &format!("echo change > /sys/class/block/{}/uevent", shown.name),
    );
    if host.hears(Action::Change, &shown.name)? {
        return Err(unseen(
            "that the host stays silent when the container writes to a uevent file",
        ));
    }
    screen.line("(nothing: it stays inside)", &event);

    shown.pull()?;
    let event = container.event("remove", &shown.name)?;
    screen.line(&format!("pull out {}", shown.name), &event);
    hidden.pull()?;
    container.silence()?;
    screen.line(&format!("pull out {}", hidden.name), "(nothing)");
    container.finish()?;
    screen.end();
    Ok(())
}

fn unseen(what: &str) -> Failure {
    Failure::new(Status::Other, format!("the demo did not see {what}"))
        .mend("`devns doctor` says what this host lacks")
}

/// The demo's rule file.
struct Rules {
    path: PathBuf,
    text: String,
}

impl Rules {
    fn write(shown: &str) -> Result<Rules, Failure> {
        let text = format!(
            "version: 1\npolicies:\n  demo:\n    rules:\n      - match: {{ subsystem: block, devname: {shown} }}\n        show: rw\n"
        );
        let path = PathBuf::from(format!("/run/devns-demo-{}.yaml", std::process::id()));
        std::fs::write(&path, &text)?;
        Ok(Rules { path, text })
    }
}

impl Drop for Rules {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// What the host hears.
struct HostEars(Monitor);

impl HostEars {
    fn open() -> Result<HostEars, Failure> {
        Ok(HostEars(Monitor::open(None, false, 1 << 20)?))
    }

    fn drain(&mut self) {
        while let Ok(Some(_)) = self.0.receive() {}
    }

    fn hears(&mut self, action: Action, name: &str) -> Result<bool, Failure> {
        let until = Instant::now() + SILENCE;
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            let mut fds = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
            let _ = poll(
                &mut fds,
                PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO),
            );
            while let Some(message) = self.0.receive()? {
                if let Message::Kernel(event) = message
                    && event.action == action
                    && event.devpath.name() == name.as_bytes()
                {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}

/// A listing that fits half a screen.
fn disks(names: &[String]) -> String {
    let count = names.len();
    let some = match count {
        0 => String::new(),
        1..=3 => format!(": {}", names.join(" ")),
        _ => format!(": {} ...", names[..2].join(" ")),
    };
    format!("{count} in /sys/class/block{some}")
}
