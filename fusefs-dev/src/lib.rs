//! A container's /dev: the nodes of the devices that a policy shows.
//!
//! The nodes are real: the kernel opens them itself, so I/O on a device never comes here.

pub mod args;
mod entries;
mod fs;
mod item;
mod numbers;
mod own;

pub use entries::{Owners, Refusal, perm, refused};
pub use fs::DevFs;

use std::collections::BTreeSet;

use bstr::BString;
use policy::{Limits, Policy, Shown, ViewChange};

/// How mountinfo names this file system: `fuse.fusefs-dev`.
pub const SUBTYPE: &str = "fusefs-dev";

/// Fits a container's /dev to another policy, which is about to be applied.
///
/// # Errors
/// When it holds more already than its `limits` let it; then nothing has changed.
pub fn fit(fs: &DevFs, policy: &Policy) -> sys::Result<()> {
    let limits = policy.limits();
    fs.set_limits(limits).map_err(|e| {
        let Limits { inodes, bytes } = limits;
        let what = format!("limits: {{ inodes: {inodes}, bytes: {bytes} }}");
        match e.errno() {
            libc::EINVAL => {
                let why = "the container holds more than that in its /dev already";
                sys::Error::new(what, std::io::Error::other(why))
            }
            _ => e,
        }
    })
}

/// The paths of /dev that a change of the view concerns: the nodes and the links to them, as they were
/// and as they are, and the directories that come and go with them.
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
    let paths: BTreeSet<BString> = all.flat_map(of_one).collect();
    // what is below goes first
    paths.into_iter().rev().collect()
}

fn of_one(shown: &Shown) -> Vec<BString> {
    let names = shown
        .devname
        .iter()
        .chain(&shown.links)
        .chain(&shown.host_links);
    let mut paths = Vec::new();
    for name in names {
        let path = [b"/", name.as_bytes()].concat();
        let ends = (1..=path.len()).filter(|at| matches!(path.get(*at), None | Some(b'/')));
        paths.extend(ends.map(|at| BString::from(&path[..at])));
    }
    paths
}
