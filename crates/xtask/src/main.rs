//! The project's own tasks: `cargo xtask test`, `ci`, `fuzz`, `stress`, `bench`, `vm`.

mod bench;
mod ci;
mod fuzz;
mod packages;
mod say;
mod stress;
mod summary;
mod test;
mod vm;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Build, test and measure this project
#[derive(Parser)]
#[command(bin_name = "cargo xtask", after_help = AFTER_HELP)]
struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    Test(test::Args),
    Ci(ci::Args),
    Fuzz(fuzz::Args),
    Stress(stress::Args),
    Bench(bench::Args),
    Vm(vm::Args),
}

const AFTER_HELP: &str = "\
`test` is what to run after a change, `ci` what a change has to pass. The long ones, `fuzz`,
`stress`, `bench` and `vm`, are run before an issue is resolved. All of them need root and Debian,
and install the packages that they need.

Exit status: 0 when all is well, 1 when something failed or was found, 2 for wrong use.";

fn main() -> ExitCode {
    let result = match Args::parse().task {
        Task::Test(args) => test::run(&args),
        Task::Ci(args) => ci::run(&args),
        Task::Fuzz(args) => fuzz::run(&args),
        Task::Stress(args) => stress::run(&args),
        Task::Bench(args) => bench::run(&args),
        Task::Vm(args) => vm::run(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("xtask: {e:#}");
            ExitCode::FAILURE
        }
    }
}
