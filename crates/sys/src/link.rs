//! Network interfaces, as far as a new network namespace needs them.

use std::os::fd::AsRawFd;

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

use crate::error::{Context, Error, Result};

/// Set the loopback interface of the calling thread's network namespace up (netdevice(7),
/// `SIOCSIFFLAGS`). Needs CAP_NET_ADMIN over that namespace.
pub fn loopback_up() -> Result<()> {
    let socket = socket(
        AddressFamily::Inet,
        SockType::Datagram,
        SockFlag::SOCK_CLOEXEC,
        None,
    )
    .call(|| "socket(AF_INET)".into())?;
    // SAFETY: all-zero bytes are a valid struct ifreq.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
        *to = *from as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = libc::IFF_UP as libc::c_short;
    // SAFETY: SIOCSIFFLAGS reads one struct ifreq with a NUL-terminated name.
    match unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &request) } {
        0 => Ok(()),
        _ => Err(Error::last("ioctl(SIOCSIFFLAGS, lo, up)")),
    }
}
