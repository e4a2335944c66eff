//! What can be done, and sequences of it.

use proptest::collection::vec;
use proptest::prelude::*;

/// A path: whether it is in the directory that both threads have, and its parts, each one of a few
/// names.
pub type Name = (bool, Vec<u8>);

/// One change, or one look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Open a file, that is made if it is not there, and keep it open instead of the one before.
    Hold(Name),
    /// Make a file that is not there.
    Create(Name, u32),
    /// Write at an offset: path, offset, length.
    Write(Name, u16, u16),
    /// Write at the end.
    Append(Name, u16),
    /// Set the size.
    Truncate(Name, u16),
    /// Make a directory.
    Mkdir(Name, u32),
    /// Make a fifo.
    Fifo(Name),
    /// Remove what is no directory.
    Unlink(Name),
    /// Remove a directory.
    Rmdir(Name),
    /// Rename, with flags of renameat2(2): none, RENAME_NOREPLACE, RENAME_EXCHANGE.
    Rename(Name, Name, u32),
    /// Make a hard link.
    Link(Name, Name),
    /// Make a symbolic link, to a path from where it is.
    Symlink(Vec<u8>, Name),
    /// Change the mode.
    Chmod(Name, u32),
    /// Set an extended attribute: path, which one, its length.
    Attribute(Name, u8, u16),
    /// Read a file.
    Read(Name),
    /// List a directory.
    List(Name),
    /// lstat.
    Stat(Name),
    /// readlink.
    Readlink(Name),
    /// Write to the file that is kept open: offset, length.
    HeldWrite(u16, u16),
    /// Set its size.
    HeldTruncate(u16),
    /// Read it, and fstat.
    HeldLook,
}

fn name() -> impl Strategy<Value = Name> {
    // short ones meet more often
    let parts = prop_oneof![10 => 1..=1usize, 5 => 2..=2usize, 1 => 3..=3usize];
    (
        prop::bool::weighted(0.25),
        parts.prop_flat_map(|n| vec(0..3u8, n)),
    )
}

fn operation() -> impl Strategy<Value = Operation> {
    let mode = || prop::sample::select(vec![0u32, 0o400, 0o600, 0o644, 0o755, 0o777]);
    // within a page, across pages, none at all
    let size = || prop_oneof![Just(0u16), 1..100u16, 4000..9000u16];
    let flags = prop::sample::select(vec![0u32, 0, 0, 1, 2, 2]);
    prop_oneof![
        2 => name().prop_map(Operation::Hold),
        8 => (name(), mode()).prop_map(|(n, m)| Operation::Create(n, m)),
        3 => (name(), size(), size()).prop_map(|(n, o, l)| Operation::Write(n, o, l)),
        1 => (name(), size()).prop_map(|(n, l)| Operation::Append(n, l)),
        1 => (name(), size()).prop_map(|(n, l)| Operation::Truncate(n, l)),
        8 => (name(), mode()).prop_map(|(n, m)| Operation::Mkdir(n, m)),
        1 => name().prop_map(Operation::Fifo),
        2 => name().prop_map(Operation::Unlink),
        1 => name().prop_map(Operation::Rmdir),
        6 => (name(), name(), flags).prop_map(|(a, b, f)| Operation::Rename(a, b, f)),
        5 => (name(), name()).prop_map(|(a, b)| Operation::Link(a, b)),
        2 => (vec(0..3u8, 1..3), name()).prop_map(|(t, n)| Operation::Symlink(t, n)),
        2 => (name(), mode()).prop_map(|(n, m)| Operation::Chmod(n, m)),
        1 => (name(), 0..3u8, size()).prop_map(|(n, a, l)| Operation::Attribute(n, a, l)),
        2 => name().prop_map(Operation::Read),
        3 => name().prop_map(Operation::List),
        3 => name().prop_map(Operation::Stat),
        1 => name().prop_map(Operation::Readlink),
        1 => (size(), size()).prop_map(|(o, l)| Operation::HeldWrite(o, l)),
        1 => size().prop_map(Operation::HeldTruncate),
        2 => Just(Operation::HeldLook),
    ]
}

/// Operations, each with the thread that does it.
pub fn in_turn() -> impl Strategy<Value = Vec<(usize, Operation)>> {
    vec((0..2usize, operation()), 1..150)
}

/// Operations for each of the threads.
pub fn at_once() -> impl Strategy<Value = [Vec<Operation>; 2]> {
    [vec(operation(), 1..150), vec(operation(), 1..150)]
}
