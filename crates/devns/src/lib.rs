//! Device namespaces for containers: the command line.

mod args;
mod check;
mod demo;
mod diff;
mod doctor;
mod excerpt;
mod explain;
mod fmt;
mod holders;
mod import;
mod ink;
mod monitor;
mod output;
mod replace;
mod run;
mod schema;
mod simulate;
mod tree;
mod whose;

use std::process::ExitCode;

use args::{Args, Command};
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

/// The command line, for what describes it: man pages, completions.
pub fn command() -> clap::Command {
    Args::command()
}

/// The command: reads the command line, and does what it says.
pub fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(e) => {
            let _ = e.print();
            let fine = matches!(e.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            let is_run = std::env::args_os().nth(1).is_some_and(|a| a == "run");
            return ExitCode::from(match (fine, is_run) {
                (true, _) => 0,
                (false, true) => run::OURS,
                (false, false) => cli::Status::Usage as u8,
            });
        }
    };
    cli::start_log("devns");
    let is_run = matches!(args.command, Command::Run(_));
    let result = match args.command {
        Command::Run(args) => run::run(args),
        Command::Check(args) => check::run(&args),
        Command::Demo(args) => demo::run(args).map(|()| 0),
        Command::Doctor(args) => doctor::run(&args),
        Command::Monitor(args) => monitor::run(&args).map(|()| 0),
        Command::Holders(args) => holders::run(&args),
        Command::Schema(args) => schema::run(&args).map(|()| 0),
        Command::Explain(args) => explain::run(&args),
        Command::Tree(args) => tree::run(&args),
        Command::Diff(args) => diff::run(&args),
        Command::Simulate(args) => simulate::run(&args),
        Command::Fmt(args) => fmt::run(&args),
        Command::Import(args) => import::run(&args).map(|()| 0),
    };
    cli::finish_log();
    match result {
        Ok(status) => ExitCode::from(status),
        Err(e) => {
            eprintln!("devns: {e}");
            ExitCode::from(if is_run { run::OURS } else { e.status as u8 })
        }
    }
}
