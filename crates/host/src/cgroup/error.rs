//! Why there is no cgroup.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::Version;

/// Why [`Cgroup::create`](super::Cgroup::create) made none.
#[derive(Debug, thiserror::Error)]
pub enum CgroupError {
    /// The id cannot be a directory's name.
    #[error(
        "container id {0:?}: expected 1 to 128 letters, digits, `_`, `-` and `.`, beginning with a letter or digit"
    )]
    Id(String),
    /// Its cgroup is there already.
    #[error(
        "mkdir({0:?}): file exists: a container of this id is running, or one ended without its cgroup being removed"
    )]
    Exists(PathBuf),
    /// A call failed.
    #[error(transparent)]
    Io(#[from] sys::Error),
    /// No kind of gate can be had: what was tried, and why it failed, none if nothing is mounted.
    #[error("no device gate: {}", reasons(.0))]
    NoGate(Vec<(Version, Option<io::Error>)>),
}

impl CgroupError {
    /// `call` on `path` failed.
    pub(super) fn io(call: &str, path: &Path, source: io::Error) -> CgroupError {
        CgroupError::Io(sys::Error::new(format!("{call}({path:?})"), source))
    }
}

/// One clause for each kind: what failed, and what would help.
fn reasons(tried: &[(Version, Option<io::Error>)]) -> String {
    let clause = |(version, error): &(Version, Option<io::Error>)| {
        let (mount, help) = match version {
            Version::V2 => (
                "mount -t cgroup2 cgroup2 /sys/fs/cgroup",
                "needs root in the initial user namespace and CONFIG_CGROUP_BPF",
            ),
            Version::V1 => (
                "mount -t cgroup -o devices cgroup <dir>",
                "needs root in the initial user namespace and a writable mount",
            ),
        };
        match error {
            Some(e) => format!("{version}: {e} ({help})"),
            None => format!("{version}: not mounted (`{mount}`)"),
        }
    };
    tried.iter().map(clause).collect::<Vec<_>>().join("; ")
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Version::V1 => "cgroup v1",
            Version::V2 => "cgroup v2",
        })
    }
}
