//! Device namespaces for containers: the command line.

mod args;
mod check;
mod demo;
mod doctor;
mod holders;
mod monitor;
mod run;

use std::process::ExitCode;

use args::{Args, Command};
use clap::Parser;
use clap::error::ErrorKind;

fn main() -> ExitCode {
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
