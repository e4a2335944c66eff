//! What stands in /dev: the standard names, and a node for each device that shows.

use std::collections::BTreeMap;

use bstr::BString;
use kobject::{DevKind, Devpath};
use policy::{Show, Shown};
use viewfs::Kind;

use crate::owners::Owners;

/// Something with a name in /dev.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A directory.
    Directory,
    /// A link to this target.
    Link {
        /// Its text.
        target: BString,
        /// The device that it leads to; None: it is one of the standard links.
        of: Option<Devpath>,
    },
    /// A device node.
    Node {
        /// Block or character device.
        kind: Kind,
        /// Major and minor number.
        device: (u32, u32),
        /// Permission bits.
        perm: u16,
        /// Owner, a host uid.
        uid: u32,
        /// Group, a host gid.
        gid: u32,
        /// How it shows.
        show: Show,
        /// The device.
        devpath: Devpath,
    },
}

/// Links that every /dev has (systemd's `dev_setup`, OCI runtime-spec "Dev symbolic links").
const LINKS: [(&str, &str); 6] = [
    ("/core", "/proc/kcore"),
    ("/fd", "/proc/self/fd"),
    ("/ptmx", "pts/ptmx"),
    ("/stderr", "/proc/self/fd/2"),
    ("/stdin", "/proc/self/fd/0"),
    ("/stdout", "/proc/self/fd/1"),
];

/// Directories for other file systems to be mounted on.
const DIRECTORIES: [&str; 3] = ["/mqueue", "/pts", "/shm"];

/// Names that belong to one device number, whatever a device calls itself (OCI runtime-spec
/// "Default Devices"; Documentation/admin-guide/devices.txt).
const STANDARD_NODES: [(&str, (u32, u32)); 6] = [
    ("/full", (1, 7)),
    ("/null", (1, 3)),
    ("/random", (1, 8)),
    ("/tty", (5, 0)),
    ("/urandom", (1, 9)),
    ("/zero", (1, 5)),
];

/// Every path of /dev, the root as "".
pub type Entries = BTreeMap<BString, Item>;

/// /dev with a node for each of `shown`. Where two want one name, the standard one wins, then
/// the one that comes first; the loser is logged.
pub fn entries<'a>(shown: impl Iterator<Item = &'a Shown>, owners: &Owners) -> Entries {
    let mut entries = Entries::new();
    entries.insert("".into(), Item::Directory);
    for name in DIRECTORIES {
        entries.insert(name.into(), Item::Directory);
    }
    for (name, target) in LINKS {
        entries.insert(
            name.into(),
            Item::Link {
                target: target.into(),
                of: None,
            },
        );
    }
    for shown in shown {
        if let Some((path, item)) = node(shown, owners)
            && !place(&mut entries, path.clone(), item)
        {
            // the terminal multiplexer is reached by the link to the container's own
            if path != "/ptmx" {
                log::warn!("{}: its name {path:?} in /dev is taken", shown.devpath);
            }
        }
    }
    entries
}

/// The node of a device that has one.
fn node(shown: &Shown, owners: &Owners) -> Option<(BString, Item)> {
    let (devnum, devname) = (shown.devnum?, shown.devname.as_ref()?);
    let path = BString::from([b"/", devname.as_bytes()].concat());
    let perm = shown.devmode.unwrap_or(0o600) as u16 & 0o777;
    let item = Item::Node {
        kind: match devnum.kind {
            DevKind::Block => Kind::Block,
            DevKind::Char => Kind::Char,
        },
        device: (devnum.major, devnum.minor),
        uid: owners.root().0,
        gid: owners.root().1,
        show: shown.show,
        devpath: shown.devpath.clone(),
        perm: if shown.show == Show::Rw {
            perm
        } else {
            perm & !0o222
        },
    };
    Some((path, item))
}

/// Put `item` at `path`, with the directories that lead there; false when the name is taken.
fn place(entries: &mut Entries, path: BString, item: Item) -> bool {
    let standard = STANDARD_NODES.iter().find(|(name, _)| path == *name);
    if let (Some((_, number)), Item::Node { kind, device, .. }) = (standard, &item)
        && (device != number || *kind != Kind::Char)
    {
        return false;
    }
    if entries.contains_key(&path) {
        return false;
    }
    let slashes = path.iter().enumerate().skip(1).filter(|(_, b)| **b == b'/');
    let parents: Vec<BString> = slashes.map(|(at, _)| path[..at].into()).collect();
    // below pts, shm and mqueue is another file system's place
    let closed = |p: &BString| match entries.get(p) {
        Some(Item::Directory) => DIRECTORIES.iter().any(|d| p == *d),
        Some(_) => true,
        None => false,
    };
    if parents.iter().any(closed) {
        return false;
    }
    for parent in parents {
        entries.insert(parent, Item::Directory);
    }
    entries.insert(path, item);
    true
}

#[cfg(test)]
#[path = "entries/tests.rs"]
mod tests;
