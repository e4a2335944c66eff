//! Requests by node number, answered from a [`Tree`]: numbers, references, open files.
//!
//! This is all of FUSE but the wire: it runs unmounted in tests.

mod backing;
mod listing;
mod sweep;
mod watch;

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use bstr::BString;
use parking_lot::Mutex;

use crate::Error;
use crate::nodes::{Backing, Nodes};
use crate::pool::{Caller, Pool};
use crate::tree::{Change, Kind, Reader, Stat, Tree, Writer};

pub use backing::{Way, Wire};
pub use listing::Line;
pub use watch::Wake;

use listing::Recent;
use watch::Polls;

/// Open files that one container may hold: each costs the server a descriptor.
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

/// An open file.
struct File {
    number: u64,
    reader: Option<Box<dyn Reader>>,
    writer: Option<Box<dyn Writer>>,
    /// What the kernel reads it from; there is no reader then.
    backing: Option<Backing>,
    /// A file of ours to poll in place of such a backing.
    polled: OnceLock<OwnedFd>,
}

#[derive(Default)]
struct Handles {
    open: HashMap<u64, Arc<File>>,
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
    /// Listings that are being read. Locked as `nodes` is, and never together with it.
    recent: Mutex<Recent>,
    polls: Polls,
    /// Makes the kernel look at every name again, if it can do that.
    forget_names: OnceLock<ForgetNames>,
    /// The time of directories that have not changed since.
    born: SystemTime,
}

/// Makes the kernel look at every name again, without waiting for anybody.
pub type ForgetNames = Box<dyn Fn() + Send + Sync>;

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
            recent: Mutex::default(),
            polls: Polls::default(),
            forget_names: OnceLock::new(),
            born: SystemTime::now(),
        }
    }

    /// The kernel has a way to forget names, so it may keep them longer.
    pub fn set_forget_names(&self, forget_names: ForgetNames) {
        let _ = self.forget_names.set(forget_names);
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
        let mut stat = self.tree.stat(&path)?;
        let (number, _dropped) = {
            let mut nodes = self.nodes.lock();
            let (number, dropped) = nodes.number_of(&path, stat.identity);
            nodes.tell(number);
            (number, dropped)
        };
        self.date(number, &path, &mut stat);
        self.outlive(parent, &mut stat);
        // hidden meanwhile, and the kernel told so before there was a node to tell it of: from here
        // on there is one, and whoever hides it has to wait for our answer
        if self.tree.is_hidden(&path) {
            let mut nodes = self.nodes.lock();
            let dropped = (nodes.retire(&path), nodes.forget(number, 1));
            drop(nodes);
            drop(dropped);
            return Err(Error::NotFound);
        }
        self.sweep();
        Ok(Node { number, stat })
    }

    /// The kernel has dropped references.
    pub fn forget(&self, number: u64, count: u64) {
        let dropped = self.nodes.lock().forget(number, count);
        drop(dropped);
    }

    /// The attributes of a node.
    pub fn stat(&self, number: u64) -> Result<Node, Error> {
        let path = self.path(number)?;
        let mut stat = self.tree.stat(&path)?;
        if self.nodes.lock().is_another(Some(number), stat.identity) {
            return Err(Error::Stale);
        }
        self.date(number, &path, &mut stat);
        if let Some(at) = path.iter().rposition(|b| *b == b'/') {
            let parent = self.nodes.lock().known(&path[..at]);
            self.outlive(parent.unwrap_or(number), &mut stat);
        }
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

    /// Whether files can be opened with O_DIRECT.
    pub fn takes_direct(&self) -> bool {
        self.tree.takes_direct()
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
                handles.lock().add(File {
                    number,
                    reader,
                    writer,
                    backing: None,
                    polled: OnceLock::new(),
                })
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
        let nodes = self.nodes.clone();
        match self.file(handle) {
            Ok(file) => self.pool.run_as(caller, move || {
                let reader = file.reader.as_ref().ok_or(Error::BadHandle);
                let data = reader.and_then(|r| r.read(offset, size));
                if offset == 0 && data.as_ref().is_ok_and(|d| backing::is_text(d, size)) {
                    backing::note_text(&nodes, file.number);
                }
                done(data);
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
        let open = self.handles.lock().open.get(&handle).cloned();
        let file = open.ok_or(Error::BadHandle)?;
        // hidden since it was opened: as if the device were gone
        match self.path(file.number) {
            Ok(_) => Ok(file),
            Err(_) => Err(Error::NoDevice),
        }
    }

    /// A file is closed.
    pub fn close(&self, handle: u64) {
        self.polls.forget(handle);
        // dropped after the lock: closing a descriptor may take its time
        let closed = self.handles.lock().open.remove(&handle);
        drop(closed);
    }

    /// What the kernel has to forget so that a change of `paths` shows. Nodes whose path is hidden
    /// now are retired.
    pub fn outdated(&self, paths: &[BString]) -> Vec<Outdated> {
        let mut paths: Vec<(&BString, bool)> = paths
            .iter()
            .map(|path| (path, self.tree.is_hidden(path)))
            .collect();
        // the deepest first: retiring a directory forgets what was known below it
        paths.sort_by_key(|(path, _)| std::cmp::Reverse(path.len()));
        let mut dropped = Vec::new();
        let mut outdated = Vec::new();
        let mut nodes = self.nodes.lock();
        for (path, hidden) in paths {
            let Some(at) = path.iter().rposition(|b| *b == b'/') else {
                continue;
            };
            if let Some(parent) = nodes.known(&path[..at]) {
                outdated.push(Outdated {
                    parent,
                    name: path[at + 1..].into(),
                    node: nodes.known(path),
                });
            }
            if hidden {
                dropped.push(nodes.retire(path));
            }
        }
        drop(nodes);
        drop(dropped);
        outdated
    }
}

/// A name that the kernel has to forget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outdated {
    /// The directory that it is, was or will be in, whose listing the kernel may have.
    pub parent: u64,
    /// The name.
    pub name: BString,
    /// Its node, if the kernel knows it.
    pub node: Option<u64>,
}

impl Handles {
    fn add(&mut self, file: File) -> Result<u64, Error> {
        if self.open.len() >= MAX_HANDLES {
            return Err(Error::TooMany);
        }
        self.next += 1;
        self.open.insert(self.next, Arc::new(file));
        Ok(self.next)
    }
}

#[cfg(test)]
#[path = "core/tests.rs"]
mod tests;
