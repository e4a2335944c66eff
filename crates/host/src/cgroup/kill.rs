//! The end of a container: its processes, then its cgroups.

mod fuse;
mod walk;

use std::collections::HashSet;
use std::fs;
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use self::walk::{remove, visit};
use super::{PARENT, failed};
use crate::process::is_ending;

/// How long killed processes may take before it is asked what keeps them.
const PATIENCE: Duration = Duration::from_millis(500);

/// The processes in the cgroup `dir` and in all nested ones, ascending; none if there is no such directory.
///
/// Those of a pid namespace that the caller cannot see into are left out: the kernel writes them as 0.
///
/// # Errors
/// What opening and reading `cgroup.procs` gives.
pub fn procs(dir: &Path) -> io::Result<Vec<i32>> {
    Ok(members(dir)?.pids)
}

/// Kills every process in the cgroups `dirs`, as [`Cgroup::dirs`](super::Cgroup::dirs) or
/// [`Hierarchies::dirs`](super::Hierarchies::dirs) name them, removes the cgroups nested in them, the
/// cgroups themselves, and the `devns` directory when it is empty. What is gone already is no error.
///
/// `cgroup.kill` (Linux 5.14) leaves out nobody, however fast they fork. Where it is missing, the cgroup
/// is frozen if it can be (v2, Linux 5.2) and every pid gets a SIGKILL until none is left; a v1 cgroup
/// cannot be frozen, and a storm of processes that fork and exit can hold out for a while. There also, as
/// with every kill by pid, a process that ends between being listed and being killed gives its pid free.
///
/// # Errors
/// Past `deadline` TimedOut, with how many processes are left: some sleep uninterruptibly, or are beyond
/// the caller's pid namespace. EINVAL for a directory that is not `.../devns/<id>`, and for one the caller
/// is in. Otherwise what listing, killing and removing give; every directory was tried then.
pub fn kill_and_remove(dirs: &[PathBuf], deadline: Duration) -> io::Result<()> {
    dirs.iter().try_for_each(|dir| check(dir))?;
    let end = Instant::now().checked_add(deadline);
    let mut pause = Duration::from_millis(1);
    let mut signalled = HashSet::new();
    let mut stubborn = Instant::now() + PATIENCE;
    let mut left: Vec<&PathBuf> = dirs.iter().collect();
    // most processes are in all of them: those killed together need no signals
    left.sort_by_key(|dir| !dir.join("cgroup.kill").exists());
    loop {
        let before = signalled.len();
        let mut trouble = None;
        left.retain(|dir| match end_of(dir, &mut signalled) {
            Ok(gone) => !gone,
            Err(e) => {
                trouble = Some(e);
                true
            }
        });
        if left.is_empty() {
            break;
        }
        if end.is_some_and(|end| Instant::now() >= end) {
            return Err(trouble.unwrap_or_else(|| timed_out(&left)));
        }
        if Instant::now() >= stubborn {
            let pids: Vec<i32> = left
                .iter()
                .flat_map(|dir| [procs(dir).unwrap_or_default(), threads(dir)].concat())
                .collect();
            fuse::abort(&pids);
            stubborn = Instant::now() + PATIENCE;
        }
        // new processes turn up: somebody forks, so be quick
        if signalled.len() == before {
            thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        }
    }
    for parent in dirs.iter().filter_map(|dir| dir.parent()) {
        // other containers are in there, or it is gone
        let _ = fs::remove_dir(parent);
    }
    Ok(())
}

/// Kills every process in the cgroups `dirs`, whosever they are, and leaves the cgroups. As
/// [`kill_and_remove`] does it; a directory that is not there has nobody in it.
///
/// # Errors
/// EINVAL for a cgroup the caller is in; TimedOut past `deadline`; what listing and killing give.
pub fn kill_all(dirs: &[PathBuf], deadline: Duration) -> io::Result<()> {
    let end = Instant::now() + deadline;
    loop {
        let mut left = Vec::new();
        for dir in dirs {
            if procs(dir)?.contains(&(std::process::id() as i32)) {
                let text = format!("kill_all({dir:?}): the caller is in it");
                return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
            }
            if write(&dir.join("cgroup.kill")).is_err() {
                kill_each(dir, &mut HashSet::new())?;
            }
            let there = members(dir)?;
            if there.pids.iter().any(|pid| !is_ending(*pid)) || there.unseen > 0 {
                left.push(dir);
            }
        }
        if left.is_empty() {
            // who froze them is gone, and nobody else would thaw the cgroup
            let thaw = |dir: &PathBuf| {
                fs::File::options()
                    .write(true)
                    .open(dir.join("cgroup.freeze"))
            };
            for mut file in dirs.iter().filter_map(|dir| thaw(dir).ok()) {
                let _ = file.write_all(b"0");
            }
            return Ok(());
        }
        if Instant::now() >= end {
            return Err(timed_out(&left));
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// One round: kills, then removes. True once the directory is gone.
fn end_of(dir: &Path, signalled: &mut HashSet<i32>) -> io::Result<bool> {
    if write(&dir.join("cgroup.kill")).is_err() {
        kill_each(dir, signalled)?;
    }
    match remove(dir) {
        Ok(()) => Ok(true),
        // still populated
        Err(e) if matches!(e.raw_os_error(), Some(libc::EBUSY | libc::ENOTEMPTY)) => Ok(false),
        Err(e) => Err(failed(format!("rmdir({dir:?})"), e)),
    }
}

/// SIGKILL to every process in `dir`, which is frozen where that is possible: frozen processes do not
/// fork, and die all the same.
fn kill_each(dir: &Path, signalled: &mut HashSet<i32>) -> io::Result<()> {
    let _ = write(&dir.join("cgroup.freeze"));
    let mut done = Ok(());
    for pid in procs(dir)? {
        match kill(Pid::from_raw(pid), Signal::SIGKILL) {
            Ok(()) => drop(signalled.insert(pid)),
            Err(Errno::ESRCH) => {}
            // the others first
            Err(e) => done = Err(failed(format!("kill({pid}, SIGKILL)"), e.into())),
        }
    }
    done
}

/// Writes 1 to a file of the kernel's; fs::write() would make one outside of a cgroup hierarchy.
fn write(path: &Path) -> io::Result<()> {
    fs::File::options().write(true).open(path)?.write_all(b"1")
}

/// A stray path here would kill half the host: only a container's own directory will do.
fn check(dir: &Path) -> io::Result<()> {
    let refuse = |why: &str| {
        let text = format!("kill_and_remove({dir:?}): {why}");
        Err(io::Error::new(io::ErrorKind::InvalidInput, text))
    };
    let plain = dir
        .components()
        .all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    let parent = dir.parent().and_then(Path::file_name);
    if !dir.is_absolute() || !plain || parent.is_none_or(|name| name != PARENT) {
        return refuse("expected an absolute path that ends in devns/<id>");
    }
    match procs(dir)?.contains(&(std::process::id() as i32)) {
        true => refuse("the caller is in it"),
        false => Ok(()),
    }
}

fn timed_out(left: &[&PathBuf]) -> io::Error {
    let state = |dir: &&PathBuf| match members(dir) {
        Ok(Members { pids, unseen }) => {
            format!("{dir:?} still has {} processes", pids.len() + unseen)
        }
        Err(e) => e.to_string(),
    };
    let text = left.iter().map(state).collect::<Vec<_>>().join(", ");
    io::Error::new(io::ErrorKind::TimedOut, text)
}

/// Who is in a cgroup and those nested in it.
#[derive(Default)]
struct Members {
    /// Ascending.
    pids: Vec<i32>,
    /// How many have no pid here.
    unseen: usize,
}

fn members(dir: &Path) -> io::Result<Members> {
    let mut members = Members::default();
    visit(dir, c"cgroup.procs", &mut |text| {
        for pid in text.lines().filter_map(|line| line.parse().ok()) {
            match pid {
                // to kill(2), 0 would be the caller's own process group
                ..=0 => members.unseen += 1,
                pid => members.pids.push(pid),
            }
        }
    })
    .map_err(|e| failed(format!("read({:?})", dir.join("cgroup.procs")), e))?;
    members.pids.sort_unstable();
    // a process on the move may be met twice
    members.pids.dedup();
    Ok(members)
}

/// The threads in the cgroup `dir` and in all nested ones. A process of which the first thread is gone
/// and the others are on their way is not among [`procs`] any more, however long they take.
fn threads(dir: &Path) -> Vec<i32> {
    let mut tids = Vec::new();
    // of v2 and of v1
    for name in [c"cgroup.threads", c"tasks"] {
        let _ = visit(dir, name, &mut |text| {
            let all = text.lines().filter_map(|line| line.parse().ok());
            tids.extend(all.filter(|tid: &i32| *tid > 0));
        });
    }
    tids
}

#[cfg(test)]
mod tests;
