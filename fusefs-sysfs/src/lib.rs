//! A container's /sys: the host's sysfs, filtered by a policy.
//!
//! The content comes from a sysfs instance of the container's network namespace, read beneath a
//! descriptor of its root; what shows of it is the view's business ([`viewfs::Filtered`]).

mod own;
mod source;

pub use own::Own;
pub use source::SysfsSource;

use std::sync::Arc;

use bstr::BString;
use engine::Engine;
use host::Sysfs;
use policy::ViewChange;
use viewfs::Filtered;

/// How mountinfo names this file system: `fuse.fusefs-sysfs`.
pub const SUBTYPE: &str = "fusefs-sysfs";

/// The tree that a container with this engine sees, its root having the host ids `root`.
pub fn tree(
    engine: &Arc<Engine>,
    sysfs: Arc<Sysfs>,
    root: (u32, u32),
) -> Filtered<Own<SysfsSource>> {
    let counts = engine.clone();
    let source = Own::new(
        SysfsSource::new(sysfs),
        Arc::new(move || counts.uevent_seqnum()),
    );
    Filtered::new(
        Arc::new(source),
        engine.scene(),
        engine.clone(),
        Some(engine.clone()),
        root,
    )
}

/// The paths of /sys that a change of the view concerns.
pub fn paths(change: &ViewChange) -> Vec<BString> {
    change.paths.clone()
}
