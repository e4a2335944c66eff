//! Files that the kernel reads without us: FUSE passthrough.
//!
//! The kernel then reads with the rights of whoever registered the file, whoever asks: so this is for
//! text that is the same for everybody, and that nobody may write. What is text, nothing says but its
//! content: the first read of a file is ours.

use std::any::Any;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::{Core, File, Handles};
use crate::Error;
use crate::nodes::{Backing, Nodes};
use crate::tree::Tree;

/// Files of one container that the kernel has open for this.
const MAX_BACKINGS: usize = 1024;

/// How long the last look at a file's name does for those who open it: as long as the kernel may keep
/// its attributes.
const LOOKED: Duration = Duration::from_secs(1);

/// What the kernel reads from, as the wire has it.
pub type Wire = Arc<dyn Any + Send + Sync>;

/// How a file that is to be read only is opened.
pub enum Way {
    /// By reads of ours.
    Direct,
    /// With what the kernel reads from already: the handle.
    Known(u64, Backing),
    /// By something for the kernel to read from, which is yet to be registered.
    New,
}

impl<T: Tree> Core<T> {
    /// How to open `number` for reading only.
    pub fn way(&self, number: u64) -> Result<Way, Error> {
        let (path, backing) = {
            let mut nodes = self.nodes.lock();
            let node = nodes.live(number).ok_or(Error::NotFound)?;
            (node.path.clone(), node.backing.as_deref().cloned())
        };
        if let Some(backing) = backing
            && self.still_serves(&backing)
        {
            let handle = self.add_backed(number, backing.clone())?;
            return Ok(Way::Known(handle, backing));
        }
        let looked = (Instant::now(), self.tree.generation());
        let stat = self.tree.same_for_all(&path)?;
        let mut nodes = self.nodes.lock();
        let another = stat.is_some_and(|s| nodes.is_another(Some(number), s.identity));
        let node = nodes.live(number).ok_or(Error::NotFound)?;
        match (stat, node.backing.as_deref_mut()) {
            (Some(_), Some(backing)) if !another => {
                backing.looked = looked;
                let backing = backing.clone();
                drop(nodes);
                let handle = self.add_backed(number, backing.clone())?;
                Ok(Way::Known(handle, backing))
            }
            // while somebody has it open the one way, the kernel lets nobody in the other way
            (None, Some(_)) => self.start_anew(nodes, &path),
            _ if another => self.start_anew(nodes, &path),
            (Some(_), None) if node.is_text => {
                if nodes.backings() >= MAX_BACKINGS {
                    let idle = nodes.take_idle_backings();
                    let full = nodes.backings() >= MAX_BACKINGS;
                    drop(nodes);
                    drop(idle);
                    if full {
                        return Ok(Way::Direct);
                    }
                }
                Ok(Way::New)
            }
            _ => Ok(Way::Direct),
        }
    }

    /// Whether what was found of it when its name was last looked up need not be asked again: nothing
    /// was hidden since, its attributes are still such, and it is there. If it goes before the kernel opens it,
    /// that says EIO (`fuse_file_io_open`, fs/fuse/iomode.c).
    fn still_serves(&self, backing: &Backing) -> bool {
        let (when, generation) = backing.looked;
        when.elapsed() < LOOKED
            && generation == self.tree.generation()
            && self.tree.is_still_same_for_all(backing.file.as_fd())
    }

    /// Give up the node at `path`: the kernel looks the name up again and gets another.
    fn start_anew<R>(
        &self,
        mut nodes: parking_lot::MutexGuard<'_, Nodes>,
        path: &[u8],
    ) -> Result<R, Error> {
        let dropped = nodes.retire(path);
        drop(nodes);
        drop(dropped);
        Err(Error::Stale)
    }

    /// Register something for the kernel to read `number` from, with `register`, on a thread that has no
    /// other right; `done` gets the handle and what it is read from.
    pub fn open_backed(
        &self,
        number: u64,
        register: impl FnOnce(&OwnedFd) -> std::io::Result<Wire> + Send + 'static,
        done: impl FnOnce(Result<(u64, Backing), Error>) + Send + 'static,
    ) {
        let path = match self.path(number) {
            Ok(path) => path,
            Err(e) => return done(Err(e)),
        };
        let (tree, nodes, handles) = (self.tree.clone(), self.nodes.clone(), self.handles.clone());
        self.pool.run_as_registrar(move || {
            let looked = (Instant::now(), tree.generation());
            let made = tree.open_for_all(&path).and_then(|file| {
                let wire = register(&file)
                    .map_err(|e| Error::Host(e.raw_os_error().unwrap_or(libc::EIO)))?;
                let file = Arc::new(file);
                Ok(Backing { wire, file, looked })
            });
            let opened = made.and_then(|made| {
                let backing = match nodes.lock().live(number) {
                    // all who have a file open read it from the same
                    Some(node) => {
                        Backing::clone(node.backing.get_or_insert_with(|| Box::new(made)))
                    }
                    None => return Err(Error::NotFound),
                };
                let handle = add_backed(&handles, number, backing.clone())?;
                Ok((handle, backing))
            });
            done(opened);
        });
    }

    fn add_backed(&self, number: u64, backing: Backing) -> Result<u64, Error> {
        add_backed(&self.handles, number, backing)
    }
}

fn add_backed(handles: &Mutex<Handles>, number: u64, backing: Backing) -> Result<u64, Error> {
    handles.lock().add(File {
        number,
        reader: None,
        writer: None,
        backing: Some(backing),
        polled: OnceLock::new(),
    })
}

/// Whether `data`, the answer to a read of `size` bytes from the beginning, is the whole of a text:
/// less than was asked for, and no byte of it is 0.
pub(super) fn is_text(data: &[u8], size: usize) -> bool {
    data.len() < size.min(4096) && !data.is_empty() && !data.contains(&0)
}

/// Remember it of node `number`.
pub(super) fn note_text(nodes: &Mutex<Nodes>, number: u64) {
    if let Some(node) = nodes.lock().live(number) {
        node.is_text = true;
    }
}
