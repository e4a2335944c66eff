//! A file system that is full. Not one of the cases: it fills what it is pointed at, and so belongs on
//! a mount that has limits and nobody else in it.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use super::place::{Place, done, refuses, stat};

/// More than any limit of a /dev, for a file system that has none to be told from one that has.
const MOST_NAMES: usize = 200_000;

/// The same, in bytes.
const MOST_BYTES: u64 = 256 << 20;

/// Make files, then bytes, below `dir` until there is no room, look at what a full file system refuses
/// and what it still does, empty it, and find as much room as before. Returns how many inodes and bytes
/// there was room for.
///
/// # Panics
/// When something is not as it is on a tmpfs with limits; also when there are none.
pub fn fill(dir: &Path) -> (usize, u64) {
    let place = Place::below(dir);
    let inodes = fill_inodes(&place);
    assert_eq!(fill_inodes(&place), inodes, "inodes, a second time");
    let bytes = fill_bytes(&place);
    assert_eq!(fill_bytes(&place), bytes, "bytes, a second time");
    (inodes, bytes)
}

fn fill_inodes(place: &Place) -> usize {
    let name = |n: usize| place.path(&format!("{n}"));
    let until = (0..MOST_NAMES).find(|n| match File::create_new(name(*n)) {
        Ok(_) => false,
        Err(e) => {
            assert_eq!(e.raw_os_error(), Some(libc::ENOSPC), "{e}");
            true
        }
    });
    let count = until.unwrap_or_else(|| panic!("no limit after {MOST_NAMES} names"));
    assert!(count > 2, "room for {count} names only");
    assert_eq!(place.names().len(), count);
    let full = Errno::ENOSPC;
    refuses(fs::create_dir(name(count)), full);
    refuses(std::os::unix::fs::symlink("x", name(count)), full);
    refuses(
        nix::unistd::mkfifo(&name(count), nix::sys::stat::Mode::S_IRUSR),
        full,
    );
    assert!(!place.names().contains(&count.to_string()));
    // what is there can be used
    chmod_and_rename(&name(0), &name(count));
    // one goes, one comes; one that is open and gone still counts
    let held = done(File::open(name(1)));
    done(fs::remove_file(name(1)));
    refuses(File::create_new(name(1)), full);
    drop(held);
    // a FUSE server hears of the last close a moment later
    crate::eventually("room for one", std::time::Duration::from_secs(5), || {
        File::create_new(name(1)).is_ok()
    });
    empty(place);
    count
}

fn chmod_and_rename(from: &Path, to: &Path) {
    super::place::chmod(from, 0o600);
    done(fs::rename(from, to));
    done(fs::read(to));
    done(fs::rename(to, from));
}

fn fill_bytes(place: &Place) -> u64 {
    let path = place.path("big");
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    let file = done(options.open(&path));
    let block = [1; 4096];
    let mut written = 0;
    let full = loop {
        match file.write_at(&block, written) {
            Ok(0) => panic!("write: 0 bytes at {written}"),
            Ok(n) => written += n as u64,
            Err(e) => break e,
        }
        assert!(written < MOST_BYTES, "no limit after {MOST_BYTES} bytes");
    };
    assert_eq!(full.raw_os_error(), Some(libc::ENOSPC), "{full}");
    assert_eq!(stat(&path).len(), written);
    // over what is there, one may write
    done(file.write_all_at(&block, 0));
    let other = place.path("other");
    if let Ok(file) = File::create(&other) {
        refuses(file.write_all_at(&block, 0), Errno::ENOSPC);
    }
    assert_eq!(done(file.read_at(&mut [0; 1], written - 1)), 1);
    // room comes back by truncation, and by unlinking
    done(file.set_len(0));
    done(file.write_all_at(&block, 0));
    drop(file);
    empty(place);
    written
}

fn empty(place: &Place) {
    let all: Vec<PathBuf> = place.names().iter().map(|n| place.path(n)).collect();
    for path in all {
        done(fs::remove_file(path));
    }
}
