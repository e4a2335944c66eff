//! Processes that wait for their own FUSE server and so cannot be killed.
//!
//! A request that a FUSE server has read is waited for without an end, also by who has a SIGKILL
//! (`request_wait_answer`, fs/fuse/dev.c). A container that is given /dev/fuse can have one of its
//! threads wait for another one that never answers, and take a lock of ours with it (a listing of our
//! directory into a page of such a file). The two hold the same descriptors, so no exit closes the
//! connection. What ends it is `abort` in fusectl.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::os::fd::OwnedFd;

use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;
use sys::mount::{Attrs, FsContext};

/// Abort every FUSE connection that is mounted for one of `pids` and not for us: what was mounted by
/// nobody but them.
pub(super) fn abort(pids: &[i32]) {
    let mut connections: BTreeSet<u32> = pids.iter().flat_map(|pid| mounted(*pid)).collect();
    let ours = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    for number in ours.lines().filter_map(connection) {
        connections.remove(&number);
    }
    if connections.is_empty() {
        return;
    }
    let mount = |context: FsContext| context.mount(Attrs::NOSUID.and(Attrs::NODEV));
    let control = match FsContext::open("fusectl").and_then(mount) {
        Ok(control) => control,
        Err(e) => return log::warn!("FUSE connections are not aborted: {e}"),
    };
    for number in connections {
        match end(&control, number) {
            Ok(()) => log::info!(
                "aborted FUSE connection {number}, which processes that are to end wait for"
            ),
            // gone by itself
            Err(e) => log::debug!("FUSE connection {number}: {e}"),
        }
    }
}

fn end(control: &OwnedFd, number: u32) -> std::io::Result<()> {
    let path = format!("{number}/abort");
    let flags = OFlag::O_WRONLY | OFlag::O_CLOEXEC;
    let file = openat(control, path.as_str(), flags, Mode::empty())?;
    File::from(file).write_all(b"1")
}

/// The connections mounted in any mount namespace of `pid`: a thread may have one of its own, and
/// the first may be dead while others live on.
fn mounted(pid: i32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{pid}/task"))
        .into_iter()
        .flatten();
    let tables = threads
        .flatten()
        .filter_map(|thread| fs::read_to_string(thread.path().join("mountinfo")).ok());
    tables
        .flat_map(|table| table.lines().filter_map(connection).collect::<Vec<_>>())
        .collect()
}

/// The number of the connection that a line of mountinfo is about: the minor of its `0:48`.
fn connection(line: &str) -> Option<u32> {
    let (left, right) = line.split_once(" - ")?;
    let kind = right.split(' ').next()?;
    if kind != "fuse" && !kind.starts_with("fuse.") {
        return None;
    }
    left.split(' ').nth(2)?.strip_prefix("0:")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::connection;

    #[test]
    fn only_connections_are_found() {
        let line = "42 47 0:48 / /mnt rw,relatime - fuse none rw,user_id=0,group_id=0";
        assert_eq!(connection(line), Some(48));
        assert_eq!(
            connection(&line.replace("fuse none", "fuse.sshfs a:b")),
            Some(48)
        );
        assert_eq!(connection(&line.replace("fuse none", "fusectl none")), None);
        // by the number of its block device, and not its own server's
        assert_eq!(
            connection(
                &line
                    .replace("0:48", "8:1")
                    .replace("fuse none", "fuseblk none")
            ),
            None
        );
        assert_eq!(connection(""), None);
    }
}
