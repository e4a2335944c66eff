//! What a listener inside a container says it heard.

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::{Container, Running, inside};

/// A container, or the host, in which [`inside::LISTEN`] runs.
pub struct Heard {
    /// The program.
    pub running: Running,
    /// Every event so far.
    pub all: Vec<Value>,
    /// How many of them were waited for.
    seen: usize,
}

impl Heard {
    /// Start the listener in `container`, and wait until it listens.
    ///
    /// # Panics
    /// When it cannot listen.
    #[track_caller]
    pub fn start(container: &Container) -> Heard {
        let mut running = container.start(&["python3", "-c", inside::LISTEN]);
        running.expect("ready");
        Heard {
            running,
            all: Vec::new(),
            seen: 0,
        }
    }

    /// Start the same listener on the host.
    ///
    /// # Panics
    /// When it cannot listen.
    #[track_caller]
    pub fn on_host() -> Heard {
        let mut command = Command::new(inside::PYTHON);
        command
            .args(["-c", inside::LISTEN])
            .stdin(std::process::Stdio::piped());
        let mut running = Running::start(&mut command);
        running.expect("ready");
        Heard {
            running,
            all: Vec::new(),
            seen: 0,
        }
    }

    /// Write `texts`, one after the other, to the file at `path`, opened once: for each the count
    /// that write(2) gave, or the name of its errno. What is heard meanwhile is kept in `all`.
    ///
    /// # Panics
    /// When there is no answer.
    #[track_caller]
    pub fn write(&mut self, path: &str, texts: &[&[u8]]) -> Vec<Value> {
        let texts: Vec<String> = texts
            .iter()
            .map(|t| t.iter().map(|b| *b as char).collect())
            .collect();
        self.running
            .say(&json!({ "write": path, "texts": texts }).to_string());
        loop {
            match self.next(Duration::from_secs(10)) {
                Some(answer) if answer.get("wrote").is_some() => {
                    self.all.pop();
                    return answer["wrote"].as_array().cloned().unwrap_or_default();
                }
                Some(_) => {}
                None => panic!("no answer to a write\n{}", self.running.so_far()),
            }
        }
    }

    /// What was heard of `devpath` so far and what arrives until `count` events of it are there.
    pub fn gather(&mut self, devpath: &str, count: usize) -> Vec<Value> {
        loop {
            let end = format!("@{devpath}");
            let of = |e: &&Value| e["head"].as_str().is_some_and(|h| h.ends_with(&end));
            let found: Vec<Value> = self.all.iter().filter(of).cloned().collect();
            if found.len() >= count || self.next(Duration::from_millis(500)).is_none() {
                return found;
            }
        }
    }

    /// Wait for the event that starts with `head`, such as `add@/devices/...`.
    ///
    /// # Panics
    /// When it does not arrive.
    #[track_caller]
    pub fn expect(&mut self, head: &str) -> Value {
        loop {
            while let Some(event) = self.all.get(self.seen) {
                self.seen += 1;
                if event["head"] == head {
                    return event.clone();
                }
            }
            if self.next(Duration::from_secs(5)).is_none() {
                panic!("no {head}\n{}", self.running.so_far());
            }
        }
    }

    /// The next event, whatever it is.
    pub fn next(&mut self, limit: Duration) -> Option<Value> {
        let line = self.running.line(limit, |l| l.starts_with('{'))?;
        let event: Value = serde_json::from_str(&line).unwrap_or(Value::Null);
        self.all.push(event.clone());
        Some(event)
    }

    /// The first lines of all events that came so far, in order.
    pub fn heads(&self) -> Vec<&str> {
        self.all.iter().filter_map(|e| e["head"].as_str()).collect()
    }
}

/// The value of a variable of an event.
pub fn var<'a>(event: &'a Value, key: &str) -> Option<&'a str> {
    let pairs = event["vars"].as_array()?;
    pairs.iter().find(|p| p[0] == key)?[1].as_str()
}

/// The variables of an event as `KEY=VALUE`, in order, without the kernel's counter.
pub fn vars(event: &Value) -> Vec<String> {
    let pairs = event["vars"].as_array().into_iter().flatten();
    let text = |v: &Value| v.as_str().unwrap_or_default().to_string();
    let all = pairs.map(|p| format!("{}={}", text(&p[0]), text(&p[1])));
    all.filter(|line| !line.starts_with("SEQNUM=")).collect()
}
