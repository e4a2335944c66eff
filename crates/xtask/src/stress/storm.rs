//! Devices that come and go.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::say::run;

/// The first loop device that is ours; other tests have those below.
pub const FIRST: u32 = 200;
/// How many loop devices there are; the first third is one container's, the second the other's, the
/// last nobody's.
pub const LOOPS: u32 = 24;
/// How many are plugged at a time.
const WINDOW: usize = 6;

/// What is plugged, and what has been.
pub struct Storm {
    /// The first process of the container that gets network interfaces.
    pid: u32,
    plugged: VecDeque<u32>,
    zram: Option<String>,
    interfaces: bool,
    /// How often each name was plugged.
    pub counts: BTreeMap<String, u64>,
}

impl Storm {
    /// Nothing yet. `pid` is in the network namespace that gets interfaces.
    pub fn new(pid: u32) -> Storm {
        Storm {
            pid,
            plugged: VecDeque::new(),
            zram: None,
            interfaces: false,
            counts: BTreeMap::new(),
        }
    }

    /// One cycle: a loop device comes, an older one goes; now and then others do.
    pub fn cycle(&mut self, number: u32) -> Result<()> {
        if self.plugged.len() >= WINDOW {
            self.pull_oldest()?;
        }
        self.plug(FIRST + number * 7 % LOOPS)?;
        match number % 10 {
            0 => self.plug_zram()?,
            5 => self.pull_zram()?,
            _ => {}
        }
        match number % 40 {
            3 => self.plug_interfaces(),
            23 => self.pull_interfaces(),
            _ => Ok(()),
        }
    }

    /// One of each kind, to learn what reading them is like: loop devices of both containers too.
    pub fn one_of_each(&mut self) -> Result<()> {
        self.plug(FIRST)?;
        self.plug(FIRST + LOOPS / 3)?;
        self.plug_zram()?;
        self.plug_interfaces()
    }

    /// Pull everything.
    pub fn calm(&mut self) -> Result<()> {
        while !self.plugged.is_empty() {
            self.pull_oldest()?;
        }
        self.pull_zram()?;
        self.pull_interfaces()
    }

    fn plug(&mut self, number: u32) -> Result<()> {
        sys::loopdev::add(number)?;
        self.plugged.push_back(number);
        self.count(format!("loop{number}"));
        Ok(())
    }

    fn count(&mut self, name: String) {
        *self.counts.entry(name).or_default() += 1;
    }

    fn pull_oldest(&mut self) -> Result<()> {
        let Some(number) = self.plugged.pop_front() else {
            return Ok(());
        };
        patiently(|| sys::loopdev::remove(number).with_context(|| format!("loop{number}")))
    }

    fn plug_zram(&mut self) -> Result<()> {
        self.pull_zram()?;
        let number =
            fs::read_to_string("/sys/class/zram-control/hot_add").context("zram hot_add")?;
        let number = number.trim().to_string();
        self.count(format!("zram{number}"));
        self.zram = Some(number);
        Ok(())
    }

    fn pull_zram(&mut self) -> Result<()> {
        let Some(number) = self.zram.take() else {
            return Ok(());
        };
        patiently(|| {
            fs::write("/sys/class/zram-control/hot_remove", &number).context("zram hot_remove")
        })
    }

    fn plug_interfaces(&mut self) -> Result<()> {
        self.pull_interfaces()?;
        self.ip("link add st0 type veth peer name st1")?;
        self.interfaces = true;
        self.ip("link add link st0 name st2 type macvtap")
    }

    fn pull_interfaces(&mut self) -> Result<()> {
        match std::mem::take(&mut self.interfaces) {
            true => self.ip("link del st0"),
            false => Ok(()),
        }
    }

    fn ip(&self, words: &str) -> Result<()> {
        let mut command = Command::new("nsenter");
        command
            .args(["-t", &self.pid.to_string(), "-n", "ip"])
            .args(words.split(' '));
        run(&mut command)
    }
}

impl Drop for Storm {
    fn drop(&mut self) {
        let _ = self.calm();
    }
}

/// Pull something that a reader may have open for a moment.
fn patiently(mut pull: impl FnMut() -> Result<()>) -> Result<()> {
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        match pull() {
            Err(e) if Instant::now() > until => bail!("still busy after 10 s: {e:#}"),
            Err(_) => std::thread::sleep(Duration::from_millis(1)),
            Ok(()) => return Ok(()),
        }
    }
}
