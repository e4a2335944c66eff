//! The files that rules are read from, watched by the directories that they are in: an editor that saves puts
//! another file in a file's place.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, WatchDescriptor};

use policy::FileText;

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

/// Files that are read, and which those are: what was not there, and directories in which nothing was found, too.
pub struct Noting<'a> {
    files: &'a dyn policy::Files,
    looked_at: RefCell<BTreeSet<PathBuf>>,
}

impl<'a> Noting<'a> {
    pub fn new(files: &'a dyn policy::Files) -> Noting<'a> {
        Noting {
            files,
            looked_at: RefCell::default(),
        }
    }

    /// What was asked for.
    pub fn looked_at(self) -> BTreeSet<PathBuf> {
        self.looked_at.into_inner()
    }
}

impl policy::Files for Noting<'_> {
    fn read(&self, name: &str) -> Result<FileText, String> {
        self.looked_at.borrow_mut().insert(name.into());
        self.files.read(name)
    }

    fn list(&self, dir: &str) -> Result<Vec<String>, String> {
        let path = if dir.is_empty() { "." } else { dir };
        self.looked_at.borrow_mut().insert(path.into());
        self.files.list(dir)
    }
}

/// The watched files.
pub struct Files {
    inotify: Inotify,
    watches: BTreeSet<WatchDescriptor>,
    /// The files, and the directories in which others may come to be included: how each was before it was last read.
    noted: BTreeMap<PathBuf, State>,
}

impl Files {
    /// The one that `spec` names, and what it includes once that is known.
    pub fn watch(spec: &str) -> io::Result<Files> {
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
        let mut files = Files {
            inotify,
            watches: BTreeSet::new(),
            noted: BTreeMap::new(),
        };
        files.follow([PathBuf::from(spec)].into())?;
        Ok(files)
    }

    /// Watches what was looked at when the rules were read last, and where names lead now. Whether there is more of it
    /// than before; that counts as changed.
    pub fn follow(&mut self, looked_at: BTreeSet<PathBuf>) -> io::Result<bool> {
        let before = std::mem::take(&mut self.noted);
        let is_more = looked_at.iter().any(|path| !before.contains_key(path));
        for path in looked_at {
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
        Ok(is_more)
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
