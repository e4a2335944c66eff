//! What devns, the container's first processes and the agent say to each other while it is set up.

use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, recvmsg,
    sendmsg, socketpair,
};
use sys::{Context, Result};

/// A message.
#[derive(Debug)]
pub enum Word {
    /// To the container: go on, with the mounts of /sys and /dev.
    Go(OwnedFd, OwnedFd),
    /// From it: the host's pid of its first process.
    Started(i32),
    /// From it: the other end of its terminal.
    Terminal(OwnedFd),
    /// From it to devns, and on to the agent: what its system call filter asks.
    Listener(OwnedFd),
    /// From the agent: it has closed what it does not need.
    Ready,
    /// From the container: it cannot go on; the exit status, and why.
    Failed(u8, String),
}

/// One end.
#[derive(Debug)]
pub struct Channel(OwnedFd);

const LONGEST: usize = 4096;

impl Channel {
    /// Both ends.
    pub fn pair() -> Result<(Channel, Channel)> {
        let (a, b) = socketpair(
            AddressFamily::Unix,
            SockType::SeqPacket,
            None,
            SockFlag::SOCK_CLOEXEC,
        )
        .call(|| "socketpair()".into())?;
        Ok((Channel(a), Channel(b)))
    }

    /// The descriptor's number.
    pub fn fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    /// Say `word`.
    pub fn say(&self, word: &Word) -> Result<()> {
        let (text, fds): (Vec<u8>, Vec<RawFd>) = match word {
            Word::Go(sys, dev) => (b"g".to_vec(), vec![sys.as_raw_fd(), dev.as_raw_fd()]),
            Word::Started(pid) => ([b"s", pid.to_string().as_bytes()].concat(), vec![]),
            Word::Terminal(fd) => (b"t".to_vec(), vec![fd.as_raw_fd()]),
            Word::Listener(fd) => (b"l".to_vec(), vec![fd.as_raw_fd()]),
            Word::Ready => (b"r".to_vec(), vec![]),
            Word::Failed(status, why) => {
                let mut text = vec![b'f', *status];
                text.extend(&why.as_bytes()[..why.len().min(LONGEST - 2)]);
                (text, vec![])
            }
        };
        let rights = [ControlMessage::ScmRights(&fds)];
        let rights = if fds.is_empty() {
            &rights[..0]
        } else {
            &rights[..]
        };
        sendmsg::<()>(
            self.fd(),
            &[IoSlice::new(&text)],
            rights,
            MsgFlags::MSG_NOSIGNAL,
            None,
        )
        .call(|| "sendmsg(<channel>)".into())?;
        Ok(())
    }

    /// The next word; None when the other side has closed its end.
    pub fn hear(&self) -> Result<Option<Word>> {
        let mut text = [0u8; LONGEST];
        let mut space = nix::cmsg_space!([RawFd; 2]);
        let (length, mut fds) = {
            let mut iov = [IoSliceMut::new(&mut text)];
            let got = loop {
                match recvmsg::<()>(
                    self.fd(),
                    &mut iov,
                    Some(&mut space),
                    MsgFlags::MSG_CMSG_CLOEXEC,
                ) {
                    Err(Errno::EINTR) => {}
                    got => break got.call(|| "recvmsg(<channel>)".into())?,
                }
            };
            let mut fds = Vec::new();
            for message in got.cmsgs().call(|| "recvmsg(<channel>)".into())? {
                if let ControlMessageOwned::ScmRights(raw) = message {
                    fds.extend(raw.into_iter().map(sys::process::received_fd));
                }
            }
            (got.bytes, fds.into_iter())
        };
        let text = &text[..length];
        let lossy = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
        Ok(match (text.first(), fds.next(), fds.next()) {
            (None, _, _) => None,
            (Some(b'g'), Some(sys), Some(dev)) => Some(Word::Go(sys, dev)),
            (Some(b's'), _, _) => lossy(&text[1..]).parse().ok().map(Word::Started),
            (Some(b't'), Some(fd), _) => Some(Word::Terminal(fd)),
            (Some(b'l'), Some(fd), _) => Some(Word::Listener(fd)),
            (Some(b'r'), _, _) => Some(Word::Ready),
            (Some(b'f'), _, _) => Some(Word::Failed(
                *text.get(1).unwrap_or(&super::OURS),
                lossy(&text[2.min(length)..]),
            )),
            _ => Some(Word::Failed(
                super::OURS,
                "a message that makes no sense".into(),
            )),
        })
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
