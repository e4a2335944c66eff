//! The CPUs of a container's cpuset, as if they were all there are.
//!
//! A source around the source of /sys, beneath the filter by the policy: what belongs to another CPU
//! is not there, and files that name CPUs name none but the container's. Only files of `/devices/system`
//! are changed; what other devices say of CPUs (`local_cpulist` of a PCI device, say) is the host's.

#[cfg(test)]
mod fixtures;
mod names;
mod process;

use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::Arc;

use bstr::BString;
use engine::Hides;
use kobject::CpuSet;
use viewfs::{Directory, Entry, Error, Kind, Reader, Source, Stat, Writer, by_path};

use names::Format;
pub use process::ProcessCpus;

/// More than a file that names CPUs can have: `%*pbl` of every other of the CPUs that any kernel may
/// have takes less.
const LONGEST: usize = 1 << 20;

/// Which CPUs a container has.
pub trait Cpus: Send + Sync {
    /// Those that it has now. Asked by many requests, so it has to be quick.
    fn now(&self) -> Arc<CpuSet>;
}

/// Which devices are of a CPU that is not among `cpus`: no event may name them.
pub fn hides(cpus: Arc<dyn Cpus>) -> Hides {
    Box::new(move |devpath| {
        let cpu = names::cpu(devpath.as_bytes());
        cpu.is_some_and(|cpu| !cpus.now().contains(cpu))
    })
}

/// A source with the CPUs of a container; without any said, it is that source.
pub struct CpuView<S> {
    source: Arc<S>,
    shown: Option<Shown<S>>,
}

/// What shows of a source.
struct Shown<S> {
    source: Arc<S>,
    cpus: Arc<dyn Cpus>,
}

impl<S> Clone for Shown<S> {
    fn clone(&self) -> Shown<S> {
        Shown {
            source: self.source.clone(),
            cpus: self.cpus.clone(),
        }
    }
}

impl<S: Source> CpuView<S> {
    /// `source` with these CPUs; None: with all that it has.
    pub fn new(source: S, cpus: Option<Arc<dyn Cpus>>) -> CpuView<S> {
        let source = Arc::new(source);
        let shown = cpus.map(|cpus| Shown {
            source: source.clone(),
            cpus,
        });
        CpuView { source, shown }
    }

    /// Hidden and absent are one answer, and for a hidden CPU the source is not asked.
    fn check(&self, path: &[u8]) -> Result<(), Error> {
        match &self.shown {
            Some(shown) if shown.hides(path) => Err(Error::NotFound),
            _ => Ok(()),
        }
    }
}

impl<S: Source> Shown<S> {
    /// Whether `path` is of CPUs that the container has not.
    fn hides(&self, path: &[u8]) -> bool {
        if let Some(cpu) = names::cpu(path) {
            return !self.cpus.now().contains(cpu);
        }
        match names::frequency_policy(path) {
            Some(policy) => !self.has_frequency_policy(policy),
            None => false,
        }
    }

    /// Whether one of the container's CPUs is governed by this policy. Asked by names: the list of
    /// its CPUs is an attribute, which a driver may take its time to read.
    fn has_frequency_policy(&self, number: u32) -> bool {
        let cpus = self.cpus.now();
        let leads = |cpu: u32| {
            let link = names::frequency_link(cpu);
            let target = self.source.readlink(&link).ok();
            let path = target.and_then(|target| self.source.resolve(&link, &target));
            path.is_some_and(|path| names::frequency_policy(&path) == Some(number))
        };
        cpus.contains(number) || cpus.iter().any(leads)
    }

    fn file<F>(&self, file: F, path: &[u8]) -> File<S, F> {
        File {
            file,
            path: path.into(),
            shown: self.clone(),
        }
    }
}

impl<S: Source> Source for CpuView<S> {
    fn stat(&self, path: &[u8]) -> Result<Stat, Error> {
        self.check(path)?;
        let stat = self.source.stat(path)?;
        if self.shown.is_some() && stat.kind == Kind::Link {
            self.readlink(path)?;
        }
        Ok(stat)
    }

    /// Links are listed wherever they lead: [`viewfs::Filtered`] asks each for its target and leaves
    /// out those that have none.
    fn list(&self, path: &[u8]) -> Result<Vec<Entry>, Error> {
        self.check(path)?;
        let mut entries = self.source.list(path)?;
        if let Some(shown) = &self.shown {
            entries.retain(|entry| !shown.hides(&[path, b"/", entry.name.as_slice()].concat()));
        }
        Ok(entries)
    }

    fn readlink(&self, path: &[u8]) -> Result<BString, Error> {
        self.check(path)?;
        let target = self.source.readlink(path)?;
        if self.shown.is_some()
            && let Some(to) = self.source.resolve(path, &target)
        {
            self.check(&to)?;
        }
        Ok(target)
    }

    fn exists(&self, path: &[u8]) -> bool {
        self.check(path).is_ok() && self.source.exists(path)
    }

    fn directory<'a>(&'a self, path: &[u8]) -> Result<Box<dyn Directory + 'a>, Error> {
        self.check(path)?;
        match self.shown {
            Some(_) => Ok(by_path(self, path)),
            None => self.source.directory(path),
        }
    }

    fn stat_again(&self, path: &[u8]) -> Result<Stat, Error> {
        self.check(path)?;
        self.source.stat_again(path)
    }

    fn is_same_for_all(&self, path: &[u8], stat: &Stat) -> bool {
        !(self.shown.is_some() && is_of_cpus(path)) && self.source.is_same_for_all(path, stat)
    }

    fn is_still_same_for_all(&self, file: BorrowedFd<'_>) -> bool {
        self.source.is_still_same_for_all(file)
    }

    fn open_for_all(&self, path: &[u8]) -> Result<OwnedFd, Error> {
        match self.shown {
            Some(_) if is_of_cpus(path) => Err(Error::Unsupported),
            _ => self.source.open_for_all(path),
        }
    }

    fn resolve(&self, path: &[u8], target: &[u8]) -> Option<BString> {
        self.source.resolve(path, target)
    }

    fn open_read(&self, path: &[u8]) -> Result<Box<dyn Reader>, Error> {
        self.check(path)?;
        let reader = self.source.open_read(path)?;
        Ok(match &self.shown {
            Some(shown) if is_of_cpus(path) => Box::new(shown.file(reader, path)),
            _ => reader,
        })
    }

    fn open_write(&self, path: &[u8]) -> Result<Box<dyn Writer>, Error> {
        self.check(path)?;
        let writer = self.source.open_write(path)?;
        Ok(match &self.shown {
            Some(shown) if is_of_cpus(path) => Box::new(shown.file(writer, path)),
            _ => writer,
        })
    }
}

/// Whether the CPUs have a say in the file at `path`.
fn is_of_cpus(path: &[u8]) -> bool {
    names::cpu(path).is_some()
        || names::frequency_policy(path).is_some()
        || Format::of(path).is_some()
}

/// An open file, which follows the CPUs.
struct File<S, F> {
    file: F,
    path: BString,
    shown: Shown<S>,
}

impl<S: Source, F> File<S, F> {
    /// As of a device that is gone, once the CPU is.
    fn check(&self) -> Result<(), Error> {
        match self.shown.hides(&self.path) {
            true => Err(Error::NoDevice),
            false => Ok(()),
        }
    }
}

impl<S: Source> Reader for File<S, Box<dyn Reader>> {
    fn read(&self, offset: u64, size: usize) -> Result<Vec<u8>, Error> {
        self.check()?;
        let Some(format) = Format::of(&self.path) else {
            return self.file.read(offset, size);
        };
        let whole = whole(&*self.file)?;
        let Some(text) = format.restrict(&whole, &self.shown.cpus.now()) else {
            log::error!("it cannot be told which CPUs {:?} names", self.path);
            return Err(Error::Broken);
        };
        let from = text.len().min(offset.try_into().unwrap_or(usize::MAX));
        let to = text.len().min(from.saturating_add(size));
        Ok(text[from..to].into())
    }

    fn polled(&self) -> Option<BorrowedFd<'_>> {
        self.file.polled()
    }
}

impl<S: Source> Writer for File<S, Box<dyn Writer>> {
    fn write(&self, offset: u64, data: &[u8]) -> Result<usize, Error> {
        self.check()?;
        self.file.write(offset, data)
    }
}

/// Everything that a file has: sysfs gives a page at a time.
fn whole(file: &dyn Reader) -> Result<Vec<u8>, Error> {
    let mut all = Vec::new();
    loop {
        let more = file.read(all.len() as u64, 4096)?;
        if more.is_empty() {
            return Ok(all);
        }
        all.extend(more);
        if all.len() > LONGEST {
            return Err(Error::Broken);
        }
    }
}

#[cfg(test)]
mod tests;
