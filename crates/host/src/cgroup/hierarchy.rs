//! Where cgroup hierarchies are mounted.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use nix::sys::statfs::{CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, statfs};

use super::{CgroupError, PARENT, failed};

/// A kind of cgroup hierarchy, and of gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// The `devices` controller of cgroup v1.
    V1,
    /// A device program in cgroup v2.
    V2,
}

/// Where the two hierarchies that matter are mounted; either may be missing.
///
/// All arrangements are the same here: v2 alone ("unified"), v1 alone, and both ("hybrid", v2 at
/// `/sys/fs/cgroup/unified` beside the v1 controllers).
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Hierarchies {
    v1: Option<PathBuf>,
    v2: Option<PathBuf>,
}

impl Hierarchies {
    /// Looks in `/proc/self/mountinfo` (proc_pid_mountinfo(5)).
    ///
    /// A mount that another one hides is passed over. Where a hierarchy is mounted more than once, the
    /// whole of it is preferred over a part (a bind mount), and writable over read-only.
    ///
    /// # Errors
    /// When mountinfo cannot be read. Nothing mounted is none.
    pub fn detect() -> io::Result<Hierarchies> {
        const MOUNTINFO: &str = "/proc/self/mountinfo";
        let text = fs::read(MOUNTINFO).map_err(|e| failed(format!("read({MOUNTINFO:?})"), e))?;
        Ok(Hierarchies::choose(&text, is_there))
    }

    /// The mount of the v1 hierarchy that has the `devices` controller.
    pub fn v1(&self) -> Option<&Path> {
        self.v1.as_deref()
    }

    /// The mount of the v2 hierarchy.
    pub fn v2(&self) -> Option<&Path> {
        self.v2.as_deref()
    }

    /// Every directory that the cgroup of container `id` may have, there or not: what
    /// [`kill_and_remove`](super::kill_and_remove) needs to end one whose starter died.
    pub fn dirs(&self, id: &str) -> Result<Vec<PathBuf>, CgroupError> {
        check_id(id)?;
        let roots = self.v1().into_iter().chain(self.v2());
        Ok(roots.map(|root| root.join(PARENT).join(id)).collect())
    }

    /// The path of a cgroup from the root of its hierarchy, as /proc/PID/cgroup has it.
    pub fn path_of(&self, dir: &Path) -> Option<String> {
        let mut roots = self.v2().into_iter().chain(self.v1());
        let below = roots.find_map(|root| dir.strip_prefix(root).ok())?;
        Some(format!("/{}", below.to_str()?))
    }

    fn choose(mountinfo: &[u8], is_there: impl Fn(Version, &Path) -> bool) -> Hierarchies {
        let mut mounts: Vec<Mount> = mountinfo
            .split(|byte| *byte == b'\n')
            .filter_map(|line| Mount::parse(line, b"devices"))
            .filter(|mount| is_there(mount.version, &mount.path))
            .collect();
        // stable: the first mount of the best kind
        mounts.sort_by_key(|mount| (!mount.is_whole(), !mount.writable));
        let first = |version| {
            let mount = mounts.iter().find(|mount| mount.version == version);
            mount.map(|mount| mount.path.clone())
        };
        Hierarchies {
            v1: first(Version::V1),
            v2: first(Version::V2),
        }
    }
}

/// A mount of a hierarchy.
#[derive(Clone, Debug)]
pub(super) struct Mount {
    pub version: Version,
    /// Where it is.
    pub path: PathBuf,
    /// Which cgroup it shows there, by its path from the root of the caller's cgroup namespace.
    pub root: PathBuf,
    writable: bool,
}

impl Mount {
    /// A line of mountinfo, if it is of cgroup v2 or of the v1 hierarchy that has `controller`:
    /// `31 23 0:28 / /sys/fs/cgroup/devices rw,relatime shared:9 - cgroup cgroup rw,devices`.
    pub fn parse(line: &[u8], controller: &[u8]) -> Option<Mount> {
        let mut fields = line.split(|byte| *byte == b' ');
        let (root, path, options) = (fields.nth(3)?, fields.next()?, fields.next()?);
        let mut after = fields.skip_while(|field| *field != b"-").skip(1);
        let (kind, _source, of_super) = (after.next()?, after.next()?, after.next()?);
        let has = |options: &[u8], option: &[u8]| {
            options.split(|byte| *byte == b',').any(|o| o == option)
        };
        let version = match kind {
            b"cgroup2" => Version::V2,
            b"cgroup" if has(of_super, controller) => Version::V1,
            _ => return None,
        };
        let path_of = |field| PathBuf::from(OsString::from_vec(unescape(field)));
        Some(Mount {
            version,
            path: path_of(path),
            root: path_of(root),
            writable: has(options, b"rw") && has(of_super, b"rw"),
        })
    }

    /// Whether it shows the whole hierarchy.
    pub fn is_whole(&self) -> bool {
        self.root == Path::new("/")
    }
}

/// Whether a hierarchy is mounted at `path`, and not hidden by another mount.
pub(super) fn is_there(version: Version, path: &Path) -> bool {
    let magic = match version {
        Version::V1 => CGROUP_SUPER_MAGIC,
        Version::V2 => CGROUP2_SUPER_MAGIC,
    };
    statfs(path).is_ok_and(|found| found.filesystem_type() == magic)
}

/// mountinfo writes blanks and backslashes as `\040`.
fn unescape(mut field: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(field.len());
    while let [byte, rest @ ..] = field {
        field = match (byte, rest) {
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', rest @ ..]) => {
                out.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                rest
            }
            _ => {
                out.push(*byte);
                rest
            }
        };
    }
    out
}

/// Ids become directory names, beside the files of the kernel (`cgroup.procs`, `tasks`): those give
/// "file exists".
pub(super) fn check_id(id: &str) -> Result<(), CgroupError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    let starts = id
        .bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_alphanumeric());
    if starts && id.len() <= 128 && id.bytes().all(plain) {
        return Ok(());
    }
    Err(CgroupError::Id(id.to_owned()))
}

#[cfg(test)]
mod tests;
