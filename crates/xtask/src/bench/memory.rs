//! What a system holds of memory.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

/// The proportional set size of `processes` together, in KiB (`smaps_rollup`, proc(5)): pages that
/// several processes have are divided among them.
pub fn pss(processes: &[u32]) -> Result<f64> {
    let mut sum = 0.0;
    for pid in processes {
        let path = format!("/proc/{pid}/smaps_rollup");
        let text = fs::read_to_string(&path).with_context(|| path.clone())?;
        sum += pss_in(&text).with_context(|| format!("{path} has no Pss"))?;
    }
    Ok(sum)
}

fn pss_in(smaps: &str) -> Option<f64> {
    let line = smaps.lines().find_map(|l| l.strip_prefix("Pss:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

/// A memory cgroup, which counts what the kernel allocates for the processes in it.
///
/// The slab counters of the whole machine move with everything that runs; what is charged to a cgroup
/// does not. dentries and inodes are charged to whoever first looks them up.
pub struct Charged {
    dir: PathBuf,
    unified: bool,
}

impl Charged {
    /// Make one, and move `processes` there; none if there is no memory controller.
    pub fn with(processes: &[u32]) -> Result<Option<Charged>> {
        let Some((top, unified)) = hierarchy() else {
            return Ok(None);
        };
        let dir = top.join(format!("devns-bench-{}", std::process::id()));
        // one that a killed run has left will do
        fs::create_dir_all(&dir).with_context(|| format!("mkdir({dir:?})"))?;
        let charged = Charged { dir, unified };
        let procs = charged.dir.join("cgroup.procs");
        for pid in processes {
            fs::write(&procs, pid.to_string()).with_context(|| format!("{procs:?}"))?;
        }
        Ok(Some(charged))
    }

    /// Kernel memory that is charged to it, in KiB.
    pub fn kernel(&self) -> Result<f64> {
        let name = match self.unified {
            true => "memory.stat",
            false => "memory.kmem.usage_in_bytes",
        };
        let path = self.dir.join(name);
        let text = fs::read_to_string(&path).with_context(|| format!("{path:?}"))?;
        let bytes = match self.unified {
            true => text.lines().find_map(|l| l.strip_prefix("kernel ")),
            false => Some(text.trim()),
        };
        let bytes: Option<f64> = bytes.and_then(|b| b.parse().ok());
        Ok(bytes.with_context(|| format!("{path:?} says nothing of the kernel"))? / 1024.0)
    }
}

impl Drop for Charged {
    fn drop(&mut self) {
        // busy until the last process that was in it is reaped
        for _ in 0..100 {
            if fs::remove_dir(&self.dir).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        eprintln!("xtask: {:?} is left: it is still in use", self.dir);
    }
}

/// Where the memory controller is, and whether that is version 2.
fn hierarchy() -> Option<(PathBuf, bool)> {
    let top = Path::new("/sys/fs/cgroup");
    let delegated = fs::read_to_string(top.join("cgroup.subtree_control")).unwrap_or_default();
    if delegated.split_whitespace().any(|c| c == "memory") {
        return Some((top.into(), true));
    }
    let old = top.join("memory");
    let counts = old.join("memory.kmem.usage_in_bytes").exists();
    counts.then_some((old, false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_and_not_its_parts() {
        let text =
            "00400000-7ffe Rollup\nRss:  5000 kB\nPss:            4903 kB\nPss_Anon: 12 kB\n";
        assert_eq!(pss_in(text), Some(4903.0));
        assert_eq!(pss_in("Rss: 1 kB\n"), None);
    }
}
