//! The directory of one case.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use nix::errno::Errno;
use nix::unistd::{Gid, Uid, getgroups, setegid, seteuid, setgroups};

/// A user that is not root, for root to take the place of.
pub const USER: u32 = 1000;

/// Another one.
pub const OTHER: u32 = 1001;

/// A new directory with mode 0755; what is in it goes with it.
pub struct Place {
    dir: PathBuf,
}

impl Place {
    /// Make one below `dir`.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn below(dir: &Path) -> Place {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = dir.join(format!("posix-{}-{number}", std::process::id()));
        if let Err(e) = fs::create_dir(&dir) {
            panic!("mkdir({dir:?}): {e}");
        }
        Place { dir }
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// A file in it, with this content.
    ///
    /// # Panics
    /// When it cannot be written.
    #[track_caller]
    pub fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.path(name);
        if let Err(e) = fs::write(&path, content) {
            panic!("write({name}): {e}");
        }
        path
    }

    /// A directory in it.
    ///
    /// # Panics
    /// When it cannot be made.
    #[track_caller]
    pub fn subdir(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        if let Err(e) = fs::create_dir(&path) {
            panic!("mkdir({name}): {e}");
        }
        path
    }

    /// Let everybody do everything in it.
    ///
    /// # Panics
    /// When its mode cannot be changed.
    #[track_caller]
    pub fn open_to_all(&self) {
        chmod(&self.dir, 0o777);
    }

    /// The names in it, sorted.
    pub fn names(&self) -> Vec<String> {
        names(&self.dir)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // a directory that nobody may write to cannot be emptied, unless one is root
        if fs::remove_dir_all(&self.dir).is_err() {
            let_in(&self.dir);
            if let Err(e) = fs::remove_dir_all(&self.dir) {
                eprintln!("{:?} stays: {e}", self.dir);
            }
        }
    }
}

fn let_in(dir: &Path) {
    let _ = fs::set_permissions(dir, fs::Permissions::from_mode(0o700));
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            let_in(&entry.path());
        }
    }
}

/// The names in a directory, sorted.
///
/// # Panics
/// When it cannot be listed.
#[track_caller]
pub fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap_or_else(|e| panic!("readdir({dir:?}): {e}"));
    let name = |e: std::io::Result<fs::DirEntry>| match e {
        Ok(e) => e.file_name().to_string_lossy().into_owned(),
        Err(e) => panic!("readdir({dir:?}): {e}"),
    };
    let mut all: Vec<String> = entries.map(name).collect();
    all.sort();
    all
}

/// Change a mode.
///
/// # Panics
/// When that fails.
#[track_caller]
pub fn chmod(path: &Path, mode: u32) {
    if let Err(e) = fs::set_permissions(path, fs::Permissions::from_mode(mode)) {
        panic!("chmod({path:?}, {mode:o}): {e}");
    }
}

/// Change owner and group.
///
/// # Panics
/// When that fails.
#[track_caller]
pub fn chown(path: &Path, uid: u32, gid: u32) {
    if let Err(e) = std::os::unix::fs::lchown(path, Some(uid), Some(gid)) {
        panic!("lchown({path:?}, {uid}, {gid}): {e}");
    }
}

/// Permission bits, set-id and sticky among them.
///
/// # Panics
/// When there is no such file.
#[track_caller]
pub fn mode(path: &Path) -> u32 {
    stat(path).mode() & 0o7777
}

/// lstat.
///
/// # Panics
/// When that fails.
#[track_caller]
pub fn stat(path: &Path) -> Metadata {
    match fs::symlink_metadata(path) {
        Ok(meta) => meta,
        Err(e) => panic!("lstat({path:?}): {e}"),
    }
}

pub use std::fs::Metadata;
pub use std::os::unix::fs::MetadataExt;

/// Ids and groups before somebody else's place was taken; taken back when this is dropped.
struct Before(Uid, Gid, Vec<Gid>);

impl Drop for Before {
    fn drop(&mut self) {
        let back = seteuid(self.0).and(setegid(self.1)).and(setgroups(&self.2));
        if let Err(e) = back {
            eprintln!("cannot become root again: {e}");
            std::process::exit(3);
        }
    }
}

/// Do something as user and group `uid`, with no other groups and no capability in effect.
///
/// # Panics
/// When this process may not become that.
#[track_caller]
pub fn as_user<T>(uid: u32, work: impl FnOnce() -> T) -> T {
    as_user_of(uid, uid, &[], work)
}

/// The same with another group, and more of them.
///
/// # Panics
/// When this process may not become that.
#[track_caller]
pub fn as_user_of<T>(uid: u32, gid: u32, groups: &[u32], work: impl FnOnce() -> T) -> T {
    let before = Before(
        nix::unistd::geteuid(),
        nix::unistd::getegid(),
        getgroups().expect("getgroups()"),
    );
    let groups: Vec<Gid> = groups.iter().map(|g| Gid::from_raw(*g)).collect();
    setgroups(&groups).expect("setgroups()");
    setegid(Gid::from_raw(gid)).expect("setegid()");
    seteuid(Uid::from_raw(uid)).expect("seteuid()");
    let result = work();
    drop(before);
    result
}

/// An error that has an errno.
pub trait HasErrno: std::fmt::Debug {
    /// It.
    fn errno(&self) -> Errno;
}

impl HasErrno for std::io::Error {
    fn errno(&self) -> Errno {
        Errno::from_raw(self.raw_os_error().unwrap_or_default())
    }
}

impl HasErrno for rustix::io::Errno {
    fn errno(&self) -> Errno {
        Errno::from_raw(self.raw_os_error())
    }
}

impl HasErrno for Errno {
    fn errno(&self) -> Errno {
        *self
    }
}

/// That it failed with this errno.
///
/// # Panics
/// When it did not.
#[track_caller]
pub fn refuses<T, E: HasErrno>(result: Result<T, E>, wanted: Errno) {
    match result {
        Ok(_) => panic!("it was done; it must fail with {wanted:?}"),
        Err(e) => assert_eq!(e.errno(), wanted),
    }
}

/// That it was done.
///
/// # Panics
/// With its errno when it was not.
#[track_caller]
pub fn done<T, E: HasErrno>(result: Result<T, E>) -> T {
    match result {
        Ok(value) => value,
        Err(e) => panic!("it failed with {:?}", e.errno()),
    }
}
