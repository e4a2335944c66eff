//! poll(2) on files: who waits for a change is told of it.
//!
//! sysfs answers POLLPRI and POLLERR once an attribute has changed since it was read through the same
//! open file (`kernfs_generic_poll`, fs/kernfs/file.c). Each open file of ours is one of sysfs's, so that
//! holds here too; but what the kernel reads without us, it reads through a file that we cannot poll.
//! There a change is told to each poll once, and to the first one without any: it reads once more than
//! it had to, and misses nothing.

use std::collections::HashMap;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, OnceLock};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use parking_lot::Mutex;

use super::{Core, File};
use crate::Error;
use crate::pool::Caller;
use crate::tree::Tree;

/// Told once that what is polled has changed.
pub type Wake = Box<dyn FnOnce() + Send>;

/// Who waits for which handle.
#[derive(Default)]
pub(super) struct Polls {
    waiting: Arc<Mutex<HashMap<u64, Wake>>>,
    /// Made, with its thread, for the first who waits.
    epoll: OnceLock<Option<Arc<Epoll>>>,
}

impl Polls {
    /// Call `wake` once `fd`, of the open file `handle`, has something to say.
    fn add(&self, handle: u64, fd: BorrowedFd<'_>, wake: Wake) {
        let Some(epoll) = self.epoll.get_or_init(|| self.start()) else {
            return;
        };
        self.waiting.lock().insert(handle, wake);
        let flags = EpollFlags::EPOLLPRI | EpollFlags::EPOLLERR | EpollFlags::EPOLLONESHOT;
        let mut event = EpollEvent::new(flags, handle);
        let added = match epoll.add(fd, event) {
            Err(Errno::EEXIST) => epoll.modify(fd, &mut event),
            result => result,
        };
        if let Err(e) = added {
            log::error!("a file cannot be polled: {e}");
            self.forget(handle);
        }
    }

    /// The file is closed.
    pub(super) fn forget(&self, handle: u64) {
        self.waiting.lock().remove(&handle);
    }

    fn start(&self) -> Option<Arc<Epoll>> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)
            .inspect_err(|e| log::error!("nothing can be polled: {e}"))
            .ok()?;
        let epoll = Arc::new(epoll);
        // it ends with the process, as the mount does
        let (ours, waiting) = (Arc::downgrade(&epoll), Arc::downgrade(&self.waiting));
        std::thread::Builder::new()
            .name("poll".into())
            .stack_size(128 << 10)
            .spawn(move || {
                let mut events = [EpollEvent::empty(); 64];
                while let (Some(epoll), Some(waiting)) = (ours.upgrade(), waiting.upgrade()) {
                    let timeout = EpollTimeout::from(1000u16);
                    let n = epoll.wait(&mut events, timeout).unwrap_or_default();
                    for event in &events[..n] {
                        let wake = waiting.lock().remove(&event.data());
                        if let Some(wake) = wake {
                            wake();
                        }
                    }
                }
            })
            .inspect_err(|e| log::error!("nothing can be polled: {e}"))
            .ok()?;
        Some(epoll)
    }
}

impl<T: Tree> Core<T> {
    /// What poll(2) says of an open file now; `wake` is called when that may have changed.
    pub fn poll(
        &self,
        handle: u64,
        caller: Caller,
        wake: Option<Wake>,
    ) -> Result<PollFlags, Error> {
        // what every file of sysfs always says: DEFAULT_POLLMASK
        let always =
            PollFlags::POLLIN | PollFlags::POLLOUT | PollFlags::POLLRDNORM | PollFlags::POLLWRNORM;
        let file = match self.file(handle) {
            Ok(file) => file,
            // the device is gone, which whoever waits has to be told
            Err(Error::NoDevice) => return Ok(always | PollFlags::POLLPRI | PollFlags::POLLERR),
            Err(e) => return Err(e),
        };
        let Some(fd) = self.polled(&file)? else {
            return Ok(always);
        };
        // first, so that what comes in between is not missed
        if let Some(wake) = wake {
            self.polls.add(handle, fd, wake);
        }
        let mut fds = [PollFd::new(fd, PollFlags::POLLPRI)];
        let changed = match poll(&mut fds, PollTimeout::ZERO) {
            Ok(_) => fds[0].revents().unwrap_or(PollFlags::empty()),
            Err(e) => return Err(Error::Host(e as i32)),
        };
        let changed = changed & (PollFlags::POLLPRI | PollFlags::POLLERR);
        if !changed.is_empty() && file.backing.is_some() {
            // it is read where we do not see it: take it for read now. That runs the driver's code,
            // on whose answer nobody waits
            let file = file.clone();
            self.pool.run_as(caller, move || {
                if let Some(fd) = file.polled.get() {
                    let _ = nix::sys::uio::pread(fd, &mut [0u8; 1], 0);
                }
            });
        }
        Ok(always | changed)
    }

    /// The descriptor to poll for an open file.
    fn polled<'a>(&self, file: &'a File) -> Result<Option<BorrowedFd<'a>>, Error> {
        if let Some(reader) = &file.reader {
            return Ok(reader.polled());
        }
        if file.backing.is_none() {
            return Ok(None);
        }
        if file.polled.get().is_none() {
            let path = self.path(file.number)?;
            let fd: OwnedFd = self.tree.open_for_all(&path)?;
            let _ = file.polled.set(fd);
        }
        Ok(file.polled.get().map(|fd| fd.as_fd()))
    }
}
