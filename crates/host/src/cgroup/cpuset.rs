//! Which CPUs a process may use, as its cpuset cgroup has it now.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use kobject::CpuSet;
use sys::{Context, Error, Result};

use super::hierarchy::{Mount, is_there};
use super::{Version, failed};
use crate::process;

/// The hierarchies that may have the `cpuset` controller: it is in one of cgroup v1 or in v2.
#[derive(Clone, Debug)]
pub struct Cpusets {
    proc: PathBuf,
    /// Those that show the whole hierarchy first.
    mounts: Vec<Mount>,
}

impl Cpusets {
    /// Looks in `/proc/self/mountinfo` (proc_pid_mountinfo(5)).
    ///
    /// # Errors
    /// When mountinfo cannot be read. Nothing mounted is none.
    pub fn detect() -> io::Result<Cpusets> {
        const MOUNTINFO: &str = "/proc/self/mountinfo";
        let text = fs::read(MOUNTINFO).map_err(|e| failed(format!("read({MOUNTINFO:?})"), e))?;
        Ok(Cpusets::find(Path::new("/proc"), &text, is_there))
    }

    fn find(proc: &Path, mountinfo: &[u8], is_there: impl Fn(Version, &Path) -> bool) -> Cpusets {
        let mut mounts: Vec<Mount> = mountinfo
            .split(|byte| *byte == b'\n')
            .filter_map(|line| Mount::parse(line, b"cpuset"))
            .filter(|mount| is_there(mount.version, &mount.path))
            .collect();
        // stable: the first mount of the best kind
        mounts.sort_by_key(|mount| !mount.is_whole());
        Cpusets {
            proc: proc.to_owned(),
            mounts,
        }
    }

    /// The CPUs that the cgroup of process `pid` has, and that are online; at least one.
    ///
    /// Where the cgroup cannot be found, because its hierarchy is not mounted here say, it is the
    /// CPUs that the process itself may run on: the kernel keeps them within the cgroup's, so that
    /// is never more.
    ///
    /// # Errors
    /// ESRCH when the process is gone or about to be; others when neither can be read.
    pub fn cpus_of(&self, pid: i32) -> Result<CpuSet> {
        let found = self.of_cgroup(pid).or_else(|e| {
            log::debug!("{e}; looking at what process {pid} may run on instead");
            self.of_affinity(pid)
        });
        // cgroup v1 says of one that exits that it is in the root (proc_cgroup_show,
        // kernel/cgroup/cgroup.c), which has every CPU; looked at last, as it stays so once it is
        match process::is_running(&self.proc, pid) {
            true => found,
            false => Err(Error::new(
                format!("cpus_of({pid})"),
                nix::errno::Errno::ESRCH,
            )),
        }
    }

    fn of_cgroup(&self, pid: i32) -> Result<CpuSet> {
        let path = self.proc.join(pid.to_string()).join("cgroup");
        let text = read(&path)?;
        let (version, cgroup) = cgroup(&text).ok_or_else(|| nothing(&path, "no cpuset cgroup"))?;
        let mut error = nothing(&path, "a cpuset cgroup that is not mounted here");
        let mounts = self.mounts.iter().filter(|m| m.version == version);
        for (mount, below) in mounts.filter_map(|m| Some((m, below(&m.root, cgroup)?))) {
            let found = match version {
                Version::V1 => of_v1(&mount.path.join(below)),
                Version::V2 => of_v2(&mount.path, below),
            };
            match found {
                Ok(cpus) => return Ok(cpus),
                Err(e) => error = e,
            }
        }
        Err(error)
    }

    /// The line of proc_pid_status(5).
    fn of_affinity(&self, pid: i32) -> Result<CpuSet> {
        const KEY: &[u8] = b"Cpus_allowed_list:\t";
        let path = self.proc.join(pid.to_string()).join("status");
        let text = read(&path)?;
        let mut lines = text.split(|byte| *byte == b'\n');
        let list = lines.find_map(|line| line.strip_prefix(KEY));
        parse(&path, list.unwrap_or_default())
    }
}

/// The cgroup that decides about the CPUs, of /proc/PID/cgroup (cgroups(7)): `3:cpuset:/a/b`, or
/// `0::/a/b` of v2 if no hierarchy of v1 has the controller.
fn cgroup(text: &[u8]) -> Option<(Version, &Path)> {
    let lines = || {
        text.split(|byte| *byte == b'\n').filter_map(|line| {
            let mut fields = line.splitn(3, |byte| *byte == b':');
            Some((fields.next()?, fields.next()?, fields.next()?))
        })
    };
    let v1 = lines().find(|(_, controllers, _)| {
        let mut controllers = controllers.split(|byte| *byte == b',');
        controllers.any(|controller| controller == b"cpuset")
    });
    let v2 =
        || lines().find(|(hierarchy, controllers, _)| *hierarchy == b"0" && controllers.is_empty());
    let path = |(_, _, path)| Path::new(OsStr::from_bytes(path));
    match v1 {
        Some(line) => Some((Version::V1, path(line))),
        None => v2().map(|line| (Version::V2, path(line))),
    }
}

/// The path of `cgroup` below `root`. None for one elsewhere: outside of a cgroup namespace a path
/// begins with `/..` (cgroup_namespaces(7)).
fn below<'a>(root: &Path, cgroup: &'a Path) -> Option<&'a Path> {
    let below = cgroup.strip_prefix(root).ok()?;
    let plain = |part| matches!(part, Component::Normal(_));
    below.components().all(plain).then_some(below)
}

/// Kernels before 3.17 have no `effective_cpus`.
fn of_v1(dir: &Path) -> Result<CpuSet> {
    let (now, configured) = (dir.join("cpuset.effective_cpus"), dir.join("cpuset.cpus"));
    match read(&now) {
        Ok(text) => parse(&now, &text),
        Err(e) if e.errno() == libc::ENOENT => parse(&configured, &read(&configured)?),
        Err(e) => Err(e),
    }
}

/// The file is in every cgroup whose parent has the controller enabled, and in the root; who has
/// none is under the nearest above.
fn of_v2(mount: &Path, below: &Path) -> Result<CpuSet> {
    for dir in below.ancestors() {
        let path = mount.join(dir).join("cpuset.cpus.effective");
        match read(&path) {
            Ok(text) => return parse(&path, &text),
            Err(e) if e.errno() == libc::ENOENT => {}
            Err(e) => return Err(e),
        }
    }
    Err(nothing(mount, "no cpuset controller"))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).call(|| format!("read({path:?})"))
}

fn parse(path: &Path, text: &[u8]) -> Result<CpuSet> {
    match CpuSet::parse_list(text) {
        Ok(cpus) if cpus.is_empty() => Err(nothing(path, "no CPU")),
        Ok(cpus) => Ok(cpus),
        Err(e) => Err(nothing(path, &e.to_string())),
    }
}

fn nothing(path: &Path, what: &str) -> Error {
    let source = io::Error::new(io::ErrorKind::InvalidData, what);
    Error::new(format!("read({path:?})"), source)
}

#[cfg(test)]
mod tests;
