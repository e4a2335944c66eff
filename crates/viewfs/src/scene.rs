//! The devices there are and the view a container has of them, as its file systems share them.

use std::sync::Arc;

use parking_lot::RwLock;
use policy::{DeviceTable, View};

/// Devices and view; whoever changes one refreshes the other under the same write lock.
#[derive(Debug)]
pub struct Scene {
    /// Every device of the host, and those of the container's own network namespace.
    pub table: DeviceTable,
    /// What the container sees of them.
    pub view: View,
    /// Counts changes, so that what was derived from the view can be kept.
    pub generation: u64,
}

/// Lock order: while this is held, only the gate's own lock is taken, and no request, no
/// notification and no log is waited for.
pub type SharedScene = Arc<RwLock<Scene>>;

/// Asked when a name is not there that only the container's own network namespace could have
/// brought meanwhile: true when it may be there now, so that it has to be looked for again.
pub trait Missed: Send + Sync {
    /// Look whether `path` in the tree may be an interface of the container that nobody has told
    /// us of yet, and if so take it up.
    fn missed(&self, path: &[u8]) -> bool;
    /// Whether names in the directory `path` come and go without us: nobody may keep them, since the
    /// container knows of a change before we do.
    fn holds_own(&self, path: &[u8]) -> bool;
}
