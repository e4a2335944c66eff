//! Making files.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::{AtFlags, CWD, Dev, FileType, Gid, Mode, OFlags, Stat, Uid, fstat};
use rustix::io::Errno;
use viewfs::{Attributes, Error, Kind, Maker, New};

use super::DevFs;
use super::files::{self, Open};
use super::state::{Found, State};
use crate::numbers::Body;
use crate::own::{by_fd, child, host};

impl DevFs {
    /// See [`viewfs::Store::make`].
    pub(super) fn make_new(
        &self,
        parent: u64,
        name: &[u8],
        new: &New,
        by: Maker,
    ) -> Result<Attributes, Error> {
        let mut state = self.now();
        state.may_know_more()?;
        if *new == New::Directory {
            state.may_be_directory(parent, name)?;
        }
        let dir = free_place(&mut state, parent, name)?;
        if let New::Device(kind, device) = new
            && !state.shows(*kind, *device)
        {
            return Err(Error::NotPermitted);
        }
        let made = make(&dir, name, new, by).and_then(|()| owned_by(&dir, name, new, by));
        made.map_err(|e| self.failed(e))?;
        if let New::Device(kind, device) = new {
            state.made.insert((*kind, *device));
        }
        let found = state.find(parent, name)?;
        state.tell(found)
    }

    /// See [`viewfs::Store::create`].
    pub(super) fn create_file(
        &self,
        parent: u64,
        name: &[u8],
        flags: i32,
        by: Maker,
    ) -> Result<(Attributes, u64), Error> {
        // before anything is made that would stay
        self.handles.lock().has_room()?;
        let mut state = self.now();
        state.may_know_more()?;
        let (fd, file) = match free_place(&mut state, parent, name) {
            Ok(dir) => {
                let made = make_file(&dir, name, by);
                let made = made.and_then(|fd| {
                    owned_by(&dir, name, &New::File, by)?;
                    Ok(Arc::new(fd))
                });
                let made = made.map_err(|e| self.failed(e))?;
                (made.clone(), made)
            }
            // somebody else was faster
            Err(EXISTS) if flags & libc::O_EXCL == 0 => match state.find(parent, name)? {
                Found::Own(fd, stat) if is_regular(&stat) => {
                    let file = files::reopen(fd.as_fd(), flags).map_err(|e| self.failed(e))?;
                    (fd, Arc::new(file))
                }
                _ => return Err(EXISTS),
            },
            Err(e) => return Err(e),
        };
        let handle = self.handles.lock().add(Open::File(file))?;
        let stat = fstat(&fd).map_err(host)?;
        Ok((state.tell(Found::Own(fd, stat))?, handle))
    }

    /// See [`viewfs::Store::link`].
    pub(super) fn make_link(
        &self,
        number: u64,
        parent: u64,
        name: &[u8],
    ) -> Result<Attributes, Error> {
        let mut state = self.now();
        let fd = match state.numbers.body(number)? {
            Body::Own(fd) => fd.clone(),
            Body::Directory { .. } | Body::Given { .. } => return Err(Error::NotPermitted),
        };
        let dir = free_place(&mut state, parent, name)?;
        let linked =
            rustix::fs::linkat(CWD, by_fd(fd.as_fd()), &dir, name, AtFlags::SYMLINK_FOLLOW);
        linked.map_err(|e| self.failed(e))?;
        let found = state.find(parent, name)?;
        state.tell(found)
    }
}

const EXISTS: Error = Error::Host(libc::EEXIST);

fn is_regular(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
}

/// The directory of the tmpfs in which `name` is to be made; EEXIST if something shows there.
pub fn free_place(state: &mut State, parent: u64, name: &[u8]) -> Result<Arc<OwnedFd>, Error> {
    if state.is_given(parent, name)? {
        return Err(EXISTS);
    }
    let dir = state.own_directory(parent)?;
    if let Ok(fd) = child(dir.as_fd(), name) {
        if state.may_show(&fstat(&fd).map_err(host)?) {
            return Err(EXISTS);
        }
        // a node of a device that does not show has the name
        rustix::fs::unlinkat(&dir, name, AtFlags::empty()).map_err(host)?;
    }
    Ok(dir)
}

/// Make it, root's, with the mode that the directory's default ACL and the maker's umask leave.
fn make(dir: &OwnedFd, name: &[u8], new: &New, by: Maker) -> Result<(), Errno> {
    take_umask(by.umask)?;
    let mode = Mode::from_raw_mode(by.perm.into());
    let node = |of, device| rustix::fs::mknodat(dir, name, of, mode, device);
    match new {
        New::Directory => rustix::fs::mkdirat(dir, name, mode),
        New::Link(target) => rustix::fs::symlinkat(target.as_slice(), dir, name),
        New::Fifo => node(FileType::Fifo, 0),
        New::Socket => node(FileType::Socket, 0),
        New::Device(kind, (major, minor)) => {
            let of = match kind {
                Kind::Block => FileType::BlockDevice,
                _ => FileType::CharacterDevice,
            };
            node(of, rustix::fs::makedev(*major, *minor) as Dev)
        }
        New::File => make_file(dir, name, by).map(drop),
    }
}

/// Make a regular file, which is open then.
fn make_file(dir: &OwnedFd, name: &[u8], by: Maker) -> Result<OwnedFd, Errno> {
    take_umask(by.umask)?;
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::CLOEXEC;
    rustix::fs::openat(dir, name, flags, Mode::from_raw_mode(by.perm.into()))
}

/// Give it to its maker; in a directory with set-group-ID the group stays the directory's.
fn owned_by(dir: &OwnedFd, name: &[u8], new: &New, by: Maker) -> Result<(), Errno> {
    let inherits = fstat(dir)?.st_mode & libc::S_ISGID != 0;
    if (by.uid, by.gid) == (0, 0) && !inherits {
        return Ok(());
    }
    let gid = (!inherits).then(|| Gid::from_raw(by.gid));
    let uid = Some(Uid::from_raw(by.uid));
    let given = rustix::fs::chownat(dir, name, uid, gid, AtFlags::SYMLINK_NOFOLLOW);
    // which takes these bits away
    let special = by.perm & 0o6000 != 0 && !matches!(new, New::Directory | New::Link(_));
    let given = given.and_then(|()| match special {
        true => {
            let made = rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)?.st_mode;
            let mode = (made & 0o1777) | u32::from(by.perm & 0o6000);
            rustix::fs::chmodat(dir, name, Mode::from_raw_mode(mode), AtFlags::empty())
        }
        false => Ok(()),
    });
    if given.is_err() {
        let flags = match new {
            New::Directory => AtFlags::REMOVEDIR,
            _ => AtFlags::empty(),
        };
        let _ = rustix::fs::unlinkat(dir, name, flags);
    }
    given
}

/// Make what this thread makes with this umask, as the kernel applies it: not where there is a default ACL.
/// Threads have one in common unless they are told not to.
fn take_umask(umask: u16) -> Result<(), Errno> {
    thread_local! {
        static OWN: bool = nix::sched::unshare(nix::sched::CloneFlags::CLONE_FS).is_ok();
    }
    match OWN.with(|own| *own) {
        true => {
            nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(umask.into()));
            Ok(())
        }
        false => Err(Errno::IO),
    }
}
