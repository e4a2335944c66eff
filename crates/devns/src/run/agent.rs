//! The agent: has `statfs(2)` on the container's /sys say what it says of a sysfs.
//!
//! libudev from 251 on enumerates no device whose directory is not on a sysfs by what statfs says, and
//! FUSE always says FUSE. So the container's filter asks before these calls are made
//! (seccomp_unotify(2)), and a process of its own answers for files of the one superblock that is our
//! view; the kernel makes every other call itself, as if nobody had asked.
//!
//! No guarantee rests on it. What it says can be fooled, since the memory it reads is the caller's; it
//! only ever says what file system a file is on that the caller can reach. It is a process of its own,
//! since a thread that reads the container's memory or walks its paths may be held for as long as the
//! container likes, and a process that ends must not wait for one.

mod caller;

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use nix::fcntl::{OFlag, open};
use nix::libc::dev_t;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, dup2_stderr, dup2_stdin, dup2_stdout};
use sys::process::{Fork, close_all_but, exit_now, fork};
use sys::seccomp::{Listener, StatfsCall};
use sys::{Context, Error, Result};

use super::channel::{Channel, Word};
use crate::args::Statfs;

/// How many callers it looks after at once. While all are held up, the kernel answers further ones as it
/// would without an agent.
const WORKERS: usize = 16;
/// A worker walks a path and copies a structure.
const STACK: usize = 128 << 10;

/// The agent's process, for as long as this lives.
pub struct Agent {
    child: Pid,
    channel: Arc<Channel>,
    /// It ends by our hand.
    finished: Arc<AtomicBool>,
}

impl Agent {
    /// Start it, to answer for the file system with device number `view`. The caller must have no other
    /// thread yet.
    pub fn start(mode: Statfs, view: dev_t) -> Result<Agent> {
        let (ours, theirs) = Channel::pair()?;
        match fork()? {
            Fork::Child => {
                drop(ours);
                let _ = run(mode, view, &theirs);
                exit_now(1)
            }
            Fork::Parent(child) => {
                drop(theirs);
                let agent = Agent {
                    child,
                    channel: Arc::new(ours),
                    finished: Arc::default(),
                };
                // until then it has what we have open, the mounts among it, which would be busy
                match agent.channel.hear()? {
                    Some(Word::Ready) => Ok(agent),
                    _ => Err(Error::new(
                        "the agent for statfs",
                        std::io::Error::other("ended before it began"),
                    )),
                }
            }
        }
    }

    /// Give it the listener of the container's filter, of which it then has the only copy.
    pub fn answer(&self, listener: OwnedFd) -> Result<()> {
        self.channel.say(&Word::Listener(listener))
    }

    /// Call `on_gone` when it ends otherwise than by being dropped.
    pub fn watch(&self, on_gone: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
        let (channel, finished) = (self.channel.clone(), self.finished.clone());
        let work = move || {
            // it says nothing more: what comes is the end
            while let Ok(Some(_)) = channel.hear() {}
            if !finished.load(Ordering::SeqCst) {
                on_gone();
            }
        };
        std::thread::Builder::new()
            .name("agent".into())
            .spawn(work)
            .map(drop)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.finished.store(true, Ordering::SeqCst);
        let _ = kill(self.child, Signal::SIGKILL);
        // a worker of it may sleep in the kernel for as long as the container likes: do not wait for that
        for _ in 0..100 {
            match waitpid(self.child, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::StillAlive) => std::thread::sleep(Duration::from_millis(1)),
                _ => return,
            }
        }
    }
}

/// The agent's process: begin with nothing but the channel, get the listener, answer until devns ends.
fn run(mode: Statfs, view: dev_t, channel: &Channel) -> Result<()> {
    let _ = nix::sys::prctl::set_pdeathsig(Signal::SIGKILL);
    let _ = nix::sys::prctl::set_name(c"devns-agent");
    let _ = nix::unistd::setsid();
    // not closed: what is opened later would be taken for the stream that a panic writes to
    let null = open("/dev/null", OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty())
        .call(|| "open(\"/dev/null\")".into())?;
    dup2_stdin(&null)
        .and_then(|()| dup2_stdout(&null))
        .and_then(|()| dup2_stderr(&null))
        .call(|| "dup2(\"/dev/null\")".into())?;
    close_all_but(&[0, 1, 2, channel.fd()]);
    // closed already, and its number may be another's by now
    std::mem::forget(null);
    channel.say(&Word::Ready)?;
    let Some(Word::Listener(listener)) = channel.hear()? else {
        return Ok(());
    };
    let listener = Arc::new(Listener::new(listener));
    let busy = Arc::new(AtomicUsize::new(0));
    while wait(&listener, channel)? {
        match listener.receive() {
            Ok(asked) => {
                let question = Question::new(&listener, &busy, asked.id);
                if let (Statfs::Sysfs, Some(call)) = (mode, asked.statfs) {
                    question.look_into(asked.tid, call, view);
                }
            }
            // it was called off, or a signal that we do not know came
            Err(e) if [libc::ENOENT, libc::EINTR].contains(&e.errno()) => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// Wait until somebody asks; false: devns has ended.
fn wait(listener: &Listener, channel: &Channel) -> Result<bool> {
    let mut asks = true;
    loop {
        let mut fds = [
            PollFd::new(channel.as_fd(), PollFlags::POLLIN),
            PollFd::new(listener.as_fd(), PollFlags::POLLIN),
        ];
        let fds = if asks { &mut fds[..] } else { &mut fds[..1] };
        match poll(fds, PollTimeout::NONE) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => {}
            Err(e) => return Err(e).call(|| "poll(<listener>)".into()),
        }
        let came = |at: usize| fds.get(at).and_then(PollFd::revents);
        if came(0).is_some_and(|e| !e.is_empty()) {
            return Ok(false);
        }
        let of_listener = came(1).unwrap_or(PollFlags::empty());
        if of_listener.contains(PollFlags::POLLIN) {
            return Ok(true);
        }
        // nobody is left who could ask: devns is about to notice, and wants us alive till then
        asks &= !of_listener.contains(PollFlags::POLLHUP);
    }
}

/// A call that waits. Whatever becomes of this, it is answered: dropped, the kernel makes the call.
struct Question {
    listener: Arc<Listener>,
    busy: Arc<AtomicUsize>,
    id: u64,
}

impl Question {
    fn new(listener: &Arc<Listener>, busy: &Arc<AtomicUsize>, id: u64) -> Question {
        busy.fetch_add(1, Ordering::SeqCst);
        Question {
            listener: listener.clone(),
            busy: busy.clone(),
            id,
        }
    }

    /// Answer it on a thread of its own, as the caller may hold that up; if too many are held up
    /// already, leave it to the kernel.
    fn look_into(self, tid: u32, call: StatfsCall, view: dev_t) {
        if self.busy.load(Ordering::SeqCst) > WORKERS {
            return;
        }
        let work = move || {
            if let Ok(true) = caller::answer(&self.listener, self.id, tid, call, view) {
                let _ = self.listener.succeed(self.id);
            }
        };
        // without a thread, `work` and the question in it are dropped
        let _ = std::thread::Builder::new()
            .name("statfs".into())
            .stack_size(STACK)
            .spawn(work);
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        // an error if it is answered already
        let _ = self.listener.go_on(self.id);
        self.busy.fetch_sub(1, Ordering::SeqCst);
    }
}
