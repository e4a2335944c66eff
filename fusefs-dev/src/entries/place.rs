//! Who gets a name.

use std::fmt;

use bstr::BString;
use kobject::Devpath;
use viewfs::Kind;

use super::{DIRECTORIES, Entries, Item, STANDARD_NODES};

/// Why something does not get its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The name belongs to a standard device, link or directory.
    Standard,
    /// Something of this device's has the name.
    Taken(Devpath),
    /// The name is a directory, since others are below it.
    Directory,
    /// It would be below this path, which is no directory, or another file system's place.
    Below(BString),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::Standard => f.write_str("the name is a standard one"),
            Refused::Taken(by) => write!(f, "the name is taken by {by}"),
            Refused::Directory => f.write_str("it is a directory with others in it"),
            Refused::Below(path) => write!(f, "{path:?} is no directory for devices"),
        }
    }
}

/// Put `item` at `path`, with the directories that lead there.
pub fn place(entries: &mut Entries, path: BString, item: Item) -> Result<(), Refused> {
    let standard = STANDARD_NODES.iter().find(|(name, _)| path == *name);
    match &item {
        Item::Node { kind, device, .. } => {
            if standard.is_some_and(|(_, number)| Some(*device) != *number || *kind != Kind::Char) {
                return Err(Refused::Standard);
            }
        }
        Item::Link { .. } | Item::Directory => {
            // what is opened there must be that device or nothing
            if standard.is_some() {
                return Err(Refused::Standard);
            }
        }
    }
    match entries.get(&path) {
        None => {}
        Some(Item::Directory) if DIRECTORIES.iter().any(|d| path == *d) => {
            return Err(Refused::Standard);
        }
        Some(Item::Directory) => return Err(Refused::Directory),
        Some(Item::Link { of: None, .. }) => return Err(Refused::Standard),
        Some(Item::Link { of: Some(by), .. } | Item::Node { devpath: by, .. }) => {
            return Err(Refused::Taken(by.clone()));
        }
    }
    let slashes = path.iter().enumerate().skip(1).filter(|(_, b)| **b == b'/');
    let parents: Vec<BString> = slashes.map(|(at, _)| path[..at].into()).collect();
    for parent in &parents {
        // below pts, shm and mqueue is another file system's place; below a standard name is nothing,
        // also while its device does not show
        let closed = match entries.get(parent) {
            Some(Item::Directory) => DIRECTORIES.iter().any(|d| parent == *d),
            Some(_) => true,
            None => STANDARD_NODES.iter().any(|(name, _)| parent == *name),
        };
        if closed {
            return Err(Refused::Below(parent.clone()));
        }
    }
    for parent in parents {
        entries.insert(parent, Item::Directory);
    }
    entries.insert(path, item);
    Ok(())
}
