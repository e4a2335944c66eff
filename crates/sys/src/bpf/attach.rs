//! Loading the program, attaching it to a cgroup of one's own, and asking what is attached.

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use super::call::{Cmd, bpf, with_memlock};
use super::insn::Insn;
use crate::error::{Context, Result};

const BPF_PROG_TYPE_CGROUP_DEVICE: u32 = 15;
pub(super) const BPF_CGROUP_DEVICE: u32 = 6;

/// Attach flag `BPF_F_ALLOW_MULTI`: cgroups below may have programs as well, and all of them must agree.
pub const ALLOW_MULTI: u32 = 2;

/// How many programs a cgroup takes in one list, `BPF_CGROUP_MAX_PROGS` (include/linux/bpf-cgroup.h).
const MAX_PROGS: usize = 64;

/// How many programs of a cgroup and of all above it are asked for.
const MAX_EFFECTIVE: usize = 512;

const BPF_F_QUERY_EFFECTIVE: u32 = 1;

#[repr(C)]
struct Load {
    prog_type: u32,
    insn_cnt: u32,
    insns: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log_buf: u64,
    kern_version: u32,
    prog_flags: u32,
    prog_name: [u8; 16],
}

#[repr(C)]
struct Attach {
    target_fd: u32,
    attach_bpf_fd: u32,
    attach_type: u32,
    attach_flags: u32,
}

/// Every field up to `revision` is here although only four matter: Linux 6.17 and later write the
/// revision back whatever size was said (kernel/bpf/cgroup.c, `__cgroup_bpf_query`).
#[repr(C)]
#[derive(Default)]
struct Query {
    target_fd: u32,
    attach_type: u32,
    query_flags: u32,
    attach_flags: u32,
    prog_ids: u64,
    prog_cnt: u32,
    pad: u32,
    prog_attach_flags: u64,
    link_ids: u64,
    link_attach_flags: u64,
    revision: u64,
}

/// What [`query`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    /// The flags they were attached with, such as [`ALLOW_MULTI`].
    pub flags: u32,
    /// The ids of the device programs attached to this very cgroup, not to those above.
    pub ids: Vec<u32>,
}

/// Loads a device program; the fd is close-on-exec.
///
/// # Errors
/// EPERM without the capabilities, or with too low an RLIMIT_MEMLOCK before Linux 5.11; EINVAL on a
/// kernel without `CONFIG_CGROUP_BPF`; EINVAL or EACCES for a program that the verifier refuses.
pub fn load(program: &[Insn]) -> Result<OwnedFd> {
    let insns: Vec<[u8; 8]> = program.iter().map(|insn| insn.encode()).collect();
    // the helpers that only GPL programs may call are none of ours, but a licence costs nothing
    let license = c"Dual MIT/GPL";
    let fd = with_memlock(|| {
        let mut attr = Load {
            prog_type: BPF_PROG_TYPE_CGROUP_DEVICE,
            insn_cnt: insns.len() as u32,
            insns: insns.as_ptr() as u64,
            license: license.as_ptr() as u64,
            log_level: 0,
            log_size: 0,
            log_buf: 0,
            kern_version: 0,
            prog_flags: 0,
            prog_name: *b"devns_gate\0\0\0\0\0\0",
        };
        // SAFETY: Load is the head of BPF_PROG_LOAD's attr without padding; insns points to insn_cnt
        // slots of eight bytes, license to a C string, both alive and only read; no log is asked for
        unsafe { bpf(Cmd::ProgLoad, &mut attr) }
    })
    .call(|| format!("bpf(BPF_PROG_LOAD, cgroup_device, {} slots)", insns.len()))?;
    // SAFETY: the kernel just made this fd for us, nobody else knows it
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Attaches a device program to the cgroup v2 directory `cgroup`, beside what is attached already;
/// returns the flags that the kernel took.
///
/// They are [`ALLOW_MULTI`], or none where the kernel does not know that flag. Without it, a program
/// attached before is replaced, so this is for cgroups of one's own.
///
/// # Errors
/// EPERM when a cgroup above has a program that allows none below, or this one has programs with
/// other flags; EBADF when `cgroup` is no cgroup v2 directory; E2BIG at 64 programs.
pub fn attach(cgroup: BorrowedFd<'_>, program: BorrowedFd<'_>) -> Result<u32> {
    let try_with = |flags: u32| {
        let mut attr = Attach {
            target_fd: cgroup.as_raw_fd() as u32,
            attach_bpf_fd: program.as_raw_fd() as u32,
            attach_type: BPF_CGROUP_DEVICE,
            attach_flags: flags,
        };
        // SAFETY: Attach is the head of BPF_PROG_ATTACH's attr, has no padding and no pointers
        unsafe { bpf(Cmd::ProgAttach, &mut attr) }
            .map(|_| flags)
            .call(|| format!("bpf(BPF_PROG_ATTACH, cgroup_device, flags {flags:#x})"))
    };
    match try_with(ALLOW_MULTI) {
        Err(e) if e.errno() == libc::EINVAL => try_with(0),
        done => done,
    }
}

/// The device programs attached to the cgroup v2 directory `cgroup`.
///
/// # Errors
/// EPERM without the capabilities, EBADF when `cgroup` is no cgroup v2 directory.
pub fn query(cgroup: BorrowedFd<'_>) -> Result<Attached> {
    ask(cgroup, 0, MAX_PROGS)
}

/// The ids of all device programs that a process in `cgroup` has to pass, those of the cgroups above included.
///
/// # Errors
/// As [`query`]; ENOSPC for more than 512.
pub fn query_effective(cgroup: BorrowedFd<'_>) -> Result<Vec<u32>> {
    Ok(ask(cgroup, BPF_F_QUERY_EFFECTIVE, MAX_EFFECTIVE)?.ids)
}

fn ask(cgroup: BorrowedFd<'_>, query_flags: u32, most: usize) -> Result<Attached> {
    let mut ids = vec![0u32; most];
    let mut attr = Query {
        target_fd: cgroup.as_raw_fd() as u32,
        attach_type: BPF_CGROUP_DEVICE,
        query_flags,
        prog_ids: ids.as_mut_ptr() as u64,
        prog_cnt: most as u32,
        ..Query::default()
    };
    // SAFETY: Query is BPF_PROG_QUERY's attr without padding, up to the last field that any kernel
    // writes; prog_ids points to prog_cnt live u32, lent to nobody else during the call
    unsafe { bpf(Cmd::ProgQuery, &mut attr) }
        .call(|| "bpf(BPF_PROG_QUERY, cgroup_device)".into())?;
    ids.truncate(attr.prog_cnt as usize);
    Ok(Attached {
        flags: attr.attach_flags,
        ids,
    })
}
