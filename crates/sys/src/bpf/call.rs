//! bpf(2) itself.

use std::io;
use std::mem::size_of;
use std::sync::{Mutex, PoisonError};

/// Commands of `enum bpf_cmd` (include/uapi/linux/bpf.h).
#[derive(Clone, Copy, Debug)]
pub(super) enum Cmd {
    MapCreate = 0,
    MapUpdate = 2,
    MapDelete = 3,
    ProgLoad = 5,
    ProgAttach = 8,
    ProgDetach = 9,
    ProgGetFdById = 13,
    ObjGetInfoByFd = 15,
    ProgQuery = 16,
}

/// One bpf(2) call; the result is what the kernel returned, an fd for the commands that make one.
///
/// `attr` is the command's part of `union bpf_attr`; the kernel takes a shorter one than its own and
/// a longer one whose surplus is zero.
///
/// # Safety
/// `attr` must be laid out as the command wants it, without padding bytes, every pointer in it must
/// be valid for what the command reads and writes through it, and `attr` must be as long as the
/// fields that the command writes back.
pub(super) unsafe fn bpf<T>(cmd: Cmd, attr: &mut T) -> io::Result<i32> {
    // SAFETY: attr is a live, exclusively borrowed object of the size passed; the rest is the caller's promise
    let rc = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            cmd as libc::c_long,
            std::ptr::from_mut(attr),
            size_of::<T>(),
        )
    };
    if rc < 0 {
        return Err(io::Error::last_os_error());
    }
    // fds and the 0 of all other commands fit
    Ok(rc as i32)
}

/// Runs `make`, which allocates kernel memory, once more with RLIMIT_MEMLOCK raised if it meets EPERM.
///
/// Before Linux 5.11 maps and programs count against that limit, 64 KiB by default, and too low a
/// limit reads as EPERM. The limit is put back afterwards: it belongs to the process and is
/// inherited, also by the container. Where it cannot be raised (no CAP_SYS_RESOURCE) it is raised as
/// far as it goes, and the second EPERM is the answer.
pub(super) fn with_memlock<T>(mut make: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    // two threads in here would save each other's raised limit as the one to go back to
    static RAISED: Mutex<()> = Mutex::new(());
    match make() {
        Err(e) if e.raw_os_error() == Some(libc::EPERM) => {}
        other => return other,
    }
    let _one = RAISED.lock().unwrap_or_else(PoisonError::into_inner);
    let Ok(old) = memlock() else { return make() };
    let all = libc::rlimit {
        rlim_cur: libc::RLIM_INFINITY,
        rlim_max: libc::RLIM_INFINITY,
    };
    let most = libc::rlimit {
        rlim_cur: old.rlim_max,
        rlim_max: old.rlim_max,
    };
    if set_memlock(&all).is_err() {
        let _ = set_memlock(&most);
    }
    let made = make();
    let _ = set_memlock(&old);
    made
}

fn memlock() -> io::Result<libc::rlimit> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: limit is a live object of the type that getrlimit writes
    match unsafe { libc::getrlimit(libc::RLIMIT_MEMLOCK, &mut limit) } {
        0 => Ok(limit),
        _ => Err(io::Error::last_os_error()),
    }
}

fn set_memlock(limit: &libc::rlimit) -> io::Result<()> {
    // SAFETY: limit is a live object of the type that setrlimit reads
    match unsafe { libc::setrlimit(libc::RLIMIT_MEMLOCK, limit) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused() -> io::Error {
        io::Error::from_raw_os_error(libc::EPERM)
    }

    #[test]
    fn memlock_is_put_back_and_only_eperm_is_tried_again() {
        let before = memlock().unwrap();
        let mut calls = 0;
        let made = with_memlock(|| {
            calls += 1;
            if calls == 1 {
                Err(refused())
            } else {
                Ok(memlock().unwrap().rlim_cur)
            }
        });
        assert!(made.unwrap() >= before.rlim_cur);
        let after = memlock().unwrap();
        assert_eq!(
            (after.rlim_cur, after.rlim_max),
            (before.rlim_cur, before.rlim_max)
        );

        let mut calls = 0;
        let invalid = with_memlock(|| -> io::Result<()> {
            calls += 1;
            Err(io::Error::from_raw_os_error(libc::EINVAL))
        });
        assert_eq!(
            (invalid.unwrap_err().raw_os_error(), calls),
            (Some(libc::EINVAL), 1)
        );
    }
}
