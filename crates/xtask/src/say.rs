//! Running commands, and saying what is being done.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// One line of progress.
pub fn progress(line: &str) {
    eprintln!("xtask: {line}");
}

/// The top of the repository.
pub fn top() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}

/// `target`, wherever cargo was told to have it.
pub fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => top().join(dir),
        None => top().join("target"),
    }
}

/// The cargo that runs us.
pub fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    cargo.current_dir(top());
    cargo
}

/// A command as one would type it.
pub fn typed(command: &Command) -> String {
    let program = PathBuf::from(command.get_program());
    let name = program.file_name().map(OsString::from).unwrap_or_default();
    let words = std::iter::once(name.to_string_lossy().into_owned());
    let args = command.get_args().map(|a| a.to_string_lossy().into_owned());
    words.chain(args).collect::<Vec<_>>().join(" ")
}

/// Run it, its output ours; an error unless it succeeds.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| typed(command))?;
    match status.success() {
        true => Ok(()),
        false => bail!("`{}` failed: {status}", typed(command)),
    }
}

/// Run it, its output into what is returned; an error unless it succeeds.
pub fn output(command: &mut Command) -> Result<String> {
    let out = command
        .stderr(Stdio::piped())
        .output()
        .with_context(|| typed(command))?;
    if !out.status.success() {
        let why = String::from_utf8_lossy(&out.stderr).trim().to_string();
        bail!("`{}` failed: {}: {why}", typed(command), out.status);
    }
    Ok(String::from_utf8_lossy(&out.stdout).into_owned())
}

/// Build the binaries in release; the directory they are in.
pub fn build_binaries() -> Result<PathBuf> {
    run(cargo().args(["build", "--release", "--workspace", "--bins"]))?;
    Ok(target().join("release"))
}

/// One sentence with the mend unless we are root.
pub fn need_root(what: &str) -> Result<()> {
    match nix::unistd::geteuid().is_root() {
        true => Ok(()),
        false => {
            bail!("{what} needs root: it makes mounts, namespaces and devices; run it as root")
        }
    }
}
