//! Open files and directories of the container's own.

use std::collections::HashMap;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use rustix::fs::{FallocateFlags, FileType, Mode, OFlags, SeekFrom, fstat};
use rustix::io::Errno;
use viewfs::{Error, Name};

use super::DevFs;
use crate::numbers::Body;
use crate::own::{by_fd, host};

/// Files and directories that one container may hold open: each costs the server a descriptor.
const MAX: usize = 4096;

/// Bytes of names that one container's open directories may hold, besides one listing: whoever reads each of
/// [`MAX`] handles a little would have us keep a listing for each.
const MOST_LISTED: usize = 32 << 20;

/// Something open.
pub enum Open {
    File(Arc<OwnedFd>),
    /// Directory `number` with its names as they were read last.
    Directory(u64, Mutex<Listed>),
}

/// Names that a handle holds, and what they count for.
#[derive(Default)]
pub struct Listed {
    pub names: Arc<Vec<Name>>,
    _counted: Option<Counted>,
}

/// A part of a sum, as long as this is there.
struct Counted(usize, Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.1.fetch_sub(self.0, Ordering::Relaxed);
    }
}

impl Listed {
    /// `names`, of which `total` is the sum.
    pub fn new(names: Vec<Name>, total: &Arc<AtomicUsize>) -> Listed {
        // with what malloc needs for each
        let each = size_of::<Name>() + 16;
        let size = names.iter().map(|name| name.name.len() + each).sum();
        total.fetch_add(size, Ordering::Relaxed);
        Listed {
            names: Arc::new(names),
            _counted: Some(Counted(size, total.clone())),
        }
    }
}

/// All that is open.
#[derive(Default)]
pub struct Handles {
    open: HashMap<u64, Arc<Open>>,
    next: u64,
    /// Bytes of names in open directories.
    pub listed: Arc<AtomicUsize>,
}

impl Handles {
    pub fn add(&mut self, open: Open) -> Result<u64, Error> {
        self.has_room()?;
        self.next += 1;
        self.open.insert(self.next, Arc::new(open));
        Ok(self.next)
    }

    /// Whether one more may be open.
    pub fn has_room(&self) -> Result<(), Error> {
        match self.open.len() < MAX {
            true => Ok(()),
            false => Err(Error::TooMany),
        }
    }

    /// Whether one more listing may be held.
    pub fn may_list(&self) -> Result<(), Error> {
        match self.listed.load(Ordering::Relaxed) < MOST_LISTED {
            true => Ok(()),
            false => Err(Error::TooMany),
        }
    }

    pub fn get(&self, handle: u64) -> Result<Arc<Open>, Error> {
        self.open.get(&handle).cloned().ok_or(Error::BadHandle)
    }

    pub fn close(&mut self, handle: u64) -> Option<Arc<Open>> {
        self.open.remove(&handle)
    }
}

/// How the tmpfs is asked for a file that the container opens with `flags`: the kernel reads a page that is to be
/// written in part, so writing is reading too. Where a write goes, the kernel says each time.
fn flags(flags: i32) -> OFlags {
    let asked = OFlags::from_bits_truncate(flags as u32);
    let access = match flags & libc::O_ACCMODE {
        libc::O_RDONLY => OFlags::RDONLY,
        _ => OFlags::RDWR,
    };
    access | (asked & OFlags::TRUNC) | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK
}

/// Open the regular file that `fd` is with these flags of open(2).
pub fn reopen(fd: BorrowedFd<'_>, asked: i32) -> Result<OwnedFd, Errno> {
    rustix::fs::open(by_fd(fd), flags(asked), Mode::empty())
}

impl DevFs {
    fn file<R>(
        &self,
        handle: u64,
        work: impl FnOnce(&OwnedFd) -> Result<R, Errno>,
    ) -> Result<R, Error> {
        let open = self.handles.lock().get(handle)?;
        match &*open {
            Open::File(fd) => work(fd).map_err(|e| self.failed(e)),
            Open::Directory(..) => Err(Error::IsDirectory),
        }
    }

    /// See [`viewfs::Store::open`].
    pub(super) fn open_file(&self, number: u64, asked: i32) -> Result<u64, Error> {
        let fd = match self.now().numbers.body(number)? {
            Body::Own(fd) => fd.clone(),
            Body::Directory { .. } => return Err(Error::IsDirectory),
            // the kernel opens devices itself
            Body::Given { .. } => return Err(Error::NoDevice),
        };
        let stat = fstat(&fd).map_err(host)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(Error::NoDevice);
        }
        let file = reopen(fd.as_fd(), asked).map_err(|e| self.failed(e))?;
        self.handles.lock().add(Open::File(Arc::new(file)))
    }

    pub(super) fn read_file(
        &self,
        handle: u64,
        offset: u64,
        size: usize,
    ) -> Result<Vec<u8>, Error> {
        self.file(handle, |fd| {
            let mut data = vec![0; size];
            let mut taken = 0;
            while taken < size {
                match rustix::io::pread(fd, &mut data[taken..], offset + taken as u64)? {
                    0 => break,
                    n => taken += n,
                }
            }
            data.truncate(taken);
            Ok(data)
        })
    }

    pub(super) fn write_file(&self, handle: u64, offset: u64, data: &[u8]) -> Result<usize, Error> {
        self.file(handle, |fd| {
            self.takes_content()?;
            rustix::io::pwrite(fd, data, offset)
        })
    }

    pub(super) fn allocate_file(
        &self,
        handle: u64,
        mode: i32,
        offset: u64,
        length: u64,
    ) -> Result<(), Error> {
        let mode = FallocateFlags::from_bits(mode as u32).ok_or(Error::Unsupported)?;
        self.file(handle, |fd| {
            self.takes_content()?;
            rustix::fs::fallocate(fd, mode, offset, length)
        })
    }

    /// A tmpfs of no size has none to say no with.
    fn takes_content(&self) -> Result<(), Errno> {
        match self.own.limits().bytes {
            0 => Err(Errno::NOSPC),
            _ => Ok(()),
        }
    }

    pub(super) fn seek_file(&self, handle: u64, offset: u64, whence: i32) -> Result<u64, Error> {
        let to = match whence {
            libc::SEEK_DATA => SeekFrom::Data(offset),
            libc::SEEK_HOLE => SeekFrom::Hole(offset),
            _ => return Err(Error::Invalid),
        };
        self.file(handle, |fd| rustix::fs::seek(fd, to))
    }
}
