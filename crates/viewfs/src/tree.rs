//! What a file system has to answer; the core does the rest.

use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::{Duration, SystemTime};

use bstr::BString;

use crate::Error;

/// The type of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A directory.
    Directory,
    /// A regular file.
    File,
    /// A symbolic link.
    Link,
    /// A block device node.
    Block,
    /// A character device node.
    Char,
    /// A fifo.
    Fifo,
    /// A socket.
    Socket,
}

/// How long the kernel may keep what it was told of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifetime {
    /// Until we say otherwise: a uevent announces every change.
    Announced,
    /// A second: changes come unannounced.
    Short,
    /// As long as nothing is said of the directory: its every name is looked at whenever it is used, once
    /// a second.
    Directory,
    /// So long, the rest of a second.
    For(Duration),
    /// Not at all: what was told of it may be outdated already.
    None,
    /// Not at all, and a listing of it only as long as a new one would be the same.
    Never,
}

/// The attributes of a file. Inode numbers and link counts are the core's own: the source's
/// would tell of what is hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Its type.
    pub kind: Kind,
    /// Permission bits.
    pub perm: u16,
    /// Owner, a host uid.
    pub uid: u32,
    /// Group, a host gid.
    pub gid: u32,
    /// Size in bytes.
    pub size: u64,
    /// Major and minor number of a device node.
    pub device: (u32, u32),
    /// Time of the last modification, and for want of others of everything else.
    pub time: SystemTime,
    /// How long this may be kept.
    pub lifetime: Lifetime,
    /// What the source knows the object by: another one under the same name is another object.
    /// 0: it knows names only. Never shown.
    pub identity: u64,
}

/// A name in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name, without slash.
    pub name: BString,
    /// Its type.
    pub kind: Kind,
}

/// A change of names that somebody asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// open(2) with O_CREAT of a name that is not there.
    Create,
    /// mknod(2).
    Mknod,
    /// mkdir(2).
    Mkdir,
    /// symlink(2).
    Symlink,
    /// link(2).
    Link,
    /// unlink(2).
    Unlink,
    /// rmdir(2).
    Rmdir,
    /// rename(2).
    Rename,
    /// chmod(2), chown(2), utimensat(2).
    Attributes,
}

/// A file opened for reading.
pub trait Reader: Send + Sync {
    /// Up to `size` bytes from `offset`; fewer at the end only.
    fn read(&self, offset: u64, size: usize) -> Result<Vec<u8>, Error>;
    /// What poll(2) can wait on for a change of it.
    fn polled(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

/// A file opened for writing.
pub trait Writer: Send + Sync {
    /// Write `data` at `offset`, return how much of it was taken.
    fn write(&self, offset: u64, data: &[u8]) -> Result<usize, Error>;
}

/// A tree of files by path: "" is the root, "/a/b" below it.
///
/// `stat`, the lists and `readlink` answer for names only; what runs code of a driver, and so may
/// depend on who asks and take its time, is `open_*` and the reader and writer they give.
pub trait Tree: Send + Sync + 'static {
    /// The attributes of what is at `path`.
    fn stat(&self, path: &[u8]) -> Result<Stat, Error>;
    /// The names in a directory, without `.` and `..`.
    fn list(&self, path: &[u8]) -> Result<Vec<Entry>, Error>;
    /// The same with the attributes of each.
    fn list_with_stats(&self, path: &[u8]) -> Result<Vec<(BString, Stat)>, Error>;
    /// The target of a link.
    fn readlink(&self, path: &[u8]) -> Result<BString, Error>;
    /// Counts the changes of what shows: as long as it stays the same, nothing was hidden.
    fn generation(&self) -> u64;
    /// The attributes of a file that gives everybody the same to read, and that nobody may write, now:
    /// the kernel may read it without us. None: who reads it matters, or may.
    fn same_for_all(&self, path: &[u8]) -> Result<Option<Stat>, Error> {
        let _ = path;
        Ok(None)
    }
    /// Whether a file that was opened by [`Tree::open_for_all`] would still be such a one by its
    /// attributes, and is still there. Whether it shows is another question.
    fn is_still_same_for_all(&self, file: BorrowedFd<'_>) -> bool {
        let _ = file;
        false
    }
    /// Open such a file for the kernel to read from; called without any rights but to register it.
    fn open_for_all(&self, path: &[u8]) -> Result<OwnedFd, Error> {
        let _ = path;
        Err(Error::Unsupported)
    }
    /// Open for reading; called as the one who asks, without capabilities.
    fn open_read(&self, path: &[u8]) -> Result<Box<dyn Reader>, Error>;
    /// Open for writing; called with the server's authority, so it must check that a rule
    /// grants it.
    fn open_write(&self, path: &[u8]) -> Result<Box<dyn Writer>, Error>;
    /// Whether nothing may show at `path` any more, from memory.
    fn is_hidden(&self, path: &[u8]) -> bool;
    /// The refusal of a change of names.
    fn refuse(&self, change: Change) -> Error;
    /// Whether files can be opened with O_DIRECT.
    fn takes_direct(&self) -> bool {
        true
    }
    /// The longest name that is looked for, in bytes; a longer one is an error of its own. This
    /// is the limit of almost every file system.
    fn name_max(&self) -> usize {
        255
    }
}
