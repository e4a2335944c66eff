//! Devices that come and go.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::interfaces::Interfaces;
use crate::say::progress;

/// The first loop device that is ours; other tests have those below.
pub const FIRST: u32 = 200;
/// How many loop devices each of three has: one container, the other, nobody.
pub const THIRD: u32 = 8;
/// How many of each third are plugged at a time.
const WINDOW: usize = 3;

/// What is plugged, and what has been.
pub struct Storm {
    thirds: [Loops; 3],
    interfaces: Interfaces,
}

impl Storm {
    /// Nothing yet. `pid` is in the network namespace that gets interfaces.
    pub fn new(pid: u32) -> Result<Storm> {
        let third = |first| Loops {
            first,
            turn: 0,
            plugged: VecDeque::new(),
            zram: None,
            counts: BTreeMap::new(),
        };
        Ok(Storm {
            thirds: [FIRST, FIRST + THIRD, FIRST + 2 * THIRD].map(third),
            interfaces: Interfaces::start(pid)?,
        })
    }

    /// One of each kind, to learn what reading them is like: loop devices of all three.
    pub fn one_of_each(&mut self) -> Result<()> {
        for third in &mut self.thirds {
            third.plug()?;
        }
        self.thirds[0].plug_zram()?;
        self.interfaces.plug(true)?;
        self.interfaces.sync()
    }

    /// Half of `cycles` loop devices come and go, the three kinds at the same time since the kernel waits
    /// for most of that, and so do half of `cycles` interfaces. Some of each stay.
    pub fn blow(&mut self, cycles: u32) -> Result<()> {
        let began = Instant::now();
        let done = AtomicU32::new(0);
        let tell = |more: u32| {
            let before = done.fetch_add(more, Ordering::Relaxed);
            if before / 1000 != (before + more) / 1000 {
                let took = began.elapsed().as_secs_f64();
                progress(&format!("{} of {cycles}, {took:.0} s", before + more));
            }
        };
        let tell = &tell;
        let Storm { thirds, interfaces } = self;
        std::thread::scope(|scope| {
            let mut at_work = Vec::new();
            for (at, third) in (0..3).zip(thirds) {
                let share = (cycles / 2 + at) / 3;
                at_work.push(scope.spawn(move || {
                    for number in 0..share {
                        third.cycle(number)?;
                        tell(1);
                    }
                    Ok(())
                }));
            }
            at_work.push(scope.spawn(move || {
                for number in 0..cycles / 4 {
                    interfaces.cycle(number)?;
                    tell(2);
                }
                interfaces.sync()
            }));
            // all of them end before the first error is told
            let ends: Vec<_> = at_work.into_iter().map(|t| t.join()).collect();
            ends.into_iter()
                .try_for_each(|end| end.unwrap_or_else(|_| bail!("a thread has panicked")))
        })
    }

    /// Pull everything.
    pub fn calm(&mut self) -> Result<()> {
        for third in &mut self.thirds {
            third.calm()?;
        }
        self.interfaces.calm()
    }

    /// How often each block device was plugged, and which third's it was.
    pub fn counts(&self) -> impl Iterator<Item = (&String, u64, usize)> {
        let thirds = self.thirds.iter().zip(0..);
        thirds.flat_map(|(third, at)| third.counts.iter().map(move |(name, n)| (name, *n, at)))
    }

    /// Interfaces are numbered up to this.
    pub fn interfaces(&self) -> u32 {
        self.interfaces.next()
    }
}

impl Drop for Storm {
    fn drop(&mut self) {
        // the interfaces end with their namespace
        for third in &mut self.thirds {
            let _ = third.calm();
        }
    }
}

/// A third of the loop devices, and zram devices, which are the first third's.
struct Loops {
    first: u32,
    turn: u32,
    plugged: VecDeque<u32>,
    zram: Option<String>,
    counts: BTreeMap<String, u64>,
}

impl Loops {
    /// One comes, an older one goes; now and then a zram device does.
    fn cycle(&mut self, number: u32) -> Result<()> {
        if self.plugged.len() >= WINDOW {
            self.pull_oldest()?;
        }
        self.plug()?;
        match (self.first, number % 10) {
            (FIRST, 0) => self.plug_zram(),
            (FIRST, 5) => self.pull_zram(),
            _ => Ok(()),
        }
    }

    fn plug(&mut self) -> Result<()> {
        // prime to the number there are, and not the order in which they go
        let number = self.first + self.turn * 3 % THIRD;
        self.turn += 1;
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

    fn calm(&mut self) -> Result<()> {
        while !self.plugged.is_empty() {
            self.pull_oldest()?;
        }
        self.pull_zram()
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
