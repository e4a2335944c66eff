//! Network interfaces that come, change their names, and go.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail};

/// How many pairs are plugged at a time.
const WINDOW: usize = 4;
/// Pairs after which we wait until `ip` has done all that it was told.
const AHEAD: u32 = 8;

/// Pairs of Ethernet interfaces in one network namespace. No name is ever used twice, so whatever is kept
/// by name grows.
pub struct Interfaces {
    ip: Child,
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    plugged: VecDeque<u32>,
    next: u32,
}

impl Interfaces {
    /// None yet, in the network namespace of process `pid`.
    pub fn start(pid: u32) -> Result<Interfaces> {
        let mut command = Command::new("nsenter");
        command.args([
            "-t",
            &pid.to_string(),
            "-n",
            "ip",
            "-oneline",
            "-batch",
            "-",
        ]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut ip = command.spawn().context("nsenter ip")?;
        Ok(Interfaces {
            commands: ip.stdin.take(),
            answers: BufReader::new(ip.stdout.take().context("a pipe")?),
            ip,
            plugged: VecDeque::new(),
            next: 0,
        })
    }

    /// A pair comes, one of its ends gets another name, an older pair goes.
    pub fn cycle(&mut self, number: u32) -> Result<()> {
        self.plug(number.is_multiple_of(10))?;
        if self.plugged.len() > WINDOW {
            self.pull_oldest()?;
        }
        match number % AHEAD {
            0 => self.sync(),
            _ => Ok(()),
        }
    }

    /// A pair comes; with a macvtap over it, whose device node is `/dev/tapN`, if `tap`.
    pub fn plug(&mut self, tap: bool) -> Result<()> {
        let n = self.next;
        self.next += 4;
        let (name, peer, renamed, over) = (n, n + 1, n + 2, n + 3);
        self.tell(&format!("link add st{name} type veth peer name st{peer}"))?;
        self.tell(&format!("link set st{name} name st{renamed}"))?;
        self.plugged.push_back(renamed);
        match tap {
            true => self.tell(&format!(
                "link add link st{renamed} name st{over} type macvtap"
            )),
            false => Ok(()),
        }
    }

    /// Wait until all is done.
    pub fn sync(&mut self) -> Result<()> {
        self.tell("link show dev lo")?;
        let mut line = String::new();
        match self.answers.read_line(&mut line)? {
            0 => bail!("ip has ended"),
            _ => Ok(()),
        }
    }

    /// Pull all.
    pub fn calm(&mut self) -> Result<()> {
        while !self.plugged.is_empty() {
            self.pull_oldest()?;
        }
        self.sync()
    }

    /// No interface has this number or a higher one.
    pub fn next(&self) -> u32 {
        self.next
    }

    fn pull_oldest(&mut self) -> Result<()> {
        match self.plugged.pop_front() {
            Some(number) => self.tell(&format!("link del st{number}")),
            None => Ok(()),
        }
    }

    fn tell(&mut self, words: &str) -> Result<()> {
        let mut pipe = self.commands.as_ref().context("ip has ended")?;
        writeln!(pipe, "{words}").with_context(|| format!("ip {words}"))
    }
}

impl Drop for Interfaces {
    fn drop(&mut self) {
        self.commands = None;
        let _ = self.ip.wait();
    }
}
