//! Node numbers and the paths they stand for.
//!
//! A number is given when a name is first shown and never again, so numbers tell nothing of
//! what is hidden, and a device that comes back under an old name is a new node. A node that the
//! kernel still holds after its path vanished is *retired*: it answers nothing any more.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::Error;

/// The root's number, as FUSE has it.
pub const ROOT: u64 = 1;

#[derive(Debug)]
struct Node {
    path: Arc<[u8]>,
    /// How often the kernel was told of it and has not said forget.
    lookups: u64,
    retired: bool,
}

/// All nodes of a mount.
#[derive(Debug)]
pub struct Nodes {
    by_number: HashMap<u64, Node>,
    by_path: BTreeMap<Arc<[u8]>, u64>,
    next: u64,
}

impl Nodes {
    /// The root alone.
    pub fn new() -> Nodes {
        let mut nodes = Nodes {
            by_number: HashMap::new(),
            by_path: BTreeMap::new(),
            next: ROOT,
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
        self.by_path.insert(path.clone(), number);
        let node = Node {
            path,
            lookups: 0,
            retired: false,
        };
        self.by_number.insert(number, node);
        number
    }

    /// As [`Nodes::number`], and the kernel is told of it.
    pub fn look_up(&mut self, path: &[u8]) -> u64 {
        let number = self.number(path);
        if let Some(node) = self.by_number.get_mut(&number) {
            node.lookups += 1;
        }
        number
    }

    /// The kernel has dropped `count` of its references.
    pub fn forget(&mut self, number: u64, count: u64) {
        if let Some(node) = self.by_number.get_mut(&number) {
            node.lookups = node.lookups.saturating_sub(count);
            if node.lookups == 0 && node.retired {
                self.by_number.remove(&number);
            }
        }
    }

    /// The number of the node at `path` if the kernel may know it.
    pub fn known(&self, path: &[u8]) -> Option<u64> {
        let number = *self.by_path.get(path)?;
        let node = self.by_number.get(&number)?;
        (node.lookups > 0 || number == ROOT).then_some(number)
    }

    /// Retire the node at `path` and all below it.
    pub fn retire(&mut self, path: &[u8]) {
        let below = [path, b"/"].concat();
        let mut gone: Vec<Arc<[u8]>> = Vec::new();
        gone.extend(self.by_path.get_key_value(path).map(|(p, _)| p.clone()));
        gone.extend(
            self.by_path
                .range::<[u8], _>((
                    std::ops::Bound::Included(&below[..]),
                    std::ops::Bound::Unbounded,
                ))
                .map(|(p, _)| p)
                .take_while(|p| p.starts_with(&below))
                .cloned(),
        );
        for path in gone {
            let Some(number) = self.by_path.remove(&path) else {
                continue;
            };
            match self.by_number.get_mut(&number) {
                Some(node) if node.lookups > 0 => node.retired = true,
                _ => {
                    self.by_number.remove(&number);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_no_gaps_and_do_not_come_back() {
        let mut nodes = Nodes::new();
        assert_eq!(nodes.number(b""), ROOT);
        let a = nodes.look_up(b"/a");
        let b = nodes.look_up(b"/a/b");
        assert_eq!((a, b), (2, 3));
        nodes.number(b"/ab");
        nodes.retire(b"/a");
        assert_eq!(nodes.path(a), Err(Error::NotFound));
        assert_eq!(nodes.path(b), Err(Error::NotFound));
        assert!(nodes.by_path.contains_key(&b"/ab"[..]));
        assert_eq!(nodes.look_up(b"/a"), 5);
        nodes.forget(b, 1);
        assert!(!nodes.by_number.contains_key(&b));
        assert_eq!(nodes.known(b"/a"), Some(5));
    }
}
