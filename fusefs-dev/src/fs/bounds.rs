//! What costs the server more than the limits of the tmpfs say: descriptors, and directories far down.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use bstr::BString;
use viewfs::{Error, Kind};

use super::state::State;
use crate::own;

/// How long a directory's path may be, from /dev on: as long as open(2) takes one (PATH_MAX, linux/limits.h).
pub const MOST_PATH: usize = libc::PATH_MAX as usize - 1;

/// How many descriptors this process may have.
pub fn open_files() -> usize {
    let limit = nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE);
    limit.map_or(1024, |(soft, _)| {
        usize::try_from(soft).unwrap_or(usize::MAX)
    })
}

impl State {
    /// Whether one more file may be known. There is always room under limits as they are by default.
    pub fn may_know_more(&self) -> Result<(), Error> {
        match self.numbers.count() < self.most {
            true => Ok(()),
            false => Err(Error::TooMany),
        }
    }

    /// Whether there may be a directory `name` in directory `parent`: not below where a path from /dev on can
    /// reach, or each level would cost its whole path.
    pub fn may_be_directory(&self, parent: u64, name: &[u8]) -> Result<(), Error> {
        let (above, _) = self.directory(parent)?;
        match above.len() + 1 + name.len() > MOST_PATH {
            true => Err(Error::NameTooLong),
            false => Ok(()),
        }
    }

    /// Whether directory `own` may be at `to` instead of `from`, with all that are in it.
    pub fn may_move(&self, own: &Arc<OwnedFd>, from: &[u8], to: &[u8]) -> Result<(), Error> {
        match to.len() > from.len() && to.len() + longest(own.clone()) > MOST_PATH {
            true => Err(Error::NameTooLong),
            false => Ok(()),
        }
    }
}

/// How long the longest path of a directory below `top` is, from there on, with its slash.
fn longest(top: Arc<OwnedFd>) -> usize {
    let mut most = 0;
    each(top, |path, _, name, kind| {
        if kind == Kind::Directory {
            most = most.max(path.len() + 1 + name.len());
        }
    });
    most
}

/// Everything below `top`: the path of its directory from there on, that, its name and type.
pub(super) fn each(top: Arc<OwnedFd>, mut work: impl FnMut(&BString, &Arc<OwnedFd>, &[u8], Kind)) {
    // names, not descriptors: a directory may have many
    let mut stack = vec![(top, BString::default(), BString::default())];
    while let Some((above, path, name)) = stack.pop() {
        let (dir, path) = match name.is_empty() {
            true => (above, path),
            false => match own::child(above.as_fd(), &name) {
                Ok(fd) => (
                    Arc::new(fd),
                    BString::from([path.as_slice(), b"/", &name].concat()),
                ),
                Err(_) => continue,
            },
        };
        for (name, kind) in own::names(dir.as_fd()).unwrap_or_default() {
            work(&path, &dir, &name, kind);
            if kind == Kind::Directory {
                stack.push((dir.clone(), path.clone(), name));
            }
        }
    }
}
