//! A filter's listener: hears of the calls that the filter asks about, and answers (seccomp_unotify(2)).

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use libc::{seccomp_notif, seccomp_notif_resp};

use super::statfs::StatfsCall;
use crate::error::{Error, Result};

// The numbers hold the sizes of the structures (include/uapi/linux/seccomp.h, `SECCOMP_IOWR`): a kernel with
// larger ones knows others, so it never writes past ours.
const RECV: libc::Ioctl = request(3, 0, size_of::<seccomp_notif>());
const SEND: libc::Ioctl = request(3, 1, size_of::<seccomp_notif_resp>());
const ID_VALID: libc::Ioctl = request(1, 2, size_of::<u64>());

/// `_IOC` (include/uapi/asm-generic/ioctl.h); `direction` is 1 for to the kernel, 2 for from it.
const fn request(direction: u32, number: u32, size: usize) -> libc::Ioctl {
    (direction << 30 | (size as u32) << 16 | (b'!' as u32) << 8 | number) as libc::Ioctl
}

/// A call that waits for an answer.
#[derive(Clone, Copy, Debug)]
pub struct Notification {
    /// The kernel's name for it.
    pub id: u64,
    /// The calling thread, as the receiver's pid namespace numbers it. It may have ended, and the number
    /// be another's: see [`Listener::is_valid`].
    pub tid: u32,
    /// The call; None if it is none that this crate knows.
    pub statfs: Option<StatfsCall>,
}

/// The descriptor that [`super::Filter::install_with_listener`] made. When the last copy is closed,
/// calls that it would be asked about fail with ENOSYS.
#[derive(Debug)]
pub struct Listener(OwnedFd);

impl Listener {
    /// The listener that `fd` is.
    pub fn new(fd: OwnedFd) -> Listener {
        Listener(fd)
    }

    /// Wait for the next call.
    ///
    /// # Errors
    /// ENOENT: it was called off, or nobody is left who could make one; EINTR.
    pub fn receive(&self) -> Result<Notification> {
        let mut found = std::mem::MaybeUninit::<seccomp_notif>::zeroed();
        // SAFETY: the kernel wants a zeroed struct seccomp_notif, and writes one.
        if unsafe { libc::ioctl(self.0.as_raw_fd(), RECV, found.as_mut_ptr()) } != 0 {
            return Err(Error::last("ioctl(SECCOMP_IOCTL_NOTIF_RECV)"));
        }
        // SAFETY: it was zeroed, which is a valid value of its integers, before the kernel filled it.
        let found = unsafe { found.assume_init() };
        Ok(Notification {
            id: found.id,
            tid: found.pid,
            statfs: StatfsCall::of(&found.data),
        })
    }

    /// Whether the call waits still: then its caller lives, and what was opened of it by its number
    /// before this was asked is its own.
    pub fn is_valid(&self, id: u64) -> bool {
        // SAFETY: the kernel reads one u64, which lives across the call.
        unsafe { libc::ioctl(self.0.as_raw_fd(), ID_VALID, &raw const id) == 0 }
    }

    /// Have the call return 0 without being made.
    ///
    /// # Errors
    /// ENOENT: it was called off, or is over; EINPROGRESS: it is answered already.
    pub fn succeed(&self, id: u64) -> Result<()> {
        self.send(id, 0)
    }

    /// Have the kernel make the call, with the arguments and the memory of now.
    ///
    /// # Errors
    /// As [`Listener::succeed`].
    pub fn go_on(&self, id: u64) -> Result<()> {
        self.send(id, libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32)
    }

    fn send(&self, id: u64, flags: u32) -> Result<()> {
        let answer = seccomp_notif_resp {
            id,
            val: 0,
            error: 0,
            flags,
        };
        // SAFETY: the kernel reads one struct seccomp_notif_resp, which lives across the call.
        match unsafe { libc::ioctl(self.0.as_raw_fd(), SEND, &raw const answer) } {
            0 => Ok(()),
            _ => Err(Error::last("ioctl(SECCOMP_IOCTL_NOTIF_SEND)")),
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_have_the_numbers_of_the_header() {
        // seccomp.h, put through a C compiler
        assert_eq!(RECV as u32, 0xc050_2100);
        assert_eq!(SEND as u32, 0xc018_2101);
        assert_eq!(ID_VALID as u32, 0x4008_2102);
    }
}
