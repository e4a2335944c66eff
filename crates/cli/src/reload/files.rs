//! The files that rules are read from, watched by the directories that they are in: an editor that saves puts
//! another file in a file's place.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, WatchDescriptor};

use crate::rules::Loaded;

/// Whatever may mean that a name stands for something else now. inotify says only that it is worth a look.
const EVENTS: AddWatchFlags = AddWatchFlags::IN_CLOSE_WRITE
    .union(AddWatchFlags::IN_MODIFY)
    .union(AddWatchFlags::IN_CREATE)
    .union(AddWatchFlags::IN_DELETE)
    .union(AddWatchFlags::IN_MOVED_FROM)
    .union(AddWatchFlags::IN_MOVED_TO)
    .union(AddWatchFlags::IN_DELETE_SELF)
    .union(AddWatchFlags::IN_MOVE_SELF)
    .union(AddWatchFlags::IN_ONLYDIR);

/// What is at a path: device, inode, size, times; None: nothing.
type State = Option<(u64, u64, u64, [i64; 4])>;

/// The watched files.
pub struct Files {
    inotify: Inotify,
    watches: BTreeSet<WatchDescriptor>,
    /// The files, and the directories in which others may come to be included: how each was before it was last read.
    noted: BTreeMap<PathBuf, State>,
}

impl Files {
    /// Those that `loaded` was read from.
    pub fn watch(spec: &str, loaded: &Loaded) -> io::Result<Files> {
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
        let mut files = Files {
            inotify,
            watches: BTreeSet::new(),
            noted: BTreeMap::new(),
        };
        files.follow(spec, loaded)?;
        Ok(files)
    }

    /// Watches what the rules are read from now, and where names lead now. What is new counts as changed.
    pub fn follow(&mut self, spec: &str, loaded: &Loaded) -> io::Result<()> {
        let before = std::mem::take(&mut self.noted);
        for path in paths(spec, loaded) {
            let state = before.get(&path).copied().flatten();
            self.noted.insert(path, state);
        }
        // first the new ones, so that nothing is missed
        let mut watches = BTreeSet::new();
        for dir in directories(self.noted.keys()) {
            watches.insert(self.add(&dir)?);
        }
        for old in self.watches.difference(&watches) {
            // it may have gone with its directory
            let _ = self.inotify.rm_watch(*old);
        }
        self.watches = watches;
        Ok(())
    }

    /// Watches a directory, or while it is not there the nearest above it.
    fn add(&self, dir: &Path) -> io::Result<WatchDescriptor> {
        match self.inotify.add_watch(dir, EVENTS) {
            Ok(watch) => Ok(watch),
            Err(Errno::ENOENT | Errno::ENOTDIR) if dir.parent().is_some() => {
                let above = dir.parent().filter(|above| !above.as_os_str().is_empty());
                self.add(above.unwrap_or(Path::new(".")))
            }
            Err(e) => Err(e.into()),
        }
    }

    /// Forgets what inotify said.
    pub fn drain(&self) {
        while self.inotify.read_events().is_ok_and(|all| !all.is_empty()) {}
    }

    /// Notes how they are now.
    pub fn note(&mut self) {
        for (path, noted) in &mut self.noted {
            *noted = state(path);
        }
    }

    /// Whether they are not as they were noted.
    pub fn have_changed(&self) -> bool {
        self.noted.iter().any(|(path, noted)| state(path) != *noted)
    }
}

impl AsFd for Files {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }
}

/// The files, and the directories of all but the first: what is included is named by globs, and one more may come to match.
fn paths(spec: &str, loaded: &Loaded) -> BTreeSet<PathBuf> {
    let mut paths: BTreeSet<PathBuf> = [PathBuf::from(spec)].into();
    for source in loaded.sources.iter().skip(1) {
        let path = PathBuf::from(&source.name);
        paths.extend(path.parent().map(Path::to_path_buf));
        paths.insert(path);
    }
    paths
}

/// Where the names of these paths are, as they are written and as links have it; a directory among them itself.
fn directories<'a>(paths: impl Iterator<Item = &'a PathBuf>) -> BTreeSet<PathBuf> {
    let mut all = BTreeSet::new();
    for path in paths {
        let real = path.canonicalize().ok();
        for path in [Some(path.clone()), real].into_iter().flatten() {
            let above = path.parent().filter(|above| !above.as_os_str().is_empty());
            all.insert(above.unwrap_or(Path::new(".")).to_path_buf());
            if path.is_dir() {
                all.insert(path);
            }
        }
    }
    all
}

fn state(path: &Path) -> State {
    let meta = std::fs::metadata(path).ok()?;
    let times = [
        meta.mtime(),
        meta.mtime_nsec(),
        meta.ctime(),
        meta.ctime_nsec(),
    ];
    Some((meta.dev(), meta.ino(), meta.size(), times))
}
