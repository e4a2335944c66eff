/// What becomes of processes that hold a device when the container may not use it any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OnRevoke {
    /// They keep what they have open; the log says who they are.
    #[default]
    Report,
    /// If anybody holds it, the whole container is killed.
    Kill,
}
