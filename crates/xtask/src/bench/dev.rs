//! `cargo xtask bench dev`.

pub mod operation;
pub mod place;

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use self::operation::Operation;
use super::affinity::Cores;
use super::conduct::{RunArgs, conduct};
use super::measure::{self, Budget, Measured, Plan};
use super::policies::{self, Policies};
use super::report::Report;
use super::rows::{Row, Unit};
use super::system::{Devns, Kind, System};
use super::{features, memory, requests};
use crate::say::progress;

/// Compare /dev in a container with the host's, a bind mount and a tmpfs
#[derive(clap::Args)]
#[command(after_help = HELP)]
pub struct DevArgs {
    #[command(flatten)]
    run: RunArgs,
}

const HELP: &str = "\
Four systems take turns, sample by sample: the host's own devtmpfs, a container of `devns run`,
a node that is bind-mounted on a file, and a tmpfs, which runtimes have for a /dev. Each has
a process that finds it at one and the same path; the container's is in the container's
cgroups, so that its device cgroup counts. Every row is measured twice: with all clients
and servers on one core, and where the scheduler puts them.

A row has the median of the samples of each system, `-` where the system was not asked or
refuses (the notes say why), and ours as a multiple of native, or of tmpfs where it says so.
Targets hold for one core. The notes say how many requests reached the server while a
node was read. Nothing is asserted: the exit status is 0 when it was measured.
docs/performance.md tells what each row is.

Nothing else should run meanwhile. Nothing is written to the host's /dev.

Examples:
  cargo xtask bench dev --quick
  cargo xtask bench dev --json target/bench-dev.json";

/// What the servers that we start by name need.
const PACKAGES: [&str; 2] = ["mount", "util-linux"];

/// Reads of a node while requests are counted.
const READS: u32 = 20_000;

/// Requests to see that they are counted.
const CONTROLS: u64 = 1000;

/// Measure and report.
pub fn run(args: &DevArgs) -> Result<()> {
    conduct(&args.run, &PACKAGES, measure)
}

fn measure(bin: &Path, plan: &Plan, until: Instant) -> Result<Report> {
    let cores = Cores::find()?;
    let features = features::in_use(bin, "fusefs-dev")?;
    let rules = Policies::write()?;
    let devns = Devns {
        bin,
        rules: rules.path(),
        policy: policies::ALL,
    };
    progress("starting the systems");
    let mut systems = Vec::new();
    for kind in Kind::OF_DEV {
        systems.push(System::start_dev(kind, &devns)?);
    }
    for system in &systems {
        system.place(&cores, true)?;
    }
    progress("comparing what they give");
    let mut notes = Vec::new();
    notes.push(same_names(&mut systems)?);
    let served = served(&mut systems, &mut notes)?;
    notes.extend(count_requests(of(&mut systems, Kind::Devns)?)?);
    let mut rows = Vec::new();
    let mut budget = Budget::new(until, 2.0 * Operation::ALL.len() as f64);
    for pinned in [true, false] {
        let on = match pinned {
            true => format!("core {}", cores.number),
            false => "any core".into(),
        };
        for system in &systems {
            system.place(&cores, pinned)?;
        }
        for (operation, wanted) in &served {
            progress(&format!("{on}: {}", operation.name()));
            let mut each: Vec<&mut System> = systems.iter_mut().collect();
            let turns = budget.take(1.0);
            let samples = measure::samples(*operation, &mut each, wanted, plan, turns)?;
            rows.push(measure::row(*operation, pinned, &Kind::OF_DEV, &samples));
        }
        rows.push(servers(of(&mut systems, Kind::Devns)?, pinned)?);
    }
    Ok(Report {
        systems: &Kind::OF_DEV,
        machine: features::machine(&cores),
        features,
        rows,
        notes,
    })
}

fn of(systems: &mut [System], kind: Kind) -> Result<&mut System> {
    let found = systems.iter_mut().find(|s| s.kind == kind);
    found.with_context(|| format!("{} was not started", kind.name()))
}

/// Make the tmpfs have the container's names, for both to list as many.
fn same_names(systems: &mut [System]) -> Result<String> {
    let names = of(systems, Kind::Devns)?.worker.ask("names")?;
    let count = names.as_array().map_or(0, Vec::len);
    let tmpfs = of(systems, Kind::Tmpfs)?;
    tmpfs.worker.ask(&format!("make {names}"))?;
    Ok(format!("readdir lists {count} names"))
}

/// For each operation, which of the systems do it as the one does that ours is compared with; notes
/// say why others do not.
fn served(systems: &mut [System], notes: &mut Vec<String>) -> Result<Vec<(Operation, Vec<bool>)>> {
    let mut served = Vec::new();
    for operation in Operation::ALL {
        let (name, base) = (operation.name(), operation.base());
        let request = format!("answer {name}");
        let right = of(systems, base)?.worker.ask(&request);
        let right = right.with_context(|| format!("{}, {name}", base.name()))?;
        let mut wanted = Vec::new();
        for theirs in systems.iter_mut() {
            if !operation.is_for(theirs.kind) {
                wanted.push(false);
                continue;
            }
            let fault = match theirs.worker.ask(&request) {
                Ok(answer) if answer == right => None,
                Ok(_) => Some(format!("the answer is not that of {}", base.name())),
                Err(e) => Some(format!("{e:#}")),
            };
            wanted.push(fault.is_none());
            let who = theirs.kind.name();
            notes.extend(fault.map(|why| format!("{who} is not measured for {name}: {why}")));
        }
        served.push((operation, wanted));
    }
    Ok(served)
}

/// How many requests reach the servers while a node is read, and while it is opened; an error if
/// requests are not seen.
fn count_requests(system: &mut System) -> Result<Vec<String>> {
    let servers = system.servers()?;
    let mut during = |request: &str| -> Result<u64> {
        let before = requests::taken(&servers)?;
        system.worker.ask(request)?;
        Ok(requests::taken(&servers)? - before)
    };
    let control = during(&format!("statfs {CONTROLS}"))?;
    ensure!(
        control >= CONTROLS,
        "of {CONTROLS} requests {control} were counted: this kernel does not tell (CONFIG_TASK_XACCT)"
    );
    let mut notes = Vec::new();
    for (operation, what) in [(Operation::Read, "reads"), (Operation::OpenClose, "opens")] {
        // now and then a server has business of its own
        let mut fewest = u64::MAX;
        for _ in 0..3 {
            fewest = fewest.min(during(&format!("time {READS} {}", operation.name()))?);
        }
        notes.push(format!(
            "requests during {READS} {what} of a node: {fewest} \
             (counted during {CONTROLS} calls of statfs(2): {control})"
        ));
    }
    Ok(notes)
}

fn servers(system: &System, pinned: bool) -> Result<Row> {
    let pss = memory::pss(&system.servers()?)?;
    Ok(Row {
        op: "memory of the servers".into(),
        pinned,
        unit: Unit::Kibibytes,
        medians: [(system.kind.name(), pss)].into(),
        samples: 1,
        ..Row::default()
    })
}
