//! What a writable directory of Linux does, case by case, in whatever directory is named.
//!
//! The reference is tmpfs, which is what a container's /dev is elsewhere: every case passes there (on
//! Linux 6.6 and later, which has `user.*` attributes on it), or it says nothing. `pjdfstest` (tests/tests/pjdfstest.rs) has the classical calls and their errnos in
//! breadth; this has what it lacks (extended attributes, ACLs, `O_TMPFILE`, RENAME_*, locks, holes,
//! shared maps, sockets and fifos in use, limits), and of the classical calls what a file system gets
//! wrong by caching: link counts, times of parents, files that are open and gone, listings that change.
//!
//! It is left to whoever runs it to be root or not, in a user namespace or not: cases that have to be
//! root are passed over, and named, where they cannot be.
//!
//! What makes no sense for a devtmpfs, and is in neither: execution and set-id on execution (/dev is
//! nosuid, noexec), ETXTBSY (the same), quotas, chflags and NFSv4 ACLs (BSD's), remounting (EROFS; a
//! container cannot), `LINK_MAX` (tmpfs has none), file handles (open_by_handle_at wants a capability
//! of the host). Device nodes are cases of their own, since a container has no `CAP_MKNOD`, and since
//! which nodes may be made is the policy's.

mod acls;
mod content;
mod directories;
mod limits;
mod links;
mod locks;
mod names;
mod owners;
mod place;
mod renames;
mod special;
mod times;
mod unnamed;
mod xattrs;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Mutex;

pub use limits::fill;
pub use place::{Place, refuses};

/// A thing that is tried.
#[derive(Clone, Copy)]
pub struct Case {
    /// `area::name`.
    pub name: &'static str,
    /// Whether it takes another user's place, which only root can.
    pub root: bool,
    /// Try it; a panic is a failure.
    pub run: fn(&Place),
}

/// The cases of one area: those that anybody can try, and those for root.
macro_rules! table {
    ($area:literal: $($any:ident),* ; root: $($root:ident),* $(,)?) => {
        /// The cases of this area.
        pub const CASES: &[$crate::posix::Case] = &[
            $($crate::posix::Case {
                name: concat!($area, "::", stringify!($any)), root: false, run: $any,
            },)*
            $($crate::posix::Case {
                name: concat!($area, "::", stringify!($root)), root: true, run: $root,
            },)*
        ];
    };
}
pub(crate) use table;

/// How a case went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As it must.
    Passed,
    /// Not tried, since this process is not root.
    NeedsRoot,
    /// Not as it must: where that was seen, and what.
    Failed(String),
}

/// Every case.
pub fn cases() -> impl Iterator<Item = &'static Case> {
    let areas: [&[Case]; 12] = [
        acls::CASES,
        content::CASES,
        directories::CASES,
        links::CASES,
        locks::CASES,
        names::CASES,
        owners::CASES,
        renames::CASES,
        special::CASES,
        times::CASES,
        unnamed::CASES,
        xattrs::CASES,
    ];
    areas.into_iter().flatten()
}

/// What the last panic said, and where.
static SAID: Mutex<String> = Mutex::new(String::new());

/// Try the cases whose name has `filter` in it, in a new directory below `dir` for each, as whoever
/// this process is. Call it from a process of one thread: umask, ids and the working directory belong
/// to all.
///
/// # Panics
/// When no directory can be made there at all.
pub fn suite(dir: &Path, filter: &str) -> Vec<(&'static str, Outcome)> {
    // the harness's own words would stand between the lines of the report
    std::panic::set_hook(Box::new(|info| {
        let mut said = SAID.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        *said = info.to_string().replace('\n', " ");
    }));
    let is_root = nix::unistd::geteuid().is_root();
    let wanted = cases().filter(|case| case.name.contains(filter));
    let all = wanted.map(|case| {
        if case.root && !is_root {
            return (case.name, Outcome::NeedsRoot);
        }
        let tried = catch_unwind(AssertUnwindSafe(|| {
            nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o022));
            let place = Place::below(dir);
            (case.run)(&place);
        }));
        let outcome = match tried {
            Ok(()) => Outcome::Passed,
            Err(_) => Outcome::Failed(SAID.lock().map(|s| s.clone()).unwrap_or_default()),
        };
        (case.name, outcome)
    });
    let all = all.collect();
    let _ = std::panic::take_hook();
    all
}
