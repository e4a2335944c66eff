//! Threads that do what may block, each as the one who asked.
//!
//! Reads carry no power: they run on threads that have the caller's uid and gid and no
//! capability in effect, so that a driver which looks at who is reading sees what it would see
//! on a native sysfs, or less. Writes that a rule grants run with the server's own authority, on
//! threads of their own. A slow driver holds up one thread, not the server.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use sys::caps::{self, CapSet};
use sys::namespace::OWNER_UID;

/// Who asks: the ids of the request, host ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// fsuid of the process.
    pub uid: u32,
    /// fsgid of the process.
    pub gid: u32,
}

type Job = Box<dyn FnOnce() + Send>;

/// What a thread is while it does a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Identity {
    Caller(Caller),
    Server,
    /// Nobody, with the one capability that FUSE_DEV_IOC_BACKING_OPEN asks for.
    Registrar,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<(Identity, Job)>,
    idle: usize,
    threads: usize,
}

struct Shared {
    /// Held for a push or a pop only; jobs run without it.
    queue: Mutex<Queue>,
    wake: Condvar,
    /// At most this many threads at once.
    limit: usize,
    named: &'static str,
}

/// Three sets of threads, made as they are needed, gone when they are not.
pub struct Pool {
    callers: Arc<Shared>,
    authority: Arc<Shared>,
    registrar: Arc<Shared>,
}

/// How long a thread waits for more to do.
const IDLE: Duration = Duration::from_secs(10);

impl Pool {
    /// A pool of at most `limit` threads for callers and as many with authority.
    pub fn new(limit: usize) -> Pool {
        let shared = |named, limit| {
            Arc::new(Shared {
                queue: Mutex::default(),
                wake: Condvar::new(),
                limit,
                named,
            })
        };
        Pool {
            callers: shared("caller", limit),
            authority: shared("authority", limit),
            registrar: shared("registrar", 1),
        }
    }

    /// Run `job` as `caller`, without any capability.
    pub fn run_as(&self, caller: Caller, job: impl FnOnce() + Send + 'static) {
        self.callers.push(Identity::Caller(caller), Box::new(job));
    }

    /// Run `job` with the authority of the server.
    pub fn run_with_authority(&self, job: impl FnOnce() + Send + 'static) {
        self.authority.push(Identity::Server, Box::new(job));
    }

    /// Run `job` as nobody, with no right but to have the kernel read a file by itself.
    pub fn run_as_registrar(&self, job: impl FnOnce() + Send + 'static) {
        self.registrar.push(Identity::Registrar, Box::new(job));
    }
}

impl Shared {
    fn push(self: &Arc<Self>, identity: Identity, job: Job) {
        let mut queue = self.queue.lock();
        queue.jobs.push_back((identity, job));
        if queue.idle >= queue.jobs.len() || queue.threads >= self.limit {
            self.wake.notify_one();
            return;
        }
        let shared = self.clone();
        let made = std::thread::Builder::new()
            .name(self.named.into())
            .stack_size(256 << 10)
            .spawn(move || shared.work());
        match made {
            Ok(_) => queue.threads += 1,
            // whoever is busy comes back for it; with nobody there, dropping the job answers it
            Err(e) if queue.threads == 0 => {
                log::error!("no thread to serve a request: {e}");
                queue.jobs.pop_back();
            }
            Err(_) => {}
        }
    }

    fn work(self: Arc<Self>) {
        let mut prepared = false;
        let mut now = Some(Identity::Server);
        while let Some((identity, job)) = self.next() {
            if now != Some(identity) {
                // until it has been taken on, what this thread is is not known
                now = None;
                let taken = match identity {
                    Identity::Caller(caller) => assume(caller, &mut prepared),
                    Identity::Registrar => register_only(),
                    // no thread comes back to that
                    Identity::Server => Err(sys::Error::new("assume()", nix::errno::Errno::EPERM)),
                };
                if let Err(e) = taken {
                    // dropping the job answers it
                    log::error!("a request is refused, its identity cannot be taken on: {e}");
                    continue;
                }
                now = Some(identity);
            }
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(job));
        }
    }

    fn next(&self) -> Option<(Identity, Job)> {
        let mut queue = self.queue.lock();
        loop {
            if let Some(job) = queue.jobs.pop_front() {
                return Some(job);
            }
            queue.idle += 1;
            let late = self.wake.wait_for(&mut queue, IDLE).timed_out();
            queue.idle -= 1;
            if late && queue.jobs.is_empty() {
                queue.threads -= 1;
                return None;
            }
        }
    }
}

/// Make the calling thread act as `caller`: its ids, no groups, no capability in effect.
/// CAP_SETUID and CAP_SETGID stay in the permitted set, which no permission check looks at, for
/// the next caller. The real uid is nobody's: a check that looks at it gives less, and no process
/// of the caller's uid may signal the thread.
fn assume(caller: Caller, prepared: &mut bool) -> sys::Result<()> {
    // to setresuid(2) that is "leave it as it is": the last caller, or the server
    if caller.uid == u32::MAX || caller.gid == u32::MAX {
        return Err(sys::Error::new("assume(-1)", nix::errno::Errno::EINVAL));
    }
    let ids = CapSet(1 << 6 | 1 << 7);
    if !*prepared {
        // needs CAP_SETPCAP, which goes next
        caps::no_setuid_fixup()?;
        *prepared = true;
    }
    caps::set(ids, ids, CapSet::EMPTY)?;
    caps::act_as_thread(caller.uid, caller.gid, OWNER_UID)?;
    caps::set(CapSet::EMPTY, ids, CapSet::EMPTY)
}

/// Make the calling thread nobody, with CAP_SYS_ADMIN: what it registers is read with just that.
fn register_only() -> sys::Result<()> {
    let admin = CapSet(1 << 21);
    caps::no_setuid_fixup()?;
    caps::act_as_thread(OWNER_UID, OWNER_UID, OWNER_UID)?;
    caps::set(admin, admin, CapSet::EMPTY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn a_read_has_the_callers_ids_and_no_capability() {
        let pool = Pool::new(2);
        for uid in [1000, 0, 100_000, 1000] {
            let (tx, rx) = channel();
            pool.run_as(Caller { uid, gid: uid }, move || {
                let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
                tx.send(status).unwrap();
            });
            let status = rx.recv().unwrap();
            assert!(
                status.contains(&format!("Uid:\t{OWNER_UID}\t{uid}\t{OWNER_UID}\t{uid}")),
                "{status}"
            );
            assert!(status.contains("CapEff:\t0000000000000000"), "{status}");
            assert!(status.contains("Groups:\t \n"), "{status}");
        }
    }

    #[test]
    fn what_is_registered_is_read_by_nobody() {
        let pool = Pool::new(2);
        let (tx, rx) = channel();
        pool.run_as_registrar(move || {
            let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
            tx.send(status).unwrap();
        });
        let status = rx.recv().unwrap();
        let uid = format!("Uid:\t{OWNER_UID}\t{OWNER_UID}\t{OWNER_UID}\t{OWNER_UID}");
        assert!(status.contains(&uid), "{status}");
        for set in ["CapPrm", "CapEff"] {
            assert!(
                status.contains(&format!("{set}:\t0000000000200000")),
                "{status}"
            );
        }
        assert!(status.contains("Groups:\t \n"), "{status}");
    }

    #[test]
    fn one_that_panics_or_blocks_holds_up_nobody() {
        let pool = Pool::new(2);
        let (release, blocked) = channel::<()>();
        pool.run_with_authority(move || {
            let _ = blocked.recv();
        });
        let (tx, rx) = channel();
        for n in 0..10 {
            let tx = tx.clone();
            pool.run_with_authority(move || {
                tx.send(n).unwrap();
                assert!(n % 2 == 0, "on purpose");
            });
        }
        let mut got: Vec<i32> = (0..10).map(|_| rx.recv().unwrap()).collect();
        got.sort();
        assert_eq!(got, (0..10).collect::<Vec<_>>());
        drop(release);
    }
}
