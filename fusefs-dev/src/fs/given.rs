//! What is given changes: devices have come and gone.

use std::collections::HashMap;
use std::time::SystemTime;

use bstr::{BString, ByteSlice};
use kobject::DevKind;
use policy::Shown;
use rustix::fs::AtFlags;
use viewfs::Kind;

use super::state::{Number, State, split};
use crate::entries::{Entries, Item};

impl State {
    /// This is given from now on; the devices that showed before. [`State::settle`] has to follow.
    pub fn take_up(
        &mut self,
        given: Entries,
        shown: &[&Shown],
        generation: u64,
    ) -> HashMap<Number, u64> {
        let now = SystemTime::now();
        let old = std::mem::replace(&mut self.given, given);
        self.subdirectories.clear();
        for (path, item) in &self.given {
            if let (Item::Directory, Some((above, _))) = (item, split(path)) {
                *self.subdirectories.entry(above.into()).or_default() += 1;
            }
        }
        self.generation = Some(generation);
        let devices = shown
            .iter()
            .filter_map(|s| Some((number_of(s)?, s.arrival)));
        let before = std::mem::replace(&mut self.devices, devices.collect());
        let new: Vec<BString> = (self.given.iter())
            .filter(|(path, item)| !old.get(*path).is_some_and(|o| o.is_same(item)))
            .map(|(path, _)| path.clone())
            .collect();
        self.unsure.expire();
        // before anything is lost: the kernel may know a directory that goes
        let all = old.keys().filter(|path| !self.given.contains_key(*path));
        for (above, name) in all.chain(&new).filter_map(|path| split(path)) {
            // at the start it knows nothing
            if let Some(parent) = self.numbers.known(above).filter(|_| !old.is_empty()) {
                self.unsure.add(parent, name);
            }
        }
        for (path, item) in &old {
            let stays = self.given.get(path).is_some_and(|new| new.is_same(item));
            if !stays {
                self.times.remove(path);
                self.changed.remove(path);
                self.removed.remove(path);
                self.covered.remove(path);
                self.touch_parent(path, now);
                if *item != Item::Directory {
                    self.lose(path, item);
                }
            }
        }
        for path in new {
            self.times.insert(path.clone(), now);
            self.touch_parent(&path, now);
            // something of the container's own may have had the name
            if let Some(item) = self.given.get(&path).cloned()
                && item != Item::Directory
            {
                if item.is_fixed() && self.own_at(&path).is_some() {
                    self.covered.insert(path.clone());
                }
                self.lose(&path, &item);
            }
        }
        // the deepest first
        let mut gone: Vec<BString> = (old.into_iter())
            .filter(|(path, item)| *item == Item::Directory && !self.given.contains_key(path))
            .map(|(path, _)| path)
            .collect();
        gone.sort_by_key(|path| std::cmp::Reverse(path.len()));
        for path in gone {
            self.drop_implied(&path);
            let stays = self.own_at(&path).is_some();
            if !stays {
                self.numbers.lose(&path);
            }
        }
        // names of directories are never used up
        self.times.retain(|path, _| self.given.contains_key(path));
        before
    }

    /// Remove what the container had of the devices that showed `before` and have gone. Everything of its own may have to be
    /// looked at, so nobody should wait for it.
    pub fn settle(&mut self, before: &HashMap<Number, u64>) {
        self.drop_made(before);
        self.adopt();
    }

    /// What shows at `path` is not what did, where `item` comes or goes; but a directory of the container's own
    /// shows over a link, before and after: who is in there stays, and what is mounted there.
    fn lose(&mut self, path: &BString, item: &Item) {
        if item.is_fixed() || self.own_at(path).is_none() {
            self.numbers.lose(path);
        }
    }

    fn touch_parent(&mut self, path: &[u8], now: SystemTime) {
        if let Some((above, _)) = split(path) {
            self.times.insert(above.into(), now);
        }
    }

    /// Directories that are not given any more and hold something of the container's own are its own from now
    /// on: one that went with what it removes last would be there still for the kernel, which nobody tells.
    fn adopt(&mut self) {
        self.implied.retain(|path| self.given.contains_key(path));
    }

    /// Remove the directory of the tmpfs at `path` if it is there for nothing now, then those above it.
    pub fn drop_implied(&mut self, path: &[u8]) {
        if self.given.contains_key(path.as_bstr()) || !self.implied.contains(path.as_bstr()) {
            return;
        }
        let Some((above, name)) = split(path) else {
            return;
        };
        let Some(parent) = self.own_at(above) else {
            return;
        };
        if rustix::fs::unlinkat(&parent, name, AtFlags::REMOVEDIR).is_ok() {
            self.implied.remove(path.as_bstr());
            self.numbers.lose(path);
            // which may have been all that was in there
            self.drop_implied(above);
        }
    }
}

fn number_of(shown: &Shown) -> Option<Number> {
    let devnum = shown.devnum?;
    let kind = match devnum.kind {
        DevKind::Block => Kind::Block,
        DevKind::Char => Kind::Char,
    };
    Some((kind, (devnum.major, devnum.minor)))
}
