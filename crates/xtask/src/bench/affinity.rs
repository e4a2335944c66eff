//! Which cores a process may use.

use std::fs;

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

/// The cores that are measured on.
#[derive(Clone, Copy)]
pub struct Cores {
    /// All that we may use.
    all: CpuSet,
    /// One of them.
    one: CpuSet,
    /// Its number.
    pub number: usize,
}

impl Cores {
    /// Ask what this process may use.
    pub fn find() -> Result<Cores> {
        let all = sched_getaffinity(Pid::from_raw(0)).context("sched_getaffinity()")?;
        // the last: interrupts mostly come to the first
        let number = (0..CpuSet::count())
            .rev()
            .find(|&c| all.is_set(c).unwrap_or(false))
            .context("no core is allowed")?;
        let mut one = CpuSet::new();
        one.set(number).context("CpuSet")?;
        Ok(Cores { all, one, number })
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        (0..CpuSet::count())
            .filter(|&c| self.all.is_set(c).unwrap_or(false))
            .count()
    }

    /// Let every thread of `processes` run on the one core, or on all.
    pub fn place(&self, processes: &[u32], pinned: bool) -> Result<()> {
        let cores = if pinned { &self.one } else { &self.all };
        // a thread that is made meanwhile has what its maker has; after the second turn, that is right
        for _ in 0..2 {
            for pid in processes {
                for thread in threads(*pid)? {
                    match sched_setaffinity(Pid::from_raw(thread), cores) {
                        // it has ended
                        Ok(()) | Err(Errno::ESRCH) => {}
                        Err(e) => return Err(e).context(format!("sched_setaffinity({thread})")),
                    }
                }
            }
        }
        Ok(())
    }
}

fn threads(pid: u32) -> Result<Vec<i32>> {
    let path = format!("/proc/{pid}/task");
    let tasks = fs::read_dir(&path).with_context(|| path.clone())?;
    let names = tasks
        .flatten()
        .map(|t| t.file_name().to_string_lossy().into_owned());
    Ok(names.filter_map(|name| name.parse().ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_core_is_one_that_is_allowed() {
        let cores = Cores::find().unwrap();
        assert!(cores.all.is_set(cores.number).unwrap());
        assert!(cores.count() >= 1);
    }
}
