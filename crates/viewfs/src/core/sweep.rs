//! What becomes of nodes that nobody asks for any more.
//!
//! What an event says is gone is retired at once ([`Core::outdated`]). The rest vanishes in silence: a
//! group of attributes, or a name that was read just before the event and got its number just after.

use super::Core;
use crate::Error;
use crate::tree::Tree;

impl<T: Tree> Core<T> {
    /// After many new numbers, look at some of the nodes that the kernel does not hold, and give up
    /// those whose path is gone.
    pub(super) fn sweep(&self) {
        let suspects = self.nodes.lock().suspects();
        if suspects.is_empty() {
            return;
        }
        let is_gone = |path: &[u8]| {
            self.tree.is_hidden(path) || matches!(self.tree.stat(path), Err(Error::NotFound))
        };
        let gone: Vec<_> = suspects.into_iter().filter(|path| is_gone(path)).collect();
        let mut nodes = self.nodes.lock();
        // it may have come back meanwhile, and the kernel have been told of it
        let given_up: Vec<_> = gone.iter().map(|path| nodes.give_up(path)).collect();
        let (count, backings) = (nodes.len(), nodes.backings());
        drop(nodes);
        drop(given_up);
        log::debug!(
            "nodes: {count}, backings: {backings}, given up: {}",
            gone.len()
        );
    }
}
