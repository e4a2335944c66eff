//! What `udevadm monitor --property` prints (`print_device` in systemd's `src/udev/udevadm-monitor.c`): `KERNEL[12.775281] add DEVPATH
//! (SUBSYSTEM)`, then a line for each variable, then an empty one.

use std::time::Duration;

use super::{Message, Problem, Recorded, TraceError, json::message};
use crate::{
    Properties,
    properties::{CORE, split_variable},
};

pub(super) fn parse(text: &[u8]) -> Result<Vec<Recorded>, TraceError> {
    let mut all = Vec::new();
    let mut event: Option<Event> = None;
    for (number, line) in (1..).zip(text.split(|byte| *byte == b'\n')) {
        if let Some(head) = Head::parse(line) {
            let head = head.map_err(|why| TraceError { line: number, why })?;
            let next = Event {
                line: number,
                head,
                vars: Properties::new(),
                open: None,
                blank: 0,
            };
            all.extend(event.replace(next).map(Event::done).transpose()?);
            continue;
        }
        match &mut event {
            Some(event) => event.add(line),
            None if is_preamble(line) => {}
            None => {
                return Err(TraceError {
                    line: number,
                    why: Problem::NoTrace,
                });
            }
        }
    }
    all.extend(event.map(Event::done).transpose()?);
    Ok(all)
}

/// What udevadm says before the first event.
fn is_preamble(line: &[u8]) -> bool {
    let words: [&[u8]; 3] = [b"monitor will print", b"UDEV - ", b"KERNEL - "];
    line.trim_ascii().is_empty() || words.iter().any(|word| line.starts_with(word))
}

/// The first line of an event.
struct Head {
    of_kernel: bool,
    time: Duration,
    action: Vec<u8>,
    devpath: Vec<u8>,
}

impl Head {
    /// None: the line is another one.
    fn parse(line: &[u8]) -> Option<Result<Head, Problem>> {
        let (of_kernel, rest) = match line.strip_prefix(b"KERNEL[") {
            Some(rest) => (true, rest),
            None => (false, line.strip_prefix(b"UDEV  [")?),
        };
        let end = rest.windows(2).position(|two| two == b"] ")?;
        let number = std::str::from_utf8(&rest[..end]).ok()?;
        let is_number = number
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.');
        if !is_number {
            return None;
        }
        let time = number
            .parse()
            .ok()
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let Some(time) = time else {
            return Some(Err(Problem::Time));
        };
        let words = rest[end + 2..].trim_ascii();
        let space = words.iter().position(|byte| *byte == b' ')?;
        let devpath = words[space..].trim_ascii();
        // the subsystem stands behind in brackets; a devpath may hold both blanks and brackets
        let bracket = devpath.windows(2).rposition(|two| two == b" (");
        let devpath = bracket.map_or(devpath, |at| &devpath[..at]);
        Some(Ok(Head {
            of_kernel,
            time,
            action: words[..space].into(),
            devpath: devpath.into(),
        }))
    }
}

struct Event {
    line: u32,
    head: Head,
    vars: Properties,
    /// The variable that was said last: its value may go on.
    open: Option<(Vec<u8>, Vec<u8>)>,
    /// Empty lines since the last variable: at the end of an event they mean nothing.
    blank: usize,
}

impl Event {
    fn add(&mut self, line: &[u8]) {
        if line.is_empty() {
            self.blank += 1;
            return;
        }
        let blank = std::mem::take(&mut self.blank);
        let variable = split_variable(line);
        // what a value holds after a newline; of an empty line one newline ends the line before
        if let Some((_, value)) = &mut self.open {
            value.extend(std::iter::repeat_n(b'\n', blank));
            if variable.is_none() {
                value.push(b'\n');
                value.extend_from_slice(line);
            }
        }
        if let Some((key, value)) = variable {
            self.close();
            self.open = Some((key.to_vec(), value.to_vec()));
        }
    }

    fn close(&mut self) {
        if let Some((key, value)) = self.open.take() {
            self.vars.push(&key, &value);
        }
    }

    fn done(mut self) -> Result<Recorded, TraceError> {
        self.close();
        let Event {
            line, head, vars, ..
        } = self;
        let wrong = |why| TraceError { line, why };
        for (name, said) in [("ACTION", &head.action), ("DEVPATH", &head.devpath)] {
            let differs = vars
                .get(name.as_bytes())
                .is_some_and(|value| value != said.as_slice());
            if differs {
                return Err(wrong(Problem::Contradiction(name)));
            }
        }
        let vars = match head.of_kernel {
            true => as_the_kernel(vars),
            false => vars,
        };
        let message: Message = message(head.of_kernel, vars).map_err(wrong)?;
        Ok(Recorded {
            line,
            time: head.time,
            message,
        })
    }
}

/// udevadm prints what libudev makes of an event: the number last, and the node's name with /dev before it.
fn as_the_kernel(mut said: Properties) -> Properties {
    let name = said
        .get(b"DEVNAME")
        .and_then(|name| name.strip_prefix(b"/dev/"));
    if let Some(name) = name.map(<[u8]>::to_vec) {
        said.insert(b"DEVNAME", &name);
    }
    let numbers: Vec<(&[u8], Vec<u8>)> = [&b"MAJOR"[..], b"MINOR"]
        .into_iter()
        .filter_map(|key| Some((key, said.get(key)?.to_vec())))
        .collect();
    let mut vars = Properties::new();
    let mut numbers = Some(numbers);
    for (key, value) in said.iter() {
        if key == b"MAJOR" || key == b"MINOR" {
            continue;
        }
        let is_seqnum = key == b"SEQNUM";
        if CORE.contains(&key) || is_seqnum {
            for (key, value) in numbers.take().into_iter().flatten() {
                vars.push(key, &value);
            }
        }
        vars.push(key, value);
    }
    for (key, value) in numbers.into_iter().flatten() {
        vars.push(key, &value);
    }
    vars
}
