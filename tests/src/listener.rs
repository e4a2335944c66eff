//! A listener on the host's uevents, to prove that something arrives there, or that nothing does.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use host::Monitor;
use host::monitor::Message;
use kobject::Uevent;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// An open listener; what came before it was opened is not heard.
#[derive(Debug)]
pub struct Listener {
    monitor: Monitor,
}

impl Listener {
    /// Listen in the network namespace of this process.
    ///
    /// # Panics
    /// When that cannot be had.
    pub fn open() -> Listener {
        Listener {
            monitor: Monitor::open(None, false, 64 << 20).expect("a listener"),
        }
    }

    /// Events of `devpath` and what is below it, until `done` says that there is no more to wait
    /// for, or `limit` is over.
    ///
    /// # Panics
    /// When events were lost.
    pub fn of(
        &self,
        devpath: &str,
        limit: Duration,
        done: impl Fn(&[Uevent]) -> bool,
    ) -> Vec<Uevent> {
        let until = Instant::now() + limit;
        let mut heard: Vec<Uevent> = Vec::new();
        loop {
            while let Some(message) = self.monitor.receive().expect("a message") {
                match message {
                    Message::Kernel(event) => {
                        let path = event.devpath.as_bytes();
                        let rest = path.strip_prefix(devpath.as_bytes());
                        if rest.is_some_and(|r| r.is_empty() || r.starts_with(b"/")) {
                            heard.push(event);
                        }
                    }
                    Message::Udev(_) | Message::Noise => {}
                    Message::Overrun => panic!("the listener itself lost events"),
                }
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || done(&heard) {
                return heard;
            }
            let mut fds = [PollFd::new(self.monitor.as_fd(), PollFlags::POLLIN)];
            let _ = poll(
                &mut fds,
                PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX),
            );
        }
    }

    /// The next event of `devpath`.
    ///
    /// # Panics
    /// When there is none within two seconds.
    #[track_caller]
    pub fn next(&self, devpath: &str) -> Uevent {
        let mut heard = self.of(devpath, Duration::from_secs(2), |h| !h.is_empty());
        assert!(!heard.is_empty(), "the host hears nothing of {devpath}");
        heard.remove(0)
    }

    /// Hear nothing of `devpath` for a moment. To wait long proves no more than to wait until
    /// what comes afterwards has come: have an event of another device follow where that counts.
    ///
    /// # Panics
    /// When something is heard.
    #[track_caller]
    pub fn silent(&self, devpath: &str) {
        let heard = self.of(devpath, Duration::from_millis(200), |h| !h.is_empty());
        assert!(heard.is_empty(), "the host hears {heard:?}");
    }
}
