//! `cargo xtask bench sysfs`.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};

use super::affinity::Cores;
use super::conduct::{RunArgs, conduct};
use super::measure::{self, Budget, Measured, Plan, Turns};
use super::operation::{Before, Operation};
use super::policies::{self, Policies};
use super::report::Report;
use super::rows::{Row, median};
use super::system::{Devns, Kind, System};
use super::{check, features};
use crate::say::progress;

/// Compare /sys in a container with sysfs itself, lxcfs and bindfs
#[derive(clap::Args)]
#[command(after_help = HELP)]
pub struct SysfsArgs {
    #[command(flatten)]
    run: RunArgs,
}

const HELP: &str = "\
Four systems take turns, sample by sample: sysfs as the host has it, a container of `devns
run` under builtin:all, lxcfs, and bindfs mirroring a sysfs. Each has a process whose /sys
it is. Every row is measured twice: with all clients and servers on one core, where a round
trip is cheapest, and where the scheduler puts them. lxcfs and bindfs are Debian packages
and are installed.

A row has the median of the samples of each system, `-` where the system does not give the
data that sysfs gives (the notes say why), and ours as a multiple of native. Targets hold
for one core; `1.25 of bindfs` says that bindfs takes less time than ours. Nothing is
asserted: the exit status is 0 when it was measured. docs/performance.md tells what each row
is.

Nothing else should run meanwhile. Progress is on stderr, the table on stdout. The one
attribute that is written is power/control of /dev/null, which means nothing to it; it is
afterwards as it was.

Examples:
  cargo xtask bench sysfs --quick
  cargo xtask bench sysfs --json target/bench.json";

/// What is measured under a thousand rules too.
const RULES: [Operation; 3] = [
    Operation::Stat,
    Operation::OpenReadClose,
    Operation::WarmWalk,
];

/// What a thousand rules may cost as a multiple of one.
const RULES_TARGET: f64 = 1.05;

/// What the servers that we start by name need, and the tools that are measured.
const PACKAGES: [&str; 5] = ["bindfs", "lxcfs", "mount", "udev", "util-linux"];

/// Measure and report.
pub fn run(args: &SysfsArgs) -> Result<()> {
    conduct(&args.run, &PACKAGES, measure)
}

fn measure(bin: &Path, plan: &Plan, until: Instant) -> Result<Report> {
    let cores = Cores::find()?;
    let features = features::in_use(bin, "fusefs-sysfs")?;
    let rules = Policies::write()?;
    let _before = Before::look()?;
    let under = |policy| Devns {
        bin,
        rules: rules.path(),
        policy,
    };
    let all = under(policies::ALL);
    progress("starting the systems");
    let mut systems = Vec::new();
    for kind in Kind::OF_SYS {
        systems.push(System::start(kind, &all, false)?);
    }
    let mut ruled = [
        System::start(Kind::Devns, &under(policies::ONE), false)?,
        System::start(Kind::Devns, &under(policies::THOUSAND), false)?,
    ];
    let directory = directory(&mut systems[0])?;
    for system in systems.iter_mut().chain(&mut ruled) {
        // round trips are cheaper there
        system.place(&cores, true)?;
        system.worker.ask(&format!("directory {directory}"))?;
    }
    progress("comparing what they give");
    let mut notes = vec![
        format!("readdir lists {directory}"),
        "write writes `auto` to power/control of /dev/null, which a rule grants".into(),
    ];
    let served = served(&mut systems, &all, &mut notes)?;
    let mut rows = Vec::new();
    let shares = Operation::ALL.iter().chain(&RULES).map(|o| o.shares());
    let mut budget = Budget::new(until, 2.0 * shares.sum::<f64>());
    for pinned in [true, false] {
        let on = match pinned {
            true => format!("core {}", cores.number),
            false => "any core".into(),
        };
        for system in systems.iter().chain(&ruled) {
            system.place(&cores, pinned)?;
        }
        for (operation, wanted) in &served {
            progress(&format!("{on}: {}", operation.name()));
            let turns = budget.take(operation.shares());
            if *operation == Operation::FirstWalk {
                let kinds = Kind::OF_SYS.into_iter().zip(wanted).filter(|(_, w)| **w);
                let kinds: Vec<Kind> = kinds.map(|(kind, _)| kind).collect();
                rows.extend(measure::first_walks(
                    &all, &kinds, &cores, pinned, plan, turns,
                )?);
                continue;
            }
            let mut each: Vec<&mut System> = systems.iter_mut().collect();
            let samples = measure::samples(*operation, &mut each, wanted, plan, turns)?;
            rows.push(measure::row(*operation, pinned, &Kind::OF_SYS, &samples));
        }
        for operation in RULES {
            progress(&format!("{on}: {} under 1,000 rules", operation.name()));
            let turns = budget.take(operation.shares());
            rows.push(thousand(operation, &mut ruled, pinned, plan, turns)?);
        }
    }
    if rows
        .iter()
        .all(|r| r.op != "memory of the kernel" || r.medians.is_empty())
    {
        notes.push("the kernel has no memory controller that would tell its share".into());
    }
    Ok(Report {
        systems: &Kind::OF_SYS,
        machine: features::machine(&cores),
        features,
        rows,
        notes,
    })
}

/// For each operation, which of the systems give the data that sysfs gives; notes say why not.
fn served(
    systems: &mut [System],
    devns: &Devns,
    notes: &mut Vec<String>,
) -> Result<Vec<(Operation, Vec<bool>)>> {
    let mut served = Vec::new();
    for operation in Operation::ALL {
        let mut wanted = vec![true];
        let mut fresh = match operation {
            Operation::FirstWalk => Some(System::start(Kind::Native, devns, true)?),
            _ => None,
        };
        let (native, others) = systems.split_first_mut().context("no system")?;
        for theirs in others {
            let fault = match &mut fresh {
                // lxcfs has no first walk where it has no walk, and no namespace makes one
                Some(_) if theirs.kind == Kind::Lxcfs => {
                    Some("it has the processors only".to_string())
                }
                Some(native) => {
                    let mut theirs = System::start(theirs.kind, devns, true)?;
                    check::fault(operation, native, &mut theirs)?
                }
                None => check::fault(operation, native, theirs)?,
            };
            wanted.push(fault.is_none());
            let (name, op) = (theirs.kind.name(), operation.name());
            notes.extend(fault.map(|why| format!("{name} is not measured for {op}: {why}")));
        }
        served.push((operation, wanted));
    }
    Ok(served)
}

/// What a policy of a thousand rules costs over one of one.
fn thousand(
    operation: Operation,
    ruled: &mut [System; 2],
    pinned: bool,
    plan: &Plan,
    turns: Turns,
) -> Result<Row> {
    let mut each: Vec<&mut System> = ruled.iter_mut().collect();
    let samples = measure::samples(operation, &mut each, &[true, true], plan, turns)?;
    let mut row = measure::row(operation, pinned, &[Kind::Devns], &samples[1..]);
    row.op = format!("{}, 1,000 rules against 1", operation.name());
    row.one_rule = median(&samples[0]);
    row.target = pinned.then_some(RULES_TARGET);
    Ok(row)
}

/// The directory to list: /sys/class/tty where it has 60 to 70 entries, else the one that comes
/// closest to 65.
fn directory(native: &mut System) -> Result<String> {
    let all = native
        .worker
        .ask(&format!("answer {}", Operation::WarmWalk.name()))?;
    let lines = all.as_array().into_iter().flatten();
    let paths = lines.filter_map(|l| Some(l.as_str()?.rsplit_once(' ')?.0));
    closest(paths).context("an empty /sys")
}

fn closest<'a>(paths: impl Iterator<Item = &'a str>) -> Option<String> {
    let mut counts = std::collections::BTreeMap::new();
    for (parent, _) in paths.filter_map(|p| p.rsplit_once('/')) {
        *counts.entry(parent).or_insert(0u32) += 1;
    }
    let usual = "/sys/class/tty";
    if counts.get(usual).is_some_and(|n| (60..=70).contains(n)) {
        return Some(usual.into());
    }
    let closest = counts.iter().min_by_key(|(_, count)| count.abs_diff(65));
    closest.map(|(path, _)| path.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(directory: &str, numbers: std::ops::Range<u32>) -> Vec<String> {
        numbers.map(|n| format!("{directory}/{n}")).collect()
    }

    #[test]
    fn terminals_are_listed_where_there_are_as_many_as_usual() {
        let mut all = paths("/sys/class/tty", 0..68);
        all.extend(paths("/sys/class/mem", 0..65));
        let found = closest(all.iter().map(String::as_str));
        assert_eq!(found.unwrap(), "/sys/class/tty");
        all.extend(paths("/sys/class/tty", 68..100));
        let found = closest(all.iter().map(String::as_str));
        assert_eq!(found.unwrap(), "/sys/class/mem");
    }
}
