//! `cargo xtask fuzz`.

mod seeds;
mod words;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::packages;
use crate::say::{cargo, output, progress, run as run_command, target, top};

/// Feed hostile input to the parsers, the rule language and the globs
#[derive(clap::Args)]
#[command(after_help = HELP)]
pub struct Args {
    /// Only this target
    #[arg(value_parser = TARGETS)]
    target: Option<String>,
    /// How long to run each target
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u32,
    /// Only see that the targets compile, without a warning
    #[arg(long, conflicts_with_all = ["target", "seconds", "input"])]
    check: bool,
    /// Run this one input and stop, to look at a crash
    #[arg(long, value_name = "FILE", requires = "target")]
    input: Option<PathBuf>,
}

const TARGETS: [&str; 11] = [
    "uevent",
    "udev_message",
    "udevdb",
    "trace",
    "synth",
    "devpath",
    "rules",
    "reload",
    "format",
    "import",
    "globs",
];

/// How large inputs are, in bytes.
const LARGEST: usize = 64 << 10;

const HELP: &str = "\
It is libFuzzer, on the stable toolchain. What it has learnt is kept in target/fuzz/corpus, what
made a target crash, hang or take too much memory in target/fuzz/artifacts.

Examples:
  cargo xtask fuzz --seconds 180
  cargo xtask fuzz --check
  cargo xtask fuzz rules --input target/fuzz/artifacts/rules/crash-0123456789";

/// What rustc is told to make a program tell libFuzzer which ways it took: what cargo-fuzz tells it
/// when no sanitizer is asked for, as only those need the nightly toolchain.
const FLAGS: [&str; 8] = [
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    // the counters of a crate stay together
    "-Ccodegen-units=1",
    // the linker otherwise drops the tables, which nobody refers to
    "-Clink-dead-code",
];

/// Run the targets; an error if one found something.
pub fn run(args: &Args) -> Result<()> {
    packages::ensure(&["g++"])?;
    if args.check {
        return check();
    }
    let bin = build()?;
    let chosen: Vec<&str> = match &args.target {
        Some(name) => vec![name],
        None => TARGETS.to_vec(),
    };
    let place = target().join("fuzz");
    let mut found = Vec::new();
    for (number, name) in chosen.iter().enumerate() {
        let work = Work {
            program: bin.join(name),
            place: place.clone(),
            name,
        };
        if let Some(input) = &args.input {
            return run_command(Command::new(&work.program).arg(input));
        }
        let count = work.prepare()?;
        progress(&format!(
            "{name} ({} of {}): {count} seeds, {} s",
            number + 1,
            chosen.len(),
            args.seconds
        ));
        if !work.fuzz(args.seconds)? {
            found.push(*name);
        }
    }
    if !found.is_empty() {
        bail!(
            "found something in {}: see target/fuzz/artifacts",
            found.join(", ")
        );
    }
    progress("nothing found");
    Ok(())
}

/// Look at the targets, which the rest of the suite does not build.
fn check() -> Result<()> {
    let manifest = top().join("tests/fuzz/Cargo.toml");
    let mut format = cargo();
    format
        .args(["fmt", "--check", "--manifest-path"])
        .arg(&manifest);
    run_command(&mut format)?;
    let mut clippy = cargo();
    clippy
        .args(["clippy", "--quiet", "--bins", "--manifest-path"])
        .arg(&manifest);
    clippy.arg("--target-dir").arg(target().join("fuzz/check"));
    run_command(clippy.args(["--", "-D", "warnings"]))
}

/// Build the targets, instrumented; the directory they are in.
fn build() -> Result<PathBuf> {
    progress("building the targets");
    let version = output(Command::new("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.context("rustc -vV names no host")?;
    let place = target().join("fuzz/build");
    let mut command = cargo();
    // with a target named, build scripts are not instrumented
    command
        .args([
            "build",
            "--release",
            "--bins",
            "--target",
            host,
            "--target-dir",
        ])
        .arg(&place);
    command
        .arg("--manifest-path")
        .arg(top().join("tests/fuzz/Cargo.toml"));
    run_command(command.env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\x1f")))?;
    Ok(place.join(host).join("release"))
}

/// One target and where it works.
struct Work<'a> {
    program: PathBuf,
    place: PathBuf,
    name: &'a str,
}

impl Work<'_> {
    fn directory(&self, kind: &str) -> PathBuf {
        self.place.join(kind).join(self.name)
    }

    /// Make its directories and seeds; how many.
    fn prepare(&self) -> Result<usize> {
        for kind in ["seeds", "corpus", "artifacts"] {
            let dir = self.directory(kind);
            std::fs::create_dir_all(&dir).with_context(|| format!("{dir:?}"))?;
        }
        let seeds = seeds::of(self.name, &top())?;
        for (at, seed) in seeds.iter().enumerate() {
            let path = self.directory("seeds").join(format!("{at:04}"));
            std::fs::write(&path, seed).with_context(|| format!("{path:?}"))?;
        }
        Ok(seeds.len())
    }

    /// Run it; false when it found something.
    fn fuzz(&self, seconds: u32) -> Result<bool> {
        let mut command = Command::new(&self.program);
        command.args([self.directory("corpus"), self.directory("seeds")]);
        let artifacts = format!(
            "-artifact_prefix={}/",
            self.directory("artifacts").display()
        );
        command
            .arg(artifacts)
            .arg(format!("-max_total_time={seconds}"));
        command.args([
            "-timeout=10",
            "-rss_limit_mb=256",
            &format!("-max_len={LARGEST}"),
            "-print_final_stats=1",
            "-verbosity=1",
        ]);
        if let Some(text) = words::dictionary(self.name) {
            let path = self.place.join(format!("{}.dict", self.name));
            write(&path, &text)?;
            command.arg(format!("-dict={}", path.display()));
        }
        let mut child = command
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("{:?}", self.program))?;
        for line in child
            .stderr
            .take()
            .map(BufReader::new)
            .into_iter()
            .flat_map(|r| r.split(b'\n'))
        {
            let line = line.context("the target's output")?;
            let line = String::from_utf8_lossy(&line);
            if is_news(&line) {
                eprintln!("{line}");
            }
        }
        Ok(child.wait().context("wait()")?.success())
    }
}

/// Whether a line of libFuzzer's is worth showing: what it counts now and then, and what it found, not
/// each input that took a new way.
fn is_news(line: &str) -> bool {
    let counted = line.starts_with('#') && !line.starts_with("###");
    let wanted = ["pulse", "INITED", "DONE"]
        .iter()
        .any(|word| line.contains(word));
    let noise = ["INFO:", "\tNEW_FUNC"]
        .iter()
        .any(|word| line.starts_with(word))
        || line.starts_with("WARNING: Failed to find function");
    let dictionary = line.starts_with("###") || line.contains(" # Uses: ");
    (!counted || wanted) && !noise && !dictionary
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).with_context(|| format!("{path:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_crashes_are_shown() {
        assert!(is_news(
            "#65536\tpulse  cov: 3326 ft: 6893 corp: 567/20Kb exec/s: 13107 rss: 37Mb"
        ));
        assert!(is_news(
            "thread '<unnamed>' panicked at targets/globs.rs:45:13:"
        ));
        assert!(!is_news("#65382\tREDUCE cov: 3326 ft: 6892 corp: 566/19Kb"));
        assert!(!is_news("\"show\" # Uses: 133"));
        assert!(!is_news("\tNEW_FUNC[1/4]: 0x55c3969e36d1"));
    }
}
