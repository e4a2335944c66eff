//! A container's /dev: the nodes of the devices that a policy shows.
//!
//! The nodes are real: the kernel opens them itself, so I/O on a device never comes here.

mod entries;
mod fs;
mod item;
mod numbers;
mod own;
mod owners;

pub use fs::DevFs;
pub use own::Limits;
pub use owners::Owners;

use bstr::BString;
use policy::{Shown, ViewChange};

/// How mountinfo names this file system: `fuse.fusefs-dev`.
pub const SUBTYPE: &str = "fusefs-dev";

/// The paths of /dev that a change of the view concerns: the nodes, and the directories that
/// come and go with them.
pub fn paths(change: &ViewChange) -> Vec<BString> {
    let altered = change
        .altered
        .iter()
        .flat_map(|(before, after)| [before, after]);
    let all = change
        .vanished
        .iter()
        .chain(&change.appeared)
        .chain(altered);
    all.flat_map(of_one).collect()
}

fn of_one(shown: &Shown) -> Vec<BString> {
    let Some(devname) = &shown.devname else {
        return Vec::new();
    };
    let path = [b"/", devname.as_bytes()].concat();
    let ends = (1..=path.len())
        .rev()
        .filter(|at| matches!(path.get(*at), None | Some(b'/')));
    ends.map(|at| path[..at].into()).collect()
}
