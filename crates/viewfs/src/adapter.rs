//! The wire: the only place that names fuser. Each request is converted, handed on, replied to.

mod store;
mod tree;

use std::io;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use fuser::{Errno, FileType, Request, Session, SessionACL};

use crate::Error;
use crate::core::Core;
use crate::pool::Caller;
use crate::store::Store;
use crate::tree::{Kind, Tree};

/// An attribute has a page at most; binary ones are read piecewise.
const MAX_WRITE: u32 = 128 << 10;

/// Threads that take requests from the kernel. It runs no driver's code, so one is enough, and the
/// fastest: of two, each request wakes the one that slept (open, read and close took 26 us instead of 23).
const THREADS: usize = 1;

/// The threads that serve a connection.
pub(crate) struct Server(fuser::BackgroundSession);

/// Serve `core` on the connection `fuse`.
pub(crate) fn serve<T: Tree>(core: Arc<Core<T>>, fuse: OwnedFd) -> io::Result<Server> {
    let mut config = fuser::Config::default();
    config.n_threads = Some(THREADS);
    let adapter = tree::TreeAdapter::new(core, fuse.try_clone()?);
    let session = Session::from_fd(adapter, fuse, SessionACL::All, config)?;
    Ok(Server(session.spawn()?))
}

/// Serve `store` on the connection `fuse`.
pub(crate) fn serve_store<S: Store>(store: Arc<S>, fuse: OwnedFd) -> io::Result<Server> {
    let mut config = fuser::Config::default();
    config.n_threads = Some(THREADS);
    let adapter = store::StoreAdapter(store);
    let session = Session::from_fd(adapter, fuse, SessionACL::All, config)?;
    Ok(Server(session.spawn()?))
}

impl Server {
    /// Wait until the connection ends: the mount is gone, or it was aborted.
    pub(crate) fn join(self) -> io::Result<()> {
        self.0.join()
    }
}

fn errno(error: Error) -> Errno {
    Errno::from_i32(error.errno())
}

fn caller(request: &Request) -> Caller {
    Caller {
        uid: request.uid(),
        gid: request.gid(),
    }
}

/// What a request's code gives, EIO if it panics: one container's request ends no server.
fn guarded<R>(request: impl FnOnce() -> Result<R, Error>) -> Result<R, Errno> {
    match catch_unwind(AssertUnwindSafe(request)) {
        Ok(result) => result.map_err(errno),
        Err(_) => Err(Errno::EIO),
    }
}

fn file_type(kind: Kind) -> FileType {
    match kind {
        Kind::Directory => FileType::Directory,
        Kind::File => FileType::RegularFile,
        Kind::Link => FileType::Symlink,
        Kind::Block => FileType::BlockDevice,
        Kind::Char => FileType::CharDevice,
        Kind::Fifo => FileType::NamedPipe,
        Kind::Socket => FileType::Socket,
    }
}

/// As the kernel has device numbers on the wire: new_encode_dev, include/linux/kdev_t.h.
fn encode((major, minor): (u32, u32)) -> u32 {
    (minor & 0xff) | ((major & 0xfff) << 8) | ((minor & !0xff) << 12)
}
