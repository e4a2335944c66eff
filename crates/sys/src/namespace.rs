//! Namespaces: a user namespace with the network namespace it owns, made by a uid of our
//! choice; work done inside another network namespace.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};

use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::{Pid, pipe};

use crate::caps;
use crate::error::{Context, Error, Result};
use crate::process::{Fork, fork};

/// The host uid and gid that owns the user namespaces we make.
///
/// Whoever has the euid that made a user namespace has every capability in it (`cap_capable`,
/// security/commoncap.c), so no container may ever run as this uid: it lies in the range that
/// systemd's UIDS-GIDS document leaves to nobody, and the containers' system call filter refuses
/// to become it.
pub const OWNER_UID: u32 = 0xfff0_0000;

/// How a user namespace maps ids: `inside` 0 is `outside` on the host, `count` of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdMap {
    /// The host's id of the namespace's id 0.
    pub outside: u32,
    /// How many ids.
    pub count: u32,
}

impl IdMap {
    /// Every id is itself.
    pub const IDENTITY: IdMap = IdMap {
        outside: 0,
        count: u32::MAX,
    };
}

/// A user namespace and, unless it was made without, a network namespace that it owns.
#[derive(Debug)]
pub struct Namespaces {
    /// The user namespace, made by [`OWNER_UID`].
    pub user: OwnedFd,
    /// The network namespace; with nothing in it but a loopback interface that is down.
    pub net: Option<OwnedFd>,
}

/// Make a user namespace mapped by `map`, and with `net` a network namespace owned by it.
///
/// The uevents of the host's devices do not reach a network namespace whose owner is not the
/// initial user namespace (`uevent_net_broadcast_untagged`, lib/kobject_uevent.c).
/// Call this before the process has threads.
pub fn make(map: IdMap, net: bool) -> Result<Namespaces> {
    let (made_r, made_w) = pipe().call(|| "pipe()".into())?;
    let (held_r, held_w) = pipe().call(|| "pipe()".into())?;
    let child = match fork()? {
        Fork::Child => {
            drop((made_r, held_w));
            let flags = CloneFlags::CLONE_NEWUSER
                | if net {
                    CloneFlags::CLONE_NEWNET
                } else {
                    CloneFlags::empty()
                };
            // without the fixup CAP_SYS_ADMIN survives the change of uid: hosts that forbid
            // user namespaces to the unprivileged still let us make one
            let result = caps::no_setuid_fixup()
                .and_then(|()| caps::become_thread(OWNER_UID, OWNER_UID))
                .and_then(|()| unshare(flags).call(|| "unshare(CLONE_NEWUSER)".into()));
            let errno = result.err().map_or(0, |e| e.errno());
            let mut made = File::from(made_w);
            let _ = made.write_all(&errno.to_ne_bytes());
            // hold the namespaces until the parent has them
            let _ = File::from(held_r).read(&mut [0u8]);
            crate::process::exit_now(0)
        }
        Fork::Parent(child) => child,
    };
    drop((made_w, held_r));
    let result = adopt(child, &mut File::from(made_r), map, net);
    drop(held_w);
    let _ = kill(child, Signal::SIGKILL);
    let _ = waitpid(child, None);
    result
}

fn adopt(child: Pid, made: &mut File, map: IdMap, net: bool) -> Result<Namespaces> {
    let mut errno = [0u8; 4];
    made.read_exact(&mut errno)
        .call(|| "read(<the maker of the namespaces>)".into())?;
    match i32::from_ne_bytes(errno) {
        0 => {}
        e => {
            let e = nix::errno::Errno::from_raw(e);
            return Err(Error::new(
                "unshare(CLONE_NEWUSER) as the namespaces' owner",
                e,
            ));
        }
    }
    for file in ["uid_map", "gid_map"] {
        let path = format!("/proc/{child}/{file}");
        std::fs::write(&path, format!("0 {} {}\n", map.outside, map.count))
            .call(|| format!("write({path:?}, \"0 {} {}\")", map.outside, map.count))?;
    }
    Ok(Namespaces {
        user: of(child, "user")?,
        net: if net { Some(of(child, "net")?) } else { None },
    })
}

/// The namespace of `kind` (`net`, `user`, `mnt` ...) that process `pid` is in.
pub fn of(pid: Pid, kind: &str) -> Result<OwnedFd> {
    let path = format!("/proc/{pid}/ns/{kind}");
    File::open(&path)
        .map(OwnedFd::from)
        .call(|| format!("open({path:?})"))
}

/// Run `f` on a thread of its own inside the network namespace `net`. Sockets and mounts made
/// there keep that namespace.
pub fn in_netns<T: Send>(net: impl AsFd + Send, f: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    std::thread::scope(|scope| {
        scope
            .spawn(|| {
                setns(net, CloneFlags::CLONE_NEWNET).call(|| "setns(CLONE_NEWNET)".into())?;
                f()
            })
            .join()
            .unwrap_or_else(|_| Err(Error::new("thread", std::io::Error::other("panicked"))))
    })
}
