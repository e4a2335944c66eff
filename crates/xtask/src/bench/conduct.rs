//! One run, from the packages to the report.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};

use super::measure::Plan;
use super::report::Report;
use super::stop;
use crate::packages;
use crate::say::{build_binaries, need_root, progress};

/// What every run is told.
#[derive(clap::Args)]
pub struct RunArgs {
    /// Write the results as JSON too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Fewer samples: half a minute instead of some minutes, and noisier
    #[arg(long)]
    quick: bool,
}

/// Install `needed`, build the binaries, have `measure` measure with them until a time, and report.
pub fn conduct(
    args: &RunArgs,
    needed: &[&str],
    measure: impl FnOnce(&Path, &Plan, Instant) -> Result<Report>,
) -> Result<()> {
    need_root("cargo xtask bench")?;
    packages::ensure(needed)?;
    let bin = build_binaries()?;
    stop::watch()?;
    let began = Instant::now();
    let plan = if args.quick { Plan::QUICK } else { Plan::FULL };
    let report = measure(&bin, &plan, began + plan.total).or_else(|e| {
        // what was being done when somebody asked to end does not matter
        stop::check()?;
        Err(e)
    })?;
    let took = began.elapsed().as_secs();
    progress(&format!("measured in {took} s"));
    print!("{}", report.text());
    match &args.json {
        Some(path) => std::fs::write(path, format!("{:#}\n", report.json()))
            .with_context(|| format!("{path:?}")),
        None => Ok(()),
    }
}
