//! Whose things in /dev are.

/// What ids of a container are on the host.
#[derive(Clone, Debug)]
pub struct Owners {
    root: (u32, u32),
}

impl Owners {
    /// A container whose root has the host ids `root`.
    pub fn new(root: (u32, u32)) -> Owners {
        Owners { root }
    }

    /// The host ids of its root.
    pub fn root(&self) -> (u32, u32) {
        self.root
    }
}
