//! How much a server is asked.

use std::fs;

use anyhow::{Context, Result};

/// How often the processes have read from anything (`syscr` in /proc/PID/io, proc(5)): a FUSE server
/// takes each request with a read(2), so there are at least as many as requests.
pub fn taken(servers: &[u32]) -> Result<u64> {
    let mut sum = 0;
    for pid in servers {
        let path = format!("/proc/{pid}/io");
        let text = fs::read_to_string(&path).with_context(|| path.clone())?;
        sum += reads(&text).with_context(|| format!("{path} has no syscr"))?;
    }
    Ok(sum)
}

fn reads(io: &str) -> Option<u64> {
    let line = io.lines().find_map(|l| l.strip_prefix("syscr:"))?;
    line.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_and_not_bytes() {
        let text = "rchar: 6976\nwchar: 0\nsyscr: 10\nsyscw: 3\nread_bytes: 0\n";
        assert_eq!(reads(text), Some(10));
        assert_eq!(reads("rchar: 1\n"), None);
    }
}
