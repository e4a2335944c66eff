//! What containers may leave behind on the host: looked at before and after.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// Everything on this host that could be a container's, a line each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leftovers(pub BTreeSet<String>);

impl Leftovers {
    /// What is there now.
    pub fn now() -> Leftovers {
        let mut all = Leftovers::ours().0;
        all.extend(
            names("/sys/block")
                .into_iter()
                .filter(|n| is_pluggable(n))
                .map(|n| format!("device {n}")),
        );
        all.extend(
            names("/sys/class/net")
                .into_iter()
                .map(|n| format!("interface {n}")),
        );
        all.extend(
            names("/run/netns")
                .into_iter()
                .map(|n| format!("network namespace {n}")),
        );
        all.extend(namespaces());
        Leftovers(all)
    }

    /// Of that, what can be nobody's but this project's.
    pub fn ours() -> Leftovers {
        let mut all = BTreeSet::new();
        all.extend(mounts());
        all.extend(processes());
        all.extend(cgroups(Path::new("/sys/fs/cgroup"), 3));
        let states = names("/run/devns").into_iter().filter(|n| n != ".lock");
        all.extend(states.map(|n| format!("state /run/devns/{n}")));
        Leftovers(all)
    }

    /// What is there now and was not at the time of `self`; what needs a moment to go has one.
    pub fn since(&self, now: impl Fn() -> Leftovers, patience: Duration) -> Vec<String> {
        let until = Instant::now() + patience;
        loop {
            let new: Vec<String> = now().0.difference(&self.0).cloned().collect();
            if new.is_empty() || Instant::now() > until {
                return new;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// What is left of the containers whose name has `name`, and of the processes of `devns` with
/// process id `pid`: nothing, or a test fails that asks for it.
pub fn of(name: &str, pid: i32) -> Vec<String> {
    let none = Leftovers::default();
    let only = || {
        let all = Leftovers::ours().0;
        let (itself, child) = (format!("({pid},"), format!(" of {pid}"));
        let their = |l: &String| l.contains(name) || l.contains(&itself) || l.ends_with(&child);
        Leftovers(all.into_iter().filter(their).collect())
    };
    none.since(only, Duration::from_secs(3))
}

fn is_pluggable(name: &str) -> bool {
    name.starts_with("loop") || name.starts_with("zram")
}

fn names(dir: &str) -> Vec<String> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .map(|e| e.file_name().to_string_lossy().into_owned())
        .collect()
}

fn pids() -> Vec<i32> {
    names("/proc")
        .iter()
        .filter_map(|n| n.parse().ok())
        .collect()
}

/// Mounts of our file systems, in whatever mount namespace.
fn mounts() -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for pid in pids() {
        let Ok(namespace) = fs::read_link(format!("/proc/{pid}/ns/mnt")) else {
            continue;
        };
        if !seen.insert(namespace.clone()) {
            continue;
        }
        let table = fs::read_to_string(format!("/proc/{pid}/mountinfo")).unwrap_or_default();
        let ours = table.lines().filter(|l| l.contains(" - fuse.fusefs-"));
        let place = |l: &str| l.split(' ').nth(4).unwrap_or_default().to_string();
        found.extend(ours.map(|l| format!("mount {} in {}", place(l), namespace.display())));
    }
    found
}

/// Processes of ours, dead ones that another of ours has not waited for included, and those in a
/// cgroup of ours.
fn processes() -> Vec<String> {
    let mut found = Vec::new();
    for pid in pids() {
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else {
            continue;
        };
        // PID (COMM) STATE PPID: the name may hold anything
        let (Some(open), Some(close)) = (stat.find('('), stat.rfind(')')) else {
            continue;
        };
        let name = &stat[open + 1..close];
        let is_ours = |name: &str| name.starts_with("devns") || name.starts_with("fusefs-");
        let mut rest = stat[close + 1..].split_whitespace();
        let (state, parent) = (
            rest.next().unwrap_or_default(),
            rest.next().unwrap_or_default(),
        );
        // who is dead and was left to the system's init is that one's to reap, in its own time
        let reaper = fs::read_to_string(format!("/proc/{parent}/comm")).unwrap_or_default();
        if state == "Z" && !is_ours(&reaper) {
            continue;
        }
        let cgroup = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
        let in_ours = cgroup.lines().find(|l| l.contains("/devns/"));
        if is_ours(name) || in_ours.is_some() {
            let place = in_ours.unwrap_or_default();
            found.push(format!(
                "process {name} ({pid}, {state}) {place} of {parent}"
            ));
        }
    }
    found
}

/// Directories of containers, and of tests, in any cgroup hierarchy. The one that all containers are
/// in may stay.
fn cgroups(dir: &Path, depth: u32) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if !entry.file_type().is_ok_and(|t| t.is_dir()) {
            continue;
        }
        let is_test = entry.file_name().to_string_lossy().starts_with("devns-");
        if dir.ends_with("devns") || is_test {
            found.push(format!("cgroup {}", path.display()));
        } else if depth > 0 {
            found.extend(cgroups(&path, depth - 1));
        }
    }
    found
}

/// Network and user namespaces that some process is in, other than the first.
fn namespaces() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for kind in ["net", "user"] {
        let first = fs::read_link(format!("/proc/1/ns/{kind}")).ok();
        for pid in pids() {
            let link = fs::read_link(format!("/proc/{pid}/ns/{kind}")).ok();
            if link.is_some() && link != first {
                found.extend(link.map(|l| format!("namespace {}", l.display())));
            }
        }
    }
    found
}
