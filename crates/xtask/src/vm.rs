//! `cargo xtask vm`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::packages;
use crate::say::{
    build_binaries, cargo, need_root, output, progress, run as run_command, target, top,
};

/// Plug real devices into a machine of its own that runs Debian's 6.1 kernel
#[derive(clap::Args)]
#[command(after_help = HELP)]
pub struct Args {
    /// Only the payloads whose name has this in it
    filter: Option<String>,
    /// Show what the kernel prints too
    #[arg(long)]
    verbose: bool,
}

const HELP: &str = "\
Each script tests/vm/*.sh runs as root in a machine that QEMU boots (tests/vm/vmrun), with the
release binaries in its PATH. In it, `hmp device_add usb-kbd,id=k,bus=usb.0` plugs in a keyboard.
Lines of a script that begin with `#:` are arguments for vmrun; `#test: NAME` builds tests/tests/NAME.rs
and puts it into the machine, as /usr/local/lib/vm/tests/NAME.

That kernel has no FUSE passthrough and charges bpf to no limit; it is the oldest that is supported.
The first run downloads packages and builds images, 1.5 GB in target/vm.";

/// Run the payloads; an error unless each succeeds.
pub fn run(args: &Args) -> Result<()> {
    need_root("cargo xtask vm")?;
    packages::ensure(&["cpio", "e2fsprogs", "python3", "qemu-system-x86"])?;
    let bin = build_binaries()?;
    let mut failed = Vec::new();
    let payloads = payloads(args.filter.as_deref())?;
    for (number, payload) in payloads.iter().enumerate() {
        let name = payload
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        progress(&format!("{name} ({} of {})", number + 1, payloads.len()));
        let began = Instant::now();
        let result = boot(payload, &bin, args.verbose);
        let took = began.elapsed().as_secs();
        match result {
            Ok(()) => progress(&format!("{name}: passed, {took} s")),
            Err(e) => {
                progress(&format!("{name}: failed, {took} s: {e:#}"));
                failed.push(name);
            }
        }
    }
    match failed.is_empty() {
        true => Ok(()),
        false => bail!("failed in the machine: {}", failed.join(", ")),
    }
}

fn payloads(filter: Option<&str>) -> Result<Vec<PathBuf>> {
    let dir = top().join("tests/vm");
    let mut all = Vec::new();
    for entry in std::fs::read_dir(&dir).with_context(|| format!("{dir:?}"))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.ends_with(".sh") && filter.is_none_or(|f| name.contains(f)) {
            all.push(path.clone());
        }
    }
    all.sort();
    match all.is_empty() {
        true => bail!("no payload in tests/vm has that in its name"),
        false => Ok(all),
    }
}

fn boot(payload: &Path, bin: &Path, verbose: bool) -> Result<()> {
    let text = std::fs::read_to_string(payload).with_context(|| format!("{payload:?}"))?;
    let mut command = Command::new(top().join("tests/vm/vmrun"));
    command
        .arg("--cache")
        .arg(target().join("vm"))
        .arg("--payload")
        .arg(payload);
    for name in ["devns", "fusefs-sysfs", "fusefs-dev"] {
        command.arg("--add").arg(bin.join(name));
    }
    command.arg("--add").arg(format!(
        "{}:/usr/local/lib/vm",
        top().join("tests/vm/lib").display()
    ));
    for line in text.lines().filter_map(|line| line.strip_prefix("#:")) {
        command.args(line.split_whitespace());
    }
    for line in text.lines().filter_map(|line| line.strip_prefix("#test:")) {
        for name in line.split_whitespace() {
            let test = build_test(name)?;
            let into = format!("{}:/usr/local/lib/vm/tests/{name}", test.display());
            command.arg("--add").arg(into);
        }
    }
    if verbose {
        command.arg("--verbose");
    }
    run_command(command.current_dir(top()))
}

/// Build the test `name` of the package `tests`; its executable, whose file name only cargo knows.
fn build_test(name: &str) -> Result<PathBuf> {
    let built = output(cargo().args([
        "test",
        "--release",
        "--no-run",
        "--quiet",
        "--message-format=json",
        "--package=tests",
        "--test",
        name,
    ]))?;
    let executable = built.lines().find_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        let is_it = message["target"]["name"] == name;
        is_it.then(|| message["executable"].as_str().map(PathBuf::from))?
    });
    executable.with_context(|| format!("cargo has not said where the test {name} is"))
}
