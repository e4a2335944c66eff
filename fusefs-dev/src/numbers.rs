//! What the kernel knows by a number.
//!
//! A file of the container's own is known by its inode in the tmpfs, since it may have many names or none. What is given,
//! and a directory, is known by its path. No number is given twice, and none tells of what is hidden.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use bstr::BString;
use viewfs::Error;

use crate::entries::Item;

/// The root's number, as FUSE has it.
pub const ROOT: u64 = 1;
/// From here on, numbers are inode numbers of the tmpfs.
const OWN: u64 = 1 << 32;

/// What a number stands for.
#[derive(Clone, Debug)]
pub enum Body {
    /// A directory; what the container put into it is in the tmpfs, if it did.
    Directory {
        path: BString,
        own: Option<Arc<OwnedFd>>,
    },
    /// A node or a link that is given.
    Given { path: BString, item: Item },
    /// Anything of the container's own that is no directory.
    Own(Arc<OwnedFd>),
}

#[derive(Debug)]
struct Node {
    body: Body,
    /// How often the kernel was told of it and has not said forget.
    lookups: u64,
    /// What is said of it since its path is gone, or something else's.
    retired: Option<Error>,
}

impl Node {
    /// The kernel may keep its number for long, but not the inode.
    fn retire(&mut self, said: Error) {
        self.retired = Some(said);
        self.body = Body::Directory {
            path: BString::default(),
            own: None,
        };
    }
}

/// All numbers of a mount.
#[derive(Debug)]
pub struct Numbers {
    by_number: HashMap<u64, Node>,
    /// Of directories and what is given.
    by_path: BTreeMap<BString, u64>,
    next: u64,
    /// What was lost and the kernel may still have at some name.
    lost: BTreeSet<u64>,
    /// Which of it are directories, and what is in those.
    lost_directories: Vec<(u64, Arc<OwnedFd>)>,
}

impl Numbers {
    /// The root alone.
    pub fn new(root: Arc<OwnedFd>) -> Numbers {
        let mut numbers = Numbers {
            by_number: HashMap::new(),
            by_path: BTreeMap::new(),
            next: ROOT,
            lost: BTreeSet::new(),
            lost_directories: Vec::new(),
        };
        numbers.at(Body::Directory {
            path: "".into(),
            own: Some(root),
        });
        numbers
    }

    /// What `number` stands for.
    pub fn body(&self, number: u64) -> Result<&Body, Error> {
        let node = self.by_number.get(&number).ok_or(Error::NotFound)?;
        node.retired.map_or(Ok(&node.body), Err)
    }

    /// Numbers that were lost and that the kernel may still have, wherever the container has moved their names;
    /// each is told once.
    pub fn take_lost(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.lost).into_iter().collect()
    }

    /// The directories among them. Whoever has something in there open keeps the kernel from forgetting its name,
    /// where nobody can look it up and remove it again.
    pub fn take_lost_directories(&mut self) -> Vec<(u64, Arc<OwnedFd>)> {
        std::mem::take(&mut self.lost_directories)
    }

    /// The number of the inode `ino` of the tmpfs.
    pub fn of_inode(ino: u64) -> u64 {
        OWN + ino
    }

    /// The number of something of the container's own with inode number `ino`.
    pub fn own(&mut self, ino: u64, fd: Arc<OwnedFd>) -> u64 {
        let number = Numbers::of_inode(ino);
        self.by_number.entry(number).or_insert_with(|| Node {
            body: Body::Own(fd),
            lookups: 0,
            retired: None,
        });
        number
    }

    /// The number of `body`, which has a path: the one it has, unless that was of something else.
    pub fn at(&mut self, body: Body) -> u64 {
        let path = match &body {
            Body::Directory { path, .. } | Body::Given { path, .. } => path.clone(),
            Body::Own(_) => BString::default(),
        };
        if let Some(number) = self.by_path.get(&path)
            && let Some(node) = self.by_number.get_mut(number)
        {
            if is_same(&node.body, &body) {
                let number = *number;
                node.body = body;
                return number;
            }
            self.lose(&path);
        }
        let number = self.next;
        self.next += 1;
        self.by_path.insert(path, number);
        let node = Node {
            body,
            lookups: 0,
            retired: None,
        };
        self.by_number.insert(number, node);
        number
    }

    /// The number that `path` has, if the kernel may know it.
    pub fn known(&self, path: &[u8]) -> Option<u64> {
        let number = *self.by_path.get(path)?;
        let lookups = self.by_number.get(&number)?.lookups;
        (lookups > 0 || number == ROOT).then_some(number)
    }

    /// The number that `path` has.
    pub fn at_path(&self, path: &BString) -> Option<u64> {
        self.by_path.get(path).copied()
    }

    /// Whether this number stands for something.
    pub fn has(&self, number: u64) -> bool {
        self.by_number.contains_key(&number)
    }

    /// All of them.
    #[cfg(test)]
    pub fn all(&self) -> impl Iterator<Item = u64> {
        self.by_number.keys().copied()
    }

    /// How many numbers there are.
    pub fn count(&self) -> usize {
        self.by_number.len()
    }

    /// The kernel is told of `number`.
    pub fn tell(&mut self, number: u64) {
        if let Some(node) = self.by_number.get_mut(&number) {
            node.lookups += 1;
        }
    }

    /// The kernel has dropped `count` references.
    pub fn forget(&mut self, number: u64, count: u64) {
        let Some(node) = self.by_number.get_mut(&number) else {
            return;
        };
        node.lookups = node.lookups.saturating_sub(count);
        if node.lookups > 0 || number == ROOT {
            return;
        }
        self.lost.remove(&number);
        if let Some(node) = self.by_number.remove(&number)
            && node.retired.is_none()
            && let Body::Directory { path, .. } | Body::Given { path, .. } = node.body
        {
            self.by_path.remove(&path);
        }
    }

    /// The container has removed what is at `path`, and what is known below it.
    pub fn retire(&mut self, path: &[u8]) {
        for path in self.subtree(path) {
            if let Some(number) = self.by_path.remove(&path) {
                self.retire_number(number, Error::NotFound);
            }
        }
    }

    /// What is at `path`, and what is known below it, is not there any more, and the kernel has yet to hear of it:
    /// if it asks, it is to look up what has the name now.
    pub fn lose(&mut self, path: &[u8]) {
        for path in self.subtree(path) {
            if let Some(number) = self.by_path.remove(&path) {
                self.lose_number(number);
            }
        }
    }

    fn lose_number(&mut self, number: u64) {
        let own = match self.by_number.get(&number).map(|node| &node.body) {
            Some(Body::Directory { own, .. }) => own.clone(),
            _ => None,
        };
        if self.retire_number(number, Error::Stale) {
            self.lost.insert(number);
            self.lost_directories.extend(own.map(|own| (number, own)));
        }
    }

    /// Whether the kernel may still have it.
    fn retire_number(&mut self, number: u64, said: Error) -> bool {
        match self.by_number.get_mut(&number) {
            Some(node) if node.lookups > 0 => {
                node.retire(said);
                true
            }
            _ => {
                self.by_number.remove(&number);
                false
            }
        }
    }

    /// The inode `ino` of the tmpfs is not there any more, whoever still has it.
    pub fn lose_inode(&mut self, ino: u64) {
        self.lose_number(Numbers::of_inode(ino));
    }

    /// What is known at and below `from` is at and below `to` now.
    pub fn move_to(&mut self, from: &[u8], to: &[u8]) {
        let moved: Vec<(BString, u64)> = self
            .subtree(from)
            .into_iter()
            .filter_map(|path| Some((path.clone(), self.by_path.remove(&path)?)))
            .collect();
        for (old, number) in moved {
            let new = BString::from([to, &old[from.len()..]].concat());
            if let Some(node) = self.by_number.get_mut(&number)
                && let Body::Directory { path, .. } | Body::Given { path, .. } = &mut node.body
            {
                *path = new.clone();
            }
            self.by_path.insert(new, number);
        }
    }

    fn subtree(&self, path: &[u8]) -> Vec<BString> {
        let below = BString::from([path, b"/"].concat());
        let from = (Bound::Included(&below), Bound::Unbounded);
        let all = self.by_path.range::<BString, _>(from).map(|(p, _)| p);
        let itself = self.by_path.get_key_value(path).map(|(p, _)| p);
        let below = all.take_while(|p| p.starts_with(&below));
        itself.into_iter().chain(below).cloned().collect()
    }
}

fn is_same(a: &Body, b: &Body) -> bool {
    match (a, b) {
        (Body::Directory { .. }, Body::Directory { .. }) => true,
        (Body::Given { item: a, .. }, Body::Given { item: b, .. }) => a.is_same(b),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers() -> Numbers {
        let null = std::fs::File::open("/dev/null").unwrap();
        Numbers::new(Arc::new(null.into()))
    }

    fn directory(path: &str) -> Body {
        Body::Directory {
            path: path.into(),
            own: None,
        }
    }

    #[test]
    fn directories_keep_their_number_when_they_are_renamed() {
        let mut numbers = numbers();
        let a = numbers.at(directory("/a"));
        let b = numbers.at(directory("/a/b"));
        let other = numbers.at(directory("/ab"));
        for number in [a, b, other] {
            numbers.tell(number);
        }
        numbers.move_to(b"/a", b"/c");
        assert_eq!(numbers.known(b"/c/b"), Some(b));
        assert_eq!(numbers.known(b"/a"), None);
        assert_eq!(numbers.known(b"/ab"), Some(other));
        assert!(matches!(numbers.body(b), Ok(Body::Directory { path, .. }) if path == "/c/b"));
    }

    #[test]
    fn what_is_gone_answers_nothing_and_comes_back_as_another() {
        let mut numbers = numbers();
        let a = numbers.at(directory("/a"));
        let b = numbers.at(directory("/a/b"));
        numbers.tell(a);
        numbers.tell(b);
        numbers.retire(b"/a");
        assert!(numbers.body(b).is_err());
        assert!(numbers.at(directory("/a")) > b);
        numbers.forget(a, 1);
        assert!(!numbers.by_number.contains_key(&a));
    }

    #[test]
    fn forgotten_is_forgotten() {
        let mut numbers = numbers();
        let a = numbers.at(directory("/a"));
        numbers.tell(a);
        numbers.forget(a, 1);
        assert_eq!((numbers.by_number.len(), numbers.by_path.len()), (1, 1));
        numbers.forget(ROOT, 1);
        assert!(numbers.body(ROOT).is_ok());
    }
}
