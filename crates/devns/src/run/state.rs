//! What a running container leaves on the host while it runs: `/run/devns/ID`.
//!
//! The directory holds a lock that devns and its watcher share and that the kernel drops when
//! both are dead; whoever starts next finds it free and clears up what is left.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use cli::running::{FILES, TOP};
use host::cgroup::{Hierarchies, kill_and_remove};
use nix::fcntl::{Flock, FlockArg};
use sys::namespace::IdMap;
use sys::{Context, Result};

use super::idmap;

/// How long to wait for the processes of a container that nobody looks after to end.
const DEADLINE: Duration = Duration::from_secs(10);
/// The same for one that has withstood that already: who starts next waits for it.
const AGAIN: Duration = Duration::from_secs(2);

/// The state of one container; locked as long as this or a copy of it after fork lives.
pub struct State {
    /// Its id.
    pub id: String,
    dir: PathBuf,
    lock: Flock<File>,
    /// The host's ids of the container, if it has a user namespace.
    pub ids: Option<IdMap>,
}

impl State {
    /// Clear up after those whose devns and watcher are dead, then begin the state of `id`;
    /// with `userns`, with a range of ids that no other container has.
    pub fn create(id: &str, userns: bool) -> Result<State> {
        directory(Path::new(TOP))?;
        let everything = lock(&Path::new(TOP).join(".lock"), FlockArg::LockExclusive)?;
        let used = clear_up().call(|| format!("read({TOP:?})"))?;
        let ids = match userns {
            true => {
                let slot = (0..).find(|slot| !used.contains(slot)).unwrap_or(u32::MAX);
                let ids = idmap::of_slot(slot)
                    .ok_or_else(|| io::Error::other("every range is in use"))
                    .call(|| "ids for a user namespace".into())?;
                Some((slot, ids))
            }
            false => None,
        };
        let dir = Path::new(TOP).join(id);
        directory(&dir)?;
        let own = lock(&dir.join("lock"), FlockArg::LockExclusiveNonblock)?;
        if let Some((slot, _)) = ids {
            let path = dir.join("slot");
            std::fs::write(&path, slot.to_string()).call(|| format!("write({path:?})"))?;
        }
        directory(&dir.join("root"))?;
        directory(&dir.join("masks"))?;
        drop(everything);
        Ok(State {
            id: id.into(),
            dir,
            lock: own,
            ids: ids.map(|(_, ids)| ids),
        })
    }

    /// The descriptor that holds the lock, for a forked process to keep.
    pub fn lock_fd(&self) -> i32 {
        self.lock.as_raw_fd()
    }

    /// Where what is known of it is.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// A directory for the container's root to be mounted on, in its own mount namespace.
    pub fn root(&self) -> PathBuf {
        self.dir.join("root")
    }

    /// A directory for what masks files in its /proc, likewise.
    pub fn masks(&self) -> PathBuf {
        self.dir.join("masks")
    }

    /// End whatever is left of the container and forget it.
    pub fn remove(&self) -> io::Result<()> {
        remove(&self.id, &self.dir, DEADLINE)
    }
}

fn remove(id: &str, dir: &Path, deadline: Duration) -> io::Result<()> {
    let dirs = Hierarchies::detect()?.dirs(id).map_err(io::Error::other)?;
    // what cannot be ended now is not forgotten: the next start tries again
    kill_and_remove(&dirs, deadline)?;
    for name in ["root", "masks"] {
        let _ = std::fs::remove_dir(dir.join(name));
    }
    for name in FILES.into_iter().chain(["slot", "lock"]) {
        let _ = std::fs::remove_file(dir.join(name));
    }
    match std::fs::remove_dir(dir) {
        // its own watcher was faster
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// Remove the state of the dead; the slots of the living.
fn clear_up() -> io::Result<Vec<u32>> {
    let mut used = Vec::new();
    for entry in std::fs::read_dir(TOP)? {
        let entry = entry?;
        let (dir, id) = (
            entry.path(),
            entry.file_name().to_string_lossy().into_owned(),
        );
        if !entry.file_type()?.is_dir() {
            continue;
        }
        // not made if it is not there: its watcher is about to remove the directory, or who made that
        // died before there was anything to clear up
        let Ok(file) = OpenOptions::new().write(true).open(dir.join("lock")) else {
            let _ = std::fs::remove_dir(&dir);
            continue;
        };
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(_free) => {
                log::info!("clearing up after {id}");
                // its processes may live on: read before, the slot is theirs until they do not
                let slot = slot_of(&dir);
                if let Err(e) = remove(&id, &dir, AGAIN) {
                    log::warn!("{} cannot be cleared up: {e}", dir.display());
                    used.extend(slot);
                }
            }
            Err(_) => {
                used.extend(slot_of(&dir));
            }
        }
    }
    Ok(used)
}

fn slot_of(dir: &Path) -> Option<u32> {
    std::fs::read_to_string(dir.join("slot")).ok()?.parse().ok()
}

fn lock(path: &Path, how: FlockArg) -> Result<Flock<File>> {
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(path)
        .call(|| format!("open({path:?})"))?;
    Flock::lock(file, how)
        .map_err(|(_, e)| e)
        .call(|| format!("flock({path:?})"))
}

/// A directory that a container's root, whoever that is on the host, may pass through.
fn directory(path: &Path) -> Result<()> {
    match DirBuilder::new().mode(0o711).create(path) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        result => result.call(|| format!("mkdir({path:?})")),
    }
}
