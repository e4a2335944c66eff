//! Pseudo-terminals from a devpts instance that need not be the caller's own.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::fcntl::OFlag;

use crate::error::{Error, Result};

/// Both ends of a pseudo-terminal.
#[derive(Debug)]
pub struct Pty {
    /// The side of whoever shows the terminal.
    pub master: OwnedFd,
    /// The side of the program.
    pub slave: OwnedFd,
}

fn failed(call: &str) -> Error {
    Error::last(call.to_string())
}

/// A new pseudo-terminal of the devpts instance mounted at `devpts`.
pub fn open(devpts: &std::path::Path) -> Result<Pty> {
    let path = devpts.join("ptmx");
    let flags = OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    let master = nix::fcntl::open(&path, flags, nix::sys::stat::Mode::empty())
        .map_err(|e| Error::new(format!("open({path:?})"), e))?;
    let unlock: libc::c_int = 0;
    // SAFETY: TIOCSPTLCK reads one int.
    if unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCSPTLCK, &unlock) } != 0 {
        return Err(failed("ioctl(TIOCSPTLCK)"));
    }
    // by ioctl and not by name: a name would be looked up in whatever is mounted here
    // SAFETY: TIOCGPTPEER takes open flags and returns a descriptor.
    let raw = unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCGPTPEER, flags.bits()) };
    if raw < 0 {
        return Err(failed("ioctl(TIOCGPTPEER)"));
    }
    // SAFETY: the kernel has just returned this descriptor to us.
    let slave = unsafe { OwnedFd::from_raw_fd(raw) };
    Ok(Pty { master, slave })
}

/// Make `terminal` the controlling terminal of the calling session leader.
pub fn set_controlling(terminal: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: TIOCSCTTY takes an integer.
    match unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCSCTTY, 0) } {
        0 => Ok(()),
        _ => Err(failed("ioctl(TIOCSCTTY)")),
    }
}

/// Give `to` the window size of `from`.
pub fn copy_size(from: impl AsFd, to: impl AsFd) -> Result<()> {
    let mut size = libc::winsize {
        ws_row: 0,
        ws_col: 0,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    // SAFETY: TIOCGWINSZ writes one struct winsize.
    if unsafe { libc::ioctl(from.as_fd().as_raw_fd(), libc::TIOCGWINSZ, &mut size) } != 0 {
        return Err(failed("ioctl(TIOCGWINSZ)"));
    }
    // SAFETY: TIOCSWINSZ reads one struct winsize.
    match unsafe { libc::ioctl(to.as_fd().as_raw_fd(), libc::TIOCSWINSZ, &size) } {
        0 => Ok(()),
        _ => Err(failed("ioctl(TIOCSWINSZ)")),
    }
}
