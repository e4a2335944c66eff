//! Requests by node number, answered from a [`Tree`]: numbers, references, open files.
//!
//! This is all of FUSE but the wire: it runs unmounted in tests.

use std::collections::HashMap;
use std::sync::Arc;

use bstr::BString;
use parking_lot::Mutex;

use crate::Error;
use crate::nodes::{Nodes, ROOT};
use crate::pool::{Caller, Pool};
use crate::tree::{Change, Entry, Kind, Reader, Stat, Tree, Writer};

/// Open files and listings that one container may hold: each costs the server a descriptor.
const MAX_HANDLES: usize = 4096;
/// Threads for reads that block, and as many for writes.
const MAX_THREADS: usize = 16;

/// A file's number and attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its number.
    pub number: u64,
    /// Its attributes.
    pub stat: Stat,
}

/// A line of a listing: number, type, name.
pub type Line = (u64, Kind, BString);

enum Handle {
    File(Arc<File>),
    /// With whether it has been read from its beginning already.
    Listing(Arc<[Line]>, bool),
}

struct File {
    number: u64,
    reader: Option<Box<dyn Reader>>,
    writer: Option<Box<dyn Writer>>,
}

#[derive(Default)]
struct Handles {
    open: HashMap<u64, Handle>,
    next: u64,
}

/// The state of one mount.
pub struct Core<T> {
    tree: Arc<T>,
    pool: Arc<Pool>,
    /// Locked for a look or a change only: no tree, no kernel is asked meanwhile.
    nodes: Arc<Mutex<Nodes>>,
    /// Locked as `nodes` is, and never together with it.
    handles: Arc<Mutex<Handles>>,
}

/// What an open asks for.
#[derive(Clone, Copy, Debug)]
pub struct Access {
    /// O_RDONLY or O_RDWR.
    pub read: bool,
    /// O_WRONLY or O_RDWR.
    pub write: bool,
}

impl<T: Tree> Core<T> {
    /// The files of `tree`.
    pub fn new(tree: Arc<T>) -> Core<T> {
        Core {
            tree,
            pool: Arc::new(Pool::new(MAX_THREADS)),
            nodes: Arc::new(Mutex::new(Nodes::new())),
            handles: Arc::default(),
        }
    }

    fn path(&self, number: u64) -> Result<Arc<[u8]>, Error> {
        self.nodes.lock().path(number)
    }

    /// Find `name` in the directory `parent`; the kernel holds a reference from then on.
    pub fn look_up(&self, parent: u64, name: &[u8]) -> Result<Node, Error> {
        if name.len() > self.tree.name_max() {
            return Err(Error::NameTooLong);
        }
        let path = [&self.path(parent)?, &b"/"[..], name].concat();
        let stat = self.tree.stat(&path)?;
        let number = self.nodes.lock().look_up(&path);
        // hidden meanwhile, and the kernel told so before there was a node to tell it of: from here
        // on there is one, and whoever hides it has to wait for our answer
        if self.tree.is_hidden(&path) {
            let mut nodes = self.nodes.lock();
            nodes.retire(&path);
            nodes.forget(number, 1);
            return Err(Error::NotFound);
        }
        Ok(Node { number, stat })
    }

    /// The kernel has dropped references.
    pub fn forget(&self, number: u64, count: u64) {
        self.nodes.lock().forget(number, count);
    }

    /// The attributes of a node.
    pub fn stat(&self, number: u64) -> Result<Node, Error> {
        let stat = self.tree.stat(&self.path(number)?)?;
        Ok(Node { number, stat })
    }

    /// Truncation, which opening for writing brings along, is taken where writing is.
    pub fn truncate(&self, number: u64) -> Result<Node, Error> {
        let path = self.path(number)?;
        if self.tree.stat(&path)?.kind == Kind::Directory {
            return Err(Error::IsDirectory);
        }
        self.tree.open_write(&path)?;
        self.stat(number)
    }

    /// The target of a link.
    pub fn readlink(&self, number: u64) -> Result<BString, Error> {
        self.tree.readlink(&self.path(number)?)
    }

    /// The refusal of a change of names in the directory `parent`.
    pub fn refuse(&self, change: Change) -> Error {
        self.tree.refuse(change)
    }

    /// Open a file; `done` gets the handle, perhaps later and on another thread.
    pub fn open(
        &self,
        number: u64,
        access: Access,
        caller: Caller,
        done: impl FnOnce(Result<u64, Error>) + Send + 'static,
    ) {
        let path = match self.path(number) {
            Ok(path) => path,
            Err(e) => return done(Err(e)),
        };
        let handles = self.handles.clone();
        let finish = move |files: Result<(Option<_>, Option<_>), Error>| {
            let opened = files.and_then(|(reader, writer)| {
                let file = Arc::new(File {
                    number,
                    reader,
                    writer,
                });
                handles.lock().add(Handle::File(file))
            });
            done(opened);
        };
        let tree = self.tree.clone();
        if !access.write {
            self.pool.run_as(caller, move || {
                finish(tree.open_read(&path).map(|reader| (Some(reader), None)));
            });
            return;
        }
        // one after the other, each on a thread of its kind: no identity crosses over
        let pool = self.pool.clone();
        self.pool
            .run_with_authority(move || match tree.open_write(&path) {
                Ok(writer) if access.read => pool.run_as(caller, move || {
                    finish(
                        tree.open_read(&path)
                            .map(|reader| (Some(reader), Some(writer))),
                    );
                }),
                Ok(writer) => finish(Ok((None, Some(writer)))),
                Err(e) => finish(Err(e)),
            });
    }

    /// Read from an open file as `caller`.
    pub fn read(
        &self,
        handle: u64,
        offset: u64,
        size: usize,
        caller: Caller,
        done: impl FnOnce(Result<Vec<u8>, Error>) + Send + 'static,
    ) {
        match self.file(handle) {
            Ok(file) => self.pool.run_as(caller, move || {
                let reader = file.reader.as_ref().ok_or(Error::BadHandle);
                done(reader.and_then(|r| r.read(offset, size)));
            }),
            Err(e) => done(Err(e)),
        }
    }

    /// Write to an open file.
    pub fn write(
        &self,
        handle: u64,
        offset: u64,
        data: Vec<u8>,
        done: impl FnOnce(Result<usize, Error>) + Send + 'static,
    ) {
        match self.file(handle) {
            Ok(file) => self.pool.run_with_authority(move || {
                let writer = file.writer.as_ref().ok_or(Error::BadHandle);
                done(writer.and_then(|w| w.write(offset, &data)));
            }),
            Err(e) => done(Err(e)),
        }
    }

    fn file(&self, handle: u64) -> Result<Arc<File>, Error> {
        let file = match self.handles.lock().open.get(&handle) {
            Some(Handle::File(file)) => file.clone(),
            Some(Handle::Listing(..)) | None => return Err(Error::BadHandle),
        };
        // hidden since it was opened: as if the device were gone
        match self.path(file.number) {
            Ok(_) => Ok(file),
            Err(_) => Err(Error::NoDevice),
        }
    }

    /// Begin a listing of the directory `number`.
    pub fn open_directory(&self, number: u64) -> Result<u64, Error> {
        let lines = self.lines(number)?;
        self.handles.lock().add(Handle::Listing(lines, false))
    }

    /// The lines of a listing. The second time it starts `from_top`, the directory is read anew,
    /// as rewinddir(3) asks.
    pub fn listing(&self, number: u64, handle: u64, from_top: bool) -> Result<Arc<[Line]>, Error> {
        let (lines, again) = match self.handles.lock().open.get_mut(&handle) {
            Some(Handle::Listing(lines, begun)) => {
                let again = from_top && *begun;
                *begun = true;
                (lines.clone(), again)
            }
            Some(Handle::File(_)) | None => return Err(Error::BadHandle),
        };
        if !again {
            return Ok(lines);
        }
        let lines = self.lines(number)?;
        if let Some(Handle::Listing(old, _)) = self.handles.lock().open.get_mut(&handle) {
            *old = lines.clone();
        }
        Ok(lines)
    }

    fn lines(&self, number: u64) -> Result<Arc<[Line]>, Error> {
        let path = self.path(number)?;
        let entries = self.tree.list(&path)?;
        let mut nodes = self.nodes.lock();
        let parent = path
            .iter()
            .rposition(|b| *b == b'/')
            .map_or(ROOT, |at| nodes.number(&path[..at]));
        let mut lines = vec![
            (number, Kind::Directory, BString::from(".")),
            (parent, Kind::Directory, BString::from("..")),
        ];
        lines.extend(entries.into_iter().map(|Entry { name, kind }| {
            let number = nodes.number(&[&path, &b"/"[..], name.as_slice()].concat());
            (number, kind, name)
        }));
        Ok(lines.into())
    }

    /// A file or listing is closed.
    pub fn close(&self, handle: u64) {
        // dropped after the lock: closing a descriptor may take its time
        let closed = self.handles.lock().open.remove(&handle);
        drop(closed);
    }

    /// What the kernel has to forget so that a change of `paths` shows: the directory's number
    /// and the name of each that it may know, and the number of the node itself. Nodes whose
    /// path is hidden now are retired.
    pub fn outdated(&self, paths: &[BString]) -> Vec<(u64, BString, Option<u64>)> {
        let mut paths: Vec<(&BString, bool)> = paths
            .iter()
            .map(|path| (path, self.tree.is_hidden(path)))
            .collect();
        // the deepest first: retiring a directory forgets what was known below it
        paths.sort_by_key(|(path, _)| std::cmp::Reverse(path.len()));
        let mut nodes = self.nodes.lock();
        let mut outdated = Vec::new();
        for (path, hidden) in paths {
            let Some(at) = path.iter().rposition(|b| *b == b'/') else {
                continue;
            };
            let node = nodes.known(path);
            if let (Some(parent), Some(_)) = (nodes.known(&path[..at]), node) {
                outdated.push((parent, path[at + 1..].into(), node));
            }
            if hidden {
                nodes.retire(path);
            }
        }
        outdated
    }
}

impl Handles {
    fn add(&mut self, handle: Handle) -> Result<u64, Error> {
        if self.open.len() >= MAX_HANDLES {
            return Err(Error::TooMany);
        }
        self.next += 1;
        self.open.insert(self.next, handle);
        Ok(self.next)
    }
}

#[cfg(test)]
#[path = "core/tests.rs"]
mod tests;
