//! What is the container's own in a /sys that is the host's otherwise.

use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::Arc;

use bstr::BString;
use viewfs::{Directory, Entry, Error, Reader, Source, Stat, Writer};

/// The file that says the number of the last uevent (Documentation/ABI/testing/sysfs-kernel-uevent_seqnum).
const SEQNUM: &[u8] = b"/kernel/uevent_seqnum";

/// Says the number of the last uevent that the container heard.
pub type Seqnum = Arc<dyn Fn() -> u64 + Send + Sync>;

/// A source whose `uevent_seqnum` is the container's own.
pub struct Own<S> {
    source: S,
    seqnum: Seqnum,
}

impl<S> Own<S> {
    /// `source`, with the number that `seqnum` says.
    pub fn new(source: S, seqnum: Seqnum) -> Own<S> {
        Own { source, seqnum }
    }
}

impl<S: Source> Source for Own<S> {
    fn stat(&self, path: &[u8]) -> Result<Stat, Error> {
        self.source.stat(path)
    }

    fn list(&self, path: &[u8]) -> Result<Vec<Entry>, Error> {
        self.source.list(path)
    }

    fn readlink(&self, path: &[u8]) -> Result<BString, Error> {
        self.source.readlink(path)
    }

    fn exists(&self, path: &[u8]) -> bool {
        self.source.exists(path)
    }

    fn directory<'a>(&'a self, path: &[u8]) -> Result<Box<dyn Directory + 'a>, Error> {
        self.source.directory(path)
    }

    fn stat_again(&self, path: &[u8]) -> Result<Stat, Error> {
        self.source.stat_again(path)
    }

    fn is_same_for_all(&self, path: &[u8], stat: &Stat) -> bool {
        path != SEQNUM && self.source.is_same_for_all(path, stat)
    }

    fn is_still_same_for_all(&self, file: BorrowedFd<'_>) -> bool {
        self.source.is_still_same_for_all(file)
    }

    fn open_for_all(&self, path: &[u8]) -> Result<OwnedFd, Error> {
        match path {
            SEQNUM => Err(Error::Unsupported),
            path => self.source.open_for_all(path),
        }
    }

    fn resolve(&self, path: &[u8], target: &[u8]) -> Option<BString> {
        self.source.resolve(path, target)
    }

    fn open_read(&self, path: &[u8]) -> Result<Box<dyn Reader>, Error> {
        match path {
            SEQNUM => Ok(Box::new(Number(self.seqnum.clone()))),
            path => self.source.open_read(path),
        }
    }

    fn open_write(&self, path: &[u8]) -> Result<Box<dyn Writer>, Error> {
        self.source.open_write(path)
    }
}

struct Number(Seqnum);

impl Reader for Number {
    fn read(&self, offset: u64, size: usize) -> Result<Vec<u8>, Error> {
        let text = format!("{}\n", (self.0)());
        let from = (offset as usize).min(text.len());
        let to = text.len().min(from.saturating_add(size));
        Ok(text.as_bytes()[from..to].to_vec())
    }
}
