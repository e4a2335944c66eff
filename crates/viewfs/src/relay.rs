//! Telling the kernel to forget names, from a process that can be spared.
//!
//! `FUSE_NOTIFY_INVAL_ENTRY` takes the directory's lock, and a container can hold that lock for
//! as long as it likes: it lists the directory into a page that never comes. Whoever writes the
//! notification then sleeps and cannot be killed. So a process of its own writes them; the
//! server waits for it with a deadline and is never caught itself.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, recv, send, socketpair};
use nix::unistd::Pid;
use parking_lot::Mutex;
use sys::Context;
use sys::process::Fork;

const NOTIFY_INVAL_INODE: i32 = 2;
const NOTIFY_INVAL_ENTRY: i32 = 3;
const OUT_HEADER: usize = 16;

/// Why notifications did not reach the kernel.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// The kernel has not taken them within the deadline: the container holds a lock they need.
    #[error("the kernel did not take a notification in time: the container holds a directory")]
    Held,
    /// The process that writes them is gone.
    #[error("the process that notifies the kernel is gone")]
    Gone,
}

/// The notifying process of one mount.
#[derive(Debug)]
pub struct Relay {
    socket: Mutex<Channel>,
    child: Pid,
}

#[derive(Debug)]
struct Channel {
    fd: OwnedFd,
    /// Notifications sent and not yet acknowledged.
    pending: u64,
}

impl Relay {
    /// Start the process, for the connection `fuse`. The caller must have no other thread yet.
    pub fn start(fuse: BorrowedFd<'_>) -> sys::Result<Relay> {
        let (ours, theirs) = socketpair(
            AddressFamily::Unix,
            SockType::SeqPacket,
            None,
            SockFlag::SOCK_CLOEXEC,
        )
        .call(|| "socketpair()".into())?;
        let fuse = fuse.try_clone_to_owned().call(|| "dup(/dev/fuse)".into())?;
        match sys::process::fork()? {
            Fork::Child => {
                drop(ours);
                run(&fuse, &theirs);
                sys::process::exit_now(0)
            }
            Fork::Parent(child) => {
                drop(theirs);
                // until then it has what we have open, the mount among it, which would be busy
                recv(ours.as_raw_fd(), &mut [0u8], MsgFlags::empty())
                    .call(|| "recv(relay)".into())?;
                Ok(Relay {
                    socket: Mutex::new(Channel {
                        fd: ours,
                        pending: 0,
                    }),
                    child,
                })
            }
        }
    }

    /// The notifying process.
    pub fn pid(&self) -> Pid {
        self.child
    }

    /// Make the kernel forget the name `name` in directory `parent` and everything below it.
    pub fn forget_name(&self, parent: u64, name: &[u8], until: Instant) -> Result<(), RelayError> {
        let mut body = Vec::with_capacity(17 + name.len());
        body.extend(parent.to_ne_bytes());
        body.extend((name.len() as u32).to_ne_bytes());
        body.extend(0u32.to_ne_bytes());
        body.extend(name);
        body.push(0);
        self.send(NOTIFY_INVAL_ENTRY, &body, until)
    }

    /// Make the kernel forget the attributes and the content of node `number`.
    pub fn forget_content(&self, number: u64, until: Instant) -> Result<(), RelayError> {
        let mut body = Vec::with_capacity(24);
        body.extend(number.to_ne_bytes());
        body.extend(0i64.to_ne_bytes());
        body.extend(0i64.to_ne_bytes());
        self.send(NOTIFY_INVAL_INODE, &body, until)
    }

    fn send(&self, code: i32, body: &[u8], until: Instant) -> Result<(), RelayError> {
        let mut message = Vec::with_capacity(OUT_HEADER + body.len());
        message.extend(((OUT_HEADER + body.len()) as u32).to_ne_bytes());
        message.extend(code.to_ne_bytes());
        message.extend(0u64.to_ne_bytes());
        message.extend(body);
        let mut channel = self.socket.lock();
        loop {
            match send(
                channel.fd.as_raw_fd(),
                &message,
                MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL,
            ) {
                Ok(_) => {
                    channel.pending += 1;
                    return Ok(());
                }
                Err(Errno::EINTR) => {}
                // the queue is full: it is bounded by what the socket holds
                Err(Errno::EAGAIN) => channel.wait(until)?,
                Err(_) => return Err(RelayError::Gone),
            }
        }
    }

    /// Wait until the kernel has taken everything that was sent.
    pub fn flush(&self, until: Instant) -> Result<(), RelayError> {
        let mut channel = self.socket.lock();
        while channel.pending > 0 {
            channel.wait(until)?;
        }
        Ok(())
    }
}

impl Channel {
    /// Take acknowledgements, at least one, until the deadline.
    fn wait(&mut self, until: Instant) -> Result<(), RelayError> {
        let left = until.saturating_duration_since(Instant::now());
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        let mut fds = [PollFd::new(self.fd.as_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, timeout) {
            Ok(0) => return Err(RelayError::Held),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => return Err(RelayError::Gone),
        }
        let mut ack = [0u8; 8];
        match recv(self.fd.as_raw_fd(), &mut ack, MsgFlags::MSG_DONTWAIT) {
            Ok(0) => Err(RelayError::Gone),
            Ok(_) => {
                self.pending -= 1;
                Ok(())
            }
            Err(Errno::EAGAIN | Errno::EINTR) => Ok(()),
            Err(_) => Err(RelayError::Gone),
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let _ = nix::sys::signal::kill(self.child, nix::sys::signal::Signal::SIGKILL);
        // it may sleep in the kernel for as long as the container likes: do not wait for that
        for _ in 0..100 {
            let flags = Some(nix::sys::wait::WaitPidFlag::WNOHANG);
            match nix::sys::wait::waitpid(self.child, flags) {
                Ok(nix::sys::wait::WaitStatus::StillAlive) => {
                    std::thread::sleep(Duration::from_millis(1));
                }
                _ => return,
            }
        }
    }
}

/// The notifying process: read a message, write it, say so.
fn run(fuse: &OwnedFd, socket: &OwnedFd) {
    let _ = nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL);
    let _ = nix::sys::prctl::set_name(c"devns-relay");
    let _ = nix::unistd::setsid();
    // a pipe of the server's caller must not stay open because of us
    sys::process::close_all_but(&[fuse.as_raw_fd(), socket.as_raw_fd()]);
    let _ = send(socket.as_raw_fd(), b"r", MsgFlags::MSG_NOSIGNAL);
    let mut message = [0u8; 4096];
    loop {
        let n = match recv(socket.as_raw_fd(), &mut message, MsgFlags::empty()) {
            Ok(0) => return,
            Ok(n) => n,
            Err(Errno::EINTR) => continue,
            Err(_) => return,
        };
        // ENOENT: the kernel did not know the name, which is as good
        let _ = nix::unistd::write(fuse, &message[..n]);
        if send(socket.as_raw_fd(), &[0u8; 8], MsgFlags::MSG_NOSIGNAL).is_err() {
            return;
        }
    }
}

impl From<RelayError> for io::Error {
    fn from(error: RelayError) -> io::Error {
        io::Error::other(error)
    }
}
