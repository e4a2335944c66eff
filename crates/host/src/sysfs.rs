//! One instance of sysfs, read beneath a descriptor of its root.
//!
//! The instance is a detached mount made in the container's network namespace, so that its
//! `class/net` is the container's, whatever is mounted over the host's own /sys is not in it, and
//! no path of the host's is ever resolved.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use bstr::BString;
use nix::fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, openat, openat2, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat};
use parking_lot::Mutex;
use rustix::fs::{FileType, RawDir, SeekFrom, seek};
use sys::mount::{Attrs, FsContext};
use sys::{Context, Error, Result};

/// Beneath the directory, never through a symbolic link or into another file system.
const WITHIN: ResolveFlag = ResolveFlag::RESOLVE_BENEATH
    .union(ResolveFlag::RESOLVE_NO_SYMLINKS)
    .union(ResolveFlag::RESOLVE_NO_MAGICLINKS)
    .union(ResolveFlag::RESOLVE_NO_XDEV);

/// What a name in a sysfs directory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A kobject, or an attribute group.
    Directory,
    /// An attribute.
    File,
    /// A link to another kobject.
    Link,
}

/// A sysfs instance.
#[derive(Debug)]
pub struct Sysfs {
    root: OwnedFd,
}

impl Sysfs {
    /// Mount an instance of network namespace `net` (default: the caller's own) without a place.
    ///
    /// Needs CAP_SYS_ADMIN over the user namespace that owns the network namespace.
    pub fn mount(net: Option<BorrowedFd<'_>>) -> Result<Sysfs> {
        let attrs = Attrs::NOSUID.and(Attrs::NODEV).and(Attrs::NOEXEC);
        let make = || {
            FsContext::open("sysfs")?
                .set("source", "sysfs")?
                .mount(attrs)
        };
        let root = match net {
            Some(net) => sys::namespace::in_netns(net, make)?,
            None => make()?,
        };
        Ok(Sysfs { root })
    }

    /// A tree that only looks like sysfs, for tests: `dir` instead of a mount.
    pub fn at(dir: &Path) -> Result<Sysfs> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let root = nix::fcntl::open(dir, flags, Mode::empty()).call(|| format!("open({dir:?})"))?;
        Ok(Sysfs { root })
    }

    /// The root directory.
    pub fn root(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }

    /// Open `path` ("/devices/..."), never through a symbolic link or into another file system.
    pub fn open(&self, path: &[u8], flags: OFlag) -> Result<OwnedFd> {
        let relative = match path.strip_prefix(b"/").unwrap_or(path) {
            b"" => b".",
            relative => relative,
        };
        let flags = flags | OFlag::O_CLOEXEC;
        let how = OpenHow::new().flags(flags).resolve(WITHIN);
        openat2(&self.root, relative, how).map_err(|e| failed("openat2", path, e))
    }

    /// The attributes of what is at `path`, of a link itself.
    pub fn stat(&self, path: &[u8]) -> Result<FileStat> {
        let fd = self.open(path, OFlag::O_PATH | OFlag::O_NOFOLLOW)?;
        fstat(&fd).map_err(|e| failed("fstat", path, e))
    }

    /// The same in one system call instead of three. It follows links on the way: for who compares the
    /// inode number with one that [`Sysfs::stat`] gave.
    pub fn stat_again(&self, path: &[u8]) -> Result<FileStat> {
        let relative = path.strip_prefix(b"/").unwrap_or(path);
        fstatat(&self.root, relative, AtFlags::AT_SYMLINK_NOFOLLOW)
            .map_err(|e| failed("fstatat", path, e))
    }

    /// The target of the link at `path`, as it is written.
    pub fn readlink(&self, path: &[u8]) -> Result<BString> {
        let fd = self.open(path, OFlag::O_PATH | OFlag::O_NOFOLLOW)?;
        let target = readlinkat(&fd, "").map_err(|e| failed("readlinkat", path, e))?;
        Ok(target.as_bytes().into())
    }

    /// The names in the directory at `path`, without `.` and `..`, in the kernel's order.
    pub fn list(&self, path: &[u8]) -> Result<Vec<(BString, Kind)>> {
        self.directory(path)?.list()
    }

    /// The directory at `path`, to ask several things of.
    pub fn directory(&self, path: &[u8]) -> Result<Directory> {
        let fd = self.open(path, OFlag::O_RDONLY | OFlag::O_DIRECTORY)?;
        Ok(Directory {
            fd,
            listing: Mutex::new(()),
            path: path.into(),
        })
    }

    /// The content of the attribute at `path`, at most a page of it: text attributes have no more.
    pub fn read(&self, path: &[u8]) -> Result<Vec<u8>> {
        let fd = self.open(path, OFlag::O_RDONLY)?;
        let mut page = vec![0u8; 4096];
        let n = nix::unistd::read(&fd, &mut page).map_err(|e| failed("read", path, e))?;
        page.truncate(n);
        Ok(page)
    }

    /// Whether something is at `path`.
    pub fn exists(&self, path: &[u8]) -> bool {
        self.open(path, OFlag::O_PATH | OFlag::O_NOFOLLOW).is_ok()
    }

    /// The file system id of this instance (`st_dev`).
    pub fn device_id(&self) -> Result<u64> {
        Ok(
            nix::sys::stat::fstatat(&self.root, "", AtFlags::AT_EMPTY_PATH)
                .map_err(|e| failed("fstatat", b"/", e))?
                .st_dev,
        )
    }
}

/// A directory of a sysfs instance.
#[derive(Debug)]
pub struct Directory {
    fd: OwnedFd,
    /// Locked while the names are read: a descriptor has one position.
    listing: Mutex<()>,
    path: BString,
}

impl Directory {
    /// The names in it, without `.` and `..`, in the kernel's order.
    pub fn list(&self) -> Result<Vec<(BString, Kind)>> {
        let failed = |e: rustix::io::Errno| {
            failed(
                "getdents64",
                &self.path,
                nix::errno::Errno::from_raw(e.raw_os_error()),
            )
        };
        let _listing = self.listing.lock();
        seek(&self.fd, SeekFrom::Start(0)).map_err(failed)?;
        let mut names = Vec::new();
        // fdopendir(3) would take three system calls and 32 KiB of memory for each of the many directories
        let mut buffer = [MaybeUninit::uninit(); 8 << 10];
        let mut entries = RawDir::new(&self.fd, &mut buffer);
        while let Some(entry) = entries.next() {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_bytes();
            let kind = match entry.file_type() {
                FileType::Directory => Kind::Directory,
                FileType::Symlink => Kind::Link,
                // sysfs has no other types, and always says which
                _ => Kind::File,
            };
            if name != b"." && name != b".." {
                names.push((name.into(), kind));
            }
        }
        Ok(names)
    }

    /// The content of the attribute `name`, at most a page of it; ENOENT or ENODEV once the directory is gone,
    /// also when another is there by its name.
    pub fn read(&self, name: &[u8]) -> Result<Vec<u8>> {
        let failed = |call, e| failed(call, &self.at(name), e);
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let fd = openat(&self.fd, name, flags, Mode::empty()).map_err(|e| failed("openat", e))?;
        let mut page = vec![0u8; 4096];
        let n = nix::unistd::read(&fd, &mut page).map_err(|e| failed("read", e))?;
        page.truncate(n);
        Ok(page)
    }

    /// The content of the attribute at `path` below it (`queue/rotational`), at most a page of it. No link is followed, no directory
    /// left, and what is no regular file is EISDIR.
    pub fn read_below(&self, path: &[u8]) -> Result<Vec<u8>> {
        let failed = |call, e| failed(call, &self.at(path), e);
        let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let how = OpenHow::new().flags(flags).resolve(WITHIN);
        let fd = openat2(&self.fd, path, how).map_err(|e| failed("openat2", e))?;
        let kind = fstat(&fd).map_err(|e| failed("fstat", e))?.st_mode;
        if SFlag::from_bits_truncate(kind) & SFlag::S_IFMT != SFlag::S_IFREG {
            return Err(failed("openat2", nix::errno::Errno::EISDIR));
        }
        let mut page = vec![0u8; 4096];
        let n = nix::unistd::read(&fd, &mut page).map_err(|e| failed("read", e))?;
        page.truncate(n);
        Ok(page)
    }

    /// The attributes of the entry `name`, of a link itself.
    pub fn stat(&self, name: &[u8]) -> Result<FileStat> {
        fstatat(&self.fd, name, AtFlags::AT_SYMLINK_NOFOLLOW)
            .map_err(|e| failed("fstatat", &self.at(name), e))
    }

    /// The target of the link `name`, as it is written.
    pub fn readlink(&self, name: &[u8]) -> Result<BString> {
        let target = readlinkat(&self.fd, name);
        let target = target.map_err(|e| failed("readlinkat", &self.at(name), e))?;
        Ok(target.as_bytes().into())
    }

    /// Whether there is something at `path` below it, of which only the last part may be a link.
    pub fn exists(&self, path: &[u8]) -> bool {
        fstatat(&self.fd, path, AtFlags::AT_SYMLINK_NOFOLLOW).is_ok()
    }

    fn at(&self, name: &[u8]) -> BString {
        [self.path.as_slice(), b"/", name].concat().into()
    }
}

fn failed(call: &str, path: &[u8], errno: nix::errno::Errno) -> Error {
    Error::new(
        format!("{call}(<sysfs>, {:?})", String::from_utf8_lossy(path)),
        errno,
    )
}

/// Where the link at `path` with text `target` leads, by names alone: `.` and `..` are resolved
/// without asking the file system. None when it leaves the tree.
pub fn resolve(path: &[u8], target: &[u8]) -> Option<BString> {
    let mut parts: Vec<&[u8]> = Vec::new();
    if !target.starts_with(b"/") {
        parts.extend(path.split(|b| *b == b'/').filter(|p| !p.is_empty()));
        parts.pop();
    }
    for part in target.split(|b| *b == b'/') {
        match part {
            b"" | b"." => {}
            b".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    let mut out = BString::from("");
    for part in parts {
        out.push(b'/');
        out.extend_from_slice(part);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_resolve_by_names() {
        let to = |p: &str, t: &str| resolve(p.as_bytes(), t.as_bytes()).map(|b| b.to_string());
        assert_eq!(
            to("/class/block/loop0", "../../devices/virtual/block/loop0").as_deref(),
            Some("/devices/virtual/block/loop0")
        );
        assert_eq!(to("/block/loop0", "../../../etc"), None);
        assert_eq!(to("/a", "b/./c").as_deref(), Some("/b/c"));
    }

    #[test]
    fn a_detached_instance_reads() {
        let sysfs = Sysfs::mount(None).unwrap();
        assert!(
            sysfs
                .list(b"/")
                .unwrap()
                .iter()
                .any(|(n, k)| n == "devices" && *k == Kind::Directory)
        );
        assert_eq!(
            sysfs.readlink(b"/class/mem/null").unwrap(),
            "../../devices/virtual/mem/null"
        );
        assert_eq!(
            sysfs.read(b"/devices/virtual/mem/null/dev").unwrap(),
            b"1:3\n"
        );
        assert_eq!(
            sysfs
                .open(b"/class/mem/null/dev", OFlag::O_RDONLY)
                .unwrap_err()
                .errno(),
            libc::ELOOP
        );
        assert!(!sysfs.exists(b"/devices/../../etc"));
    }
}
