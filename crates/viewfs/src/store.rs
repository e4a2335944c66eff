//! A file system that takes changes: what it has to answer, by node number.
//!
//! [`crate::Tree`] is for what others made and we only show. A store is for what its users make: files
//! that are renamed, linked and removed while they are open, so that only a number stands for one.
//!
//! The kernel has checked permissions before it asks (`default_permissions`); ids are the host's.

use std::time::{Duration, SystemTime};

use bstr::BString;

use crate::Error;
use crate::core::Outdated;
use crate::pool::Caller;
use crate::tree::Kind;

/// What stat(2) says of a file, and how long the kernel may keep it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attributes {
    /// Its number, never given to another file.
    pub number: u64,
    /// Its type.
    pub kind: Kind,
    /// Permission bits, with set-user-ID, set-group-ID and sticky.
    pub perm: u16,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Size in bytes.
    pub size: u64,
    /// Blocks of 512 bytes that it takes.
    pub blocks: u64,
    /// How many names it has.
    pub links: u32,
    /// Major and minor number of a device node.
    pub device: (u32, u32),
    /// Last access.
    pub atime: SystemTime,
    /// Last modification.
    pub mtime: SystemTime,
    /// Last change of its attributes.
    pub ctime: SystemTime,
    /// How long the kernel may keep this, and the name by which it was found.
    pub keep: Duration,
}

/// A time that somebody asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    /// The time it is.
    Now,
    /// This one.
    At(SystemTime),
}

/// Attributes that somebody asks for; None: as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// chmod(2).
    pub perm: Option<u16>,
    /// chown(2).
    pub uid: Option<u32>,
    /// chown(2).
    pub gid: Option<u32>,
    /// truncate(2).
    pub size: Option<u64>,
    /// utimensat(2).
    pub atime: Option<Time>,
    /// utimensat(2).
    pub mtime: Option<Time>,
}

/// Something new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum New {
    /// mkdir(2).
    Directory,
    /// mknod(2) of a regular file.
    File,
    /// mkfifo(3).
    Fifo,
    /// bind(2) of a socket.
    Socket,
    /// mknod(2) of a device: block or character, major and minor number.
    Device(Kind, (u32, u32)),
    /// symlink(2) with this target.
    Link(BString),
}

/// Who makes something, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Maker {
    /// fsuid of the process.
    pub uid: u32,
    /// fsgid of the process.
    pub gid: u32,
    /// Permission bits it asks for.
    pub perm: u16,
    /// The bits that it never gives, unless the directory has a default ACL.
    pub umask: u16,
}

/// A name in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The name, without slash.
    pub name: BString,
    /// The file's number; readdir(3) shows it and nothing rests on it.
    pub number: u64,
    /// Its type.
    pub kind: Kind,
}

/// What statfs(2) says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// Bytes in a block.
    pub block: u32,
    /// Blocks in all.
    pub blocks: u64,
    /// Free ones.
    pub free: u64,
    /// Inodes in all.
    pub inodes: u64,
    /// Free ones.
    pub free_inodes: u64,
}

/// How rename(2) is to be done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Replace {
    /// What has the new name goes.
    #[default]
    Yes,
    /// EEXIST if something has the new name (`RENAME_NOREPLACE`).
    Never,
    /// Both change places (`RENAME_EXCHANGE`).
    Exchange,
}

/// A writable file system by node number. Handles are of open files; all is refused as POSIX says.
pub trait Store: Send + Sync + 'static {
    /// Find `name` in directory `parent`; the kernel holds a reference from then on.
    fn look_up(&self, parent: u64, name: &[u8]) -> Result<Attributes, Error>;
    /// The kernel has dropped `count` references.
    fn forget(&self, number: u64, count: u64);
    /// The attributes of a file.
    fn attributes(&self, number: u64) -> Result<Attributes, Error>;
    /// Change some.
    fn change(&self, number: u64, wanted: &Wanted) -> Result<Attributes, Error>;
    /// The target of a link.
    fn readlink(&self, number: u64) -> Result<BString, Error>;
    /// Make something; the kernel holds a reference to it.
    fn make(&self, parent: u64, name: &[u8], new: &New, by: Maker) -> Result<Attributes, Error>;
    /// Make a regular file, or take the one that is there, and open it; the handle besides.
    fn create(
        &self,
        parent: u64,
        name: &[u8],
        flags: i32,
        by: Maker,
    ) -> Result<(Attributes, u64), Error>;
    /// Give a file one more name; the kernel holds one more reference.
    fn link(&self, number: u64, parent: u64, name: &[u8]) -> Result<Attributes, Error>;
    /// Remove the name of something that is no directory.
    fn unlink(&self, parent: u64, name: &[u8]) -> Result<(), Error>;
    /// Remove an empty directory.
    fn rmdir(&self, parent: u64, name: &[u8]) -> Result<(), Error>;
    /// Rename what is at the first place to the second.
    fn rename(&self, from: (u64, &[u8]), to: (u64, &[u8]), how: Replace) -> Result<(), Error>;
    /// Open a regular file with the flags of open(2); its handle.
    fn open(&self, number: u64, flags: i32) -> Result<u64, Error>;
    /// Up to `size` bytes from `offset`; fewer at the end only.
    fn read(&self, handle: u64, offset: u64, size: usize) -> Result<Vec<u8>, Error>;
    /// Write at `offset`; how much was taken.
    fn write(&self, handle: u64, offset: u64, data: &[u8]) -> Result<usize, Error>;
    /// fallocate(2) with this mode.
    fn allocate(&self, handle: u64, mode: i32, offset: u64, length: u64) -> Result<(), Error>;
    /// lseek(2) to data or a hole (`SEEK_DATA`, `SEEK_HOLE`).
    fn seek(&self, handle: u64, offset: u64, whence: i32) -> Result<u64, Error>;
    /// An open file, or an open directory, is closed.
    fn close(&self, handle: u64);
    /// Open a directory for listing; its handle.
    fn open_directory(&self, number: u64) -> Result<u64, Error>;
    /// All names in it, as they were when `anew` was last said, with `.` and `..`.
    fn list(&self, handle: u64, anew: bool) -> Result<std::sync::Arc<Vec<Name>>, Error>;
    /// How much room there is.
    fn room(&self) -> Result<Room, Error>;
    /// getxattr(2).
    fn get_xattr(&self, number: u64, name: &[u8]) -> Result<Vec<u8>, Error>;
    /// listxattr(2): names, each ended by a NUL.
    fn list_xattr(&self, number: u64) -> Result<Vec<u8>, Error>;
    /// setxattr(2) by `by`, with its flags.
    fn set_xattr(
        &self,
        number: u64,
        name: &[u8],
        value: &[u8],
        flags: i32,
        by: Caller,
    ) -> Result<(), Error>;
    /// removexattr(2).
    fn remove_xattr(&self, number: u64, name: &[u8]) -> Result<(), Error>;
    /// What the kernel has to forget so that a change of what is given at `paths` shows.
    fn outdated(&self, paths: &[BString]) -> Vec<Outdated>;
    /// Numbers that stand for nothing any more, whatever names the kernel has for them: of these it has to ask
    /// again. Each is said once.
    fn lost(&self) -> Vec<u64>;
}
