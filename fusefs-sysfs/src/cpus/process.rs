//! The CPUs of a process, as they are now.

use std::sync::Arc;
use std::time::{Duration, Instant};

use host::cgroup::Cpusets;
use kobject::CpuSet;
use parking_lot::Mutex;
use sys::Context;

use super::Cpus;

/// How long what was read is taken for true. With the second that the kernel keeps a name, it is how
/// long a change of the cpuset may take to show.
const FRESH: Duration = Duration::from_millis(100);

/// Those of the cpuset cgroup that a process is in.
///
/// What cannot be read leaves the CPUs as they were read last: a process that has just ended, or one
/// whose cgroup is being changed, must make none appear that the container never had. There is always
/// a last time, as [`ProcessCpus::new`] fails without one.
pub struct ProcessCpus {
    cpusets: Cpusets,
    /// Held while the cgroup is read, and nothing else is locked then.
    state: Mutex<State>,
}

struct State {
    pid: i32,
    cpus: Arc<CpuSet>,
    read: Instant,
}

impl ProcessCpus {
    /// Those of process `pid`, which has to be there as long as nobody says otherwise.
    ///
    /// # Errors
    /// When its CPUs cannot be read: without them nothing could be said that is not a guess.
    pub fn new(pid: i32) -> sys::Result<ProcessCpus> {
        let cpusets = Cpusets::detect().call(|| "cpusets".into())?;
        let cpus = cpusets.cpus_of(pid)?;
        log::info!("the CPUs {cpus} show");
        let state = State {
            pid,
            cpus: Arc::new(cpus),
            read: Instant::now(),
        };
        Ok(ProcessCpus {
            cpusets,
            state: Mutex::new(state),
        })
    }

    /// From now on those of process `pid`.
    pub fn follow(&self, pid: i32) {
        let mut state = self.state.lock();
        state.pid = pid;
        state.refresh(&self.cpusets);
    }
}

impl Cpus for ProcessCpus {
    fn now(&self) -> Arc<CpuSet> {
        let mut state = self.state.lock();
        if state.read.elapsed() >= FRESH {
            state.refresh(&self.cpusets);
        }
        state.cpus.clone()
    }
}

impl State {
    fn refresh(&mut self, cpusets: &Cpusets) {
        match cpusets.cpus_of(self.pid) {
            Ok(cpus) if cpus != *self.cpus => {
                log::info!("the CPUs {cpus} show now");
                self.cpus = Arc::new(cpus);
            }
            Ok(_) => {}
            Err(e) => log::debug!("the CPUs stay as they were: {e}"),
        }
        self.read = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn they_stay_when_the_process_has_ended() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let cpus = ProcessCpus::new(child.id() as i32).unwrap();
        let before = cpus.now();
        assert!(!before.is_empty());
        child.kill().unwrap();
        child.wait().unwrap();
        std::thread::sleep(FRESH);
        assert_eq!(cpus.now(), before);
        cpus.follow(std::process::id() as i32);
        assert!(!cpus.now().is_empty());
    }

    #[test]
    fn there_are_none_without_a_process() {
        assert_eq!(
            ProcessCpus::new(i32::MAX).err().unwrap().errno(),
            libc::ESRCH
        );
    }
}
