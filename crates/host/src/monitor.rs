//! Hearing uevents: the kernel's, and those that the host's udev sends on.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use kobject::{UdevMessage, Uevent};
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, ControlMessageOwned, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType,
    UnixCredentials, bind, recvmsg, setsockopt, socket, sockopt,
};
use sys::{Context, Result};

/// The multicast group of the kernel's own events.
const GROUP_KERNEL: u32 = 1;
/// The group on which udev sends each event on, once its rules have run.
const GROUP_UDEV: u32 = 2;

/// How much the socket may hold before events are lost, in bytes: what udev asks for.
pub const DEFAULT_BUFFER: usize = 128 << 20;

/// What a monitor heard.
#[derive(Debug)]
pub enum Message {
    /// An event of the kernel.
    Kernel(Uevent),
    /// An event that udev has worked on, with what it found out.
    Udev(UdevMessage),
    /// What is no uevent, or not from the kernel or the host's root: nothing to act on. It is told so
    /// that who is flooded with such can turn to something else.
    Noise,
    /// Events were lost: look at sysfs anew, but read to the end first. Until the socket is empty the
    /// kernel goes on dropping and does not say so again (`netlink_overrun` and `netlink_rcv_wake`,
    /// net/netlink/af_netlink.c).
    Overrun,
}

/// A socket that hears the uevents of one network namespace.
#[derive(Debug)]
pub struct Monitor {
    socket: OwnedFd,
    /// It listens in another network namespace than the caller's. What the kernel says there has the
    /// credentials of the root of the user namespace that owns it (`uevent_net_broadcast_tagged`,
    /// lib/kobject_uevent.c), and what that root sends looks the same: no more than a hint.
    elsewhere: bool,
}

impl Monitor {
    /// Listen in the network namespace `net` (default: the caller's own), with `udev` to udev's
    /// messages as well. In a `net` that a container is root over, it can forge what is heard.
    pub fn open(net: Option<BorrowedFd<'_>>, udev: bool, buffer: usize) -> Result<Monitor> {
        let make = || {
            let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
            let protocol = SockProtocol::NetlinkKObjectUEvent;
            socket(AddressFamily::Netlink, SockType::Raw, flags, protocol)
                .call(|| "socket(NETLINK_KOBJECT_UEVENT)".into())
        };
        let socket = match net {
            Some(net) => sys::namespace::in_netns(net, make)?,
            None => make()?,
        };
        // without CAP_NET_ADMIN over the initial user namespace the ordinary limit holds
        if setsockopt(&socket, sockopt::RcvBufForce, &buffer).is_err() {
            let _ = setsockopt(&socket, sockopt::RcvBuf, &buffer);
        }
        setsockopt(&socket, sockopt::PassCred, &true).call(|| "setsockopt(SO_PASSCRED)".into())?;
        let groups = if udev {
            GROUP_KERNEL | GROUP_UDEV
        } else {
            GROUP_KERNEL
        };
        bind(socket.as_raw_fd(), &NetlinkAddr::new(0, groups))
            .call(|| format!("bind(NETLINK_KOBJECT_UEVENT, groups {groups})"))?;
        Ok(Monitor {
            socket,
            elsewhere: net.is_some(),
        })
    }

    /// The next message; None when there is none now.
    pub fn receive(&self) -> Result<Option<Message>> {
        let mut buffer = [0u8; 16 << 10];
        let (length, sender) = loop {
            match self.datagram(&mut buffer) {
                Ok(got) => break got,
                Err(Errno::EAGAIN) => return Ok(None),
                Err(Errno::EINTR) => {}
                Err(Errno::ENOBUFS) => return Ok(Some(Message::Overrun)),
                Err(e) => return Err(sys::Error::new("recvmsg(NETLINK_KOBJECT_UEVENT)", e)),
            }
        };
        let bytes = &buffer[..length];
        let message = match sender {
            Some(Sender::Kernel) => Uevent::parse(bytes)
                .map(Message::Kernel)
                .map_err(|e| e.to_string()),
            Some(Sender::Root) => UdevMessage::parse(bytes)
                .map(Message::Udev)
                .map_err(|e| e.to_string()),
            None => return Ok(Some(Message::Noise)),
        };
        Ok(Some(message.unwrap_or_else(|e| {
            log::debug!("a uevent passed over: {e}");
            Message::Noise
        })))
    }

    fn datagram(&self, buffer: &mut [u8]) -> nix::Result<(usize, Option<Sender>)> {
        let mut iov = [std::io::IoSliceMut::new(buffer)];
        let mut space = nix::cmsg_space!(UnixCredentials);
        let fd = self.socket.as_raw_fd();
        let got = recvmsg::<NetlinkAddr>(fd, &mut iov, Some(&mut space), MsgFlags::MSG_DONTWAIT)?;
        let uid = got.cmsgs()?.find_map(|c| match c {
            ControlMessageOwned::ScmCredentials(c) => Some(c.uid()),
            _ => None,
        });
        let sender = match (got.address, uid) {
            // unicast to us: anybody may do that, and nobody should
            (Some(a), _) if a.groups() == 0 => None,
            (Some(a), Some(uid)) if a.pid() == 0 && (uid == 0 || self.elsewhere) => {
                Some(Sender::Kernel)
            }
            (Some(a), Some(0)) if a.groups() & GROUP_UDEV != 0 => Some(Sender::Root),
            _ => None,
        };
        Ok((got.bytes, sender))
    }
}

enum Sender {
    Kernel,
    Root,
}

impl AsFd for Monitor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
