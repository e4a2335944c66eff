//! sysfs as a source of names and attributes.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bstr::BString;
use host::Sysfs;
use host::sysfs::{self, Kind as SysfsKind};
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::{FileStat, SFlag};
use nix::sys::uio::{pread, pwrite};
use viewfs::{Directory, Entry, Error, Kind, Lifetime, Reader, Source, Stat, Writer};

/// What sysfs says as the size of a text attribute.
const PAGE: u64 = 4096;

/// A sysfs instance, unfiltered.
pub struct SysfsSource {
    sysfs: Arc<Sysfs>,
    /// What directories say as their time: the kernel's would move when something hidden comes.
    born: SystemTime,
}

impl SysfsSource {
    /// The whole of `sysfs`.
    pub fn new(sysfs: Arc<Sysfs>) -> SysfsSource {
        SysfsSource {
            sysfs,
            born: SystemTime::now(),
        }
    }
}

impl Source for SysfsSource {
    fn stat(&self, path: &[u8]) -> Result<Stat, Error> {
        Ok(self.convert(&self.sysfs.stat(path)?))
    }

    fn list(&self, path: &[u8]) -> Result<Vec<Entry>, Error> {
        Ok(entries(self.sysfs.list(path)?))
    }

    fn directory<'a>(&'a self, path: &[u8]) -> Result<Box<dyn Directory + 'a>, Error> {
        let directory = self.sysfs.directory(path)?;
        Ok(Box::new(SysfsDirectory {
            source: self,
            directory,
        }))
    }

    fn readlink(&self, path: &[u8]) -> Result<BString, Error> {
        Ok(self.sysfs.readlink(path)?)
    }

    fn exists(&self, path: &[u8]) -> bool {
        self.sysfs.exists(path)
    }

    fn resolve(&self, path: &[u8], target: &[u8]) -> Option<BString> {
        sysfs::resolve(path, target)
    }

    fn stat_again(&self, path: &[u8]) -> Result<Stat, Error> {
        Ok(self.convert(&self.sysfs.stat_again(path)?))
    }

    /// Text that any uid may read. A text attribute has the size of a page
    /// (`sysfs_add_file_mode_ns`, fs/sysfs/file.c); a binary one that has it too is the configuration
    /// space of a PCI Express device, whose driver looks at who reads.
    fn is_same_for_all(&self, path: &[u8], stat: &Stat) -> bool {
        let name = path.rsplit(|b| *b == b'/').next();
        is_text_for_all(stat) && name != Some(b"config")
    }

    /// Of one that is gone poll(2) says POLLERR, as it does of one whose driver has said since that it has changed
    /// (`kernfs_fop_poll`, fs/kernfs/file.c): both are looked at again.
    fn is_still_same_for_all(&self, file: BorrowedFd<'_>) -> bool {
        let mut polled = [PollFd::new(file, PollFlags::POLLPRI)];
        let is_calm = poll(&mut polled, PollTimeout::ZERO) == Ok(0);
        let stat = nix::sys::stat::fstat(file);
        is_calm && stat.is_ok_and(|stat| is_text_for_all(&self.convert(&stat)))
    }

    fn open_for_all(&self, path: &[u8]) -> Result<OwnedFd, Error> {
        let file = self.sysfs.open(path, OFlag::O_RDONLY)?;
        // until it is read, poll(2) says that it has changed
        let _ = pread(&file, &mut [0], 0);
        Ok(file)
    }

    /// The kernel checks the mode against whoever this thread is: the caller.
    fn open_read(&self, path: &[u8]) -> Result<Box<dyn Reader>, Error> {
        let fd = self.sysfs.open(path, OFlag::O_RDONLY)?;
        Ok(Box::new(Attribute(fd)))
    }

    fn open_write(&self, path: &[u8]) -> Result<Box<dyn Writer>, Error> {
        let fd = self.sysfs.open(path, OFlag::O_WRONLY)?;
        Ok(Box::new(Attribute(fd)))
    }
}

/// By its attributes alone.
fn is_text_for_all(stat: &Stat) -> bool {
    stat.kind == Kind::File && stat.size == PAGE && stat.perm & 0o444 == 0o444
}

impl SysfsSource {
    fn convert(&self, stat: &FileStat) -> Stat {
        let kind = match SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT {
            SFlag::S_IFDIR => Kind::Directory,
            SFlag::S_IFLNK => Kind::Link,
            _ => Kind::File,
        };
        let modified = Duration::new(stat.st_mtime.max(0) as u64, stat.st_mtime_nsec as u32);
        Stat {
            kind,
            perm: (stat.st_mode & 0o7777) as u16,
            uid: stat.st_uid,
            gid: stat.st_gid,
            size: stat.st_size as u64,
            device: (0, 0),
            time: match kind {
                Kind::Directory => self.born,
                _ => SystemTime::UNIX_EPOCH + modified,
            },
            lifetime: Lifetime::Short,
            identity: stat.st_ino,
        }
    }
}

fn entries(names: Vec<(BString, SysfsKind)>) -> Vec<Entry> {
    names
        .into_iter()
        .map(|(name, kind)| Entry {
            name,
            kind: match kind {
                SysfsKind::Directory => Kind::Directory,
                SysfsKind::File => Kind::File,
                SysfsKind::Link => Kind::Link,
            },
        })
        .collect()
}

struct SysfsDirectory<'a> {
    source: &'a SysfsSource,
    directory: sysfs::Directory,
}

impl Directory for SysfsDirectory<'_> {
    fn list(&self) -> Result<Vec<Entry>, Error> {
        Ok(entries(self.directory.list()?))
    }

    fn stat(&self, name: &[u8]) -> Result<Stat, Error> {
        Ok(self.source.convert(&self.directory.stat(name)?))
    }

    fn readlink(&self, name: &[u8]) -> Result<BString, Error> {
        Ok(self.directory.readlink(name)?)
    }

    fn exists(&self, path: &[u8]) -> bool {
        self.directory.exists(path)
    }
}

struct Attribute(OwnedFd);

impl Reader for Attribute {
    fn read(&self, offset: u64, size: usize) -> Result<Vec<u8>, Error> {
        let mut data = vec![0; size];
        let n = pread(&self.0, &mut data, offset as i64).map_err(|e| Error::Host(e as i32))?;
        data.truncate(n);
        Ok(data)
    }

    fn polled(&self) -> Option<BorrowedFd<'_>> {
        Some(self.0.as_fd())
    }
}

impl Writer for Attribute {
    fn write(&self, offset: u64, data: &[u8]) -> Result<usize, Error> {
        pwrite(&self.0, data, offset as i64).map_err(|e| Error::Host(e as i32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Loop device 850 is this file's.
    #[test]
    fn what_is_gone_is_not_the_same_any_more() {
        let source = SysfsSource::new(Arc::new(Sysfs::mount(None).unwrap()));
        let path = b"/devices/virtual/block/loop850/dev";
        sys::loopdev::add(850).unwrap();
        let file = source.open_for_all(path).unwrap();
        let is_there = source.is_still_same_for_all(file.as_fd());
        let mut removed = sys::loopdev::remove(850);
        // the host's udev may have it open for a moment
        for _ in 0..100 {
            if removed.is_ok() {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
            removed = sys::loopdev::remove(850);
        }
        removed.unwrap();
        assert!(is_there);
        assert!(!source.is_still_same_for_all(file.as_fd()));
    }
}
