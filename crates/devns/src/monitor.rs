//! `devns monitor`: uevents as they arrive.

use std::io::Write;
use std::os::fd::AsFd;

use cli::Failure;
use host::Monitor;
use host::monitor::Message;
use kobject::Uevent;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::args::MonitorArgs;

/// Print events until nobody reads them.
pub fn run(args: &MonitorArgs) -> Result<(), Failure> {
    let monitor = Monitor::open(None, false, 1 << 20)?;
    if !args.json {
        say("listening to the kernel's uevents of this network namespace\n")?;
    }
    loop {
        let mut fds = [PollFd::new(monitor.as_fd(), PollFlags::POLLIN)];
        let _ = poll(&mut fds, PollTimeout::NONE);
        while let Some(message) = monitor.receive()? {
            match message {
                Message::Kernel(event) => say(&line(&event, args))?,
                Message::Overrun => {
                    log::warn!("events were lost: they came faster than they were read")
                }
                Message::Udev(_) | Message::Noise => {}
            }
        }
    }
}

fn say(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

fn line(event: &Uevent, args: &MonitorArgs) -> String {
    let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
    if args.json {
        let vars: serde_json::Map<_, _> = event
            .vars
            .iter()
            .map(|(k, v)| (text(k), text(v).into()))
            .collect();
        return format!("{}\n", serde_json::Value::Object(vars));
    }
    let subsystem = text(event.subsystem().unwrap_or_default());
    let mut out = format!(
        "{:8} {} ({subsystem})\n",
        event.action.to_string(),
        event.devpath
    );
    if args.property {
        for (key, value) in event.vars.iter() {
            out += &format!("{}={}\n", text(key), text(value));
        }
        out.push('\n');
    }
    out
}
