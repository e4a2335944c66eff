//! Node numbers and the paths they stand for.
//!
//! A number is given when a name is first shown and never again, so numbers tell nothing of
//! what is hidden, and a device that comes back under an old name is a new node. A node that the
//! kernel still holds after its path vanished is *retired*: it answers nothing any more. One that the
//! kernel does not hold keeps its number as long as its path is there, and is then given up.

use std::any::Any;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use crate::Error;

/// The root's number, as FUSE has it.
pub const ROOT: u64 = 1;

/// What the kernel reads a node's content from by itself.
#[derive(Clone, Debug)]
pub struct Backing {
    /// As the wire has it; it ends with this.
    pub wire: Arc<dyn Any + Send + Sync>,
    /// The file.
    pub file: Arc<OwnedFd>,
    /// When it was last looked up by its name, and the tree's generation then.
    pub looked: (Instant, u64),
}

#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) path: Arc<[u8]>,
    /// How often the kernel was told of it and has not said forget.
    lookups: u64,
    retired: bool,
    /// What the source knows the object by (see [`crate::Stat`]), 0 before it was asked.
    identity: u64,
    /// What was read of it was text.
    pub(crate) is_text: bool,
    pub(crate) backing: Option<Box<Backing>>,
    pub(crate) listed: Option<Box<Listed>>,
}

/// A directory as the kernel was told of it last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Of the names in it and their attributes.
    pub hash: u64,
    /// When it was first seen with these: what it says as its time, so that the kernel knows when a
    /// listing that it keeps is outdated.
    pub since: SystemTime,
    /// When that was looked at last, and the tree's generation then.
    pub looked: (Instant, u64),
}

/// What is to be dropped once the nodes are not locked any more: that asks the kernel.
#[must_use]
#[derive(Default)]
pub struct Dropped(Vec<Backing>);

/// All nodes of a mount.
#[derive(Debug)]
pub struct Nodes {
    by_number: BTreeMap<u64, Node>,
    by_path: BTreeMap<Arc<[u8]>, u64>,
    next: u64,
    /// Nodes that the kernel does not hold.
    idle: usize,
    /// Numbers given since some nodes were last suspected.
    fresh: usize,
    /// The path up to which they were.
    suspected: Arc<[u8]>,
}

/// After so many new numbers, some nodes are suspected of having no path any more.
const FRESH: usize = 256;
/// Among so many nodes: a table of which a part is dead has been looked through before it is half as
/// long again, and no request pays for more than some milliseconds.
const SUSPECTED: usize = 2 * FRESH;

impl Nodes {
    /// The root alone.
    pub fn new() -> Nodes {
        let mut nodes = Nodes {
            by_number: BTreeMap::new(),
            by_path: BTreeMap::new(),
            next: ROOT,
            idle: 0,
            fresh: 0,
            suspected: Arc::from(&b""[..]),
        };
        nodes.number(b"");
        nodes
    }

    /// The path of node `number`. A retired node has none.
    pub fn path(&self, number: u64) -> Result<Arc<[u8]>, Error> {
        match self.by_number.get(&number) {
            Some(node) if !node.retired => Ok(node.path.clone()),
            _ => Err(Error::NotFound),
        }
    }

    /// The number of the node at `path`, a new one if it has none.
    pub fn number(&mut self, path: &[u8]) -> u64 {
        if let Some(number) = self.by_path.get(path) {
            return *number;
        }
        let (number, path) = (self.next, Arc::<[u8]>::from(path));
        self.next += 1;
        self.fresh += 1;
        self.idle += 1;
        self.by_path.insert(path.clone(), number);
        let node = Node {
            path,
            lookups: 0,
            retired: false,
            identity: 0,
            is_text: false,
            backing: None,
            listed: None,
        };
        self.by_number.insert(number, node);
        number
    }

    /// The number of the object `identity` at `path`. If the node there is another object, it and all
    /// below it are retired.
    pub fn number_of(&mut self, path: &[u8], identity: u64) -> (u64, Dropped) {
        let mut dropped = Dropped::default();
        if self.is_another(self.by_path.get(path).copied(), identity) {
            dropped = self.retire(path);
        }
        let number = self.number(path);
        if let Some(node) = self.by_number.get_mut(&number) {
            node.identity = identity;
        }
        (number, dropped)
    }

    /// Whether node `number` is known to be another object than `identity`.
    pub fn is_another(&self, number: Option<u64>, identity: u64) -> bool {
        let known = number.and_then(|n| self.by_number.get(&n));
        known.is_some_and(|n| n.identity != 0 && identity != 0 && n.identity != identity)
    }

    /// The kernel is told of node `number`.
    pub fn tell(&mut self, number: u64) {
        if let Some(node) = self.by_number.get_mut(&number) {
            self.idle -= usize::from(node.lookups == 0);
            node.lookups += 1;
        }
    }

    /// A node that is not retired.
    pub(crate) fn live(&mut self, number: u64) -> Option<&mut Node> {
        self.by_number.get_mut(&number).filter(|n| !n.retired)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_number.len()
    }

    /// If many numbers were given since the last time, and the kernel does not hold many: of the next [`SUSPECTED`] nodes in the order of
    /// their paths, the paths of those that the kernel does not hold.
    pub fn suspects(&mut self) -> Vec<Arc<[u8]>> {
        if self.fresh < FRESH || self.idle < FRESH {
            return Vec::new();
        }
        self.fresh = 0;
        let from = (Bound::Excluded(self.suspected.clone()), Bound::Unbounded);
        let (mut suspects, mut last) = (Vec::new(), None);
        for (path, number) in self.by_path.range(from).take(SUSPECTED) {
            last = Some(path);
            if self.by_number.get(number).is_some_and(|n| n.lookups == 0) {
                suspects.push(path.clone());
            }
        }
        // from the top again where the end was reached
        self.suspected = last.cloned().unwrap_or_else(|| Arc::from(&b""[..]));
        suspects
    }

    /// Give up the node at `path`, whose path is gone, unless the kernel holds it.
    pub fn give_up(&mut self, path: &[u8]) -> Dropped {
        match self.known(path) {
            Some(_) => Dropped::default(),
            None => self.retire(path),
        }
    }

    /// How many nodes the kernel reads by itself.
    pub fn backings(&self) -> usize {
        let backed = |n: &&Node| n.backing.is_some();
        self.by_number.values().filter(backed).count()
    }

    /// Take away what the kernel reads from of every node that nobody has open.
    pub fn take_idle_backings(&mut self) -> Dropped {
        let idle = |backing: &mut Box<Backing>| Arc::strong_count(&backing.wire) == 1;
        let nodes = self.by_number.values_mut();
        Dropped(
            nodes
                .filter_map(|n| n.backing.take_if(idle))
                .map(|b| *b)
                .collect(),
        )
    }

    /// The kernel has dropped `count` of its references.
    pub fn forget(&mut self, number: u64, count: u64) -> Dropped {
        let Some(node) = self.by_number.get_mut(&number) else {
            return Dropped::default();
        };
        if node.lookups == 0 || node.lookups > count {
            node.lookups = node.lookups.saturating_sub(count);
            return Dropped::default();
        }
        node.lookups = 0;
        let backing = node.backing.take();
        match node.retired {
            true => drop(self.by_number.remove(&number)),
            false => self.idle += 1,
        }
        Dropped(backing.into_iter().map(|b| *b).collect())
    }

    /// The number of the node at `path` if the kernel may know it.
    pub fn known(&self, path: &[u8]) -> Option<u64> {
        let number = *self.by_path.get(path)?;
        let node = self.by_number.get(&number)?;
        (node.lookups > 0 || number == ROOT).then_some(number)
    }

    /// Retire the node at `path` and all below it.
    pub fn retire(&mut self, path: &[u8]) -> Dropped {
        let below = [path, b"/"].concat();
        let mut gone: Vec<Arc<[u8]>> = Vec::new();
        gone.extend(self.by_path.get_key_value(path).map(|(p, _)| p.clone()));
        gone.extend(
            self.by_path
                .range::<[u8], _>((Bound::Included(&below[..]), Bound::Unbounded))
                .map(|(p, _)| p)
                .take_while(|p| p.starts_with(&below))
                .cloned(),
        );
        let mut dropped = Dropped::default();
        for path in gone {
            let Some(number) = self.by_path.remove(&path) else {
                continue;
            };
            match self.by_number.get_mut(&number) {
                Some(node) if node.lookups > 0 => {
                    node.retired = true;
                    dropped.0.extend(node.backing.take().map(|b| *b));
                }
                _ => {
                    self.idle -= 1;
                    let node = self.by_number.remove(&number);
                    dropped.0.extend(node.and_then(|n| n.backing).map(|b| *b));
                }
            }
        }
        dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_no_gaps_and_do_not_come_back() {
        let mut nodes = Nodes::new();
        assert_eq!(nodes.number(b""), ROOT);
        let look_up = |nodes: &mut Nodes, path: &[u8]| {
            let number = nodes.number(path);
            nodes.tell(number);
            number
        };
        let a = look_up(&mut nodes, b"/a");
        let b = look_up(&mut nodes, b"/a/b");
        assert_eq!((a, b), (2, 3));
        nodes.number(b"/ab");
        drop(nodes.retire(b"/a"));
        assert_eq!(nodes.path(a), Err(Error::NotFound));
        assert_eq!(nodes.path(b), Err(Error::NotFound));
        assert!(nodes.by_path.contains_key(&b"/ab"[..]));
        assert_eq!(look_up(&mut nodes, b"/a"), 5);
        drop(nodes.forget(b, 1));
        assert!(!nodes.by_number.contains_key(&b));
        assert_eq!(nodes.known(b"/a"), Some(5));
    }

    /// Names that are never the same again, of which nobody says that they are gone.
    #[test]
    fn what_is_gone_and_not_held_is_given_up() {
        let mut nodes = Nodes::new();
        let held = nodes.number(b"/held");
        nodes.tell(held);
        let stays = nodes.number(b"/stays");
        for n in 0..100 * FRESH {
            nodes.number(format!("/gone{n}").as_bytes());
            for path in nodes.suspects() {
                assert_ne!(&path[..], b"/held");
                if path.starts_with(b"/gone") {
                    drop(nodes.give_up(&path));
                }
            }
            assert!(nodes.len() <= SUSPECTED + FRESH, "{n}");
        }
        assert_eq!(nodes.known(b"/held"), Some(held));
        assert_eq!(nodes.number(b"/stays"), stays);
        // told of it between the suspicion and the verdict
        nodes.tell(stays);
        drop(nodes.give_up(b"/stays"));
        assert_eq!(nodes.known(b"/stays"), Some(stays));
        drop(nodes.forget(held, 1));
        drop(nodes.forget(held, 1));
        drop(nodes.retire(b"/stays"));
        drop(nodes.forget(stays, 1));
        let idle = nodes.by_number.values().filter(|n| n.lookups == 0).count();
        assert_eq!(nodes.idle, idle);
    }

    #[test]
    fn another_object_is_another_node() {
        let mut nodes = Nodes::new();
        let number = |nodes: &mut Nodes, path: &[u8], identity| nodes.number_of(path, identity).0;
        let a = number(&mut nodes, b"/a", 7);
        let below = number(&mut nodes, b"/a/b", 8);
        assert_eq!(number(&mut nodes, b"/a", 7), a);
        // whoever does not know says nothing of it
        assert_eq!(nodes.number(b"/a"), a);
        assert!(!nodes.is_another(Some(a), 0));
        assert!(nodes.is_another(Some(a), 9));
        assert_ne!(number(&mut nodes, b"/a", 9), a);
        assert!(nodes.live(below).is_none() && nodes.live(a).is_none());
    }

    #[test]
    fn backings_end_with_their_node_and_when_nobody_has_it_open() {
        let mut nodes = Nodes::new();
        let backing = Backing {
            wire: Arc::new(()),
            file: Arc::new(std::fs::File::open("/dev/null").unwrap().into()),
            looked: (Instant::now(), 0),
        };
        let give = |nodes: &mut Nodes, path: &[u8]| {
            let number = nodes.number(path);
            nodes.tell(number);
            nodes.live(number).unwrap().backing = Some(Box::new(backing.clone()));
            number
        };
        let a = give(&mut nodes, b"/a");
        drop(nodes.forget(a, 1));
        assert_eq!(Arc::strong_count(&backing.wire), 1);
        let b = give(&mut nodes, b"/b");
        drop(nodes.take_idle_backings());
        assert!(nodes.live(b).unwrap().backing.is_some(), "it is open");
        drop(nodes.retire(b"/b"));
        assert_eq!(Arc::strong_count(&backing.wire), 1);
    }
}
