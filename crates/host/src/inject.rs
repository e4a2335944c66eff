//! Sending a uevent into one network namespace, so that its listeners take it for the kernel's, or for udev's.
//!
//! The kernel lets whoever has CAP_SYS_ADMIN over the namespace's owner broadcast there
//! (`uevent_net_rcv_skb`, lib/kobject_uevent.c). It appends `SEQNUM=` itself. To udev's group whoever has
//! CAP_NET_ADMIN over it may send (`netlink_sendmsg`, net/netlink/af_netlink.c).

use std::io::IoSlice;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use kobject::{UdevMessage, Uevent};
use nix::sys::socket::{
    AddressFamily, ControlMessage, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType,
    UnixCredentials, connect, recv, sendmsg, socket,
};
use parking_lot::Mutex;
use sys::{Context, Error, Result};

/// The kernel's buffer for one event, header and all (`UEVENT_BUFFER_SIZE`), less what the
/// SEQNUM it appends takes.
pub const MAX_MESSAGE: usize = 2048 - 28;

/// The group of those who hear udev.
const GROUP_UDEV: u32 = 2;

const HEADER: usize = 16;
/// Types below `NLMSG_MIN_TYPE` are control messages: acknowledged and dropped.
const TYPE: u16 = 16;
const REQUEST_ACK: u16 = 0x1 | 0x4;

/// A sender of uevents into one network namespace.
#[derive(Debug)]
pub struct Injector {
    /// One message and its answer at a time.
    socket: Mutex<OwnedFd>,
    credentials: (u32, u32),
}

impl Injector {
    /// A sender into `net`, with `uid` and `gid`, the host's ids of the container's root, as the
    /// credentials that arrive: udev takes events from its own root only.
    pub fn new(net: BorrowedFd<'_>, uid: u32, gid: u32) -> Result<Injector> {
        let socket = sys::namespace::in_netns(net, || {
            let protocol = SockProtocol::NetlinkKObjectUEvent;
            socket(
                AddressFamily::Netlink,
                SockType::Raw,
                SockFlag::SOCK_CLOEXEC,
                protocol,
            )
            .call(|| "socket(NETLINK_KOBJECT_UEVENT)".into())
        })?;
        // from then on only the kernel's answers come in: whoever has CAP_NET_ADMIN in there could
        // otherwise send us false ones, and keep the thread that revokes access busy with them
        connect(socket.as_raw_fd(), &NetlinkAddr::new(0, 0))
            .call(|| "connect(NETLINK_KOBJECT_UEVENT, kernel)".into())?;
        Ok(Injector {
            socket: Mutex::new(socket),
            credentials: (uid, gid),
        })
    }

    /// Deliver `event` to every listener in the namespace. An event that is longer than the
    /// kernel's own can be is EMSGSIZE.
    pub fn send(&self, event: &Uevent) -> Result<()> {
        let payload = event.clone().without_seqnum().to_bytes();
        let length = HEADER + payload.len();
        let call = || {
            format!(
                "sendmsg({}@{}, {length} bytes)",
                event.action, event.devpath
            )
        };
        if length > MAX_MESSAGE {
            return Err(Error::new(call(), nix::errno::Errno::EMSGSIZE));
        }
        let mut header = Vec::with_capacity(HEADER);
        header.extend((length as u32).to_ne_bytes());
        header.extend(TYPE.to_ne_bytes());
        header.extend(REQUEST_ACK.to_ne_bytes());
        header.extend([0u8; 8]); // sequence number and port: answers come one at a time
        let credentials = self.credentials();
        let socket = self.socket.lock();
        sendmsg(
            socket.as_raw_fd(),
            &[IoSlice::new(&header), IoSlice::new(&payload)],
            &[ControlMessage::ScmCredentials(&credentials)],
            MsgFlags::empty(),
            Some(&NetlinkAddr::new(0, 0)),
        )
        .call(call)?;
        let mut answer = [0u8; 256];
        // the kernel has answered by the time sendmsg(2) returns: never wait for what a full
        // socket may have lost
        let n = recv(socket.as_raw_fd(), &mut answer, MsgFlags::MSG_DONTWAIT).call(call)?;
        match answer.get(HEADER..HEADER + 4).filter(|_| n >= HEADER + 4) {
            Some(code) => match i32::from_ne_bytes([code[0], code[1], code[2], code[3]]) {
                0 => Ok(()),
                e => Err(Error::new(call(), nix::errno::Errno::from_raw(-e))),
            },
            None => Err(Error::new(call(), nix::errno::Errno::EPROTO)),
        }
    }

    /// Deliver `message` to whoever listens to udev in the namespace. It has no answer, and who reads too slowly
    /// loses it.
    pub fn send_udev(&self, message: &UdevMessage) -> Result<()> {
        let bytes = message.to_bytes();
        let call = || {
            let (action, devpath, length) = (message.action, &message.devpath, bytes.len());
            format!("sendmsg(udev {action}@{devpath}, {length} bytes)")
        };
        let credentials = self.credentials();
        sendmsg(
            self.socket.lock().as_raw_fd(),
            &[IoSlice::new(&bytes)],
            &[ControlMessage::ScmCredentials(&credentials)],
            MsgFlags::empty(),
            Some(&NetlinkAddr::new(0, GROUP_UDEV)),
        )
        .call(call)?;
        Ok(())
    }

    fn credentials(&self) -> UnixCredentials {
        UnixCredentials::from(nix::libc::ucred {
            pid: nix::unistd::getpid().as_raw(),
            uid: self.credentials.0,
            gid: self.credentials.1,
        })
    }
}
