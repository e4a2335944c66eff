//! Listings without an open directory: each request says where it goes on.
//!
//! A line's place is its node's number, which it keeps: names that come and go between two requests
//! move no other. The kernel keeps what it was told; how long, the directory's time says.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bstr::BString;

use super::{Core, Node};
use crate::Error;
use crate::nodes::{Listed, ROOT};
use crate::tree::{Kind, Lifetime, Stat, Tree};

/// How many listings are kept while they are read, for all requests but each one's first.
const KEPT: usize = 16;
/// How long.
const FRESH: Duration = Duration::from_secs(1);

/// A name in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its node.
    pub node: Node,
    /// The name.
    pub name: BString,
    /// What a request names to go on after it.
    pub place: u64,
}

/// A directory as it was at one time.
#[derive(Clone, Debug)]
pub struct Listing {
    directory: u64,
    lines: Arc<[Line]>,
    /// The tree's generation from before it was read.
    generation: u64,
}

impl Listing {
    /// The lines after `place`, 0 for all.
    pub fn after(&self, place: u64) -> &[Line] {
        let at = self.lines.partition_point(|line| line.place <= place);
        &self.lines[at..]
    }
}

/// Listings that somebody is reading.
#[derive(Default)]
pub(super) struct Recent(VecDeque<(Instant, Listing)>);

impl Recent {
    fn get(&self, directory: u64) -> Option<Listing> {
        let found = self.0.iter().find(|(_, l)| l.directory == directory);
        found
            .filter(|(at, _)| at.elapsed() < FRESH)
            .map(|(_, listing)| listing.clone())
    }

    fn put(&mut self, listing: Listing) {
        self.0.retain(|(_, l)| l.directory != listing.directory);
        self.0.truncate(KEPT - 1);
        self.0.push_front((Instant::now(), listing));
    }
}

impl<T: Tree> Core<T> {
    /// The directory `number`, to be read on after `place`.
    pub fn listing(&self, number: u64, place: u64) -> Result<Listing, Error> {
        if place > 0
            && let Some(listing) = self.recent.lock().get(number)
        {
            return Ok(listing);
        }
        let listing = self.list(number)?;
        self.recent.lock().put(listing.clone());
        Ok(listing)
    }

    fn list(&self, number: u64) -> Result<Listing, Error> {
        let generation = self.tree.generation();
        let path = self.path(number)?;
        let entries = self.tree.list_with_stats(&path)?;
        let hash = hash(&entries);
        let mut dropped = Vec::new();
        let mut nodes = self.nodes.lock();
        let parent = path
            .iter()
            .rposition(|b| *b == b'/')
            .map_or(ROOT, |at| nodes.number(&path[..at]));
        let mut lines: Vec<Line> = Vec::with_capacity(entries.len() + 2);
        let mut child = [&path, &b"/"[..]].concat();
        for (name, mut stat) in entries {
            child.truncate(path.len() + 1);
            child.extend_from_slice(&name);
            let (number, old) = nodes.number_of(&child, stat.identity);
            dropped.push(old);
            let listed = nodes
                .live(number)
                .and_then(|n| n.listed.as_deref().copied());
            if stat.kind == Kind::Directory {
                stat.time = listed.map_or(self.born, |l| l.since);
            }
            if let Some(listed) = listed {
                stat.lifetime = listed.rest(generation, stat.lifetime);
            } else if self.forget_names.get().is_some() {
                stat.lifetime = with_directory(&stat);
            }
            lines.push(Line {
                node: Node { number, stat },
                name,
                place: number + 2,
            });
        }
        drop(nodes);
        drop(dropped);
        self.sweep();
        self.dated(&path, number, hash, generation);
        lines.sort_by_key(|line| line.place);
        let dots = [(number, "."), (parent, "..")].into_iter().zip(1..);
        let dots = dots.map(|((number, name), place)| Line {
            node: Node { number, stat: DOT },
            name: name.into(),
            place,
        });
        Ok(Listing {
            directory: number,
            lines: dots.chain(lines).collect(),
            generation,
        })
    }

    /// The kernel is about to be told of `line` of `listing`: it holds a reference from then on. False:
    /// it must not be, the name was hidden meanwhile.
    pub fn tell(&self, listing: &Listing, line: &Line) -> bool {
        if line.place <= 2 {
            return true;
        }
        let number = line.node.number;
        {
            let mut nodes = self.nodes.lock();
            if nodes.live(number).is_none() {
                return false;
            }
            nodes.tell(number);
        }
        // from here on there is a node, and whoever hides it has to wait for our answer
        if self.tree.generation() == listing.generation {
            return true;
        }
        let path = self.path(number);
        if path.is_ok_and(|path| !self.tree.is_hidden(&path)) {
            return true;
        }
        self.forget(number, 1);
        false
    }

    /// The answer had no room for `line`, and the kernel was not told of it after all.
    pub fn untell(&self, line: &Line) {
        if line.place > 2 {
            self.forget(line.node.number, 1);
        }
    }

    /// If the kernel may have a listing of the directory `number`, say whether it is outdated: by the
    /// directory's time. That is looked at once a second.
    pub(super) fn date(&self, number: u64, path: &[u8], stat: &mut Stat) {
        if stat.kind != Kind::Directory {
            return;
        }
        let generation = self.tree.generation();
        let listed = self
            .nodes
            .lock()
            .live(number)
            .and_then(|n| n.listed.as_deref().copied());
        // nobody can have a listing of it
        let Some(listed) = listed else {
            stat.time = self.born;
            return;
        };
        // it is not looked at once a second where names come and go without us
        if stat.lifetime != Lifetime::Never && listed.is_fresh(generation) {
            stat.time = listed.since;
            stat.lifetime = listed.rest(generation, stat.lifetime);
            return;
        }
        stat.time = match self.tree.list_with_stats(path) {
            Ok(entries) => self.dated(path, number, hash(&entries), generation),
            Err(_) => listed.since,
        };
    }

    /// The time since when directory `number` has the names that `hash` is of, looked at with the tree
    /// at `generation`.
    fn dated(&self, path: &[u8], number: u64, hash: u64, generation: u64) -> SystemTime {
        let now = SystemTime::now();
        let looked = (Instant::now(), generation);
        let mut nodes = self.nodes.lock();
        let Some(node) = nodes.live(number) else {
            return now;
        };
        let before = node.listed.as_deref().copied();
        let since = match before {
            // as the kernel was told before it asked for the names
            None => self.born,
            Some(b) if b.hash == hash => b.since,
            // never the same time for different names, whatever the clock does
            Some(b) if b.since >= now => b.since + Duration::from_nanos(1),
            Some(_) => now,
        };
        node.listed = Some(Box::new(Listed {
            hash,
            since,
            looked,
        }));
        drop(nodes);
        if before.is_some_and(|b| b.hash != hash)
            && let Some(forget_names) = self.forget_names.get()
        {
            log::debug!("changed: {}", path.escape_ascii());
            forget_names();
        }
        since
    }

    /// Whether what is told of an entry of the directory `parent` may be kept as long as nothing is said
    /// of that: its entries are looked at together.
    pub(super) fn outlive(&self, parent: u64, stat: &mut Stat) {
        let is_listed = || {
            let mut nodes = self.nodes.lock();
            nodes.live(parent).is_some_and(|n| n.listed.is_some())
        };
        if self.forget_names.get().is_some() && is_listed() {
            stat.lifetime = with_directory(stat);
        }
    }
}

/// The lifetime of an entry of a directory that is looked at whenever it is used. A directory has to be
/// asked for each second itself, so that somebody looks.
fn with_directory(stat: &Stat) -> Lifetime {
    match (stat.kind, stat.lifetime) {
        (Kind::Directory, lifetime) => lifetime,
        (_, Lifetime::Short) => Lifetime::Directory,
        (_, lifetime) => lifetime,
    }
}

impl Listed {
    fn is_fresh(&self, generation: u64) -> bool {
        let (at, of) = self.looked;
        of == generation && at.elapsed() < FRESH
    }

    /// What is left of its second for who was to keep it for `lifetime`; nothing if it has to be looked
    /// at again first.
    fn rest(&self, generation: u64, lifetime: Lifetime) -> Lifetime {
        match lifetime {
            // whoever changes it says so
            Lifetime::None | Lifetime::Never | Lifetime::Announced => lifetime,
            _ if self.is_fresh(generation) => {
                Lifetime::For(FRESH.saturating_sub(self.looked.0.elapsed()))
            }
            _ => Lifetime::None,
        }
    }
}

/// Of `.` and `..`: nobody looks at more than the type.
const DOT: Stat = Stat {
    kind: Kind::Directory,
    perm: 0o755,
    uid: 0,
    gid: 0,
    size: 0,
    device: (0, 0),
    time: SystemTime::UNIX_EPOCH,
    lifetime: Lifetime::None,
    identity: 0,
};

/// Of all that the kernel keeps of these entries.
fn hash(entries: &[(BString, Stat)]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for (name, s) in entries {
        (
            name, s.kind, s.perm, s.uid, s.gid, s.size, s.device, s.identity,
        )
            .hash(&mut hasher);
    }
    hasher.finish()
}
