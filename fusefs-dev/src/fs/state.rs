//! What shows at a name: the given and the container's own, put together.

use std::collections::{HashMap, HashSet};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::SystemTime;

use bstr::BString;
use rustix::fs::{FileType, Stat, fstat};
use viewfs::{Attributes, Error, Kind, Outdated};

use super::bounds::{MOST_PATH, open_files};
use super::unsure::Unsure;
use crate::entries::{CONSOLE, Entries, Item};
use crate::numbers::{Body, Numbers};
use crate::own::{self, Own, host};

/// A device's type and number.
pub type Number = (Kind, (u32, u32));

/// How many names in a directory that was lost are told: each takes the kernel a moment, and what comes after waits.
const MOST_LOST: usize = 4096;

/// Something that shows.
pub enum Found {
    /// A directory, given or the container's own or both.
    Directory {
        path: BString,
        own: Option<(Arc<OwnedFd>, Stat)>,
    },
    /// A node or link that is given.
    Given { path: BString, item: Item },
    /// The container's own, no directory.
    Own(Arc<OwnedFd>, Stat),
}

/// What a mount knows.
pub struct State {
    pub numbers: Numbers,
    /// What is given, by path, at this generation of the scene.
    pub given: Entries,
    pub generation: Option<u64>,
    /// How many directories are given in a directory.
    pub subdirectories: HashMap<BString, u32>,
    /// Every device that shows, and its arrival: another one may have its number later.
    pub devices: HashMap<Number, u64>,
    /// Devices of which the container has made nodes itself.
    pub made: HashSet<Number>,
    /// As many files may be known at a time: each costs the server a descriptor.
    pub most: usize,
    /// Since when something is given, and when what is given in a directory last changed.
    pub times: HashMap<BString, SystemTime>,
    /// What the container has changed of something that is given: mode, owner, times, ACL.
    pub changed: HashMap<BString, (Item, Arc<OwnedFd>)>,
    /// Links that are given and that the container has removed.
    pub removed: HashMap<BString, Item>,
    /// Directories of the tmpfs that are only there since something of the container's own is in a
    /// directory that is given.
    pub implied: HashSet<BString>,
    pub unsure: Unsure,
    /// Where a node is given over a directory of the container's own; as long as it is, that cannot be changed.
    pub covered: HashSet<BString>,
    pub root: (u32, u32),
    pub born: SystemTime,
}

impl State {
    pub fn new(root: (u32, u32), own: &Own) -> sys::Result<State> {
        let dir = own.root.try_clone();
        let dir = dir.map_err(|_| sys::Error::new("dup(<tmpfs>)", nix::errno::Errno::EMFILE))?;
        Ok(State {
            numbers: Numbers::new(Arc::new(dir)),
            given: Entries::new(),
            generation: None,
            subdirectories: HashMap::new(),
            devices: HashMap::new(),
            made: HashSet::new(),
            most: open_files() / 4,
            times: HashMap::new(),
            changed: HashMap::new(),
            removed: HashMap::new(),
            implied: HashSet::new(),
            unsure: Unsure::default(),
            covered: HashSet::new(),
            root,
            born: SystemTime::now(),
        })
    }

    /// The directory of the tmpfs at `path`.
    pub fn own_at(&self, path: &[u8]) -> Option<Arc<OwnedFd>> {
        let parts = path.split(|b| *b == b'/').filter(|p| !p.is_empty());
        let mut dir = match self.numbers.body(crate::numbers::ROOT) {
            Ok(Body::Directory { own, .. }) => own.clone()?,
            _ => return None,
        };
        for part in parts {
            let next = own::child(dir.as_fd(), part).ok()?;
            let stat = fstat(&next).ok()?;
            if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
                return None;
            }
            dir = Arc::new(next);
        }
        Some(dir)
    }

    /// The path of directory `number`, and what of it is in the tmpfs.
    pub fn directory(&self, number: u64) -> Result<(BString, Option<Arc<OwnedFd>>), Error> {
        match self.numbers.body(number)? {
            Body::Directory { path, own } => Ok((path.clone(), own.clone())),
            Body::Given { .. } | Body::Own(_) => Err(Error::NotDirectory),
        }
    }

    /// The directory of the tmpfs for `number`, made if there is none yet.
    pub fn own_directory(&mut self, number: u64) -> Result<Arc<OwnedFd>, Error> {
        let (path, own) = self.directory(number)?;
        if let Some(own) = own {
            return Ok(own);
        }
        let (mut dir, mut at) = (self.own_at(b"").ok_or(Error::Broken)?, BString::default());
        for part in path.split(|b| *b == b'/').filter(|p| !p.is_empty()) {
            at.push(b'/');
            at.extend_from_slice(part);
            match own::make_directory(dir.as_fd(), part, self.root) {
                Ok(_) => drop(self.implied.insert(at.clone())),
                Err(rustix::io::Errno::EXIST) => {}
                Err(e) => return Err(host(e)),
            }
            let next = own::child(dir.as_fd(), part).map_err(host)?;
            let stat = fstat(&next).map_err(host)?;
            if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
                // what the container has there does not show now, and is in the way
                return Err(Error::Host(libc::EBUSY));
            }
            dir = Arc::new(next);
            // those above it too: what is in them is not only what is given any more
            if self.numbers.at_path(&at).is_some() {
                self.numbers.at(Body::Directory {
                    path: at.clone(),
                    own: Some(dir.clone()),
                });
            }
        }
        Ok(dir)
    }

    /// Whether something that is given shows at `name` in directory `parent`, unless the container has
    /// put something of its own over it.
    pub fn is_given(&self, parent: u64, name: &[u8]) -> Result<bool, Error> {
        let (dir, _) = self.directory(parent)?;
        let path = BString::from([dir.as_slice(), b"/", name].concat());
        Ok(self.given.contains_key(&path) && !self.removed.contains_key(&path))
    }

    /// What shows at `name` in directory `parent`.
    pub fn find(&self, parent: u64, name: &[u8]) -> Result<Found, Error> {
        let (dir, own) = self.directory(parent)?;
        let path = BString::from([dir.as_slice(), b"/", name].concat());
        let own = || {
            let fd = own::child(own.as_deref()?.as_fd(), name).ok()?;
            let stat = fstat(&fd).ok()?;
            Some((Arc::new(fd), stat))
        };
        let is_directory =
            |stat: &Stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
        match self.given.get(&path) {
            Some(Item::Directory) => {
                let own = own().filter(|(_, stat)| is_directory(stat));
                return Ok(Found::Directory { path, own });
            }
            Some(item) if item.is_fixed() => {
                let item = item.clone();
                return Ok(Found::Given { path, item });
            }
            Some(_) | None => {}
        }
        match (own(), self.given.get(&path)) {
            (Some((fd, stat)), _) if is_directory(&stat) => {
                let own = Some((fd, stat));
                Ok(Found::Directory { path, own })
            }
            (Some((fd, stat)), _) if self.may_show(&stat) => Ok(Found::Own(fd, stat)),
            (_, Some(item)) if !self.removed.contains_key(&path) => {
                let item = item.clone();
                Ok(Found::Given { path, item })
            }
            _ => Err(Error::NotFound),
        }
    }

    /// Whether something of the container's own shows: a device node only while its device does.
    pub fn may_show(&self, stat: &Stat) -> bool {
        match number_of_node(stat) {
            (kind @ (Kind::Block | Kind::Char), device) => self.shows(kind, device),
            _ => true,
        }
    }

    /// Whether a device of this number shows. A character device 0:0 is none: the kernel takes it for an overlay's whiteout and lets
    /// everybody make it (`vfs_mknod`, fs/namei.c).
    pub fn shows(&self, kind: Kind, device: (u32, u32)) -> bool {
        (kind, device) == (Kind::Char, (0, 0)) || self.devices.contains_key(&(kind, device))
    }

    /// The kernel is told of what was found.
    pub fn tell(&mut self, found: Found) -> Result<Attributes, Error> {
        if let Found::Own(_, stat) = &found
            && !self.numbers.has(Numbers::of_inode(stat.st_ino))
        {
            self.may_know_more()?;
        }
        let attributes = match found {
            Found::Own(fd, stat) => {
                let number = self.numbers.own(stat.st_ino, fd);
                self.of_own(number, &stat)?
            }
            Found::Given { path, item } => {
                let number = self.numbers.at(Body::Given { path, item });
                self.attributes(number)?
            }
            Found::Directory { path, own } => {
                if path.len() > MOST_PATH {
                    return Err(Error::NameTooLong);
                }
                if self.numbers.at_path(&path).is_none() {
                    self.may_know_more()?;
                }
                let number = self.numbers.at(Body::Directory {
                    path: path.clone(),
                    own: own.as_ref().map(|(fd, _)| fd.clone()),
                });
                self.of_directory(number, &path, own.as_ref())
            }
        };
        self.numbers.tell(attributes.number);
        Ok(attributes)
    }

    /// Whether what the kernel has at `path` is right, whatever has come and gone below it: to have it forget
    /// the name would take away what is mounted there and below, such as the container's terminals.
    fn stays(&self, path: &BString) -> bool {
        let known = self.numbers.known(path);
        let known = known.and_then(|number| self.numbers.body(number).ok());
        *path == CONSOLE || matches!(known, Some(Body::Directory { .. }))
    }

    /// See [`viewfs::Store::outdated`].
    pub fn outdated(&mut self, paths: &[BString]) -> Vec<Outdated> {
        let mut outdated = Vec::new();
        for (parent, own) in self.numbers.take_lost_directories() {
            let names = own::names(own.as_fd()).unwrap_or_default();
            for (name, _) in names.into_iter().take(MOST_LOST) {
                let node = None;
                outdated.push(Outdated { parent, name, node });
            }
        }
        for path in paths {
            let Some((above, name)) = split(path) else {
                continue;
            };
            if self.stays(path) {
                continue;
            }
            if let Some(parent) = self.numbers.known(above) {
                outdated.push(Outdated {
                    parent,
                    name: name.into(),
                    node: self.numbers.known(path),
                });
            }
        }
        outdated
    }
}

/// The path of the directory, and the name in it; the root has none.
pub fn split(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = path.iter().rposition(|b| *b == b'/')?;
    Some((&path[..at], &path[at + 1..]))
}

/// What the device node with this `stat` stands for.
pub fn number_of_node(stat: &Stat) -> Number {
    let kind = own::kind(FileType::from_raw_mode(stat.st_mode));
    (kind, own::device(stat))
}
