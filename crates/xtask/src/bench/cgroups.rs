//! Into the cgroups of a container.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Put `process` where `first` is, in each hierarchy in which they are in different cgroups.
pub fn follow(first: u32, process: u32) -> Result<()> {
    let table = fs::read_to_string("/proc/self/mountinfo").context("mountinfo")?;
    let (theirs, ours) = (cgroups(first)?, cgroups(process)?);
    for line in theirs.lines().filter(|l| !ours.lines().any(|o| o == *l)) {
        let mut fields = line.splitn(3, ':');
        let controllers = fields.nth(1).unwrap_or_default();
        let path = fields.next().unwrap_or("/");
        // a hierarchy that is mounted nowhere has no gate
        let Some(top) = mounted(&table, controllers) else {
            continue;
        };
        let procs = top.join(path.trim_start_matches('/')).join("cgroup.procs");
        fs::write(&procs, process.to_string()).with_context(|| format!("{procs:?}"))?;
    }
    Ok(())
}

/// Lines `NUMBER:CONTROLLERS:PATH` (cgroups(7)).
fn cgroups(process: u32) -> Result<String> {
    let path = format!("/proc/{process}/cgroup");
    fs::read_to_string(&path).with_context(|| path)
}

/// Where the hierarchy of these controllers is mounted; without any, that of version 2.
fn mounted(mountinfo: &str, controllers: &str) -> Option<PathBuf> {
    mountinfo.lines().find_map(|line| {
        let (left, right) = line.split_once(" - ")?;
        let mut right = right.split(' ');
        let (kind, options) = (right.next()?, right.nth(1)?);
        let is_it = match controllers {
            "" => kind == "cgroup2",
            _ => {
                let has = |c| options.split(',').any(|o| o == c);
                kind == "cgroup" && controllers.split(',').all(has)
            }
        };
        is_it.then(|| Path::new(left.split(' ').nth(4).unwrap_or("/")).to_path_buf())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hierarchies_of_both_versions() {
        let table = "\
30 1 0:2 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu
31 1 0:3 / /sys/fs/cgroup/devices rw shared:9 - cgroup cgroup rw,devices
32 1 0:4 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
";
        let at = |controllers| mounted(table, controllers);
        assert_eq!(at("devices"), Some("/sys/fs/cgroup/devices".into()));
        assert_eq!(at(""), Some("/sys/fs/cgroup/unified".into()));
        assert_eq!(at("pids"), None);
    }
}
