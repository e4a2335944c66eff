//! A program that runs, its output line by line.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::Output;
use crate::processes::children;

/// How long it may take to end once it is asked to.
const PATIENCE: Duration = Duration::from_secs(10);

enum Line {
    Out(String),
    Err(String),
}

/// A running program; dropping it ends it.
pub struct Running {
    what: String,
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<Line>,
    stdout: Vec<String>,
    stderr: Vec<String>,
    /// Lines of each that somebody has waited for already.
    read: (usize, usize),
    ended: Option<ExitStatus>,
    /// A file that has to be there while it runs.
    needed: Option<Arc<tempfile::NamedTempFile>>,
}

impl Running {
    /// Start `command`; its stdin is a pipe unless it says otherwise.
    ///
    /// # Panics
    /// When it cannot be started.
    #[track_caller]
    pub fn start(command: &mut Command) -> Running {
        let what = format!("{command:?}");
        let child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = child.unwrap_or_else(|e| panic!("cannot start {what}: {e}"));
        let (tx, lines) = channel();
        if let Some(out) = child.stdout.take() {
            follow(out, tx.clone(), Line::Out);
        }
        if let Some(err) = child.stderr.take() {
            follow(err, tx, Line::Err);
        }
        Running {
            what,
            stdin: child.stdin.take(),
            child,
            lines,
            stdout: Vec::new(),
            stderr: Vec::new(),
            read: (0, 0),
            ended: None,
            needed: None,
        }
    }

    /// Keep `file` as long as it runs.
    pub fn needs(&mut self, file: Option<Arc<tempfile::NamedTempFile>>) {
        self.needed = file;
    }

    /// Its process id.
    pub fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    /// The host's pid of the first process of the container that this devns runs.
    ///
    /// # Panics
    /// When there is none within some seconds.
    #[track_caller]
    pub fn first_process(&self) -> i32 {
        let mut found = None;
        crate::eventually("a first process", PATIENCE, || {
            found = children(self.pid()).into_iter().find(|pid| {
                let status = std::fs::read_to_string(format!("/proc/{pid}/status"));
                let line = |s: &str| {
                    s.lines()
                        .any(|l| l.starts_with("NSpid:") && l.ends_with("\t1"))
                };
                status.is_ok_and(|s| line(&s))
            });
            found.is_some()
        });
        found.unwrap_or_default()
    }

    /// Write a line to its stdin.
    ///
    /// # Panics
    /// When it does not take it.
    #[track_caller]
    pub fn say(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("a stdin that is open");
        let done = stdin
            .write_all(format!("{line}\n").as_bytes())
            .and_then(|()| stdin.flush());
        if let Err(e) = done {
            panic!("cannot write {line:?}: {e}\n{}", self.so_far());
        }
    }

    /// Close its stdin.
    pub fn hang_up(&mut self) {
        self.stdin = None;
    }

    /// The next line of its stdout for which `wanted` holds; those before it are passed over.
    /// None after `limit`, or at its end.
    pub fn line(&mut self, limit: Duration, wanted: impl Fn(&str) -> bool) -> Option<String> {
        let until = Instant::now() + limit;
        loop {
            while let Some(line) = self.stdout.get(self.read.0) {
                self.read.0 += 1;
                if wanted(line) {
                    return Some(line.clone());
                }
            }
            if !self.pump(until) {
                return None;
            }
        }
    }

    /// The next line of its stdout that has `text`.
    ///
    /// # Panics
    /// When there is none within ten seconds.
    #[track_caller]
    pub fn expect(&mut self, text: &str) -> String {
        match self.line(PATIENCE, |l| l.contains(text)) {
            Some(line) => line,
            None => panic!("stdout lacks {text:?}\n{}", self.so_far()),
        }
    }

    /// The next line of its stderr that has `text`.
    ///
    /// # Panics
    /// When there is none within ten seconds.
    #[track_caller]
    pub fn expect_error(&mut self, text: &str) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            while let Some(line) = self.stderr.get(self.read.1) {
                self.read.1 += 1;
                if line.contains(text) {
                    return line.clone();
                }
            }
            if !self.pump(until) {
                panic!("stderr lacks {text:?}\n{}", self.so_far());
            }
        }
    }

    /// All lines of stdout that come within `limit` and were not waited for yet.
    pub fn rest(&mut self, limit: Duration) -> Vec<String> {
        let until = Instant::now() + limit;
        while self.pump(until) {}
        let rest = self.stdout[self.read.0..].to_vec();
        self.read.0 = self.stdout.len();
        rest
    }

    /// Send it a signal.
    pub fn signal(&self, signal: Signal) {
        if self.ended.is_none() {
            let _ = kill(Pid::from_raw(self.pid()), signal);
        }
    }

    /// Whether it runs still.
    pub fn is_alive(&mut self) -> bool {
        self.poll().is_none()
    }

    /// Wait for its end, with stdin closed.
    ///
    /// # Panics
    /// When it does not end within `limit`.
    #[track_caller]
    pub fn wait(mut self, limit: Duration) -> Output {
        self.hang_up();
        let until = Instant::now() + limit;
        while self.poll().is_none() {
            if Instant::now() > until {
                let so_far = self.so_far();
                drop(self);
                panic!("it did not end within {limit:?}\n{so_far}");
            }
            self.pump(Instant::now() + Duration::from_millis(5));
        }
        // somebody that it left behind may hold the pipe open
        let until = Instant::now() + Duration::from_secs(2);
        while self.pump(until) {}
        let all = |lines: &[String]| lines.iter().map(|l| format!("{l}\n")).collect::<String>();
        Output {
            what: self.what.clone(),
            status: self.ended.unwrap_or_default(),
            stdout: all(&self.stdout),
            stderr: all(&self.stderr),
        }
    }

    /// End it: SIGTERM, then SIGKILL.
    pub fn end(&mut self) -> Option<ExitStatus> {
        self.hang_up();
        for (signal, patience) in [(Signal::SIGTERM, PATIENCE), (Signal::SIGKILL, PATIENCE)] {
            self.signal(signal);
            let until = Instant::now() + patience;
            while Instant::now() < until {
                if let Some(status) = self.poll() {
                    return Some(status);
                }
                // or it might wait for somebody to read
                self.pump(Instant::now() + Duration::from_millis(5));
            }
        }
        None
    }

    /// What it wrote so far.
    pub fn so_far(&self) -> String {
        let (out, err) = (self.stdout.join("\n"), self.stderr.join("\n"));
        let what: String = self.what.chars().take(300).collect();
        format!("{what}\n--- stdout\n{out}\n--- stderr\n{err}\n---")
    }

    fn poll(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().ok().flatten();
        }
        self.ended
    }

    /// Take up one line; false when none comes until then.
    fn pump(&mut self, until: Instant) -> bool {
        match self
            .lines
            .recv_timeout(until.saturating_duration_since(Instant::now()))
        {
            Ok(Line::Out(line)) => self.stdout.push(line),
            Ok(Line::Err(line)) => self.stderr.push(line),
            Err(RecvTimeoutError::Timeout) => return false,
            Err(RecvTimeoutError::Disconnected) => {
                // nothing more comes, but who waits for its end should not spin
                if self.poll().is_none() {
                    std::thread::sleep(Duration::from_millis(5));
                }
                return false;
            }
        }
        true
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.poll().is_none() {
            self.end();
        }
    }
}

fn follow(pipe: impl Read + Send + 'static, to: Sender<Line>, kind: fn(String) -> Line) {
    std::thread::spawn(move || {
        let mut pipe = BufReader::new(pipe);
        let mut line = Vec::new();
        while matches!(pipe.read_until(b'\n', &mut line), Ok(n) if n > 0) {
            if line.last() == Some(&b'\n') {
                line.pop();
            }
            if to
                .send(kind(String::from_utf8_lossy(&line).into_owned()))
                .is_err()
            {
                return;
            }
            line.clear();
        }
    });
}
