//! /dev as a tree of files.

use std::sync::Arc;
use std::time::SystemTime;

use bstr::{BString, ByteSlice};
use parking_lot::Mutex;
use viewfs::{
    Change, Entry, Error, Kind, Lifetime, Missed, Reader, SharedScene, Stat, Tree, Writer,
};

use crate::entries::{Entries, Item, Owners, entries};

/// The /dev of one container.
pub struct DevTree {
    scene: SharedScene,
    missed: Arc<dyn Missed>,
    /// Who owns what here: the container's root, or whom a rule names.
    owners: Owners,
    born: SystemTime,
    /// What the view had at this generation. The scene is locked after it.
    known: Mutex<(u64, Arc<Entries>)>,
}

impl DevTree {
    /// The nodes of `scene`, for a container that has these `owners`.
    pub fn new(scene: SharedScene, missed: Arc<dyn Missed>, owners: Owners) -> DevTree {
        DevTree {
            scene,
            missed,
            owners,
            born: SystemTime::now(),
            known: Mutex::new((u64::MAX, Arc::default())),
        }
    }

    fn entries(&self) -> Arc<Entries> {
        let mut known = self.known.lock();
        if known.0 != self.scene.read().generation {
            // reads files, which nobody who waits for the scene should wait for
            self.owners.look();
        }
        let scene = self.scene.read();
        if known.0 != scene.generation {
            let all = entries(scene.view.shown().map(|(_, shown)| shown), &self.owners);
            *known = (scene.generation, Arc::new(all));
        }
        known.1.clone()
    }

    fn item(&self, path: &[u8]) -> Result<Item, Error> {
        let find = || self.entries().get(path.as_bstr()).cloned();
        find()
            .or_else(|| {
                // a macvtap's node, of which the kernel has told the container already
                let name = path.strip_prefix(b"/")?;
                self.missed
                    .missed(&[b"/class/macvtap/", name].concat())
                    .then(find)?
            })
            .ok_or(Error::NotFound)
    }
}

impl Tree for DevTree {
    fn stat(&self, path: &[u8]) -> Result<Stat, Error> {
        let root = self.owners.root();
        let (kind, perm, device, (uid, gid)) = match self.item(path)? {
            Item::Directory => (Kind::Directory, 0o755, (0, 0), root),
            Item::Link { .. } => (Kind::Link, 0o777, (0, 0), root),
            Item::Node {
                kind,
                device,
                perm,
                uid,
                gid,
                ..
            } => (kind, perm, device, (uid, gid)),
        };
        Ok(Stat {
            kind,
            perm,
            uid,
            gid,
            size: 0,
            device,
            time: self.born,
            lifetime: Lifetime::Announced,
            identity: 0,
        })
    }

    fn list(&self, path: &[u8]) -> Result<Vec<Entry>, Error> {
        self.missed.missed(b"/class/macvtap/*");
        if self.item(path)? != Item::Directory {
            return Err(Error::NotDirectory);
        }
        let top = BString::from([path, b"/"].concat());
        let entries = self.entries();
        let below = entries
            .range(top.clone()..)
            .take_while(|(p, _)| p.starts_with(&top));
        Ok(below
            .filter(|(p, _)| !p[top.len()..].contains(&b'/'))
            .map(|(p, item)| Entry {
                name: p[top.len()..].into(),
                kind: match item {
                    Item::Directory => Kind::Directory,
                    Item::Link { .. } => Kind::Link,
                    Item::Node { kind, .. } => *kind,
                },
            })
            .collect())
    }

    fn list_with_stats(&self, path: &[u8]) -> Result<Vec<(BString, Stat)>, Error> {
        let mut all = Vec::new();
        for Entry { name, .. } in self.list(path)? {
            // it may be gone meanwhile
            if let Ok(stat) = self.stat(&[path, b"/", name.as_slice()].concat()) {
                all.push((name, stat));
            }
        }
        Ok(all)
    }

    fn generation(&self) -> u64 {
        self.scene.read().generation
    }

    fn readlink(&self, path: &[u8]) -> Result<BString, Error> {
        match self.item(path)? {
            Item::Link { target, .. } => Ok(target),
            Item::Directory | Item::Node { .. } => Err(Error::Invalid),
        }
    }

    /// The kernel opens nodes itself; there are no other files.
    fn open_read(&self, _: &[u8]) -> Result<Box<dyn Reader>, Error> {
        Err(Error::NoDevice)
    }

    fn open_write(&self, _: &[u8]) -> Result<Box<dyn Writer>, Error> {
        Err(Error::NoDevice)
    }

    fn is_hidden(&self, path: &[u8]) -> bool {
        !self.entries().contains_key(path.as_bstr())
    }

    fn refuse(&self, _: Change) -> Error {
        Error::ReadOnly
    }
}
