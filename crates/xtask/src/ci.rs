//! `cargo xtask ci`.

use std::process::Command;

use anyhow::Result;

use crate::say;

/// Run what every change has to pass: format, lints, documentation, tests
#[derive(clap::Args)]
#[command(after_help = "The same as running `.ci/run`.")]
pub struct Args {}

/// Run the file that a CI machine runs, so that there is one list of steps.
pub fn run(_: &Args) -> Result<()> {
    say::need_root("cargo xtask ci")?;
    say::run(&mut Command::new(say::top().join(".ci/run")))
}
