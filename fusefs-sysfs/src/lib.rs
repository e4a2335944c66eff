//! A container's /sys: the host's sysfs, filtered by a policy.
//!
//! The content comes from a sysfs instance of the container's network namespace, read beneath a
//! descriptor of its root; what shows of it is the view's business ([`viewfs::Filtered`]).

pub mod args;
mod cpus;
mod own;
mod source;

pub use cpus::{CpuView, Cpus, ProcessCpus, hides};
pub use own::Own;
pub use source::SysfsSource;

use std::sync::Arc;

use bstr::BString;
use engine::Engine;
use host::Sysfs;
use policy::{Policy, ViewChange};
use viewfs::Filtered;

/// How mountinfo names this file system: `fuse.fusefs-sysfs`.
pub const SUBTYPE: &str = "fusefs-sysfs";

/// The tree that a container with this engine sees, its root having the host ids `root`, with these
/// CPUs; None: the host's.
pub fn tree(
    engine: &Arc<Engine>,
    sysfs: Arc<Sysfs>,
    root: (u32, u32),
    cpus: Option<Arc<dyn Cpus>>,
) -> Filtered<CpuView<Own<SysfsSource>>> {
    let counts = engine.clone();
    let own = Own::new(
        SysfsSource::new(sysfs),
        Arc::new(move || counts.uevent_seqnum()),
    );
    let source = CpuView::new(own, cpus);
    Filtered::new(
        Arc::new(source),
        engine.scene(),
        engine.clone(),
        Some(engine.clone()),
        root,
    )
}

/// The CPUs that show under `policy` to a container with process `pid` in it; None: the host's.
///
/// # Errors
/// When the policy says those of the cpuset, and they cannot be read.
pub fn cpus(policy: &Policy, pid: i32) -> sys::Result<Option<Arc<ProcessCpus>>> {
    match policy.cpus() {
        policy::Cpus::Host => Ok(None),
        policy::Cpus::Cgroup => Ok(Some(Arc::new(ProcessCpus::new(pid)?))),
    }
}

/// The paths of /sys that a change of the view concerns.
pub fn paths(change: &ViewChange) -> Vec<BString> {
    change.paths.clone()
}
