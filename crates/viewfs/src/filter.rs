//! The policy's view of a tree such as sysfs: what is hidden is not there.
//!
//! Whether a path may show is decided from memory first; only what may is asked of the source.
//! So the hidden and the absent take one way, with no system call of the host's for either.

use std::sync::Arc;

use bstr::BString;
use kobject::Devpath;
use policy::{FileAccess, Verdict};

use crate::Error;
use crate::scene::{Missed, SharedScene};
use crate::tree::{Change, Entry, Kind, Lifetime, Reader, Stat, Tree, Writer};

/// An unfiltered tree, as [`Tree`] has it.
pub trait Source: Send + Sync + 'static {
    /// See [`Tree::stat`]; the owners are the host's.
    fn stat(&self, path: &[u8]) -> Result<Stat, Error>;
    /// See [`Tree::list`].
    fn list(&self, path: &[u8]) -> Result<Vec<Entry>, Error>;
    /// See [`Tree::readlink`].
    fn readlink(&self, path: &[u8]) -> Result<BString, Error>;
    /// Whether something is at `path`.
    fn exists(&self, path: &[u8]) -> bool;
    /// Where a link at `path` with text `target` leads, by names alone.
    fn resolve(&self, path: &[u8], target: &[u8]) -> Option<BString>;
    /// See [`Tree::open_read`].
    fn open_read(&self, path: &[u8]) -> Result<Box<dyn Reader>, Error>;
    /// Open for writing with the server's authority.
    fn open_write(&self, path: &[u8]) -> Result<Box<dyn Writer>, Error>;
}

/// Where a write to a `uevent` file goes: never to the host's.
pub trait Uevents: Send + Sync {
    /// Take `text`, written to the `uevent` file of `devpath`; Ok is the number of bytes taken.
    fn write(&self, devpath: &Devpath, text: &[u8]) -> Result<usize, Error>;
}

/// A source, filtered by a view.
pub struct Filtered<S> {
    source: Arc<S>,
    scene: SharedScene,
    uevents: Arc<dyn Uevents>,
    missed: Option<Arc<dyn Missed>>,
    /// Host ids of the container's root, which owns what it may write.
    root: (u32, u32),
}

impl<S: Source> Filtered<S> {
    /// `source` as `scene` shows it, for a container whose root has the host ids `root`.
    pub fn new(
        source: Arc<S>,
        scene: SharedScene,
        uevents: Arc<dyn Uevents>,
        missed: Option<Arc<dyn Missed>>,
        root: (u32, u32),
    ) -> Filtered<S> {
        Filtered {
            source,
            scene,
            uevents,
            missed,
            root,
        }
    }

    fn judge(&self, path: &[u8]) -> Verdict {
        let scene = self.scene.read();
        scene.view.judge(&scene.table, path)
    }

    /// The verdict on `path`, after a look at the container's own interfaces should it be hidden.
    fn judge_now(&self, path: &[u8]) -> Result<Verdict, Error> {
        let mut verdict = self.judge(path);
        if verdict.is_hidden() && self.missed.as_ref().is_some_and(|m| m.missed(path)) {
            verdict = self.judge(path);
        }
        match verdict.is_hidden() {
            true => Err(Error::NotFound),
            false => Ok(verdict),
        }
    }

    /// Whether the directory at `path` is a device that nobody has told us of yet: it is hidden
    /// until the monitor has, and a decision is there.
    fn is_unknown_device(&self, path: &[u8]) -> bool {
        path.starts_with(b"/devices/")
            && !Devpath::parse(path).is_ok_and(|d| self.scene.read().table.contains(&d))
            && self.source.exists(&[path, b"/uevent"].concat())
    }

    /// Whether a file of `kind` shows at `path` under `verdict`.
    fn shows(&self, path: &[u8], kind: Kind, verdict: &Verdict) -> bool {
        match kind {
            Kind::Directory => verdict.dir && !self.is_unknown_device(path),
            Kind::File => verdict.file != FileAccess::None,
            Kind::Link => {
                verdict.link
                    && self
                        .source
                        .readlink(path)
                        .is_ok_and(|t| self.leads(path, &t))
            }
            // sysfs has no nodes; should a source have some, they are not the filter's to give
            Kind::Block | Kind::Char => false,
        }
    }

    /// Whether a link at `path` to `target` leads to something that shows.
    fn leads(&self, path: &[u8], target: &[u8]) -> bool {
        self.source
            .resolve(path, target)
            .is_some_and(|t| self.judge(&t).dir)
    }

    fn granted<F>(&self, path: &[u8], file: F) -> Granted<F> {
        Granted {
            file,
            path: path.into(),
            scene: self.scene.clone(),
        }
    }

    fn access(&self, path: &[u8]) -> Result<FileAccess, Error> {
        match self.judge_now(path)?.file {
            FileAccess::None => Err(Error::NotFound),
            access => Ok(access),
        }
    }
}

impl<S: Source> Tree for Filtered<S> {
    fn stat(&self, path: &[u8]) -> Result<Stat, Error> {
        let verdict = self.judge_now(path)?;
        let mut stat = self.source.stat(path)?;
        if !self.shows(path, stat.kind, &verdict) {
            return Err(Error::NotFound);
        }
        if matches!(verdict.file, FileAccess::Write | FileAccess::Uevent) && stat.kind == Kind::File
        {
            (stat.uid, stat.gid) = self.root;
        }
        if stat.kind != Kind::File && is_announced(path) {
            stat.lifetime = Lifetime::Announced;
        }
        Ok(stat)
    }

    fn list(&self, path: &[u8]) -> Result<Vec<Entry>, Error> {
        if let Some(missed) = &self.missed {
            missed.missed(&[path, b"/*"].concat());
        }
        if !self.judge_now(path)?.dir {
            return Err(Error::NotFound);
        }
        let mut entries = self.source.list(path)?;
        entries.retain(|entry| {
            let child = [path, b"/", entry.name.as_slice()].concat();
            let verdict = self.judge(&child);
            !verdict.is_hidden() && self.shows(&child, entry.kind, &verdict)
        });
        Ok(entries)
    }

    fn readlink(&self, path: &[u8]) -> Result<BString, Error> {
        if !self.judge_now(path)?.link {
            return Err(Error::NotFound);
        }
        let target = self.source.readlink(path)?;
        match self.leads(path, &target) {
            true => Ok(target),
            false => Err(Error::NotFound),
        }
    }

    fn open_read(&self, path: &[u8]) -> Result<Box<dyn Reader>, Error> {
        self.access(path)?;
        Ok(Box::new(self.granted(path, self.source.open_read(path)?)))
    }

    fn open_write(&self, path: &[u8]) -> Result<Box<dyn Writer>, Error> {
        match self.access(path)? {
            // sysfs says EACCES for an attribute that cannot be written, to root too
            FileAccess::None | FileAccess::Read => Err(Error::Denied),
            FileAccess::Write => Ok(Box::new(self.granted(path, self.source.open_write(path)?))),
            FileAccess::Uevent => {
                let dir = &path[..path.len() - b"/uevent".len()];
                let devpath = Devpath::parse(dir).map_err(|_| Error::NotFound)?;
                let uevents = self.uevents.clone();
                Ok(Box::new(UeventFile { devpath, uevents }))
            }
        }
    }

    fn is_hidden(&self, path: &[u8]) -> bool {
        self.judge(path).is_hidden()
    }

    /// sysfs looks for whatever name the VFS lets through (`kernfs_iop_lookup`, fs/kernfs/dir.c).
    fn name_max(&self) -> usize {
        usize::MAX
    }

    /// As sysfs refuses: its directories have no operation for most changes, which the VFS
    /// answers with EPERM, and with EACCES for open(2) with O_CREAT (fs/namei.c).
    fn refuse(&self, change: Change) -> Error {
        match change {
            Change::Create => Error::Denied,
            Change::Mknod
            | Change::Mkdir
            | Change::Symlink
            | Change::Link
            | Change::Unlink
            | Change::Rmdir
            | Change::Rename
            | Change::Attributes => Error::NotPermitted,
        }
    }
}

/// Whether every change of the name `path` is told by a uevent: directories below /devices and
/// the links to them.
fn is_announced(path: &[u8]) -> bool {
    let parts = path.iter().filter(|b| **b == b'/').count();
    match path {
        p if p.starts_with(b"/devices/") => false,
        p if p.starts_with(b"/class/") || p.starts_with(b"/dev/") => parts == 3,
        p if p.starts_with(b"/block/") => parts == 2,
        _ => false,
    }
}

/// An open file, which is no more than what the view says of its path now.
struct Granted<F> {
    file: F,
    path: BString,
    scene: SharedScene,
}

impl<F> Granted<F> {
    fn access(&self) -> FileAccess {
        let scene = self.scene.read();
        scene.view.judge(&scene.table, &self.path).file
    }
}

impl Reader for Granted<Box<dyn Reader>> {
    fn read(&self, offset: u64, size: usize) -> Result<Vec<u8>, Error> {
        match self.access() {
            FileAccess::None => Err(Error::NoDevice),
            FileAccess::Read | FileAccess::Write | FileAccess::Uevent => {
                self.file.read(offset, size)
            }
        }
    }
}

impl Writer for Granted<Box<dyn Writer>> {
    fn write(&self, offset: u64, data: &[u8]) -> Result<usize, Error> {
        match self.access() {
            FileAccess::None => Err(Error::NoDevice),
            FileAccess::Read | FileAccess::Uevent => Err(Error::Denied),
            FileAccess::Write => self.file.write(offset, data),
        }
    }
}

struct UeventFile {
    devpath: Devpath,
    uevents: Arc<dyn Uevents>,
}

impl Writer for UeventFile {
    /// The offset does not matter: every write is one event.
    fn write(&self, _offset: u64, data: &[u8]) -> Result<usize, Error> {
        self.uevents.write(&self.devpath, data)
    }
}

#[cfg(test)]
#[path = "filter/tests.rs"]
mod tests;
