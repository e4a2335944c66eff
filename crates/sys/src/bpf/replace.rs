//! Somebody else's device programs: holding them, and putting another in their place.

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use super::attach::{ALLOW_MULTI, BPF_CGROUP_DEVICE};
use super::call::{Cmd, bpf};
use crate::error::{Context, Result};

/// Attach flag `BPF_F_ALLOW_OVERRIDE`: the program of a cgroup below takes the place of this one for it.
pub const ALLOW_OVERRIDE: u32 = 1;

/// `BPF_F_REPLACE`, since Linux 5.6.
const REPLACE: u32 = 4;

#[repr(C)]
struct Attach {
    target_fd: u32,
    attach_bpf_fd: u32,
    attach_type: u32,
    attach_flags: u32,
    replace_bpf_fd: u32,
}

#[repr(C)]
struct GetFd {
    prog_id: u32,
    next_id: u32,
    open_flags: u32,
}

#[repr(C)]
struct GetInfo {
    bpf_fd: u32,
    info_len: u32,
    info: u64,
}

/// The program with this id, close-on-exec. It lives as long as the descriptor, attached or not.
///
/// # Errors
/// ENOENT when there is none any more, EPERM without CAP_SYS_ADMIN.
pub fn program(id: u32) -> Result<OwnedFd> {
    let mut attr = GetFd {
        prog_id: id,
        next_id: 0,
        open_flags: 0,
    };
    // SAFETY: GetFd is the head of BPF_PROG_GET_FD_BY_ID's attr, has no padding and no pointers
    let fd = unsafe { bpf(Cmd::ProgGetFdById, &mut attr) }
        .call(|| format!("bpf(BPF_PROG_GET_FD_BY_ID, {id})"))?;
    // SAFETY: the kernel just made this fd for us, nobody else knows it
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// The id of a program, as [`query`](super::query) lists it.
///
/// # Errors
/// EBADF or EINVAL when it is no program.
pub fn id_of(program: BorrowedFd<'_>) -> Result<u32> {
    // the head of struct bpf_prog_info: its type, its id
    let mut info = [0u32; 2];
    let mut attr = GetInfo {
        bpf_fd: program.as_raw_fd() as u32,
        info_len: size_of_val(&info) as u32,
        info: info.as_mut_ptr() as u64,
    };
    // SAFETY: GetInfo is BPF_OBJ_GET_INFO_BY_FD's attr without padding; info points to info_len bytes that
    // are lent to nobody else during the call
    unsafe { bpf(Cmd::ObjGetInfoByFd, &mut attr) }.call(|| "bpf(BPF_OBJ_GET_INFO_BY_FD)".into())?;
    Ok(info[1])
}

/// Puts `program` in the place of `old`, which was attached with [`ALLOW_MULTI`]; at no moment is neither of
/// the two attached.
///
/// # Errors
/// ENOENT when `old` is not attached, or by a link, which only its owner can change; EINVAL when `program`
/// is attached already, or before Linux 5.6.
pub fn replace(cgroup: BorrowedFd<'_>, program: BorrowedFd<'_>, old: BorrowedFd<'_>) -> Result<()> {
    let flags = ALLOW_MULTI | REPLACE;
    call(Cmd::ProgAttach, cgroup, program, flags, Some(old))
}

/// Attaches `program` with exactly these flags. With [`ALLOW_MULTI`] it stands beside others; with
/// [`ALLOW_OVERRIDE`] or none it takes the place of the one there is, in one step.
///
/// # Errors
/// EPERM when programs are attached with other flags, or a cgroup above allows none below; EINVAL when it
/// is attached already.
pub fn attach_as(cgroup: BorrowedFd<'_>, program: BorrowedFd<'_>, flags: u32) -> Result<()> {
    call(Cmd::ProgAttach, cgroup, program, flags, None)
}

/// Detaches `program`.
///
/// # Errors
/// ENOENT when it is not attached, or by a link.
pub fn detach(cgroup: BorrowedFd<'_>, program: BorrowedFd<'_>) -> Result<()> {
    call(Cmd::ProgDetach, cgroup, program, 0, None)
}

fn call(
    cmd: Cmd,
    cgroup: BorrowedFd<'_>,
    program: BorrowedFd<'_>,
    flags: u32,
    old: Option<BorrowedFd<'_>>,
) -> Result<()> {
    let mut attr = Attach {
        target_fd: cgroup.as_raw_fd() as u32,
        attach_bpf_fd: program.as_raw_fd() as u32,
        attach_type: BPF_CGROUP_DEVICE,
        attach_flags: flags,
        replace_bpf_fd: old.map_or(0, |old| old.as_raw_fd() as u32),
    };
    // SAFETY: Attach is the head of the attr of both commands, has no padding and no pointers
    unsafe { bpf(cmd, &mut attr) }
        .map(drop)
        .call(|| format!("bpf({cmd:?}, cgroup_device, flags {flags:#x})"))
}
