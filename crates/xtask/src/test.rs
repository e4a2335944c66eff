//! `cargo xtask test`.

use std::io::{BufRead, BufReader, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::packages;
use crate::say::{build_binaries, cargo, need_root, output, progress, target};
use crate::summary::Summary;

/// Install what the tests need, build everything in release, run all tests, look for leftovers
#[derive(clap::Args)]
#[command(after_help = HELP)]
pub struct Args {
    /// Only tests whose name has this in it
    filter: Option<String>,
}

const HELP: &str = "\
The Debian packages of tests/packages.txt that are missing are installed first. Tests run two at
a time. Afterwards no mount, process, cgroup, namespace, loop or zram device may be there that was
not there before.

Examples:
  cargo xtask test
  cargo xtask test hotplug";

/// How many tests of one binary run at once: they share the kernel's one table of devices, and
/// what they wait for is mostly the kernel.
const THREADS: &str = "2";

/// Run them; an error if any failed or left something behind.
pub fn run(args: &Args) -> Result<()> {
    let began = Instant::now();
    need_root("cargo xtask test")?;
    packages::for_tests()?;
    let bin = build_binaries()?;
    let built = began.elapsed().as_secs();
    let before = Before::look(&bin)?;
    let summary = tests(args.filter.as_deref())?;
    let left = before.since()?;
    eprintln!();
    for line in summary.lines() {
        progress(&line);
    }
    let total = began.elapsed().as_secs();
    progress(&format!(
        "{total} s in all, {built} s of them for building the binaries"
    ));
    if !left.is_empty() {
        bail!("the tests left something behind:\n{left}");
    }
    match summary.trouble() {
        Some(trouble) => bail!("{trouble}"),
        None if summary.passed() == 0 => bail!("no test has that in its name"),
        None => Ok(()),
    }
}

/// Run cargo's tests, show what they print, and keep count.
fn tests(filter: Option<&str>) -> Result<Summary> {
    // one pipe for both streams: cargo says on one which binary runs, that on the other how it went
    let (reader, writer) = std::io::pipe().context("pipe()")?;
    let mut command = cargo();
    command.args(["test", "--workspace", "--release", "--no-fail-fast"]);
    command.args(filter).args(["--", "--test-threads", THREADS]);
    if std::io::stdout().is_terminal() {
        command
            .args(["--color", "always"])
            .env("CARGO_TERM_COLOR", "always");
    }
    command.env("DEVNS_BIN_DIR", target().join("release"));
    let mut child = {
        command
            .stderr(writer.try_clone().context("pipe()")?)
            .stdout(writer);
        let child = command.spawn().context("cargo test")?;
        // our own copies of the writing end would keep the pipe open
        drop(command);
        child
    };
    let mut summary = Summary::default();
    let mut out = std::io::stdout().lock();
    for line in BufReader::new(reader).split(b'\n') {
        let line = line.context("cargo test")?;
        out.write_all(&line)?;
        out.write_all(b"\n")?;
        summary.read(&String::from_utf8_lossy(&line));
    }
    let status = child.wait().context("cargo test")?;
    summary.ended(status.success());
    Ok(summary)
}

/// What was on this machine before the tests.
struct Before {
    program: PathBuf,
    file: PathBuf,
}

impl Before {
    fn look(bin: &Path) -> Result<Before> {
        let file = target().join(format!("before-tests-{}", std::process::id()));
        let before = Before {
            program: bin.join("leftovers"),
            file,
        };
        output(Command::new(&before.program).arg("save").arg(&before.file))?;
        Ok(before)
    }

    /// What has come since, a line each.
    fn since(&self) -> Result<String> {
        let mut command = Command::new(&self.program);
        let out = command
            .arg("since")
            .arg(&self.file)
            .output()
            .context("leftovers")?;
        let _ = std::fs::remove_file(&self.file);
        match out.status.code() {
            Some(0 | 1) => Ok(String::from_utf8_lossy(&out.stdout).into_owned()),
            _ => bail!(
                "leftovers: {}: {}",
                out.status,
                String::from_utf8_lossy(&out.stderr)
            ),
        }
    }
}
