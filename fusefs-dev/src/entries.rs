//! What stands in /dev: the standard names, a node for each device that shows, and the links to those.

mod links;
mod names;
mod owners;
mod place;
mod told;

pub use owners::Owners;

use std::collections::BTreeMap;

use bstr::BString;
use kobject::{DevKind, Devpath};
use policy::{Show, Shown};
use sys::namespace::IdMap;
use viewfs::Kind;

use place::{Refused, place};

/// Something with a name in /dev.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A directory.
    Directory,
    /// A symbolic link.
    Link {
        /// Where it leads: from its own directory on, as udev writes it.
        target: BString,
        /// The device whose node that is; None for a standard link.
        of: Option<Devpath>,
        /// When that device came, as [`Shown`] counts: another one after it is another.
        arrival: u64,
    },
    /// A device node.
    Node {
        /// Block or character device.
        kind: Kind,
        /// Major and minor number.
        device: (u32, u32),
        /// Permission bits.
        perm: u16,
        /// Whose it is, as the host counts.
        uid: u32,
        /// Its group, as the host counts.
        gid: u32,
        /// How it shows.
        show: Show,
        /// The device.
        devpath: Devpath,
        /// When it came, as [`Shown`] counts: another one after it is another.
        arrival: u64,
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

/// Where a container with a terminal has it a second time. The host's console, 5:1, is never there.
pub const CONSOLE: &str = "/console";

/// Names that belong to one device number or to none, whatever a device calls itself (OCI runtime-spec
/// "Default Devices"; Documentation/admin-guide/devices.txt).
const STANDARD_NODES: [(&str, Option<(u32, u32)>); 7] = [
    (CONSOLE, None),
    ("/full", Some((1, 7))),
    ("/null", Some((1, 3))),
    ("/random", Some((1, 8))),
    ("/tty", Some((5, 0))),
    ("/urandom", Some((1, 9))),
    ("/zero", Some((1, 5))),
];

/// Every path of /dev, the root as "".
pub type Entries = BTreeMap<BString, Item>;

/// A name in /dev that a device does not get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The device.
    pub devpath: Devpath,
    /// The path from /dev on.
    pub path: BString,
    /// Whether it would be a link to its node, and not the node itself.
    pub is_link: bool,
    /// Why not.
    pub why: String,
}

impl Refusal {
    fn new(shown: &Shown, path: BString, is_link: bool, why: Refused) -> Refusal {
        Refusal {
            devpath: shown.devpath.clone(),
            path,
            is_link,
            why: why.to_string(),
        }
    }
}

/// /dev with a node for each of `shown`, and its links. Where two want one name, the standard one
/// wins, then a node, then the link of a rule, then the link of the host's udev; of two nodes the one
/// that comes first; of two links of rules the earlier rule's, of two of udev's that of the higher
/// priority, then the older device's. The loser is logged, once.
pub fn entries<'a>(shown: impl Iterator<Item = &'a Shown>, owners: &Owners) -> Entries {
    let shown: Vec<&Shown> = shown.collect();
    let (entries, refused) = lay_out(&shown, owners);
    for refusal in refused {
        let Refusal {
            devpath, path, why, ..
        } = refusal;
        let told = &owners.told;
        if refusal.is_link {
            told.warn(format!("{devpath}: no link {path:?} in /dev: {why}"));
        // the terminal multiplexer is reached by the link to the container's own
        } else if path != "/ptmx" && path != CONSOLE {
            told.warn(format!("{devpath}: no node {path:?} in /dev: {why}"));
        }
    }
    entries
}

/// The names that devices of `shown` do not get, and why.
pub fn refused(shown: &[Shown]) -> Vec<Refusal> {
    // who owns what is nothing to names
    let nobodys: Vec<Shown> = shown
        .iter()
        .map(|shown| Shown {
            uid: None,
            gid: None,
            ..shown.clone()
        })
        .collect();
    let nobodys: Vec<&Shown> = nobodys.iter().collect();
    lay_out(&nobodys, &Owners::new(IdMap::IDENTITY, None)).1
}

fn lay_out(shown: &[&Shown], owners: &Owners) -> (Entries, Vec<Refusal>) {
    let mut entries = Entries::new();
    let mut refused = Vec::new();
    entries.insert("".into(), Item::Directory);
    for name in DIRECTORIES {
        entries.insert(name.into(), Item::Directory);
    }
    for (name, target) in LINKS {
        let target = target.into();
        entries.insert(
            name.into(),
            Item::Link {
                target,
                of: None,
                arrival: 0,
            },
        );
    }
    for shown in shown {
        if let Some((path, item)) = node(shown, owners)
            && let Err(why) = place(&mut entries, path.clone(), item)
        {
            refused.push(Refusal::new(shown, path, false, why));
        }
    }
    links::add(&mut entries, shown, owners, &mut refused);
    (entries, refused)
}

/// The node of a device that has one.
fn node(shown: &Shown, owners: &Owners) -> Option<(BString, Item)> {
    let (devnum, path) = (shown.devnum?, path_of(shown)?);
    let item = Item::Node {
        kind: match devnum.kind {
            DevKind::Block => Kind::Block,
            DevKind::Char => Kind::Char,
        },
        device: (devnum.major, devnum.minor),
        perm: perm(shown),
        uid: owners.uid(shown.uid.as_ref()),
        gid: owners.gid(shown.gid.as_ref()),
        show: shown.show,
        devpath: shown.devpath.clone(),
        arrival: shown.arrival,
    };
    Some((path, item))
}

/// The permission bits of a device's node.
pub fn perm(shown: &Shown) -> u16 {
    let perm = shown.mode.or(shown.devmode).unwrap_or(0o600) as u16 & 0o777;
    match shown.show {
        Show::Rw => perm,
        Show::Ro | Show::Hide => perm & !0o222,
    }
}

/// Where the node of a device is.
fn path_of(shown: &Shown) -> Option<BString> {
    let devname = shown.devname.as_ref()?;
    Some([b"/", devname.as_bytes()].concat().into())
}

#[cfg(test)]
mod tests;
