//! `cargo xtask bench`.

mod affinity;
mod cgroups;
mod check;
mod conduct;
mod dev;
mod features;
mod measure;
mod memory;
mod operation;
mod policies;
mod policy;
mod processes;
mod report;
mod requests;
mod rows;
mod stop;
mod sysfs;
mod system;
mod worker;

use anyhow::Result;
use clap::Subcommand;

/// Measure what going through us costs
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    Sysfs(sysfs::SysfsArgs),
    Dev(dev::DevArgs),
    Policy(policy::PolicyArgs),
    #[command(hide = true)]
    Worker(worker::WorkerArgs),
}

/// Measure and report.
pub fn run(args: &Args) -> Result<()> {
    match &args.what {
        What::Sysfs(args) => sysfs::run(args),
        What::Dev(args) => dev::run(args),
        What::Policy(args) => policy::run(args),
        What::Worker(args) => worker::run(args),
    }
}
