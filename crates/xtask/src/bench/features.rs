//! The machine, and what kernel and server agreed on.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::sync::mpsc::channel;
use std::time::Duration;

use anyhow::{Context, Result};

use super::affinity::Cores;
use super::system::ours;

/// Flags of FUSE_INIT that matter for speed (include/uapi/linux/fuse.h).
const FLAGS: [(u32, &str); 9] = [
    (13, "readdirplus"),
    (14, "readdirplus_auto"),
    (17, "no_open"),
    (18, "parallel_dirops"),
    (23, "cache_symlinks"),
    (24, "no_opendir"),
    (28, "explicit_inval_data"),
    (37, "passthrough"),
    (40, "allow_idmap"),
];

/// What a server can do without agreeing on it, by answering the first request with ENOSYS.
const UNSPOKEN: [&str; 2] = ["no_open", "no_opendir"];

/// How long a server may take to say what it has agreed on.
const PATIENCE: Duration = Duration::from_secs(3);

/// The machine, for whoever reads the figures later.
pub fn machine(cores: &Cores) -> Vec<(&'static str, String)> {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let version = fs::read_to_string("/proc/version").unwrap_or_default();
    let processor = processor(&cpuinfo).unwrap_or("unknown");
    vec![
        ("kernel", version.trim().to_string()),
        ("processor", processor.to_string()),
        (
            "cores",
            format!("{}, pinned to number {}", cores.count(), cores.number),
        ),
    ]
}

fn processor(cpuinfo: &str) -> Option<&str> {
    let named = |key| {
        let line = cpuinfo.lines().find(|l| l.starts_with(key))?;
        Some(line.split_once(':')?.1.trim())
    };
    named("model name").or_else(|| named("CPU implementer"))
}

/// What is in use, by asking a server that says what it does; one that is measured has no time for
/// that. What it does not say is unknown.
pub fn in_use(bin: &Path, server: &str) -> Result<Vec<String>> {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").context("osrelease")?;
    let mut features = vec![format!("kernel {}", release.trim())];
    let agreed = agreed(&bin.join(server))?;
    features.push(match &agreed {
        Some((protocol, _)) => format!("FUSE protocol of the server {protocol}"),
        None => "FUSE protocol unknown".into(),
    });
    features.extend(flags(agreed.map(|(_, flags)| flags)));
    Ok(features)
}

/// The protocol and the flags that a server has answered FUSE_INIT with.
fn agreed(server: &Path) -> Result<Option<(String, u64)>> {
    let script = "mount -t tmpfs bench /run && mkdir /run/view && exec \"$0\" -f /run/view";
    let mut command = ours("unshare");
    command.args(["--mount", "sh", "-c", script]);
    command.arg(server);
    command.env("RUST_LOG", "fuser=debug");
    command.stdin(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("{server:?}"))?;
    let stderr = child.stderr.take().context("a pipe")?;
    let (tell, told) = channel();
    std::thread::spawn(move || {
        let lines = BufReader::new(stderr).lines().map_while(|line| line.ok());
        for answer in lines.filter_map(|line| init_response(&line)) {
            let _ = tell.send(answer);
        }
    });
    let answer = told.recv_timeout(PATIENCE).ok();
    // its mount is in a namespace of its own, which ends with it
    child.kill().context("kill() of the server")?;
    child.wait().context("the server")?;
    Ok(answer)
}

/// From fuser's `INIT response: ABI 7.40, flags 0x2002000a009, max readahead ...`.
fn init_response(line: &str) -> Option<(String, u64)> {
    let (_, rest) = line.split_once("INIT response: ABI ")?;
    let (protocol, rest) = rest.split_once(", flags 0x")?;
    let (flags, _) = rest.split_once(',')?;
    Some((protocol.to_string(), u64::from_str_radix(flags, 16).ok()?))
}

fn flags(agreed: Option<u64>) -> Vec<String> {
    let state = |bit: u32, name| match agreed {
        Some(flags) if flags >> bit & 1 == 1 => "yes",
        Some(_) if !UNSPOKEN.contains(&name) => "no",
        _ => "unknown",
    };
    let named = FLAGS
        .iter()
        .map(|(bit, name)| format!("{name} {}", state(*bit, *name)));
    named.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fuser_says_of_init() {
        let line = "fusefs-sysfs: debug: INIT response: ABI 7.40, flags 0x2000002000, max readahead 131072, max write 131072";
        assert_eq!(
            init_response(line),
            Some(("7.40".into(), 1 << 37 | 1 << 13))
        );
        assert_eq!(init_response("capability FUSE_ASYNC_READ enabled"), None);
    }

    #[test]
    fn flags_are_there_or_not_or_unknown() {
        let some = flags(Some(1 << 37));
        assert!(
            some.contains(&"passthrough yes".into()) && some.contains(&"readdirplus no".into())
        );
        assert!(some.contains(&"no_opendir unknown".into()));
        assert!(flags(None).iter().all(|f| f.ends_with(" unknown")));
    }

    #[test]
    fn processors_of_two_architectures() {
        assert_eq!(
            processor("processor\t: 0\nmodel name\t: A B\nmodel name\t: C\n"),
            Some("A B")
        );
        assert_eq!(processor("CPU implementer\t: 0x41\n"), Some("0x41"));
    }
}
