//! The device gate: one cgroup per container, which decides about every mknod and every open of a
//! device node, whatever node it came by.
//!
//! There are two kinds of gate. cgroup v2 has the program of [`sys::bpf`] and a map; cgroup v1 has
//! `devices.allow` and `devices.deny`. The kernel asks both kinds, each in its own hierarchy, so a host
//! with both mounted needs one of them only; [`Cgroup::create`] takes v2 where it works.
//!
//! What they grant is the same, by v2's meaning: the entry of a device decides if there is one, else
//! that of its whole major, else nothing is granted. v1 cannot say all of that, see [`Cgroup::grant`].
//!
//! A container's processes are in `devns/<id>` below the root of the cgroup v2 mount wherever there is
//! one, for there they can be listed and killed together, and in the same directory below the v1
//! `devices` mount if that is the gate. No controller is enabled, no other v1 hierarchy touched.

mod access;
mod cpuset;
mod error;
mod hierarchy;
mod kill;
mod takeover;
mod v1;
mod v2;

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

pub use access::{Access, Range};
pub use cpuset::Cpusets;
pub use error::CgroupError;
pub use hierarchy::{Hierarchies, Version};
pub use kill::{kill_all, kill_and_remove, procs};
pub use takeover::{Takeover, Whose, WhoseError};

/// The directory below a hierarchy's root that holds the containers' cgroups.
const PARENT: &str = "devns";

/// The cgroup of one container, with its gate.
///
/// Dropping it changes nothing: processes, gate and grants stay until [`kill_and_remove`] is given
/// [`Cgroup::dirs`]. All methods may be called from several threads at once.
#[derive(Debug)]
pub struct Cgroup {
    gate: Gate,
    /// The gate's directory first, so that no process is anywhere without it.
    joined: Vec<Joined>,
}

#[derive(Debug)]
enum Gate {
    V1(v1::Gate),
    V2(v2::Gate),
}

/// A directory and its open `cgroup.procs`: a child may add itself after its root directory changed.
#[derive(Debug)]
struct Joined {
    dir: PathBuf,
    procs: File,
}

/// The cgroup of container `id` as its /proc/PID/cgroup has it, made or not.
pub fn path(id: &str) -> String {
    format!("/{PARENT}/{id}")
}

impl Cgroup {
    /// Makes the cgroup of container `id` and puts up its gate, which grants nothing yet.
    ///
    /// `gate` says which kind; none takes v2 if a cgroup v2 hierarchy is mounted and the kernel takes
    /// the program, else v1. Either way the cgroup v2 directory is made if it can be.
    ///
    /// # Errors
    /// If `id` is no file name of letters, digits, `_`, `-` and `.`; if its cgroup is there already,
    /// perhaps of a container that died ([`kill_and_remove`] with [`Hierarchies::dirs`]); if no gate
    /// can be had, with the reason for each kind. Nothing is left behind then.
    pub fn create(
        hierarchies: &Hierarchies,
        id: &str,
        gate: Option<Version>,
    ) -> Result<Cgroup, CgroupError> {
        hierarchy::check_id(id)?;
        let mut made = Made::default();
        let mut tried = Vec::new();
        let v2 = made.make_if(hierarchies.v2(), id)?;
        if gate != Some(Version::V1) {
            match v2.and_then(|dir| dir.map(|dir| v2::Gate::put_up(&dir)).transpose()) {
                Ok(Some(gate)) => return Cgroup::open(Gate::V2(gate), made),
                Ok(None) => tried.push((Version::V2, None)),
                Err(e) => tried.push((Version::V2, Some(e))),
            }
        }
        if gate != Some(Version::V2) {
            let v1 = made.make_if(hierarchies.v1(), id)?;
            match v1.and_then(|dir| dir.map(|dir| v1::Gate::put_up(&dir)).transpose()) {
                Ok(Some(gate)) => return Cgroup::open(Gate::V1(gate), made),
                Ok(None) => tried.push((Version::V1, None)),
                Err(e) => tried.push((Version::V1, Some(e))),
            }
        }
        Err(CgroupError::NoGate(tried))
    }

    fn open(gate: Gate, mut made: Made) -> Result<Cgroup, CgroupError> {
        // made in the order v2, v1: a v1 directory is there only if it is the gate's
        let joined = made
            .dirs
            .iter()
            .rev()
            .map(|dir| {
                let procs = dir.join("cgroup.procs");
                let file = File::options().write(true).open(&procs);
                let procs = file.map_err(|e| CgroupError::io("open", &procs, e))?;
                Ok(Joined {
                    dir: dir.clone(),
                    procs,
                })
            })
            .collect::<Result<_, CgroupError>>()?;
        made.dirs.clear();
        Ok(Cgroup { gate, joined })
    }

    /// Which kind of gate it has.
    pub fn version(&self) -> Version {
        match self.gate {
            Gate::V1(_) => Version::V1,
            Gate::V2(_) => Version::V2,
        }
    }

    /// Moves process `pid`, with all its threads, into the cgroup and behind the gate; 0 is the caller.
    ///
    /// Device nodes that it has open stay open. Works also after a change of root directory.
    ///
    /// # Errors
    /// ESRCH if there is no such process, ENODEV if the cgroup was removed. On an error the process may
    /// be behind the gate but not in every directory.
    pub fn add(&self, pid: i32) -> io::Result<()> {
        // no allocation: a child of a program with threads may be here between fork and exec
        let mut text = [0; 11];
        let mut rest = &mut text[..];
        write!(rest, "{pid}")?;
        let len = 11 - rest.len();
        self.joined.iter().try_for_each(|joined| {
            (&joined.procs).write_all(&text[..len]).map_err(|e| {
                failed(
                    format!("write({:?}, {pid})", joined.dir.join("cgroup.procs")),
                    e,
                )
            })
        })
    }

    /// Makes `access` the whole of what `range` grants, whatever was granted for this very range before;
    /// acts on the next open. No access at all is a grant too: it hides the major's.
    ///
    /// **v1** gives a request if any one entry covers it, so it cannot except a device from its major.
    /// There the major is cut down to what every single grant within it has as well: `c 136:* rw` and
    /// `c 136:5 r` leave `r` for all other terminals. It never grants what v2 would not, and a warning
    /// is logged. Also in v1 only, a change takes a few writes, a narrowing before a widening, and
    /// nested cgroups that the container made get revocations but not grants.
    ///
    /// # Errors
    /// EINVAL for a major above 4095 or a minor above 1048575, which no device has. v2: E2BIG at
    /// [`sys::bpf::MAX_ENTRIES`] grants. v1: EPERM for what the cgroup above does not have either;
    /// ENODEV if the cgroup was removed. What was granted before an error still is.
    pub fn grant(&self, range: Range, access: Access) -> io::Result<()> {
        range.check()?;
        match &self.gate {
            Gate::V1(gate) => gate.grant(range, access),
            Gate::V2(gate) => gate.grant(range, access),
        }
    }

    /// Takes back what was granted for this very range; acts on the next open. A device revoked still
    /// has what its major grants. Not having been granted is no error.
    ///
    /// # Errors
    /// EINVAL as in [`Cgroup::grant`]; others are not known. Called again after one it tries again.
    pub fn revoke(&self, range: Range) -> io::Result<()> {
        range.check()?;
        match &self.gate {
            Gate::V1(gate) => gate.revoke(range),
            Gate::V2(gate) => gate.revoke(range),
        }
    }

    /// The directories, for [`kill_and_remove`] by whoever outlives this process.
    pub fn dirs(&self) -> Vec<PathBuf> {
        self.joined
            .iter()
            .map(|joined| joined.dir.clone())
            .collect()
    }
}

/// Directories made so far, removed again unless taken out.
#[derive(Default)]
struct Made {
    dirs: Vec<PathBuf>,
}

impl Made {
    /// Makes `devns/<id>` below `root` if there is a root. That it exists already is for the caller of
    /// create(); what else there is against it may be good for another kind of gate.
    fn make_if(
        &mut self,
        root: Option<&Path>,
        id: &str,
    ) -> Result<io::Result<Option<PathBuf>>, CgroupError> {
        let Some(root) = root else {
            return Ok(Ok(None));
        };
        let dir = root.join(PARENT).join(id);
        match self.make(&dir) {
            Ok(()) => Ok(Ok(Some(dir))),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Err(CgroupError::Exists(dir)),
            Err(e) => Ok(Err(e)),
        }
    }

    /// Makes `dir` and, if need be, the directory above it.
    fn make(&mut self, dir: &Path) -> io::Result<()> {
        // the end of another container may remove the empty parent in between
        for _ in 0..100 {
            match dir.parent().map(mkdir) {
                Some(Err(e)) if e.kind() != io::ErrorKind::AlreadyExists => return Err(e),
                _ => {}
            }
            match mkdir(dir) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                made => {
                    made?;
                    self.dirs.push(dir.to_owned());
                    return Ok(());
                }
            }
        }
        let gone = io::Error::from_raw_os_error(libc::ENOENT);
        Err(failed(format!("mkdir({dir:?})"), gone))
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        for dir in &self.dirs {
            // no process was ever in them
            let _ = fs::remove_dir(dir);
            let _ = dir.parent().map(fs::remove_dir);
        }
    }
}

fn mkdir(dir: &Path) -> io::Result<()> {
    let made = DirBuilder::new().mode(0o755).create(dir);
    made.map_err(|e| failed(format!("mkdir({dir:?})"), e))
}

/// An error that carries its call, of the same kind.
fn failed(call: String, source: io::Error) -> io::Error {
    named(sys::Error::new(call, source))
}

/// `error` as an [`io::Error`] that still has its text, of the errno's kind.
fn named(error: sys::Error) -> io::Error {
    io::Error::new(io::Error::from_raw_os_error(error.errno()).kind(), error)
}
