//! `cargo xtask bench`.

mod features;
mod measure;
mod mounts;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Subcommand;
use measure::{Measured, Plan};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

use crate::packages;
use crate::say::{build_binaries, need_root, progress};

/// Measure what reading through us costs
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    Sysfs(SysfsArgs),
}

/// Compare the view of sysfs under builtin:all with sysfs itself
#[derive(clap::Args)]
#[command(after_help = HELP)]
struct SysfsArgs {
    /// Write the results as JSON too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Fewer rounds: a few seconds instead of a minute, and noisier
    #[arg(long)]
    quick: bool,
}

const HELP: &str = "\
Caller and server share one core: across cores of a virtual machine a round trip costs five times
as much, and the scheduler's choice would be what is measured. Native and ours take turns within
each round; the table has the medians of the rounds. For a first walk the kernel's dentries and
inodes are dropped before (/proc/sys/vm/drop_caches). Nothing else should run meanwhile.";

/// Measure and report.
pub fn run(args: &Args) -> Result<()> {
    let What::Sysfs(args) = &args.what;
    need_root("cargo xtask bench")?;
    packages::ensure(&["mount", "util-linux"])?;
    let bin = build_binaries()?;
    let core = pin()?;
    let features = features::negotiated(&bin)?;
    let mounts = mounts::Mounts::make(&bin)?;
    let plan = if args.quick { Plan::QUICK } else { Plan::FULL };
    progress(&format!("{} rounds on core {core}", plan.rounds));
    let measured = measure::all(&mounts, &plan)?;
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease")?
        .trim()
        .to_string();
    print(&measured, &features, &kernel, core, &mounts);
    match &args.json {
        Some(path) => write_json(path, &measured, &features, &kernel, core, &plan),
        None => Ok(()),
    }
}

/// Stay on one core from now on, and whatever is started too.
fn pin() -> Result<usize> {
    let me = Pid::from_raw(0);
    let allowed = sched_getaffinity(me).context("sched_getaffinity()")?;
    // the last: interrupts mostly come to the first
    let core = (0..CpuSet::count())
        .rev()
        .find(|&c| allowed.is_set(c).unwrap_or(false));
    let core = core.context("no core is allowed")?;
    let mut one = CpuSet::new();
    one.set(core).context("CpuSet")?;
    sched_setaffinity(me, &one).context("sched_setaffinity()")?;
    Ok(core)
}

fn print(
    all: &[Measured],
    features: &[String],
    kernel: &str,
    core: usize,
    mounts: &mounts::Mounts,
) {
    println!(
        "kernel {kernel}, core {core}, mount options {}",
        mounts.options
    );
    println!("FUSE features in use: {}", features.join(" "));
    println!();
    println!(
        "{:34} {:>12} {:>12} {:>8}",
        "median, microseconds", "native", "ours", "ratio"
    );
    for m in all {
        println!(
            "{:34} {:12.2} {:12.2} {:8.2}",
            m.name,
            m.native,
            m.ours,
            m.ratio()
        );
    }
}

fn write_json(
    path: &Path,
    all: &[Measured],
    features: &[String],
    kernel: &str,
    core: usize,
    plan: &Plan,
) -> Result<()> {
    let results: Vec<_> = all
        .iter()
        .map(|m| {
            serde_json::json!({
                "operation": m.name, "native_us": m.native, "ours_us": m.ours, "ratio": m.ratio(),
            })
        })
        .collect();
    let report = serde_json::json!({
        "kernel": kernel,
        "core": core,
        "rounds": plan.rounds,
        "features": features,
        "results": results,
    });
    std::fs::write(path, format!("{report:#}\n")).with_context(|| format!("{path:?}"))
}
