//! The first process of a container, as its host sees it.

use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::Duration;

use cli::reload::Ask;
use cli::{Failure, Status};
use fusefs_sysfs::ProcessCpus;
use host::cgroup::{kill_all, kill_and_remove};
use host::process;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use sys::Context;
use sys::process::{pidfd, send_signal};

use super::agent::Agent;
use super::channel::{Channel, Word};
use super::reload::Record;
use super::{signals, terminal};

/// How long processes that are killed may take to end.
const DEADLINE: Duration = Duration::from_secs(10);

/// The first process of the container, as far as it is known yet.
pub(super) struct FirstProcess {
    process: parking_lot::Mutex<Option<Arc<OwnedFd>>>,
    /// The signal that ended it by our hand, 0 for none.
    ended_by: AtomicI32,
    /// It had to be ended: its view could not be kept true.
    broken: AtomicBool,
    /// Everybody in there ends with it.
    cgroups: Vec<PathBuf>,
    /// What has to know whose CPUs show, if they are the container's own.
    cpus: Option<Arc<ProcessCpus>>,
    /// Where it is written down which rules it runs with.
    record: Record,
}

impl FirstProcess {
    /// Of a container with these cgroups, which nobody has heard of yet.
    pub fn new(
        cgroups: Vec<PathBuf>,
        cpus: Option<Arc<ProcessCpus>>,
        record: Record,
    ) -> FirstProcess {
        FirstProcess {
            process: parking_lot::Mutex::default(),
            ended_by: AtomicI32::new(0),
            broken: AtomicBool::new(false),
            cgroups,
            cpus,
            record,
        }
    }

    /// End it, for this reason; done before anything is said, which the container could hold up.
    pub fn end(&self, why: &str) {
        self.broken.store(true, Ordering::SeqCst);
        self.kill();
        log::error!("{why}; it is ended");
    }

    /// End it and everybody in its cgroups.
    pub fn end_all(&self, why: &str) {
        self.end(why);
        let _ = kill_all(&self.cgroups, DEADLINE);
    }

    fn kill(&self) {
        if let Some(process) = &*self.process.lock() {
            let _ = send_signal(process.as_fd(), Signal::SIGKILL as i32);
        }
    }

    /// Whether it had to be ended, for a reason that was said.
    pub fn is_broken(&self) -> bool {
        self.broken.load(Ordering::SeqCst)
    }

    /// Follow the container from the first message to its end.
    pub fn attend(
        self: &Arc<Self>,
        channel: &Channel,
        stage: Pid,
        agent: &Agent,
        reload: Option<Ask>,
    ) -> Result<u8, Failure> {
        let mut pid = None;
        let mut screen = None;
        let mut raw = None;
        let mut failure = None;
        while let Some(word) = channel.hear()? {
            match word {
                Word::Started(number) => {
                    let first = Pid::from_raw(number);
                    *self.process.lock() = Some(Arc::new(pidfd(first)?));
                    pid = Some(first);
                    // before anybody waits for the stage: as long as it is there its pid is its own
                    if let Some(cpus) = &self.cpus {
                        cpus.follow(number);
                    }
                    self.record.started(number);
                    // what ends it may have come first
                    if self.is_broken() {
                        self.kill();
                    }
                }
                Word::Terminal(master) => {
                    let master = Arc::new(master);
                    terminal::resize(&master);
                    raw = Some(terminal::Raw::stdin());
                    screen = Some((terminal::proxy(master.clone())?, master));
                }
                // if it fails the agent is gone, and the container ends for that
                Word::Listener(listener) => drop(agent.answer(listener)),
                Word::Failed(status, why) => failure = Some((status, why)),
                Word::Go(..) | Word::Ready => {}
            }
        }
        // it ends as soon as it has said who the first process is, or why there is none
        let _ = waitpid(stage, None);
        if let Some((status, why)) = failure {
            drop(raw);
            eprintln!("devns: {why}");
            return Ok(status);
        }
        let Some(pid) = pid else {
            return Err(Failure::new(
                Status::Other,
                "the container ended before it began",
            ));
        };
        let master = screen.as_ref().map(|(_, master)| master.clone());
        self.pass_signals(pid, reload, master)?;
        let status = self.wait(pid)?;
        if let Some((thread, _)) = screen {
            let _ = thread.join();
        }
        drop(raw);
        Ok(status)
    }

    fn pass_signals(
        self: &Arc<Self>,
        pid: Pid,
        reload: Option<Ask>,
        master: Option<Arc<OwnedFd>>,
    ) -> Result<(), Failure> {
        let resized = move || {
            if let Some(master) = &master {
                terminal::resize(master);
            }
        };
        let me = self.clone();
        let ended = move |signal: Signal| me.ended_by.store(signal as i32, Ordering::SeqCst);
        signals::pass_on(pidfd(pid)?, pid, reload, resized, ended);
        Ok(())
    }

    fn wait(&self, pid: Pid) -> Result<u8, Failure> {
        let process = self.process.lock().clone();
        let mut was_ending = false;
        loop {
            if let Some(process) = &process {
                let mut fds = [PollFd::new(process.as_fd(), PollFlags::POLLIN)];
                let _ = poll(&mut fds, PollTimeout::from(1000u16));
            }
            match waitpid(pid, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(_, status)) => return Ok(status as u8),
                Ok(WaitStatus::Signaled(_, signal, _)) => {
                    let by = match self.ended_by.load(Ordering::SeqCst) {
                        0 => signal as i32,
                        by => by,
                    };
                    return Ok((128 + by) as u8);
                }
                // what keeps it from its end, a process that waits for its own FUSE server say, may
                // do so for good
                Ok(WaitStatus::StillAlive) if was_ending => {
                    kill_and_remove(&self.cgroups, DEADLINE)?;
                }
                Ok(_) | Err(nix::errno::Errno::EINTR) => {}
                Err(e) => return Err(e).call(|| format!("waitpid({pid})"))?,
            }
            was_ending = process::is_ending(pid.as_raw());
        }
    }
}
