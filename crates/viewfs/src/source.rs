//! What a view is a view of: the tree as it is, sysfs say.

use std::os::fd::{BorrowedFd, OwnedFd};

use bstr::BString;

use crate::Error;
use crate::tree::{Entry, Reader, Stat, Writer};

/// An unfiltered tree, as [`Tree`](crate::Tree) has it.
pub trait Source: Send + Sync + 'static {
    /// See [`Tree::stat`](crate::Tree::stat); the owners are the host's.
    fn stat(&self, path: &[u8]) -> Result<Stat, Error>;
    /// See [`Tree::list`](crate::Tree::list).
    fn list(&self, path: &[u8]) -> Result<Vec<Entry>, Error>;
    /// See [`Tree::readlink`](crate::Tree::readlink).
    fn readlink(&self, path: &[u8]) -> Result<BString, Error>;
    /// Whether something is at `path`.
    fn exists(&self, path: &[u8]) -> bool;
    /// The directory at `path`, to ask several things of.
    fn directory<'a>(&'a self, path: &[u8]) -> Result<Box<dyn Directory + 'a>, Error> {
        Ok(by_path(self, path))
    }
    /// As `stat`, of something that was asked for before: the caller compares the identity, so what the
    /// directories on the way are does not matter.
    fn stat_again(&self, path: &[u8]) -> Result<Stat, Error> {
        self.stat(path)
    }
    /// See [`Tree::same_for_all`](crate::Tree::same_for_all): whether `path`, which shows to be read only, gives everybody the
    /// same. `stat` is of it.
    fn is_same_for_all(&self, path: &[u8], stat: &Stat) -> bool {
        let _ = (path, stat);
        false
    }
    /// See [`Tree::is_still_same_for_all`](crate::Tree::is_still_same_for_all).
    fn is_still_same_for_all(&self, file: BorrowedFd<'_>) -> bool {
        let _ = file;
        false
    }
    /// See [`Tree::open_for_all`](crate::Tree::open_for_all).
    fn open_for_all(&self, path: &[u8]) -> Result<OwnedFd, Error> {
        let _ = path;
        Err(Error::Unsupported)
    }
    /// Where a link at `path` with text `target` leads, by names alone.
    fn resolve(&self, path: &[u8], target: &[u8]) -> Option<BString>;
    /// See [`Tree::open_read`](crate::Tree::open_read).
    fn open_read(&self, path: &[u8]) -> Result<Box<dyn Reader>, Error>;
    /// Open for writing with the server's authority.
    fn open_write(&self, path: &[u8]) -> Result<Box<dyn Writer>, Error>;
}

/// A directory of a source.
pub trait Directory {
    /// The names in it.
    fn list(&self) -> Result<Vec<Entry>, Error>;
    /// The attributes of the entry `name`.
    fn stat(&self, name: &[u8]) -> Result<Stat, Error>;
    /// The target of the link `name`.
    fn readlink(&self, name: &[u8]) -> Result<BString, Error>;
    /// Whether there is something at `path` below it, `NAME/NAME` say.
    fn exists(&self, path: &[u8]) -> bool;
}

/// The directory at `path` of `source`, each question about which starts at the top.
pub fn by_path<'a, S: Source + ?Sized>(source: &'a S, path: &[u8]) -> Box<dyn Directory + 'a> {
    Box::new(ByPath {
        source,
        path: path.into(),
    })
}

struct ByPath<'a, S: ?Sized> {
    source: &'a S,
    path: BString,
}

impl<S: ?Sized> ByPath<'_, S> {
    fn at(&self, name: &[u8]) -> Vec<u8> {
        [self.path.as_slice(), b"/", name].concat()
    }
}

impl<S: Source + ?Sized> Directory for ByPath<'_, S> {
    fn list(&self) -> Result<Vec<Entry>, Error> {
        self.source.list(&self.path)
    }

    fn stat(&self, name: &[u8]) -> Result<Stat, Error> {
        self.source.stat(&self.at(name))
    }

    fn readlink(&self, name: &[u8]) -> Result<BString, Error> {
        self.source.readlink(&self.at(name))
    }

    fn exists(&self, path: &[u8]) -> bool {
        self.source.exists(&self.at(path))
    }
}
