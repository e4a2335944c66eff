//! Files without a name: `O_TMPFILE`, open(2).

use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::Path;

use nix::errno::Errno;
use rustix::fs::{Mode, OFlags, open};

use super::place::{MetadataExt, Place, done, refuses, stat};

super::table! { "unnamed":
    files_without_a_name, a_file_without_a_name_gets_one, one_that_never_may ;
    root:
}

/// tmpfs has them. A file system may say EOPNOTSUPP (or, as before Linux 3.11, EISDIR): open(2).
fn temporary(place: &Place, flags: OFlags) -> Option<File> {
    let mode = Mode::RUSR | Mode::WUSR;
    match open(place.dir(), OFlags::TMPFILE | OFlags::RDWR | flags, mode) {
        Ok(fd) => Some(File::from(fd)),
        Err(e) => {
            let clean = [rustix::io::Errno::OPNOTSUPP, rustix::io::Errno::ISDIR];
            assert!(clean.contains(&e), "{e}");
            None
        }
    }
}

fn files_without_a_name(place: &Place) {
    let Some(file) = temporary(place, OFlags::empty()) else {
        return;
    };
    done(file.write_all_at(b"text", 0));
    let meta = done(file.metadata());
    assert_eq!((meta.nlink(), meta.len()), (0, 4));
    assert_eq!(meta.mode(), libc::S_IFREG | 0o600);
    assert!(place.names().is_empty());
}

fn link_by_descriptor(file: &File, to: &Path) -> rustix::io::Result<()> {
    use rustix::fs::{AtFlags, CWD, linkat};
    let old = format!("/proc/self/fd/{}", file.as_raw_fd());
    linkat(CWD, old, CWD, to, AtFlags::SYMLINK_FOLLOW)
}

fn a_file_without_a_name_gets_one(place: &Place) {
    let Some(file) = temporary(place, OFlags::empty()) else {
        return;
    };
    done(file.write_all_at(b"text", 0));
    let path = place.path("named");
    done(link_by_descriptor(&file, &path));
    assert_eq!(done(fs::read(&path)), b"text");
    assert_eq!(stat(&path).nlink(), 1);
    refuses(link_by_descriptor(&file, &path), Errno::EEXIST);
    // a file that has lost its last name does not get one again
    done(fs::remove_file(&path));
    refuses(link_by_descriptor(&file, &path), Errno::ENOENT);
}

fn one_that_never_may(place: &Place) {
    if let Some(file) = temporary(place, OFlags::EXCL) {
        refuses(
            link_by_descriptor(&file, &place.path("named")),
            Errno::ENOENT,
        );
    }
}
