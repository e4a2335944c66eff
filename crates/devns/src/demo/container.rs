//! The container of the demo.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use cli::Failure;

use super::{SILENCE, unseen};

/// How long something may take to arrive.
const PATIENCE: Duration = Duration::from_secs(5);

/// `devns run` with our other half inside.
pub struct Container {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    early: VecDeque<String>,
}

impl Container {
    pub fn start(rules: &std::path::Path) -> Result<Container, Failure> {
        let devns = std::env::current_exe()?;
        let mut child = Command::new(&devns)
            .args(["run", "--name", "demo", "--policy"])
            .arg(rules)
            .arg("--")
            .arg(&devns)
            .args(["demo", "--inside"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // that the host's root is no boundary is not what this is about
            .stderr(Stdio::null())
            .spawn()?;
        let (tx, lines) = channel();
        let stdout = child.stdout.take();
        std::thread::spawn(move || {
            for line in stdout
                .into_iter()
                .flat_map(|out| BufReader::new(out).lines())
                .map_while(Result::ok)
            {
                let _ = tx.send(line);
            }
        });
        let stdin = child.stdin.take();
        let mut container = Container {
            child,
            stdin,
            lines,
            early: VecDeque::new(),
        };
        container.wait_for(|line| line == "ready", "the container start")?;
        Ok(container)
    }

    pub fn say(&mut self, text: &str) -> Result<(), Failure> {
        if let Some(stdin) = &mut self.stdin {
            writeln!(stdin, "{text}")?;
        }
        Ok(())
    }

    pub fn look(&mut self) -> Result<String, Failure> {
        self.say("look")?;
        self.wait_for(
            |line| line.contains(" in /sys/class/block"),
            "what the container lists",
        )
    }

    /// The container's own line of an event, which says that the node is there and opens.
    pub fn event(&mut self, action: &str, name: &str) -> Result<String, Failure> {
        let (begins, ends) = (format!("{action} "), format!("/{name}"));
        let is = |line: &str| line.starts_with(&begins) && line.contains(&ends);
        let line = self.wait_for(is, &format!("{action} of {name} in the container"))?;
        if line.contains('!') {
            return Err(unseen(&format!("the node of {name} open: {line}")));
        }
        Ok(line)
    }

    pub fn silence(&mut self) -> Result<(), Failure> {
        if let Some(line) = self.early.pop_front() {
            return Err(unseen(&format!("silence in the container, but: {line}")));
        }
        match self.lines.recv_timeout(SILENCE) {
            Err(RecvTimeoutError::Timeout) => Ok(()),
            Ok(line) => Err(unseen(&format!("silence in the container, but: {line}"))),
            Err(RecvTimeoutError::Disconnected) => Err(unseen("the container to its end")),
        }
    }

    fn wait_for(&mut self, is: impl Fn(&str) -> bool, what: &str) -> Result<String, Failure> {
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) if is(&line) => return Ok(line),
                Ok(line) => self.early.push_back(line),
                Err(_) => return Err(unseen(what)),
            }
        }
    }

    pub fn finish(mut self) -> Result<(), Failure> {
        self.stdin = None;
        match self.child.wait()? {
            status if status.success() => Ok(()),
            status => Err(unseen(&format!("the container end well: {status}"))),
        }
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        // the end of its input is the end of it
        self.stdin = None;
        let _ = self.child.wait();
    }
}
