//! A container whose one process reads and reports.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

const READER: &str = include_str!("reader.py");

/// A running container.
pub struct Reader {
    /// The policy it has, which is its name too.
    pub name: &'static str,
    devns: Child,
    ask: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

/// What devns holds.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    /// Open descriptors.
    pub fds: usize,
    /// Resident memory, in KiB.
    pub rss: u64,
}

impl Reader {
    /// Start one under policy `name` of `rules`; no name that `hidden`, a regular expression, matches
    /// must ever show.
    pub fn start(bin: &Path, rules: &Path, name: &'static str, hidden: &str) -> Result<Reader> {
        let mut command = Command::new(bin.join("devns"));
        command
            .args(["run", "--userns", "--use", name, "--name", name, "--policy"])
            .arg(rules);
        command.args(["--", "/usr/bin/python3", "-c", READER, hidden]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut devns = command.spawn().context("devns run")?;
        let answers = BufReader::new(devns.stdout.take().context("a pipe")?);
        Ok(Reader {
            name,
            ask: devns.stdin.take(),
            answers,
            devns,
        })
    }

    /// Have it do `word` and report.
    pub fn ask(&mut self, word: &str) -> Result<Value> {
        let mut pipe = self.ask.as_ref().context("it has ended")?;
        writeln!(pipe, "{word}").with_context(|| format!("{} has ended", self.name))?;
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            bail!("{} has ended instead of answering {word:?}", self.name);
        }
        serde_json::from_str(&line).with_context(|| format!("{}: {line:?}", self.name))
    }

    /// What devns, the server, holds now.
    pub fn held(&self) -> Result<Held> {
        let proc = self.proc();
        let status = fs::read_to_string(proc.join("status"))?;
        let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let rss = rss.and_then(|r| r.trim().split(' ').next()?.parse().ok());
        let fds = fs::read_dir(proc.join("fd"))?.count();
        Ok(Held {
            fds,
            rss: rss.context("no VmRSS")?,
        })
    }

    /// The host's pid of its first process: the child of devns that is in another pid namespace.
    pub fn first_process(&self) -> Result<u32> {
        let ours = fs::read_link("/proc/self/ns/pid")?;
        for task in fs::read_dir(self.proc().join("task"))? {
            let children = fs::read_to_string(task?.path().join("children"))?;
            for pid in children.split_whitespace() {
                if fs::read_link(format!("/proc/{pid}/ns/pid")).is_ok_and(|theirs| theirs != ours) {
                    return pid.parse().context("a pid");
                }
            }
        }
        bail!("{} has no process in a namespace of its own", self.name)
    }

    fn proc(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}", self.devns.id()))
    }

    /// End it by ending its input; it must end well.
    pub fn end(mut self) -> Result<()> {
        self.ask = None;
        let status = self.devns.wait().context("devns run")?;
        match status.success() {
            true => Ok(()),
            false => bail!("{}: devns ended with {status}", self.name),
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if let Ok(None) = self.devns.try_wait() {
            let _ = kill(Pid::from_raw(self.devns.id() as i32), Signal::SIGTERM);
            let _ = self.devns.wait();
        }
    }
}
