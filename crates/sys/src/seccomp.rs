//! seccomp filters: system calls that a container's processes do not get.
//!
//! A [`Filter`] is a list of refusals, compiled to one classic BPF program for every ABI that the
//! machine's kernel can be entered by (seccomp(2), Documentation/userspace-api/seccomp_filter.rst):
//! a 64-bit process may enter the 32-bit one at any time (`int 0x80`), where the numbers mean other
//! calls.
//!
//! - **An ABI that the filter does not know kills the process.** EPERM would be no less safe, but such
//!   a process cannot do anything, not even exit, and whoever looks for the reason finds none; a SIGSYS
//!   is found in the log. No kernel of the machines known here has a further ABI today.
//! - **What cannot be seen is not decided.** Filters see registers, not memory: whatever passes its
//!   arguments by address is refused as a whole (`socketcall`, `io_uring_setup`).
//! - The filter costs nothing for calls without a rule: it looks at nothing but ABI and number before
//!   it allows them, and Linux 5.11 and later then answer from a bitmap (kernel/seccomp.c,
//!   `seccomp_cache_prepare`).
//! - Filters are inherited by fork and kept over exec, they cannot be taken off, and of several the
//!   strictest answer wins: one that asks a supervisor (`SECCOMP_RET_USER_NOTIF`) can never soften
//!   what is refused here.

mod abi;
mod emit;
mod notify;
mod statfs;

use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

use libc::sock_filter;

use abi::Call;
pub use abi::Machine;
use emit::{Action, Rule};
pub use notify::{Listener, Notification};
pub use statfs::{Layout, StatfsCall, Subject, SysfsFigures};

use crate::error::{Context, Error, Result};

const NETLINK_KOBJECT_UEVENT: u32 = 15;
/// The call number of `socket` inside `socketcall` (include/uapi/linux/net.h).
const SYS_SOCKET: u32 = 1;
const EPERM: Action = Action::Errno(libc::EPERM as u16);
const ENOSYS: Action = Action::Errno(libc::ENOSYS as u16);

/// What a container's processes are refused. Empty, it refuses unknown ABIs only.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    rules: Vec<Rule>,
}

impl Filter {
    /// A filter that allows every call of every known ABI.
    pub fn new() -> Filter {
        Filter::default()
    }

    /// Nobody becomes `uid`: `setuid`, `setreuid`, `setresuid` and `setfsuid` with it as any argument
    /// give EPERM. As the kernel does, only the low 32 bits of an argument are looked at.
    ///
    /// For the uid that owns the user namespace of a quiet network namespace: cap_capable() gives the
    /// owner's euid every capability in it (security/commoncap.c), and a container's root with
    /// CAP_SETUID could become it. The other way to another euid, a set-uid file, is closed by the
    /// no_new_privs that [`Filter::install`] insists on. A user namespace made in the container may map
    /// the uid, but a process in there is no longer in the parent of the namespace to be owned.
    ///
    /// # Panics
    /// If `uid` is at most 65535, which the 16-bit calls of 32-bit ABIs could express, or -1 ("keep").
    pub fn deny_uid(self, uid: u32) -> Filter {
        assert!(
            uid > 0xffff && uid != u32::MAX,
            "deny_uid({uid}): expected a uid of more than 16 bits other than -1"
        );
        [
            (Call::SetUid, 1),
            (Call::SetReUid, 2),
            (Call::SetResUid, 3),
            (Call::SetFsUid, 1),
        ]
        .into_iter()
        .flat_map(|(call, args)| (0..args).map(move |arg| (call, arg)))
        .fold(self, |filter, (call, arg)| {
            filter.rule(call, &[(arg, uid)], EPERM)
        })
    }

    /// `syslog(2)` gives EPERM: the kernel's log names every device of the host. /proc/kmsg and
    /// /dev/kmsg are the same log and are not closed here.
    pub fn deny_syslog(self) -> Filter {
        self.rule(Call::Syslog, &[], EPERM)
    }

    /// No uevent sockets: `socket(AF_NETLINK, _, NETLINK_KOBJECT_UEVENT)` gives EPERM.
    ///
    /// So does every `socketcall(SYS_SOCKET)` of i386, whose arguments are in memory: programs of
    /// before Linux 4.3 and glibc 2.23 make no sockets at all then. io_uring makes sockets where no
    /// filter looks (`IORING_OP_SOCKET`, Linux 5.19), so `io_uring_setup` gives ENOSYS, for which
    /// programs have a fallback. netlink has no `socketpair`. Sockets and rings that were inherited or
    /// sent are not closed.
    pub fn deny_uevent_sockets(self) -> Filter {
        self.rule(
            Call::Socket,
            &[(0, libc::AF_NETLINK as u32), (2, NETLINK_KOBJECT_UEVENT)],
            EPERM,
        )
        .rule(Call::SocketMux, &[(0, SYS_SOCKET)], EPERM)
        .rule(Call::IoUringSetup, &[], ENOSYS)
    }

    /// No keyrings: `add_key`, `request_key` and `keyctl` give EPERM.
    ///
    /// For a container whose root is the host's root to the kernel: one user keyring belongs to both
    /// (user-keyring(7)).
    pub fn deny_keyrings(self) -> Filter {
        [Call::AddKey, Call::RequestKey, Call::KeyCtl]
            .into_iter()
            .fold(self, |filter, call| filter.rule(call, &[], EPERM))
    }

    /// No cgroup namespaces: `unshare` and `clone` with CLONE_NEWCGROUP give EPERM. `clone3` has its
    /// flags in memory, so it gives ENOSYS, for which C libraries fall back to `clone`.
    ///
    /// Whoever owns a cgroup namespace may mount the v1 hierarchies (`cgroup1_get_tree`,
    /// kernel/cgroup/cgroup-v1.c), and a user namespace of its own is enough to own one. In those that
    /// the container has no cgroup in, it stands at the top: there root of the host's uid could write
    /// the limits of every service, or freeze it.
    pub fn deny_cgroup_namespaces(mut self) -> Filter {
        for call in [Call::Unshare, Call::Clone] {
            self.rules.push(Rule {
                call,
                args: Vec::new(),
                any_bit: Some((0, libc::CLONE_NEWCGROUP as u32)),
                action: EPERM,
            });
        }
        self.rule(Call::Clone3, &[], ENOSYS)
    }

    /// `statfs`, `fstatfs` and, in the 32-bit ABIs, `statfs64` and `fstatfs64` wait for what the
    /// filter's listener answers; the filter is for [`Filter::install_with_listener`]. Whoever the
    /// listener is may be fooled (it reads the caller's memory, which may change), so nothing may rest
    /// on what it answers.
    pub fn ask_about_statfs(self) -> Filter {
        let calls = [Call::Statfs, Call::FStatfs, Call::Statfs64, Call::FStatfs64];
        calls
            .into_iter()
            .fold(self, |filter, call| filter.rule(call, &[], Action::Ask))
    }

    /// Adds a rule: `call` with each of `args` (index, low 32 bits) gets `action`. The first rule that
    /// matches decides.
    fn rule(mut self, call: Call, args: &[(u8, u32)], action: Action) -> Filter {
        self.rules.push(Rule {
            call,
            args: args.to_vec(),
            any_bit: None,
            action,
        });
        self
    }

    /// The program for this machine.
    pub fn program(&self) -> Vec<sock_filter> {
        self.program_for(Machine::NATIVE)
    }

    /// The program for kernels of `machine`; it runs on any, for tests.
    pub fn program_for(&self, machine: Machine) -> Vec<sock_filter> {
        emit::program(&self.rules, machine)
    }

    /// Puts the filter on the calling thread and everything it makes from now on. Allocates; between
    /// fork and exec use [`install`] with a [`Filter::program`] made before.
    ///
    /// # Errors
    /// See [`install`].
    pub fn install(&self) -> Result<()> {
        install(&self.program())
    }

    /// The same, with a listener (close-on-exec) that is asked about what the filter's rules say; until
    /// it answers, a caller waits.
    ///
    /// Once the listener has heard of a call, its caller is interrupted by nothing less than its end
    /// (`SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV`): what the listener writes into the caller's memory then
    /// cannot meet a handler of signals that uses that memory for something else (seccomp_unotify(2)).
    ///
    /// # Errors
    /// As [`install`]; EINVAL also before Linux 5.19, which does not have that flag; EBUSY if a filter of
    /// the thread has a listener already: the kernel allows one.
    pub fn install_with_listener(&self) -> Result<OwnedFd> {
        const WAIT_KILLABLE_RECV: libc::c_ulong = 1 << 5;
        let raw = set(
            &self.program(),
            libc::SECCOMP_FILTER_FLAG_NEW_LISTENER | WAIT_KILLABLE_RECV,
        )?;
        // SAFETY: with NEW_LISTENER the call returns a new descriptor, which nobody else has
        Ok(unsafe { OwnedFd::from_raw_fd(raw as RawFd) })
    }
}

/// Puts a compiled filter on the calling thread and everything it makes from now on.
///
/// # Errors
/// EACCES if the thread does not have no_new_privs (the kernel is content with CAP_SYS_ADMIN, but then
/// a set-uid file goes around the filter); EINVAL for a program that is empty, of more than 4096
/// instructions, or on a kernel without `CONFIG_SECCOMP_FILTER`; ENOMEM when all filters of the thread
/// together are too long.
pub fn install(program: &[sock_filter]) -> Result<()> {
    set(program, 0).map(drop)
}

/// What the call returns: 0, or a descriptor if `flags` ask for one.
fn set(program: &[sock_filter], flags: libc::c_ulong) -> Result<libc::c_long> {
    const CALL: &str = "seccomp(SECCOMP_SET_MODE_FILTER)";
    // SAFETY: takes no pointers, changes nothing
    let no_new_privs = unsafe { libc::prctl(libc::PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) };
    if no_new_privs != 1 {
        let refused = io::Error::from_raw_os_error(libc::EACCES);
        return Err(Error::new(format!("{CALL} without no_new_privs"), refused));
    }
    let len = u16::try_from(program.len())
        .map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))
        .call(|| format!("{CALL}, {} instructions", program.len()))?;
    let prog = libc::sock_fprog {
        len,
        // the field is not const in C either; the kernel copies the program and writes nothing
        filter: program.as_ptr().cast_mut(),
    };
    // SAFETY: prog is live and names `len` initialised instructions, which the kernel only reads
    let rc = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            flags,
            std::ptr::from_ref(&prog),
        )
    };
    match rc {
        0.. => Ok(rc),
        _ => Err(Error::last(format!("{CALL}, {len} instructions"))),
    }
}
