//! Listings: names that are given, and the container's own beside them.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use bstr::{BString, ByteSlice};
use parking_lot::Mutex;
use rustix::fs::fstat;
use viewfs::{Error, Kind, Name};

use super::DevFs;
use super::files::{Listed, Open};
use super::state::State;
use crate::entries::Item;
use crate::numbers::{Body, Numbers};
use crate::own::{self, host};

impl State {
    /// The names that are given in the directory at `path`.
    pub fn given_in<'a>(&'a self, path: &[u8]) -> impl Iterator<Item = &'a [u8]> {
        let top = BString::from([path, b"/"].concat());
        let length = top.len();
        let below = self.given.range(top.clone()..);
        let below = below.take_while(move |(path, _)| path.starts_with(&top));
        below
            .map(move |(path, _)| &path[length..])
            .filter(|rest| !rest.contains(&b'/'))
    }

    /// All that shows in directory `number`.
    pub fn names(&mut self, number: u64) -> Result<Vec<Name>, Error> {
        let (path, own) = self.directory(number)?;
        let at = |name: &[u8]| BString::from([path.as_slice(), b"/", name].concat());
        let parent = path.iter().rposition(|b| *b == b'/').unwrap_or(0);
        let parent = self.numbers.known(&path[..parent]).unwrap_or(number);
        let dot = |name: &str, number| Name {
            name: name.into(),
            number,
            kind: Kind::Directory,
        };
        let mut names = vec![dot(".", number), dot("..", parent)];
        let mut shadowing: Vec<BString> = Vec::new();
        if let Some(own) = &own {
            for (name, kind) in own::names(own.as_fd()).map_err(host)? {
                let given = self.given.get(&at(&name));
                let hides = given.is_some_and(|item| {
                    item.is_fixed() && (*item != Item::Directory || kind != Kind::Directory)
                });
                if hides || !self.entry_shows(own, &name, kind) {
                    continue;
                }
                let shadows = given.is_some();
                let number = match kind {
                    Kind::Directory => self.number_of_directory(at(&name)),
                    _ => self.inode(own, &name),
                };
                if shadows {
                    shadowing.push(name.clone());
                }
                names.push(Name { name, number, kind });
            }
        }
        let given: Vec<BString> = self.given_in(&path).map(BString::from).collect();
        for name in given {
            let path = at(&name);
            let Some(item) = self.given.get(&path).cloned() else {
                continue;
            };
            if shadowing.contains(&name) || self.removed.contains_key(&path) {
                continue;
            }
            let (kind, number) = match &item {
                Item::Directory => (Kind::Directory, self.number_of_directory(path)),
                Item::Link { .. } => (Kind::Link, self.numbers.at(Body::Given { path, item })),
                Item::Node { kind, .. } => (
                    *kind,
                    self.numbers.at(Body::Given {
                        path,
                        item: item.clone(),
                    }),
                ),
            };
            names.push(Name { name, number, kind });
        }
        Ok(names)
    }

    fn number_of_directory(&mut self, path: BString) -> u64 {
        match self.numbers.at_path(&path) {
            Some(number) => number,
            // what of it is in the tmpfs is found when the kernel looks it up: a listing costs no descriptors
            None => self.numbers.at(Body::Directory { own: None, path }),
        }
    }

    fn inode(&self, own: &OwnedFd, name: &[u8]) -> u64 {
        let stat = rustix::fs::statat(own, name, rustix::fs::AtFlags::SYMLINK_NOFOLLOW);
        stat.map_or(0, |stat| Numbers::of_inode(stat.st_ino))
    }

    /// Whether the container's entry `name` of this type in directory `own` shows.
    fn entry_shows(&self, own: &OwnedFd, name: &[u8], kind: Kind) -> bool {
        if !matches!(kind, Kind::Block | Kind::Char) {
            return true;
        }
        let stat = own::child(own.as_fd(), name).and_then(|fd| fstat(&fd));
        stat.is_ok_and(|stat| self.may_show(&stat))
    }

    /// Remove from a directory that shows empty what is in it and does not show.
    pub fn clear(&self, own: &OwnedFd) {
        for (name, kind) in own::names(own.as_fd()).unwrap_or_default() {
            if !self.entry_shows(own, &name, kind) {
                let flags = rustix::fs::AtFlags::empty();
                let _ = rustix::fs::unlinkat(own, name.as_bytes(), flags);
            }
        }
    }
}

impl DevFs {
    pub(super) fn open_listing(&self, number: u64) -> Result<u64, Error> {
        let open = Open::Directory(number, Mutex::default());
        self.handles.lock().add(open)
    }

    /// See [`viewfs::Store::list`].
    pub(super) fn list_names(&self, handle: u64, anew: bool) -> Result<Arc<Vec<Name>>, Error> {
        let open = self.handles.lock().get(handle)?;
        let Open::Directory(number, listed) = &*open else {
            return Err(Error::NotDirectory);
        };
        let mut listed = listed.lock();
        if anew {
            *listed = Listed::default();
            let total = {
                let handles = self.handles.lock();
                handles.may_list()?;
                handles.listed.clone()
            };
            // interfaces of the container's own, of which it may know before we do
            self.missed.missed(b"/class/macvtap/*");
            *listed = Listed::new(self.now().names(*number)?, &total);
        }
        Ok(listed.names.clone())
    }
}
