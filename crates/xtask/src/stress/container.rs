//! A container whose processes read and report.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use super::storm::THIRD;
use crate::say::output;

/// What changes, then what reads and answers.
const READER: &str = concat!(include_str!("changer.py"), "\n", include_str!("reader.py"));
const NATIVE: &str = include_str!("native.py");

/// A container, and who is in it.
pub struct Who {
    /// Its policy.
    pub name: &'static str,
    /// Options of `devns run`.
    pub options: &'static [&'static str],
    /// A regular expression of the names that must never show.
    pub hidden: &'static str,
    /// So many processes read.
    pub processes: u32,
    /// So many processes change /dev.
    pub changers: u32,
    /// The first of its loop devices.
    pub first: u32,
    /// A loop device that it must not have.
    pub other: u32,
}

/// A running container.
pub struct Reader {
    /// The policy it has, which is its name too.
    pub name: &'static str,
    /// A regular expression of the names that must never show.
    hidden: String,
    devns: Child,
    ask: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    told: Arc<Told>,
}

/// What the server says in its log.
#[derive(Default)]
struct Told {
    /// How often a device of this name was gone before the server had looked at it.
    gone: Mutex<BTreeMap<String, u64>>,
    /// How often events did not get as far as the server.
    overruns: AtomicUsize,
    // of a mount, now and then
    nodes: Peak,
    backings: Peak,
    given_up: AtomicUsize,
}

/// The most since the last look, which is what was said last where nothing was said since.
#[derive(Default)]
struct Peak {
    last: AtomicUsize,
    most: AtomicUsize,
}

impl Peak {
    fn put(&self, number: usize) {
        self.last.store(number, Ordering::Relaxed);
        self.most.fetch_max(number, Ordering::Relaxed);
    }

    fn take(&self) -> usize {
        let last = self.last.load(Ordering::Relaxed);
        self.most.swap(last, Ordering::Relaxed)
    }
}

/// What devns holds.
#[derive(Clone, Debug)]
pub struct Held {
    /// What its open descriptors are of, sorted.
    pub fds: Vec<String>,
    /// Resident memory, in KiB.
    pub rss: u64,
    /// The most nodes of a mount since the last look.
    pub nodes: usize,
    /// The most files that the kernel had open to read from by itself since the last look.
    pub backings: usize,
    /// Nodes that were given up so far because their path had gone in silence.
    pub given_up: usize,
}

impl Reader {
    /// Start one under its policy of `rules`.
    pub fn start(bin: &Path, rules: &Path, who: &Who) -> Result<Reader> {
        let (name, hidden) = (who.name, who.hidden);
        let mut command = Command::new(bin.join("devns"));
        command
            .arg("run")
            .args(who.options)
            .args(["--use", name, "--name", name, "--policy"])
            .arg(rules);
        command.args(["--", "/usr/bin/python3", "-c", READER, hidden]);
        let numbers = [who.processes, who.changers, who.first, THIRD, who.other];
        command.args(numbers.map(|n| n.to_string()));
        command.env(
            "RUST_LOG",
            "warn,fuser=error,viewfs::core::sweep=debug,engine::hotplug=debug",
        );
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut devns = command
            .stderr(Stdio::piped())
            .spawn()
            .context("devns run")?;
        let all = Arc::<Told>::default();
        let (log, told) = (devns.stderr.take().context("a pipe")?, all.clone());
        std::thread::spawn(move || follow(BufReader::new(log), &told));
        let answers = BufReader::new(devns.stdout.take().context("a pipe")?);
        Ok(Reader {
            name,
            hidden: hidden.to_string(),
            told: all,
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
        Ok(Held {
            fds: self.descriptors()?,
            rss: rss.context("no VmRSS")?,
            nodes: self.told.nodes.take(),
            backings: self.told.backings.take(),
            given_up: self.told.given_up.load(Ordering::Relaxed),
        })
    }

    /// How often the block device `name` was gone before the server had looked at it.
    pub fn gone(&self, name: &str) -> u64 {
        let gone = self
            .told
            .gone
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        gone.get(name).copied().unwrap_or(0)
    }

    /// How often events were lost on their way to the server.
    pub fn overruns(&self) -> usize {
        self.told.overruns.load(Ordering::Relaxed)
    }

    /// What the descriptors are of that devns has open, sorted.
    pub fn descriptors(&self) -> Result<Vec<String>> {
        let mut links = Vec::new();
        for entry in fs::read_dir(self.proc().join("fd"))? {
            // closed meanwhile
            if let Ok(link) = fs::read_link(entry?.path()) {
                links.push(link.to_string_lossy().into_owned());
            }
        }
        links.sort();
        Ok(links)
    }

    /// What a sysfs of its network namespace has, as `native.py` says.
    pub fn native(&self) -> Result<Value> {
        let pid = self.first_process()?.to_string();
        let enter = ["-t", &pid, "-n", "unshare", "--mount"];
        let list = ["/usr/bin/python3", "-c", NATIVE, &self.hidden];
        let text = output(Command::new("nsenter").args(enter).args(list))?;
        serde_json::from_str(&text).context("a native listing")
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

/// Read the server's log: what it says of its nodes and of devices, and all else for the reader of ours.
fn follow(log: impl BufRead, told: &Told) {
    for line in log.lines().map_while(Result::ok) {
        if let Some((_, devpath)) = line.split_once("debug: gone before it was looked at: ") {
            let name = devpath.rsplit('/').next().unwrap_or_default();
            let mut gone = told.gone.lock().unwrap_or_else(PoisonError::into_inner);
            *gone.entry(name.to_string()).or_default() += 1;
            continue;
        }
        if line.contains("uevents were lost") {
            told.overruns.fetch_add(1, Ordering::Relaxed);
        }
        let Some((_, said)) = line.split_once("debug: nodes: ") else {
            eprintln!("{line}");
            continue;
        };
        let mut numbers = said.split(", ").map(|part| {
            let number = part.rsplit(' ').next().unwrap_or_default();
            number.parse().unwrap_or_default()
        });
        for peak in [&told.nodes, &told.backings] {
            peak.put(numbers.next().unwrap_or_default());
        }
        let given_up = numbers.next().unwrap_or_default();
        told.given_up.fetch_add(given_up, Ordering::Relaxed);
    }
}
