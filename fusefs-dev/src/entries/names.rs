//! The container's own /etc/passwd and /etc/group, in which it may write what it likes.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};

/// What such a file may have, in bytes: one of ten thousands of users fits.
const MOST: u64 = 1 << 20;

/// The names of one file.
#[derive(Debug)]
pub struct Names {
    path: &'static str,
    /// The file that was read last, and the state it was in.
    read: Option<Stamp>,
    ids: HashMap<Vec<u8>, u32>,
}

/// Device, inode, size, time of the last change.
type Stamp = (u64, u64, u64, i64, i64);

impl Names {
    /// Of the file at `path`, from the container's root on; not read yet.
    pub fn of(path: &'static str) -> Names {
        Names {
            path,
            read: None,
            ids: HashMap::new(),
        }
    }

    /// The id of `name`. What cannot be read has no names.
    pub fn id(&self, name: &str) -> Option<u32> {
        self.ids.get(name.as_bytes()).copied()
    }

    /// Read the file if it is another than the last time.
    pub fn look(&mut self, root: &OwnedFd) {
        let file = match self.find(root) {
            Ok((_, stamp)) if self.read == Some(stamp) => return,
            Ok((file, stamp)) => content(&file).map(|text| (text, stamp)),
            Err(e) => Err(e),
        };
        match file {
            Ok((text, stamp)) => {
                self.ids = parse(&text);
                self.read = Some(stamp);
            }
            Err(e) => {
                log::debug!("the container's /{}: {e}", self.path);
                self.ids.clear();
                self.read = None;
            }
        }
    }

    /// The file beneath `root`, wherever links in there lead, if it is one that can be read without
    /// waiting for anybody. Nothing is opened yet: to open a device or a fifo may do things.
    fn find(&self, root: &OwnedFd) -> io::Result<(OwnedFd, Stamp)> {
        let how = OpenHow::new()
            .flags(OFlag::O_PATH | OFlag::O_CLOEXEC)
            .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS);
        let file = openat2(root.as_fd(), Path::new(self.path), how)?;
        let meta = File::from(file.try_clone()?).metadata()?;
        if !meta.is_file() || meta.len() > MOST {
            return Err(io::Error::other("it is no regular file of up to 1 MiB"));
        }
        let stamp = (
            meta.dev(),
            meta.ino(),
            meta.len(),
            meta.mtime(),
            meta.mtime_nsec(),
        );
        Ok((file, stamp))
    }
}

/// What the file holds.
fn content(file: &OwnedFd) -> io::Result<Vec<u8>> {
    // somebody inside may have a lease on it (fcntl(2), F_SETLEASE): then this fails at once
    let flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    let file = File::options()
        .read(true)
        .custom_flags(flags.bits())
        .open(format!("/proc/self/fd/{}", file.as_raw_fd()))?;
    let mut text = Vec::new();
    file.take(MOST + 1).read_to_end(&mut text)?;
    if text.len() as u64 > MOST {
        return Err(io::Error::other("it is larger than 1 MiB"));
    }
    Ok(text)
}

/// Lines `NAME:PASSWORD:ID:...` (passwd(5), group(5)); of two with one name the first counts, as for
/// getpwnam(3).
fn parse(text: &[u8]) -> HashMap<Vec<u8>, u32> {
    let mut ids = HashMap::new();
    for line in text.split(|b| *b == b'\n') {
        let mut fields = line.split(|b| *b == b':');
        let (Some(name), Some(_), Some(id)) = (fields.next(), fields.next(), fields.next()) else {
            continue;
        };
        let plain = !id.is_empty() && id.iter().all(u8::is_ascii_digit);
        let id = std::str::from_utf8(id).ok().filter(|_| plain);
        if let Some(id) = id.and_then(|id| id.parse().ok()) {
            ids.entry(name.to_vec()).or_insert(id);
        }
    }
    ids
}

#[cfg(test)]
mod tests;
