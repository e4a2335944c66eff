//! A process that outlives devns and clears up after it, however it ends.

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::wait::waitpid;
use nix::unistd::{Pid, pipe2};
use sys::process::Fork;
use sys::{Context, Result};

use super::state::State;

/// The watching process. It acts when this is dropped, and when devns dies.
pub struct Watcher {
    child: Pid,
    alive: Option<OwnedFd>,
}

impl Watcher {
    /// Start it. The caller must have no other thread yet.
    pub fn start(state: &State) -> Result<Watcher> {
        let (ended, alive) = pipe2(nix::fcntl::OFlag::O_CLOEXEC).call(|| "pipe2()".into())?;
        match sys::process::fork()? {
            Fork::Parent(child) => Ok(Watcher {
                child,
                alive: Some(alive),
            }),
            Fork::Child => {
                // a session of its own: what the terminal or a service manager sends the group
                // of devns does not end it
                let _ = nix::unistd::setsid();
                let _ = nix::sys::prctl::set_name(c"devns-watcher");
                sys::process::close_all_but(&[ended.as_raw_fd(), state.lock_fd()]);
                let _ = File::from(ended).read(&mut [0u8]);
                sys::process::exit_now(match state.remove() {
                    Ok(()) => 0,
                    Err(_) => 1,
                })
            }
        }
    }

    /// Have it clear up, and wait until it has. False: something is left.
    pub fn finish(mut self) -> bool {
        self.alive = None;
        let status = waitpid(self.child, None);
        matches!(status, Ok(nix::sys::wait::WaitStatus::Exited(_, 0)))
    }
}
