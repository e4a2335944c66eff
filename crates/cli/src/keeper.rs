//! A process that keeps a cgroup's gate while it is ours, and gives it back when nobody wants it any more,
//! however that one ended.
//!
//! All that changes the gate happens there, one request after the other, so that it always knows what to
//! give back. If it is killed itself the gate stays ours, as it is then: what was granted is not taken back,
//! but nothing is granted beyond it.

use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use host::cgroup::{Access, Range, Takeover, Whose};
use kobject::DevKind;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, recv, send, shutdown, socketpair,
};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;
use parking_lot::Mutex;
use std::io;
use sys::Context;
use sys::process::{Fork, close_all_but, exit_now, fork};

use crate::failure::{Failure, Status};
use crate::gate::Grants;

/// How often it is looked whether the gate is still ours: as long as that may what its owner has put up
/// again hold.
const PERIOD: Duration = Duration::from_millis(250);

/// An answer is an error or some notes, a few hundred bytes each.
const MOST: usize = 16 << 10;

/// What is asked of the process: 0 to look, 1 to grant, 2 to revoke; kind, major, minor, access.
const REQUEST: usize = 15;
const LOOK: u8 = 0;
const GRANT: u8 = 1;
const REVOKE: u8 = 2;

/// The cgroup whose gate `text` names: its directory, or `PID:` and a process.
pub(crate) fn whose(text: &str) -> Result<Whose, Failure> {
    text.parse().map_err(|e| {
        Failure::new(Status::Usage, format!("the cgroup {text:?}: {e}"))
            .mend("such as /sys/fs/cgroup/machine.slice/web1 or PID:4711")
    })
}

/// The keeping process, as the server sees it.
#[derive(Debug)]
pub struct Keeper {
    /// One request at a time.
    socket: Mutex<OwnedFd>,
    child: Pid,
}

impl Keeper {
    /// Starts it. The caller must have no other thread yet. Nothing is taken over before [`Keeper::take`].
    ///
    /// # Errors
    /// What [`Takeover::prepare`] gives.
    pub fn start(whose: &Whose) -> Result<Keeper, Failure> {
        let (ours, theirs) = socketpair(
            AddressFamily::Unix,
            SockType::SeqPacket,
            None,
            SockFlag::SOCK_CLOEXEC,
        )
        .call(|| "socketpair()".into())?;
        let child = match fork()? {
            Fork::Parent(child) => child,
            Fork::Child => {
                // what is sent to the group of the server does not end it
                let _ = nix::unistd::setsid();
                let _ = nix::sys::prctl::set_name(c"fusefs-dev-gate");
                close_all_but(&[theirs.as_raw_fd()]);
                exit_now(match keep(whose, &theirs) {
                    Ok(()) => 0,
                    Err(_) => 1,
                })
            }
        };
        drop(theirs);
        let keeper = Keeper {
            socket: Mutex::new(ours),
            child,
        };
        // whether it could get ready
        let ready = hear(&keeper.socket.lock());
        ready.map_err(|e| Failure::new(Status::Host, e.to_string()))?;
        Ok(keeper)
    }

    /// Takes over the gate, with what was granted so far.
    ///
    /// # Errors
    /// When it could not be.
    pub fn take(&self) -> Result<(), Failure> {
        self.look()
            .map_err(|e| Failure::new(Status::Host, format!("the gate cannot be taken over: {e}")))
    }

    fn look(&self) -> io::Result<()> {
        for note in self.ask([LOOK; REQUEST])?.lines() {
            log::warn!("{note}");
        }
        Ok(())
    }

    /// Looks after the gate from now on, on a thread of its own; `gone` is told when nobody can any more.
    ///
    /// # Errors
    /// When there can be no thread.
    pub fn watch(self: Arc<Keeper>, gone: impl FnOnce(String) + Send + 'static) -> io::Result<()> {
        let keeper = Arc::downgrade(&self);
        let work = move || {
            let mut last = String::new();
            loop {
                thread::sleep(PERIOD);
                let Some(keeper) = keeper.upgrade() else {
                    return;
                };
                match keeper.look() {
                    Ok(()) => last.clear(),
                    Err(e) if e.kind() == io::ErrorKind::BrokenPipe => return gone(e.to_string()),
                    Err(e) => {
                        let text = e.to_string();
                        if text != last {
                            log::error!("the gate is not ours at the moment: {text}");
                        }
                        last = text;
                    }
                }
            }
        };
        let builder = thread::Builder::new().name("gate".into());
        builder.spawn(work).map(drop)
    }

    /// Has it give the gate back, and waits until it has.
    ///
    /// # Errors
    /// When it could not; the gate is ours still.
    pub fn finish(&self) -> Result<(), Failure> {
        // the thread that looks has it too: no end of file by closing it
        let _ = shutdown(
            self.socket.lock().as_raw_fd(),
            nix::sys::socket::Shutdown::Both,
        );
        match waitpid(self.child, None) {
            Ok(WaitStatus::Exited(_, 0)) => Ok(()),
            _ => Err(Failure::new(
                Status::Other,
                "the device gate of the cgroup could not be given back",
            )
            .mend("its processes open what was granted last; restart the container")),
        }
    }

    fn ask(&self, request: [u8; REQUEST]) -> io::Result<String> {
        let socket = self.socket.lock();
        send(socket.as_raw_fd(), &request, MsgFlags::MSG_NOSIGNAL).map_err(|_| is_gone())?;
        hear(&socket)
    }
}

impl Grants for Keeper {
    fn grant(&self, range: Range, access: Access) -> io::Result<()> {
        self.ask(request(GRANT, range, access)).map(drop)
    }

    fn revoke(&self, range: Range) -> io::Result<()> {
        self.ask(request(REVOKE, range, Access::NONE)).map(drop)
    }
}

fn is_gone() -> io::Error {
    io::Error::new(
        io::ErrorKind::BrokenPipe,
        "the process that keeps the device gate is gone",
    )
}

/// Its answer: what there is to tell, or an error.
fn hear(socket: &OwnedFd) -> io::Result<String> {
    let mut answer = vec![0; MOST];
    let len = loop {
        match recv(socket.as_raw_fd(), &mut answer, MsgFlags::empty()) {
            Err(nix::errno::Errno::EINTR) => {}
            len => break len?,
        }
    };
    match answer[..len].split_first() {
        Some((0, notes)) => Ok(String::from_utf8_lossy(notes).into_owned()),
        Some((_, error)) => Err(io::Error::other(String::from_utf8_lossy(error))),
        None => Err(is_gone()),
    }
}

fn say(socket: &OwnedFd, answer: io::Result<String>) {
    let (first, text) = match answer {
        Ok(notes) => (0, notes),
        Err(e) => (1, e.to_string()),
    };
    let mut all = [&[first], text.as_bytes()].concat();
    all.truncate(MOST);
    let _ = send(socket.as_raw_fd(), &all, MsgFlags::MSG_NOSIGNAL);
}

/// The keeping process itself, until nobody asks any more.
fn keep(whose: &Whose, socket: &OwnedFd) -> io::Result<()> {
    let mut takeover = match Takeover::prepare(whose) {
        Ok(takeover) => takeover,
        Err(e) => {
            say(socket, Err(e));
            return Ok(());
        }
    };
    say(socket, Ok(String::new()));
    let mut asked = [0; REQUEST];
    loop {
        match recv(socket.as_raw_fd(), &mut asked, MsgFlags::empty()) {
            Ok(REQUEST) => {}
            Err(nix::errno::Errno::EINTR) => continue,
            _ => return takeover.restore(),
        }
        let (range, access) = read(&asked);
        let done = match asked[0] {
            GRANT => takeover.grant(range, access).map(|()| String::new()),
            REVOKE => takeover.revoke(range).map(|()| String::new()),
            _ => takeover.look().map(|notes| notes.join("\n")),
        };
        say(socket, done);
    }
}

const LETTERS: [Access; 3] = [Access::READ, Access::WRITE, Access::MKNOD];

fn request(what: u8, range: Range, access: Access) -> [u8; REQUEST] {
    let mut all = [what; REQUEST];
    all[1] = u8::from(range.kind == DevKind::Block);
    all[2..6].copy_from_slice(&range.major.to_ne_bytes());
    all[6] = u8::from(range.minor.is_some());
    all[7..11].copy_from_slice(&range.minor.unwrap_or_default().to_ne_bytes());
    for (at, one) in (11..).zip(LETTERS) {
        all[at] = u8::from(access.contains(one));
    }
    all
}

fn read(request: &[u8; REQUEST]) -> (Range, Access) {
    let number = |at: usize| {
        let bytes = [0, 1, 2, 3].map(|i| request[at + i]);
        u32::from_ne_bytes(bytes)
    };
    let range = Range {
        kind: match request[1] {
            1 => DevKind::Block,
            _ => DevKind::Char,
        },
        major: number(2),
        minor: (request[6] == 1).then(|| number(7)),
    };
    let granted = (11..).zip(LETTERS).filter(|(at, _)| request[*at] == 1);
    let access = granted.fold(Access::NONE, |all, (_, one)| all | one);
    (range, access)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_as_it_was_said() {
        for (kind, minor) in [
            (DevKind::Block, Some(0)),
            (DevKind::Char, Some(1 << 19)),
            (DevKind::Char, None),
        ] {
            for access in [Access::NONE, Access::READ | Access::MKNOD, Access::ALL] {
                let range = Range {
                    kind,
                    major: 259,
                    minor,
                };
                let said = request(GRANT, range, access);
                assert_eq!((said[0], read(&said)), (GRANT, (range, access)));
            }
        }
    }
}
