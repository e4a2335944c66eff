//! Processes: fork of a process without threads, a child for the parent, process descriptors,
//! and a clean slate before exec.

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use nix::unistd::{ForkResult, Pid};

use crate::error::{Context, Error, Result};

/// Which side of a fork this is.
#[derive(Debug)]
pub enum Fork {
    /// The parent, with the child's pid.
    Parent(Pid),
    /// The child.
    Child,
}

fn only_thread() -> Result<()> {
    let tasks = std::fs::read_dir("/proc/self/task").call(|| "readdir(/proc/self/task)".into())?;
    match tasks.count() {
        1 => Ok(()),
        n => Err(Error::new(
            "fork()",
            std::io::Error::other(format!("{n} threads; only a process with one may fork")),
        )),
    }
}

/// fork(2), refused when the process has several threads: a lock that another thread holds would
/// stay locked in the child for good.
pub fn fork() -> Result<Fork> {
    only_thread()?;
    // SAFETY: there is no other thread, so the child is a full copy with every lock free.
    match unsafe { nix::unistd::fork() }.call(|| "fork()".into())? {
        ForkResult::Parent { child } => Ok(Fork::Parent(child)),
        ForkResult::Child => Ok(Fork::Child),
    }
}

/// Like [`fork`], but the child becomes a child of the caller's *parent* (`CLONE_PARENT`), which
/// thus can wait for it when it is the first process of a new pid namespace.
pub fn fork_sibling() -> Result<Fork> {
    only_thread()?;
    let flags = libc::CLONE_PARENT | libc::SIGCHLD;
    // SAFETY: without CLONE_VM and with a null stack this is fork(2) on a copy of the address
    // space; there is no other thread (checked above).
    let raw = unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) };
    match raw {
        0 => Ok(Fork::Child),
        1.. => Ok(Fork::Parent(Pid::from_raw(raw as i32))),
        _ => Err(Error::last("clone(CLONE_PARENT)")),
    }
}

/// End this process at once: no destructors, no exit functions of the process it was forked from.
pub fn exit_now(status: i32) -> ! {
    // SAFETY: _exit takes an integer and does not return.
    unsafe { libc::_exit(status) }
}

/// A descriptor of process `pid`, which must be a child of the caller that nobody has waited for
/// (else the pid may be another's by now).
pub fn pidfd(pid: Pid) -> Result<OwnedFd> {
    // SAFETY: integers only.
    let raw = unsafe { libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0) };
    match raw {
        // SAFETY: the kernel has just returned this descriptor to us.
        0.. => Ok(unsafe { OwnedFd::from_raw_fd(raw as RawFd) }),
        _ => Err(Error::last(format!("pidfd_open({pid})"))),
    }
}

/// Send signal number `signal` to the process.
pub fn send_signal(process: BorrowedFd<'_>, signal: i32) -> Result<()> {
    // SAFETY: a null siginfo makes the kernel fill it as kill(2) would.
    let raw = unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            process.as_raw_fd(),
            signal,
            std::ptr::null::<libc::siginfo_t>(),
            0,
        )
    };
    match raw {
        0 => Ok(()),
        _ => Err(Error::last(format!("pidfd_send_signal({signal})"))),
    }
}

/// Mark every descriptor from `first` on to be closed at exec.
pub fn close_on_exec_from(first: u32) -> Result<()> {
    const CLOSE_RANGE_CLOEXEC: libc::c_uint = 4;
    // SAFETY: integers only; nothing is closed yet.
    let raw = unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, CLOSE_RANGE_CLOEXEC) };
    match raw {
        0 => Ok(()),
        _ => Err(Error::last(format!("close_range({first}, cloexec)"))),
    }
}

/// Give every signal its default action and unblock all of them, as a program expects to start.
pub fn default_signals() {
    for signal in 1..=64 {
        // SAFETY: SIG_DFL is a valid disposition; the kernel refuses SIGKILL, SIGSTOP and the
        // C library its own two, which is as it should be.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    let _ = nix::sys::signal::SigSet::empty().thread_set_mask();
}

/// Close all descriptors from 0 on but `keep`, for a forked child that goes on by itself.
pub fn close_all_but(keep: &[RawFd]) {
    let mut sorted = keep.to_vec();
    sorted.sort_unstable();
    let mut from: u32 = 0;
    for fd in sorted.into_iter().filter(|fd| *fd >= 0).map(|fd| fd as u32) {
        if fd > from {
            // SAFETY: integers only; an OwnedFd of this process that is closed so
            // would be closed twice: callers end by exit_now, which runs no destructor.
            unsafe { libc::syscall(libc::SYS_close_range, from, fd - 1, 0) };
        }
        from = fd + 1;
    }
    // SAFETY: as above.
    unsafe { libc::syscall(libc::SYS_close_range, from, u32::MAX, 0) };
}

/// Read the memory of the process that thread `tid` belongs to, from `address` on; how much was read,
/// which ends before what is not there.
///
/// Pages that have to be fetched are waited for without a lock of that process, for as long as whoever
/// provides them likes; unlike the same by /proc/TID/mem (`FOLL_FORCE` and no retry, mm/memory.c), which
/// holds up everybody who wants to map something there or looks at its environment. The number may be
/// another's by the time of the call. Needs CAP_SYS_PTRACE over the process.
pub fn read_memory(tid: Pid, address: usize, into: &mut [u8]) -> Result<usize> {
    let local = libc::iovec {
        iov_base: into.as_mut_ptr().cast(),
        iov_len: into.len(),
    };
    let remote = libc::iovec {
        iov_base: std::ptr::without_provenance_mut(address),
        iov_len: into.len(),
    };
    // SAFETY: the kernel writes to `into`, which `local` is all of; `remote` is an address of another
    // process, which it checks.
    let raw = unsafe { libc::process_vm_readv(tid.as_raw(), &local, 1, &remote, 1, 0) };
    match raw {
        0.. => Ok(raw as usize),
        _ => Err(Error::last(format!(
            "process_vm_readv({tid}, {address:#x})"
        ))),
    }
}

/// Take over descriptor number `fd` that a message has just brought (`SCM_RIGHTS`); call it once
/// for each.
pub fn received_fd(fd: RawFd) -> OwnedFd {
    // SAFETY: the kernel has installed the descriptor for the receiver of the message, which is
    // its only owner.
    unsafe { OwnedFd::from_raw_fd(fd) }
}
