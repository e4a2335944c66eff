//! What kernel and server agreed on.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::mounts::server;
use crate::say::target;

/// Flags of FUSE_INIT that matter for speed (include/uapi/linux/fuse.h).
const FLAGS: [(u32, &str); 10] = [
    (0, "async_read"),
    (3, "atomic_o_trunc"),
    (13, "readdirplus"),
    (14, "readdirplus_auto"),
    (17, "no_open"),
    (18, "parallel_dirops"),
    (23, "cache_symlinks"),
    (24, "no_opendir"),
    (37, "passthrough"),
    (40, "allow_idmap"),
];

/// The features in use, by asking a server that says what it does; one that is measured has no time
/// for that.
pub fn negotiated(bin: &Path) -> Result<Vec<String>> {
    let place = target()
        .canonicalize()
        .context("target")?
        .join(format!("bench-probe-{}", std::process::id()));
    std::fs::create_dir_all(&place).with_context(|| format!("{place:?}"))?;
    let mut child = server(bin, &place, "fuser=debug")
        .stderr(Stdio::piped())
        .spawn()
        .context("fusefs-sysfs")?;
    let stderr = child.stderr.take().context("a pipe")?;
    let mut flags = None;
    for line in BufReader::new(stderr).lines() {
        let line = line.context("fusefs-sysfs")?;
        // INIT response: ABI 7.40, flags 0x2002000a009, max readahead ...
        if let Some((_, rest)) = line.split_once("INIT response:") {
            let hex = rest
                .split("flags 0x")
                .nth(1)
                .and_then(|r| r.split(',').next());
            flags = hex.and_then(|h| u64::from_str_radix(h, 16).ok());
            break;
        }
    }
    kill(Pid::from_raw(child.id() as i32), Signal::SIGTERM).context("kill(fusefs-sysfs)")?;
    child.wait().context("fusefs-sysfs")?;
    let _ = std::fs::remove_dir(&place);
    let flags = flags.context("the server has not said what it agreed on with the kernel")?;
    Ok(names(flags))
}

fn names(flags: u64) -> Vec<String> {
    let known = FLAGS.iter().filter(|(bit, _)| flags >> bit & 1 == 1);
    let mut names: Vec<String> = known.map(|(_, name)| name.to_string()).collect();
    let rest = FLAGS
        .iter()
        .fold(flags, |rest, (bit, _)| rest & !(1 << bit));
    names.push(format!("(others: {rest:#x})"));
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_have_names_and_the_rest_a_number() {
        assert_eq!(
            names(1 << 37 | 1 << 3 | 1 << 5),
            ["atomic_o_trunc", "passthrough", "(others: 0x20)"]
        );
    }
}
