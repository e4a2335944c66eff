//! Rule files that change while something runs: taken up when a signal says so, or as soon as they are saved.
//!
//! New rules are read and compiled before anything is touched: an error changes nothing, and is reported.

mod files;

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use nix::libc::signalfd_siginfo;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::{pipe2, read, write};
use policy::{Cpus, Policy, ViewChange};

use crate::failure::{Failure, Status};
use crate::files::OnDisk;
use crate::rules::{Loaded, load_from};
use files::{Files, Noting};

/// How long files have to be left alone before they are read: an editor may write in several steps.
const QUIET: Duration = Duration::from_millis(100);

/// How long they are waited for at the most.
const PATIENCE: Duration = Duration::from_secs(1);

/// What comes of a reload goes to the log as this, at level info.
const TARGET: &str = "reload";

/// Takes new rules; what has changed, in words. An error: nothing has.
pub type Take = Box<dyn FnMut(&Loaded) -> Result<String, Failure> + Send>;

/// Whether `spec` names a file, which may change, and no built-in policy.
pub fn is_file(spec: &str) -> bool {
    !spec.starts_with("builtin:")
}

/// Refuses `--watch` where there is nothing to watch.
pub fn may_watch(spec: &str) -> Result<(), Failure> {
    match is_file(spec) {
        true => Ok(()),
        false => Err(Failure::new(
            Status::Usage,
            format!("--watch needs a rule file, and {spec} is none"),
        )
        .mend("leave it out, or name a file by --policy")),
    }
}

/// Reloads a rule file on a thread of its own, until this is dropped.
pub struct Reloads {
    ask: Ask,
    thread: Option<JoinHandle<()>>,
}

/// By which a reload is asked for.
#[derive(Clone)]
pub struct Ask {
    pipe: Arc<OwnedFd>,
    is_end: Arc<AtomicBool>,
}

impl Ask {
    /// Asks for one; it does not wait for it.
    pub fn ask(&self) {
        // a pipe that is full asks for one already
        let _ = write(&*self.pipe, b"r");
    }
}

impl Reloads {
    /// Of the file that `spec` names, of which `loaded` was read; with `watch`, also whenever it was saved.
    ///
    /// # Errors
    /// When there can be no thread, or no watch.
    pub fn start(spec: &str, loaded: Loaded, watch: bool, take: Take) -> io::Result<Reloads> {
        let (asked, pipe) = pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?;
        let ask = Ask {
            pipe: Arc::new(pipe),
            is_end: Arc::default(),
        };
        let files = match watch {
            true => Some(Files::watch(spec)?),
            false => None,
        };
        let mut work = Work {
            spec: spec.into(),
            loaded,
            files,
            take,
            is_end: ask.is_end.clone(),
        };
        let builder = std::thread::Builder::new().name("reload".into());
        let thread = builder.spawn(move || work.run(&asked))?;
        Ok(Reloads {
            ask,
            thread: Some(thread),
        })
    }

    /// By which others ask.
    pub fn ask(&self) -> Ask {
        self.ask.clone()
    }
}

impl Drop for Reloads {
    fn drop(&mut self) {
        self.ask.is_end.store(true, Ordering::SeqCst);
        self.ask.ask();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Work {
    spec: String,
    /// What was taken last.
    loaded: Loaded,
    files: Option<Files>,
    take: Take,
    is_end: Arc<AtomicBool>,
}

impl Work {
    fn run(&mut self, asked: &OwnedFd) {
        // since when something has happened to the files, and last
        let now = Instant::now();
        // they may have since they were read at the start, and which they are is known once they have been read again
        let mut restless = self.files.is_some().then_some((now, now));
        loop {
            let due = restless.map(|(first, last)| (last + QUIET).min(first + PATIENCE));
            let (is_asked, is_changed) = self.wait(asked, due);
            if self.is_end.load(Ordering::SeqCst) {
                return;
            }
            let now = Instant::now();
            if is_changed {
                restless = Some((restless.map_or(now, |(first, _)| first), now));
            }
            if is_asked || due.is_some_and(|due| due <= now) {
                let is_due = is_asked || self.files.as_ref().is_some_and(Files::have_changed);
                let is_more = is_due && self.reload(is_asked);
                // what was not watched while it was read may have changed since
                restless = is_more.then(|| (Instant::now(), Instant::now()));
            }
        }
    }

    /// Whether somebody has asked, and whether something has happened to the files.
    fn wait(&mut self, asked: &OwnedFd, due: Option<Instant>) -> (bool, bool) {
        let timeout = due.map_or(PollTimeout::NONE, |due| {
            let left = due.saturating_duration_since(Instant::now()) + Duration::from_millis(1);
            PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)
        });
        let mut fds = vec![PollFd::new(asked.as_fd(), PollFlags::POLLIN)];
        fds.extend(
            self.files
                .as_ref()
                .map(|files| PollFd::new(files.as_fd(), PollFlags::POLLIN)),
        );
        let _ = poll(&mut fds, timeout);
        let came = |at: usize| fds.get(at).and_then(PollFd::any).unwrap_or(false);
        let (is_asked, is_changed) = (came(0), came(1));
        drop(fds);
        if is_asked {
            let _ = read(asked, &mut [0; 512]);
        }
        if is_changed && let Some(files) = &self.files {
            files.drain();
        }
        (is_asked, is_changed)
    }

    /// Takes up what the files hold now. Unless somebody asked, nothing is said if that is the same. Whether there are
    /// files that were not watched before.
    fn reload(&mut self, is_asked: bool) -> bool {
        if let Some(files) = &mut self.files {
            // before they are read: what changes meanwhile is read again
            files.note();
        }
        let noting = Noting::new(&OnDisk);
        let done = load_from(&self.spec, &noting).and_then(|loaded| {
            if !is_asked && loaded.sources == self.loaded.sources {
                return Ok(None);
            }
            let change = (self.take)(&loaded)?;
            self.loaded = loaded;
            Ok(Some(change))
        });
        match done {
            Ok(Some(change)) => log::info!(target: TARGET, "{}: reloaded: {change}", self.spec),
            Ok(None) => {}
            Err(e) => {
                let why = e.to_string();
                // what is wrong in a file is shown with the lines themselves
                let gap = if why.contains('\n') { "\n" } else { " " };
                let spec = &self.spec;
                log::error!(target: TARGET, "{spec}: not reloaded, the rules stay as they were:{gap}{why}");
            }
        }
        let Some(files) = &mut self.files else {
            return false;
        };
        files.follow(noting.looked_at()).unwrap_or_else(|e| {
            log::error!(target: TARGET, "{}: cannot be watched any more: {e}", self.spec);
            false
        })
    }
}

/// Refuses what a mounted /sys cannot take on: other CPUs.
pub fn same_cpus(now: &Policy, new: &Policy) -> Result<(), Failure> {
    let word = |policy: &Policy| match policy.cpus() {
        Cpus::Host => "host",
        Cpus::Cgroup => "cgroup",
    };
    match now.cpus() == new.cpus() {
        true => Ok(()),
        false => Err(Failure::new(
            Status::Usage,
            format!(
                "policy {:?} has `cpus: {}`, and what runs has `cpus: {}`, which cannot change meanwhile",
                new.name(),
                word(new),
                word(now),
            ),
        )
        .mend("leave it as it is, or start anew")),
    }
}

/// How much more and less shows, in words.
pub fn describe(change: &ViewChange) -> String {
    let devices = |n: usize| if n == 1 { "device" } else { "devices" };
    let altered = change.altered.iter();
    let altered = altered.filter(|(old, new)| !old.looks_as(new) || old.events != new.events);
    let counts = [
        (change.appeared.len(), "more"),
        (change.vanished.len(), "less"),
        (altered.count(), "otherwise"),
    ];
    let mut said = String::new();
    for (count, how) in counts.into_iter().filter(|(count, _)| *count > 0) {
        said += &match said.is_empty() {
            true => format!("{count} {} {how}", devices(count)),
            false => format!(", {count} {how}"),
        };
    }
    match said.is_empty() {
        true => "the same devices show".into(),
        false => said,
    }
}

/// Tells who asks for a reload from a terminal that hangs up: both send SIGHUP.
#[derive(Clone, Copy, Debug)]
pub struct Hangup {
    has_terminal: bool,
}

impl Hangup {
    /// For a process that has the terminal that it has now.
    pub fn new() -> Hangup {
        Hangup {
            has_terminal: has_terminal(),
        }
    }

    /// Whether this SIGHUP says that the terminal is gone: it is from the kernel, or, since shells send it on to
    /// their jobs, from anybody once it is gone.
    pub fn is(self, signal: &signalfd_siginfo) -> bool {
        /// `SI_KERNEL` of sigaction(2).
        const OF_KERNEL: i32 = 0x80;
        signal.ssi_code == OF_KERNEL || self.has_terminal && !has_terminal()
    }
}

impl Default for Hangup {
    fn default() -> Hangup {
        Hangup::new()
    }
}

/// Whether this process has a controlling terminal. One that hung up is none any more (tty_ioctl(4)).
fn has_terminal() -> bool {
    let flags = OFlag::O_RDONLY | OFlag::O_NOCTTY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    nix::fcntl::open("/dev/tty", flags, nix::sys::stat::Mode::empty()).is_ok()
}
