//! Attributes, extended ones and ACLs among them.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use bstr::BString;
use policy::Show;
use rustix::fs::{FileType, Mode, OFlags, Stat, XattrFlags, fstat};
use rustix::io::Errno;
use viewfs::{Attributes, Caller, Error, Kind, Wanted};

use super::DevFs;
use super::state::{State, split};
use crate::entries::Item;
use crate::numbers::Body;
use crate::own::{self, by_fd, host};

/// Whatever changes without the kernel's knowing, it is told of.
const KEPT: Duration = Duration::from_secs(3600);

impl State {
    /// The attributes of `number`.
    pub fn attributes(&self, number: u64) -> Result<Attributes, Error> {
        match self.numbers.body(number)? {
            Body::Own(fd) => self.of_own(number, &fstat(fd).map_err(host)?),
            Body::Given { path, item } => self.of_given(number, path, item),
            Body::Directory { path, own } => {
                let stat = own.as_deref().map(fstat).transpose().map_err(host)?;
                Ok(self.of_directory(number, path, own.clone().zip(stat).as_ref()))
            }
        }
    }

    /// Those of something of the container's own that is no directory.
    pub fn of_own(&self, number: u64, stat: &Stat) -> Result<Attributes, Error> {
        let is_node = matches!(
            FileType::from_raw_mode(stat.st_mode),
            FileType::BlockDevice | FileType::CharacterDevice
        );
        // it goes when its device does, which may have many such names
        let keep = if is_node { Duration::ZERO } else { KEPT };
        match self.may_show(stat) {
            true => Ok(own::attributes(number, stat, keep)),
            false => Err(Error::NotFound),
        }
    }

    fn of_given(&self, number: u64, path: &BString, item: &Item) -> Result<Attributes, Error> {
        let given = self.plain(number, path, item);
        let Some((_, changed)) = self.changed.get(path) else {
            return Ok(given);
        };
        let stat = fstat(changed).map_err(host)?;
        let now = own::attributes(number, &stat, KEPT);
        // a node that is only to be read keeps no write bit, whoever says so
        let perm = match item {
            Item::Node { show: Show::Ro, .. } => now.perm & !0o222,
            Item::Link { .. } => given.perm,
            _ => now.perm,
        };
        Ok(Attributes {
            perm,
            uid: now.uid,
            gid: now.gid,
            atime: now.atime,
            mtime: now.mtime,
            ctime: now.ctime,
            ..given
        })
    }

    /// As it is given.
    fn plain(&self, number: u64, path: &BString, item: &Item) -> Attributes {
        let time = self.times.get(path).copied().unwrap_or(self.born);
        let base = Attributes {
            number,
            kind: Kind::Directory,
            perm: 0o755,
            uid: self.root.0,
            gid: self.root.1,
            size: 0,
            blocks: 0,
            links: 1,
            device: (0, 0),
            atime: time,
            mtime: time,
            ctime: time,
            keep: KEPT,
        };
        match item {
            Item::Directory => base,
            Item::Link { target, .. } => Attributes {
                kind: Kind::Link,
                perm: 0o777,
                size: target.len() as u64,
                ..base
            },
            Item::Node {
                kind,
                device,
                perm,
                uid,
                gid,
                ..
            } => Attributes {
                kind: *kind,
                perm: *perm,
                uid: *uid,
                gid: *gid,
                device: *device,
                ..base
            },
        }
    }

    /// Those of the directory at `path`, of which this is in the tmpfs.
    pub fn of_directory(
        &self,
        number: u64,
        path: &BString,
        own: Option<&(Arc<OwnedFd>, Stat)>,
    ) -> Attributes {
        let mut all = match own {
            Some((_, stat)) => own::attributes(number, stat, KEPT),
            None => Attributes {
                links: 2,
                ..self.plain(number, path, &Item::Directory)
            },
        };
        all.links += self.subdirectories.get(path).copied().unwrap_or(0);
        // of the container's own directories, one that is given too counts once, and one under a node not at all
        if let Some((own, stat)) = own
            && stat.st_nlink > 2
        {
            let both = self.given_in(path).filter(|name| {
                let given = BString::from([path, &b"/"[..], name].concat());
                self.given.get(&given) == Some(&Item::Directory) && is_directory(own, name)
            });
            let is_here =
                |covered: &&BString| split(covered).is_some_and(|(above, _)| above == *path);
            let covered = self.covered.iter().filter(is_here);
            all.links -= (both.count() + covered.count()) as u32;
        }
        if let Some(time) = self.times.get(path) {
            all.mtime = all.mtime.max(*time);
            all.ctime = all.ctime.max(*time);
        }
        all
    }

    /// The target of a link.
    pub fn readlink(&self, number: u64) -> Result<BString, Error> {
        match self.numbers.body(number)? {
            Body::Given {
                item: Item::Link { target, .. },
                ..
            } => Ok(target.clone()),
            Body::Own(fd) => {
                let target = rustix::fs::readlinkat(fd, "", Vec::new()).map_err(host)?;
                Ok(target.into_bytes().into())
            }
            Body::Given { .. } | Body::Directory { .. } => Err(Error::Invalid),
        }
    }

    /// What carries the extended attributes of `number`, if anything does.
    fn carrier(&self, number: u64) -> Result<Option<Arc<OwnedFd>>, Error> {
        match self.numbers.body(number)? {
            Body::Own(fd) => {
                let stat = fstat(fd).map_err(host)?;
                let is_link = FileType::from_raw_mode(stat.st_mode) == FileType::Symlink;
                Ok((!is_link).then(|| fd.clone()))
            }
            Body::Directory { own, .. } => Ok(own.clone()),
            Body::Given { path, .. } => Ok(self.changed.get(path).map(|(_, fd)| fd.clone())),
        }
    }

    pub fn get_xattr(&self, number: u64, name: &[u8]) -> Result<Vec<u8>, Error> {
        let fd = match self.carrier(number)? {
            Some(fd) if is_taken(name) => fd,
            // the kernel asks for these with every write
            _ if is_taken(name) || name.starts_with(b"security.") => {
                return Err(Error::Host(libc::ENODATA));
            }
            _ => return Err(Error::Unsupported),
        };
        let mut value = vec![0; 64 << 10];
        let n = rustix::fs::getxattr(by_fd(fd.as_fd()), name, &mut value[..]).map_err(host)?;
        value.truncate(n);
        Ok(value)
    }

    pub fn list_xattr(&self, number: u64) -> Result<Vec<u8>, Error> {
        let Some(fd) = self.carrier(number)? else {
            return Ok(Vec::new());
        };
        let mut names = vec![0u8; 64 << 10];
        let n = rustix::fs::listxattr(by_fd(fd.as_fd()), &mut names[..]).map_err(host)?;
        Ok(names[..n]
            .split_inclusive(|b| *b == 0)
            .filter(|name| is_taken(name))
            .flatten()
            .copied()
            .collect())
    }

    pub fn remove_xattr(&self, number: u64, name: &[u8]) -> Result<(), Error> {
        let carrier = self.carrier(number)?.filter(|_| is_taken(name));
        match carrier {
            Some(fd) => rustix::fs::removexattr(by_fd(fd.as_fd()), name).map_err(host),
            None => Err(Error::Host(libc::ENODATA)),
        }
    }
}

fn is_directory(dir: &OwnedFd, name: &[u8]) -> bool {
    let stat = rustix::fs::statat(dir, name, rustix::fs::AtFlags::SYMLINK_NOFOLLOW);
    stat.is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
}

/// Extended attributes that are kept: what a security module would trust is none of the container's.
fn is_taken(name: &[u8]) -> bool {
    let acl = name.starts_with(b"system.posix_acl_");
    acl || name.starts_with(b"user.") || name.starts_with(b"trusted.")
}

impl DevFs {
    /// See [`viewfs::Store::change`].
    pub(super) fn change_attributes(
        &self,
        number: u64,
        wanted: &Wanted,
    ) -> Result<Attributes, Error> {
        let mut state = self.now();
        let fd = self.changeable(&mut state, number)?;
        drop(state);
        if let Some(size) = wanted.size {
            self.truncate(number, &fd, size)?;
        }
        own::change(fd.as_fd(), wanted).map_err(|e| self.failed(e))?;
        self.now().attributes(number)
    }

    fn truncate(&self, number: u64, fd: &OwnedFd, size: u64) -> Result<(), Error> {
        match self.now().numbers.body(number)? {
            Body::Own(_) => {}
            Body::Directory { .. } => return Err(Error::IsDirectory),
            Body::Given { .. } => return Err(Error::Invalid),
        }
        let flags = OFlags::WRONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = rustix::fs::open(by_fd(fd.as_fd()), flags, Mode::empty()).map_err(host)?;
        rustix::fs::ftruncate(&file, size).map_err(|e| self.failed(e))
    }

    /// What carries the attributes of `number`; of something given that the container has not changed yet,
    /// a copy.
    fn changeable(&self, state: &mut State, number: u64) -> Result<Arc<OwnedFd>, Error> {
        let (path, item) = match state.numbers.body(number)? {
            Body::Own(fd) => return Ok(fd.clone()),
            Body::Directory { .. } => return state.own_directory(number),
            Body::Given { path, item } => (path.clone(), item.clone()),
        };
        if let Some((_, changed)) = state.changed.get(&path) {
            return Ok(changed.clone());
        }
        let now = state.attributes(number)?;
        let fd = Arc::new(self.own.nameless().map_err(|e| self.failed(e))?);
        let wanted = Wanted {
            perm: Some(now.perm),
            uid: Some(now.uid),
            gid: Some(now.gid),
            size: None,
            atime: Some(viewfs::Time::At(now.atime)),
            mtime: Some(viewfs::Time::At(now.mtime)),
        };
        own::change(fd.as_fd(), &wanted).map_err(host)?;
        state.changed.insert(path, (item, fd.clone()));
        Ok(fd)
    }

    /// See [`viewfs::Store::set_xattr`].
    pub(super) fn set_extended(
        &self,
        number: u64,
        name: &[u8],
        value: &[u8],
        flags: i32,
        by: Caller,
    ) -> Result<(), Error> {
        if !is_taken(name) {
            return Err(Error::Unsupported);
        }
        let mut state = self.now();
        let is_link = state.attributes(number)?.kind == Kind::Link;
        if is_link {
            return Err(Error::NotPermitted);
        }
        let fd = self.changeable(&mut state, number)?;
        drop(state);
        let flags = XattrFlags::from_bits_truncate(flags as u32);
        let set = rustix::fs::setxattr(by_fd(fd.as_fd()), name, value, flags);
        set.map_err(|e| self.failed(e))?;
        if name == b"system.posix_acl_access" {
            self.drop_set_group_id(&fd, by).map_err(host)?;
        }
        Ok(())
    }

    /// Whoever sets the mode of a file of a group that is not his loses its set-group-ID
    /// (`posix_acl_update_mode`, fs/posix_acl.c). What further groups he has, a request does not say: then too.
    fn drop_set_group_id(&self, fd: &OwnedFd, by: Caller) -> Result<(), Errno> {
        let stat = fstat(fd)?;
        let is_root = by.uid == 0 || by.uid == self.owners.root().0;
        if stat.st_mode & libc::S_ISGID == 0 || is_root || by.gid == stat.st_gid {
            return Ok(());
        }
        let wanted = Wanted {
            perm: Some((stat.st_mode & 0o5777) as u16),
            ..Wanted::default()
        };
        own::change(fd.as_fd(), &wanted)
    }
}
