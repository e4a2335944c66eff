//! What statx(2) and statfs(2) say of an open file beyond what nix has.

use std::ffi::CString;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::error::{Context, Error, Result};

/// The device number (as `st_dev`) of the file system that the descriptor's file is on. Asks no server:
/// of a FUSE file, what the kernel knows already is enough (statx(2), `AT_STATX_DONT_SYNC`).
pub fn device_of(file: BorrowedFd<'_>) -> Result<libc::dev_t> {
    let mut found = std::mem::MaybeUninit::<libc::statx>::zeroed();
    // SAFETY: the path is an empty string, and the kernel writes one struct statx to where one is.
    let raw = unsafe {
        libc::statx(
            file.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH | libc::AT_STATX_DONT_SYNC,
            0,
            found.as_mut_ptr(),
        )
    };
    if raw != 0 {
        return Err(Error::last("statx()"));
    }
    // SAFETY: it was zeroed, which is a valid value of its integers, before the kernel filled it.
    let found = unsafe { found.assume_init() };
    Ok(libc::makedev(found.stx_dev_major, found.stx_dev_minor))
}

/// Which device the node at `path` is of: block or not, and its number (as `st_rdev`); none for what is no
/// node. Links are followed, and no server is asked, as by [`device_of`].
///
/// # Errors
/// Of statx(2).
pub fn node_at(path: &Path) -> Result<Option<(bool, libc::dev_t)>> {
    let name = CString::new(path.as_os_str().as_bytes()).call(|| format!("statx({path:?})"))?;
    let mut found = std::mem::MaybeUninit::<libc::statx>::zeroed();
    // SAFETY: the path is a C string, and the kernel writes one struct statx to where one is.
    let raw = unsafe {
        libc::statx(
            libc::AT_FDCWD,
            name.as_ptr(),
            libc::AT_STATX_DONT_SYNC,
            libc::STATX_TYPE,
            found.as_mut_ptr(),
        )
    };
    if raw != 0 {
        return Err(Error::last(format!("statx({path:?})")));
    }
    // SAFETY: it was zeroed, which is a valid value of its integers, before the kernel filled it.
    let found = unsafe { found.assume_init() };
    let number = libc::makedev(found.stx_rdev_major, found.stx_rdev_minor);
    Ok(match u32::from(found.stx_mode) & libc::S_IFMT {
        libc::S_IFBLK => Some((true, number)),
        libc::S_IFCHR => Some((false, number)),
        _ => None,
    })
}

/// `f_flags` of fstatfs(2): the flags of the mount that the descriptor's file was reached by.
pub fn flags_of(file: BorrowedFd<'_>) -> Result<u64> {
    /// `ST_VALID` (include/linux/statfs.h): the flags are there. The C library takes it out.
    const VALID: u64 = 0x20;
    let mut found = std::mem::MaybeUninit::<libc::statvfs>::zeroed();
    // SAFETY: the C library writes one struct statvfs to where one is.
    if unsafe { libc::fstatvfs(file.as_raw_fd(), found.as_mut_ptr()) } != 0 {
        return Err(Error::last("fstatfs()"));
    }
    // SAFETY: it was zeroed, which is a valid value of its integers, before it was filled.
    Ok(unsafe { found.assume_init() }.f_flag | VALID)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn a_node_says_what_it_is_of() {
        let null = libc::makedev(1, 3);
        assert_eq!(
            node_at(Path::new("/dev/null")).unwrap(),
            Some((false, null))
        );
        assert_eq!(node_at(Path::new("/proc")).unwrap(), None);
        assert_eq!(
            node_at(Path::new("/none")).unwrap_err().errno(),
            libc::ENOENT
        );
    }

    #[test]
    fn a_file_says_what_it_is_on() {
        for path in ["/proc", "/sys", "/dev/null"] {
            let file = std::fs::File::open(path).unwrap();
            let number = file.metadata().unwrap().dev();
            assert_eq!(device_of(file.as_fd()).unwrap(), number, "{path}");
        }
        let proc = std::fs::File::open("/proc").unwrap();
        assert_ne!(flags_of(proc.as_fd()).unwrap() & 0x20, 0);
    }
}
