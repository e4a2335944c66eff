//! The host's side of the container's terminal.

use std::io::{self, IsTerminal};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::termios::{SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};
use nix::unistd::{read, write};

/// The terminal that devns itself runs in, raw while this lives.
pub struct Raw(Option<Termios>);

impl Raw {
    /// Hand every key on unchanged.
    pub fn stdin() -> Raw {
        let stdin = io::stdin();
        let Ok(before) = tcgetattr(&stdin) else {
            return Raw(None);
        };
        let mut raw = before.clone();
        cfmakeraw(&mut raw);
        match tcsetattr(&stdin, SetArg::TCSANOW, &raw) {
            Ok(()) => Raw(Some(before)),
            Err(_) => Raw(None),
        }
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            let _ = tcsetattr(io::stdin(), SetArg::TCSANOW, before);
        }
    }
}

/// Whether the container gets a terminal without being asked.
pub fn is_wanted() -> bool {
    io::stdin().is_terminal()
}

/// Give the container's terminal the size of ours.
pub fn resize(master: &OwnedFd) {
    let _ = sys::pty::copy_size(io::stdin(), master);
}

/// Copy both ways. The thread returned ends when the container's side is closed.
pub fn proxy(master: Arc<OwnedFd>) -> io::Result<std::thread::JoinHandle<()>> {
    let to = master.clone();
    // ends with the process: a read from a terminal cannot be called off
    std::thread::Builder::new()
        .name("keys".into())
        .spawn(move || {
            copy(io::stdin(), &*to);
            // end of a piped input: what a terminal has for that is ^D
            let _ = write(&*to, &[4]);
        })?;
    let screen = move || copy(&*master, io::stdout());
    std::thread::Builder::new()
        .name("screen".into())
        .spawn(screen)
}

/// Copy until the end of `from`, or until nobody takes it.
pub fn copy(from: impl AsFd, to: impl AsFd) {
    let mut buffer = [0u8; 8192];
    loop {
        let n = match read(&from, &mut buffer) {
            Ok(0) => return,
            Ok(n) => n,
            Err(Errno::EINTR) => continue,
            // whoever shares the terminal has made it so
            Err(Errno::EAGAIN) => {
                wait(&from, PollFlags::POLLIN);
                continue;
            }
            // EIO: nobody has the other side open
            Err(_) => return,
        };
        let mut rest = &buffer[..n];
        while !rest.is_empty() {
            match write(&to, rest) {
                Ok(n) => rest = &rest[n..],
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => wait(&to, PollFlags::POLLOUT),
                Err(_) => return,
            }
        }
    }
}

fn wait(fd: &impl AsFd, what: PollFlags) {
    let _ = poll(&mut [PollFd::new(fd.as_fd(), what)], PollTimeout::NONE);
}
