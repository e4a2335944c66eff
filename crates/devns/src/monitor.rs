//! `devns monitor`: uevents as they arrive.

use std::os::fd::AsFd;
use std::time::{Duration, SystemTime};

use cli::Failure;
use host::Monitor;
use host::monitor;
use kobject::trace::{self, Message};
use kobject::{Action, Devpath, Escaped, Properties};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::args::MonitorArgs;
use crate::output;

/// Print events until nobody reads them.
pub fn run(args: &MonitorArgs) -> Result<(), Failure> {
    let monitor = Monitor::open(None, args.udev, 1 << 20)?;
    if !args.json {
        let what = match args.udev {
            true => "the kernel's uevents of this network namespace, and udev's",
            false => "the kernel's uevents of this network namespace",
        };
        output::write(&format!("listening to {what}\n"))?;
    }
    loop {
        let mut fds = [PollFd::new(monitor.as_fd(), PollFlags::POLLIN)];
        let _ = poll(&mut fds, PollTimeout::NONE);
        while let Some(heard) = monitor.receive()? {
            let message = match heard {
                monitor::Message::Kernel(event) => Message::Kernel(event),
                monitor::Message::Udev(message) => Message::Udev(message),
                monitor::Message::Overrun => {
                    log::warn!("events were lost: they came faster than they were read");
                    continue;
                }
                monitor::Message::Noise => continue,
            };
            if !output::write(&line(&message, args))? {
                return Ok(());
            }
        }
    }
}

fn line(message: &Message, args: &MonitorArgs) -> String {
    if args.json {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        return trace::line(message, now.unwrap_or(Duration::ZERO));
    }
    let (action, devpath, vars): (Action, &Devpath, &Properties) = match message {
        Message::Kernel(event) => (event.action, &event.devpath, &event.vars),
        Message::Udev(message) => (message.action, &message.devpath, &message.vars),
    };
    let source = match (args.udev, message) {
        (false, _) => "",
        (true, Message::Kernel(_)) => "kernel ",
        (true, Message::Udev(_)) => "udev   ",
    };
    // values are what devices say: none may end a line, or be obeyed by a terminal
    let subsystem = Escaped(vars.get(b"SUBSYSTEM").unwrap_or_default());
    let mut out = format!("{source}{:8} {devpath} ({subsystem})\n", action.to_string());
    if args.property {
        for (key, value) in vars.iter() {
            out += &format!("{}={}\n", Escaped(key), Escaped(value));
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use kobject::Uevent;

    use super::*;

    #[test]
    fn a_value_is_one_line_and_nothing_that_a_terminal_obeys() {
        let args = MonitorArgs {
            udev: false,
            property: true,
            json: false,
        };
        let event = Uevent::parse(
            b"add@/devices/x\0ACTION=add\0DEVPATH=/devices/x\0SUBSYSTEM=input\0NAME=\"a\n\nadd /devices/y (b)\x1b[2J\"\0",
        );
        let text = line(&Message::Kernel(event.unwrap()), &args);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "add      /devices/x (input)");
        assert_eq!(lines[4], "NAME=\"a\\x0a\\x0aadd /devices/y (b)\\x1b[2J\"");
        assert_eq!(lines.len(), 6);
    }
}
