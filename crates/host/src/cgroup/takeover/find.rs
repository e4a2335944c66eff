//! Which cgroups are meant.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use nix::sys::statfs::{CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, statfs};

use super::Whose;
use crate::cgroup::{Hierarchies, Version, failed, procs};

/// A cgroup that has a device gate, or will have.
pub(super) struct Found {
    pub(super) version: Version,
    pub(super) dir: PathBuf,
}

fn refuse<T>(why: String) -> io::Result<T> {
    Err(io::Error::new(io::ErrorKind::InvalidInput, why))
}

pub(super) fn find(whose: &Whose) -> io::Result<Vec<Found>> {
    let found = match whose {
        Whose::Dir(dir) => vec![of_dir(dir)?],
        Whose::Process(pid) => of_process(*pid)?,
    };
    for Found { dir, .. } in &found {
        // else the next open of a device by the server itself would be refused
        if procs(dir)?.contains(&(std::process::id() as i32)) {
            return refuse(format!(
                "the cgroup {dir:?} is the caller's own; name that of the container"
            ));
        }
    }
    Ok(found)
}

fn of_dir(dir: &Path) -> io::Result<Found> {
    let plain = |part| matches!(part, Component::RootDir | Component::Normal(_));
    if !dir.components().all(plain) {
        return refuse(format!("the cgroup {dir:?}: name it without `.` and `..`"));
    }
    let there = dir.ancestors().find(|dir| dir.is_dir());
    let version = version_of(there.unwrap_or(dir))?;
    let (found, is_there) = (
        Found {
            version,
            dir: dir.into(),
        },
        dir.is_dir(),
    );
    if is_there && is_root(&found) {
        return refuse(format!(
            "{dir:?} is the root of its hierarchy, which has no device gate; name a cgroup below it"
        ));
    }
    if is_there && version == Version::V1 && !dir.join("devices.list").exists() {
        return refuse(format!(
            "{dir:?} is in a hierarchy without device gates; name the directory below that of `devices`"
        ));
    }
    Ok(found)
}

fn version_of(dir: &Path) -> io::Result<Version> {
    let found = statfs(dir).map_err(|e| failed(format!("statfs({dir:?})"), e.into()))?;
    match found.filesystem_type() {
        CGROUP2_SUPER_MAGIC => Ok(Version::V2),
        CGROUP_SUPER_MAGIC => Ok(Version::V1),
        _ => refuse(format!(
            "{dir:?} is no directory of a cgroup hierarchy, see `grep cgroup /proc/self/mountinfo`"
        )),
    }
}

/// The roots of hierarchies lack some files, and have others (cgroups(7)).
fn is_root(found: &Found) -> bool {
    match found.version {
        Version::V1 => found.dir.join("release_agent").exists(),
        Version::V2 => !found.dir.join("cgroup.events").exists(),
    }
}

fn of_process(pid: i32) -> io::Result<Vec<Found>> {
    let path = format!("/proc/{pid}/cgroup");
    let text = match fs::read_to_string(&path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            return refuse(format!("there is no process {pid}"));
        }
        text => text.map_err(|e| failed(format!("read({path:?})"), e))?,
    };
    let hierarchies = Hierarchies::detect()?;
    let mut all = Vec::new();
    for (version, root) in [
        (Version::V2, hierarchies.v2()),
        (Version::V1, hierarchies.v1()),
    ] {
        let (Some(root), Some(path)) = (root, path_in(&text, version)) else {
            continue;
        };
        let dir = root.join(path.trim_start_matches('/'));
        let found = Found { version, dir };
        if found.dir.is_dir() && !is_root(&found) {
            all.push(found);
        }
    }
    if all.is_empty() {
        return refuse(format!(
            "process {pid} is in no cgroup of its own that has a device gate, so there is nothing to take \
             over; have its runtime make one"
        ));
    }
    if all.iter().any(restricts) {
        all.retain(restricts);
    }
    // v2 first
    else {
        all.truncate(1);
    }
    Ok(all)
}

/// The path of a hierarchy in proc_pid_cgroup(5): `5:devices:/a` or `0::/a`.
fn path_in(text: &str, version: Version) -> Option<&str> {
    text.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':');
        let (id, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
        let is_it = match version {
            Version::V1 => controllers.split(',').any(|name| name == "devices"),
            Version::V2 => id == "0" && controllers.is_empty(),
        };
        is_it.then_some(path)
    })
}

fn restricts(found: &Found) -> bool {
    match found.version {
        Version::V1 => fs::read_to_string(found.dir.join("devices.list"))
            .is_ok_and(|list| !list.starts_with('a')),
        Version::V2 => fs::File::open(&found.dir)
            .ok()
            .and_then(|dir| sys::bpf::query(std::os::fd::AsFd::as_fd(&dir)).ok())
            .is_some_and(|attached| !attached.ids.is_empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_paths_of_a_process() {
        let text = "12:blkio:/a\n5:cpu,devices:/docker/x:y\n1:name=systemd:/s\n0::/u\n";
        assert_eq!(path_in(text, Version::V1), Some("/docker/x:y"));
        assert_eq!(path_in(text, Version::V2), Some("/u"));
        assert_eq!(path_in("1:name=systemd:/\n", Version::V2), None);
    }

    #[test]
    fn what_is_no_cgroup_is_refused() {
        for (dir, why) in [
            ("/usr", "is no directory of a cgroup hierarchy"),
            ("/sys/fs/cgroup/../x", "without `.` and `..`"),
        ] {
            let e = find(&Whose::Dir(dir.into())).err().unwrap().to_string();
            assert!(e.contains(why), "{e}");
        }
        let e = find(&Whose::Process(i32::MAX)).err().unwrap().to_string();
        assert_eq!(e, "there is no process 2147483647");
    }
}
