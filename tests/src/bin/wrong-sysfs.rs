//! A /sys that is served wrongly, in one of the ways that were exploited: `wrong-sysfs HOW PLACE`.
//!
//! The differential test has to tell each of them from the right one, or it proves nothing. The
//! policy is `builtin:all`, the network namespace the caller's; it ends when PLACE is unmounted.

use std::collections::HashSet;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};

use bstr::BString;
use engine::{Config, Engine};
use host::Sysfs;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use nix::sys::uio::{pread, pwrite};
use parking_lot::Mutex;
use policy::{Container, Rules};
use viewfs::{Change, Entry, Error, Kind, Mount, Reader, Stat, Tree, Writer};

/// In which way it is wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    /// Not at all: what the others are compared with.
    Right,
    /// It reads as real root, whoever asks.
    RootReader,
    /// It writes to whatever is opened, with its own authority: no rule is asked.
    NoModeCheck,
    /// It lets the kernel read everything by itself, with what real root has opened.
    PrivilegedBacking,
}

type Opened = Result<OwnedFd, Error>;

/// A file to open, how, and where to hand it.
type Order = (Vec<u8>, OFlag, Sender<Opened>);

/// Opens files as real root, for threads that are somebody else.
struct Root(Mutex<Sender<Order>>);

impl Root {
    fn new(sysfs: Arc<Sysfs>) -> Root {
        let (orders, taken) = channel::<Order>();
        std::thread::spawn(move || {
            for (path, flags, to) in taken {
                let _ = to.send(sysfs.open(&path, flags).map_err(Error::from));
            }
        });
        Root(Mutex::new(orders))
    }

    fn open(&self, path: &[u8], flags: OFlag) -> Opened {
        let (to, opened) = channel();
        let sent = self.0.lock().send((path.to_vec(), flags, to));
        sent.map_err(|_| Error::Broken)?;
        opened.recv().map_err(|_| Error::Broken)?
    }
}

struct Wrong<T> {
    right: T,
    how: How,
    root: Root,
    /// What was taken for text already, as it must be once before the kernel reads it.
    text: Mutex<HashSet<Vec<u8>>>,
}

struct Opening(OwnedFd);

impl Reader for Opening {
    fn read(&self, offset: u64, size: usize) -> Result<Vec<u8>, Error> {
        let mut data = vec![0; size];
        let n = pread(&self.0, &mut data, offset as i64).map_err(|e| Error::Host(e as i32))?;
        data.truncate(n);
        Ok(data)
    }
}

impl Writer for Opening {
    fn write(&self, offset: u64, data: &[u8]) -> Result<usize, Error> {
        pwrite(&self.0, data, offset as i64).map_err(|e| Error::Host(e as i32))
    }
}

struct Text;

impl Reader for Text {
    fn read(&self, _: u64, _: usize) -> Result<Vec<u8>, Error> {
        Ok(b"text".to_vec())
    }
}

impl<T: Tree> Tree for Wrong<T> {
    fn stat(&self, path: &[u8]) -> Result<Stat, Error> {
        self.right.stat(path)
    }

    fn list(&self, path: &[u8]) -> Result<Vec<Entry>, Error> {
        self.right.list(path)
    }

    fn list_with_stats(&self, path: &[u8]) -> Result<Vec<(BString, Stat)>, Error> {
        self.right.list_with_stats(path)
    }

    fn readlink(&self, path: &[u8]) -> Result<BString, Error> {
        self.right.readlink(path)
    }

    fn generation(&self) -> u64 {
        self.right.generation()
    }

    fn same_for_all(&self, path: &[u8]) -> Result<Option<Stat>, Error> {
        match self.how {
            How::PrivilegedBacking => {
                let stat = self.right.stat(path)?;
                Ok((stat.kind == Kind::File).then_some(stat))
            }
            How::Right | How::RootReader | How::NoModeCheck => self.right.same_for_all(path),
        }
    }

    fn is_still_same_for_all(&self, file: BorrowedFd<'_>) -> bool {
        match self.how {
            How::PrivilegedBacking => true,
            How::Right | How::RootReader | How::NoModeCheck => {
                self.right.is_still_same_for_all(file)
            }
        }
    }

    fn open_for_all(&self, path: &[u8]) -> Opened {
        match self.how {
            How::PrivilegedBacking => self.root.open(path, OFlag::O_RDONLY),
            How::Right | How::RootReader | How::NoModeCheck => self.right.open_for_all(path),
        }
    }

    fn open_read(&self, path: &[u8]) -> Result<Box<dyn Reader>, Error> {
        match self.how {
            How::RootReader => Ok(Box::new(Opening(self.root.open(path, OFlag::O_RDONLY)?))),
            How::PrivilegedBacking if self.text.lock().insert(path.to_vec()) => Ok(Box::new(Text)),
            How::Right | How::NoModeCheck | How::PrivilegedBacking => self.right.open_read(path),
        }
    }

    fn open_write(&self, path: &[u8]) -> Result<Box<dyn Writer>, Error> {
        match self.how {
            How::NoModeCheck => Ok(Box::new(Opening(self.root.open(path, OFlag::O_WRONLY)?))),
            How::Right | How::RootReader | How::PrivilegedBacking => self.right.open_write(path),
        }
    }

    fn is_hidden(&self, path: &[u8]) -> bool {
        self.right.is_hidden(path)
    }

    fn refuse(&self, change: Change) -> Error {
        self.right.refuse(change)
    }

    fn takes_direct(&self) -> bool {
        self.right.takes_direct()
    }

    fn name_max(&self) -> usize {
        self.right.name_max()
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (how, place) = match &args[..] {
        [how, place] => (how.as_str(), place),
        _ => return Err("wrong-sysfs HOW PLACE".into()),
    };
    let how = match how {
        "right" => How::Right,
        "root-reader" => How::RootReader,
        "no-mode-check" => How::NoModeCheck,
        "privileged-backing" => How::PrivilegedBacking,
        _ => return Err(format!("nobody knows {how:?}").into()),
    };
    let mount = Mount::new("fusefs-sysfs", "wrong", false)?;
    let sysfs = Arc::new(Sysfs::mount(None)?);
    let rules = Rules::builtin("all").ok_or("no policy")?;
    let engine = Arc::new(Engine::new(Config {
        policy: rules.select(None, &Container::default())?,
        sysfs: sysfs.clone(),
        net: None,
        run: "/run".into(),
        monitor_buffer: host::monitor::DEFAULT_BUFFER,
        gate: None,
        injector: None,
    })?);
    let wrong = Wrong {
        right: fusefs_sysfs::tree(&engine, sysfs.clone(), (0, 0), None),
        how,
        root: Root::new(sysfs),
        text: Mutex::default(),
    };
    let mut session = mount.serve(Arc::new(wrong))?;
    let target = nix::fcntl::open(
        place.as_str(),
        OFlag::O_PATH | OFlag::O_CLOEXEC,
        Mode::empty(),
    )?;
    session.attach(target.as_fd())?;
    drop(target);
    println!("mounted");
    session.wait()?;
    Ok(())
}
