//! The policy's view of a tree such as sysfs: what is hidden is not there.
//!
//! Whether a path may show is decided from memory first; only what may is asked of the source.
//! So the hidden and the absent take one way, with no system call of the host's for either.

mod opened;

use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::Arc;

use bstr::BString;
use kobject::Devpath;
use policy::{FileAccess, Verdict};

use crate::Error;
use crate::scene::{Missed, SharedScene};
use crate::source::{Directory, Source};
use crate::tree::{Change, Entry, Kind, Lifetime, Reader, Stat, Tree, Writer};
use opened::{Granted, UeventFile};

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
        match verdict.is_hidden() || self.is_in_unknown_device(path) {
            true => Err(Error::NotFound),
            false => Ok(verdict),
        }
    }

    /// Whether `path` lies in the directory of a device that nobody has told us of yet. That has no name, but who holds it
    /// since it was another device's, or since before it had its `uevent` file, can ask for what is in it.
    fn is_in_unknown_device(&self, path: &[u8]) -> bool {
        const TOP: &[u8] = b"/devices";
        if !path.starts_with(b"/devices/") {
            return false;
        }
        let known = {
            let scene = self.scene.read();
            let nearest = scene.table.nearest(path);
            nearest.map_or(TOP.len(), |facts| facts.device.devpath.as_bytes().len())
        };
        let slashes = path.iter().enumerate().skip(known + 1);
        let mut directories = slashes.filter(|(_, b)| **b == b'/').map(|(at, _)| at);
        directories.any(|at| self.source.exists(&[&path[..at], b"/uevent"].concat()))
    }

    /// Whether the directory at `path` is a device that nobody has told us of yet, or lies in one.
    fn is_unknown(&self, path: &[u8]) -> bool {
        self.is_unknown_device(path) || self.is_in_unknown_device(path)
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
            Kind::Block | Kind::Char | Kind::Fifo | Kind::Socket => false,
        }
    }

    /// Whether a link at `path` to `target` leads to something that shows.
    fn leads(&self, path: &[u8], target: &[u8]) -> bool {
        self.source
            .resolve(path, target)
            .is_some_and(|t| self.judge(&t).dir && !self.is_unknown(&t))
    }

    /// The directory at `path`, if it shows.
    fn directory(&self, path: &[u8]) -> Result<Box<dyn Directory + '_>, Error> {
        if let Some(missed) = &self.missed {
            missed.missed(&[path, b"/*"].concat());
        }
        match self.judge_now(path)?.dir && !self.is_unknown_device(path) {
            true => self.source.directory(path),
            false => Err(Error::NotFound),
        }
    }

    /// What shows of a directory, with the verdict on each entry.
    fn shown(
        &self,
        path: &[u8],
        directory: &dyn Directory,
    ) -> Result<Vec<(Entry, Verdict)>, Error> {
        let entries = directory.list()?;
        // the scene is locked twice for all of them, and never while the source is asked
        let mut verdicts = Vec::with_capacity(entries.len());
        let mut unknown = Vec::new();
        {
            let scene = self.scene.read();
            let mut child = [path, b"/"].concat();
            for entry in entries {
                child.truncate(path.len() + 1);
                child.extend_from_slice(&entry.name);
                let verdict = scene.view.judge(&scene.table, &child);
                let shows = match entry.kind {
                    Kind::Directory => verdict.dir,
                    Kind::File => verdict.file != FileAccess::None,
                    Kind::Link => verdict.link,
                    Kind::Block | Kind::Char | Kind::Fifo | Kind::Socket => false,
                };
                if shows {
                    let is_known =
                        || Devpath::parse(&child[..]).is_ok_and(|d| scene.table.contains(&d));
                    unknown.push(
                        entry.kind == Kind::Directory
                            && child.starts_with(b"/devices/")
                            && !is_known(),
                    );
                    verdicts.push((entry, verdict));
                }
            }
        }
        let targets: Vec<Option<BString>> = verdicts
            .iter()
            .map(|(entry, _)| match entry.kind {
                Kind::Link => directory
                    .readlink(&entry.name)
                    .ok()
                    .and_then(|t| self.source.resolve(&[path, b"/", &entry.name].concat(), &t))
                    .filter(|target| !self.is_unknown(target)),
                _ => None,
            })
            .collect();
        let mut kept: Vec<bool> = verdicts
            .iter()
            .zip(unknown)
            .map(|((entry, _), unknown)| {
                // a device that nobody has told us of yet
                !(unknown && directory.exists(&[entry.name.as_slice(), b"/uevent"].concat()))
            })
            .collect();
        let scene = self.scene.read();
        for ((kept, (entry, _)), target) in kept.iter_mut().zip(&verdicts).zip(targets) {
            if entry.kind == Kind::Link {
                *kept &= target.is_some_and(|t| scene.view.judge(&scene.table, &t).dir);
            }
        }
        let all = verdicts.into_iter().zip(kept);
        Ok(all
            .filter_map(|(shown, kept)| kept.then_some(shown))
            .collect())
    }

    /// The source's attributes of what shows at `path`, as the container has them.
    fn adjust(&self, path: &[u8], verdict: &Verdict, stat: &mut Stat) {
        let writable = matches!(verdict.file, FileAccess::Write | FileAccess::Uevent);
        if writable && stat.kind == Kind::File {
            (stat.uid, stat.gid) = self.root;
        }
        if stat.kind != Kind::File {
            let holds_own = |path| self.missed.as_ref().is_some_and(|m| m.holds_own(path));
            let parent = path.iter().rposition(|b| *b == b'/').unwrap_or(0);
            if stat.kind == Kind::Directory && holds_own(path) {
                stat.lifetime = Lifetime::Never;
            } else if holds_own(&path[..parent]) {
                stat.lifetime = Lifetime::None;
            } else if is_announced(path) {
                stat.lifetime = Lifetime::Announced;
            }
        }
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
        self.adjust(path, &verdict, &mut stat);
        Ok(stat)
    }

    fn list(&self, path: &[u8]) -> Result<Vec<Entry>, Error> {
        let shown = self.shown(path, &*self.directory(path)?)?;
        Ok(shown.into_iter().map(|(entry, _)| entry).collect())
    }

    fn list_with_stats(&self, path: &[u8]) -> Result<Vec<(BString, Stat)>, Error> {
        let directory = self.directory(path)?;
        let shown = self.shown(path, &*directory)?;
        let mut all = Vec::with_capacity(shown.len());
        let mut child = [path, b"/"].concat();
        for (Entry { name, kind }, verdict) in shown {
            // it may have gone meanwhile, or have become something else
            let Ok(mut stat) = directory.stat(&name) else {
                continue;
            };
            if stat.kind == kind {
                child.truncate(path.len() + 1);
                child.extend_from_slice(&name);
                self.adjust(&child, &verdict, &mut stat);
                all.push((name, stat));
            }
        }
        Ok(all)
    }

    fn generation(&self) -> u64 {
        self.scene.read().generation
    }

    fn same_for_all(&self, path: &[u8]) -> Result<Option<Stat>, Error> {
        if self.access(path)? != FileAccess::Read {
            return Ok(None);
        }
        let stat = self.source.stat_again(path)?;
        let same = stat.kind == Kind::File && self.source.is_same_for_all(path, &stat);
        Ok(same.then_some(stat))
    }

    fn is_still_same_for_all(&self, file: BorrowedFd<'_>) -> bool {
        self.source.is_still_same_for_all(file)
    }

    fn open_for_all(&self, path: &[u8]) -> Result<OwnedFd, Error> {
        self.source.open_for_all(path)
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

    /// sysfs has no mapping to do it with, so open(2) says EINVAL (`do_dentry_open`, fs/open.c).
    fn takes_direct(&self) -> bool {
        false
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

#[cfg(test)]
mod tests;
