//! What becomes of processes that hold a device which is taken away.

/// What is done when access to a device is revoked while somebody in the container holds it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OnRevoke {
    /// It is reported; who holds it keeps it.
    #[default]
    Report,
    /// The container is killed.
    Kill,
}
