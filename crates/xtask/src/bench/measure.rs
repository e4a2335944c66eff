//! The systems taking turns.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::affinity::Cores;
use super::memory::{self, Charged};
use super::operation::Operation;
use super::rows::{Row, Unit, median};
use super::stop;
use super::system::{Devns, Kind, System};

/// Something that is done and timed, in /sys or in /dev.
pub trait Measured: Copy {
    /// Its name in the table, in JSON, and to a worker.
    fn name(self) -> &'static str;
    /// What ours is a multiple of.
    fn base(self) -> Kind;
    /// What that multiple may be at most, pinned.
    fn target(self) -> Option<f64>;
    /// Whether it is done once where others are done many times in a row.
    fn is_long(self) -> bool;
}

/// How often, and for how long.
pub struct Plan {
    /// Samples of each system for each short operation.
    short: usize,
    /// How long a sample of a short one takes, in microseconds.
    sample: f64,
    /// Samples for each long one.
    long: usize,
    /// Fresh systems of each kind.
    fresh: usize,
    /// How long everything may take. Where that is too little, there are fewer samples.
    pub total: Duration,
}

impl Plan {
    /// For results to keep.
    pub const FULL: Plan = Plan {
        short: 101,
        sample: 3000.0,
        long: 15,
        fresh: 9,
        total: Duration::from_secs(240),
    };
    /// For a look.
    pub const QUICK: Plan = Plan {
        short: 15,
        sample: 1500.0,
        long: 5,
        fresh: 3,
        total: Duration::from_secs(30),
    };
}

/// The time that is left, divided among the rows to come.
pub struct Budget {
    until: Instant,
    shares: f64,
}

impl Budget {
    /// All of the time until `until`, for `shares` shares.
    pub fn new(until: Instant, shares: f64) -> Budget {
        Budget { until, shares }
    }

    /// Take the next row's shares; what it does not use, the others have.
    pub fn take(&mut self, shares: f64) -> Turns {
        let left = self.until.saturating_duration_since(Instant::now());
        let part = (shares / self.shares.max(shares)).min(1.0);
        self.shares -= shares;
        let now = Instant::now();
        Turns {
            round_began: now,
            until: now + left.mul_f64(part),
            rounds: 0,
        }
    }
}

/// The rounds of one row.
pub struct Turns {
    round_began: Instant,
    until: Instant,
    rounds: usize,
}

impl Turns {
    /// The number of the next round, if there is to be one: there are `most` at most, one at least,
    /// and none that would last too long if it lasted as long as the one before.
    fn next(&mut self, most: usize) -> Option<usize> {
        let now = Instant::now();
        let last = now - self.round_began;
        if self.rounds > 0 && (self.rounds >= most || now + last > self.until) {
            return None;
        }
        self.round_began = now;
        self.rounds += 1;
        Some(self.rounds - 1)
    }
}

/// Samples of each of `systems` for `operation`, in their order; a system that is not `wanted` has
/// none.
pub fn samples<O: Measured>(
    operation: O,
    systems: &mut [&mut System],
    wanted: &[bool],
    plan: &Plan,
    mut turns: Turns,
) -> Result<Vec<Vec<f64>>> {
    let long = operation.is_long();
    let rounds = if long { plan.long } else { plan.short };
    let count = systems.len();
    let mut times = vec![1; count];
    for at in (0..count).filter(|at| wanted[*at] && !long) {
        let one = one(systems[at], operation, 20)?;
        times[at] = (plan.sample / one).clamp(5.0, 5000.0) as u32;
    }
    let mut samples = vec![Vec::new(); count];
    while let Some(round) = turns.next(rounds) {
        // nobody always comes after the same one
        for at in (0..count)
            .map(|n| (n + round) % count)
            .filter(|at| wanted[*at])
        {
            samples[at].push(one(systems[at], operation, times[at])?);
        }
    }
    Ok(samples)
}

fn one(system: &mut System, operation: impl Measured, times: u32) -> Result<f64> {
    stop::check()?;
    let (worker, name) = (&mut system.worker, system.kind.name());
    worker
        .time(operation.name(), times)
        .with_context(|| format!("{name}, {}", operation.name()))
}

/// A row of what `samples` has measured.
pub fn row(operation: impl Measured, pinned: bool, kinds: &[Kind], samples: &[Vec<f64>]) -> Row {
    let mut row = Row {
        op: operation.name().into(),
        pinned,
        base: operation.base(),
        target: operation.target().filter(|_| pinned),
        ..Row::default()
    };
    for (kind, samples) in kinds.iter().zip(samples) {
        row.medians
            .extend(median(samples).map(|m| (kind.name(), m)));
        row.samples = row.samples.max(samples.len());
    }
    row
}

/// The first walk through systems that have just been started, and what they hold of memory then.
pub fn first_walks(
    devns: &Devns,
    kinds: &[Kind],
    cores: &Cores,
    pinned: bool,
    plan: &Plan,
    mut turns: Turns,
) -> Result<[Row; 3]> {
    let mut walks: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    let mut servers = walks.clone();
    let mut kernel = walks.clone();
    let mut rounds = 0;
    while let Some(round) = turns.next(plan.fresh) {
        for at in 0..kinds.len() {
            let kind = kinds[(at + round) % kinds.len()];
            let fresh = walk_fresh(devns, kind, cores, pinned)?;
            let name = kind.name();
            walks.entry(name).or_default().push(fresh.walk);
            servers.entry(name).or_default().push(fresh.servers);
            kernel.entry(name).or_default().extend(fresh.kernel);
        }
        rounds = round + 1;
    }
    let row = |op: &str, unit, samples: BTreeMap<&'static str, Vec<f64>>| Row {
        op: op.into(),
        pinned,
        unit,
        medians: samples
            .iter()
            .filter_map(|(name, s)| Some((*name, median(s)?)))
            .collect(),
        samples: rounds,
        ..Row::default()
    };
    let mut first = row(Operation::FirstWalk.name(), Unit::Microseconds, walks);
    first.target = Operation::FirstWalk.target().filter(|_| pinned);
    Ok([
        first,
        row("memory of the servers", Unit::Kibibytes, servers),
        row("memory of the kernel", Unit::Kibibytes, kernel),
    ])
}

struct Fresh {
    /// Microseconds.
    walk: f64,
    /// KiB.
    servers: f64,
    /// KiB that the walk has added, if the kernel counts it.
    kernel: Option<f64>,
}

fn walk_fresh(devns: &Devns, kind: Kind, cores: &Cores, pinned: bool) -> Result<Fresh> {
    let mut system = System::start(kind, devns, true)?;
    system.place(cores, pinned)?;
    let charged = Charged::with(&system.processes()?)?;
    let kernel = |charged: &Option<Charged>| charged.as_ref().map(Charged::kernel).transpose();
    let before = kernel(&charged)?;
    let walk = one(&mut system, Operation::FirstWalk, 1)?;
    let after = kernel(&charged)?;
    let servers = memory::pss(&system.servers()?)?;
    // the cgroup can go when nobody is in it any more
    drop(system);
    drop(charged);
    // network namespaces and inodes are freed behind one's back
    std::thread::sleep(Duration::from_millis(50));
    Ok(Fresh {
        walk,
        servers,
        kernel: after.zip(before).map(|(after, before)| after - before),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_one_round_even_when_time_is_up() {
        let mut budget = Budget::new(Instant::now(), 2.0);
        let mut turns = budget.take(1.0);
        assert_eq!((turns.next(9), turns.next(9)), (Some(0), None));
    }

    #[test]
    fn a_row_has_no_more_rounds_than_are_wanted() {
        let mut budget = Budget::new(Instant::now() + Duration::from_secs(3600), 2.0);
        let mut turns = budget.take(1.0);
        let rounds = std::iter::from_fn(|| turns.next(3));
        assert_eq!(rounds.collect::<Vec<_>>(), [0, 1, 2]);
    }

    #[test]
    fn what_a_row_leaves_the_next_ones_have() {
        let until = Instant::now() + Duration::from_secs(100);
        let mut budget = Budget::new(until, 4.0);
        let first = budget.take(1.0);
        assert!(first.until < until - Duration::from_secs(74));
        // it took no time at all: a third of all is the second's
        let second = budget.take(1.0);
        assert!(second.until > until - Duration::from_secs(67));
        budget.take(1.0);
        assert!(budget.take(1.0).until > until - Duration::from_secs(1));
    }
}
