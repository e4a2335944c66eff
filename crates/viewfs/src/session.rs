//! A mount without a place, its server, and what the kernel has to forget.

use std::collections::BTreeSet;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Instant;

use bstr::BString;
use sys::mount::Attrs;

use crate::adapter::{Server, serve, serve_store};
use crate::core::{Core, Outdated};
use crate::relay::{Relay, RelayError};
use crate::store::Store;
use crate::tree::Tree;

/// A FUSE mount that nobody serves yet.
///
/// Made while the process has one thread, since the relay is forked from it; served later.
#[derive(Debug)]
pub struct Mount {
    fuse: OwnedFd,
    mount: OwnedFd,
    relay: Relay,
}

impl Mount {
    /// A mount that shows in mountinfo as file system `fuse.SUBTYPE` of `source`: nosuid,
    /// noexec, and without `dev` nodev.
    pub fn new(subtype: &str, source: &str, dev: bool) -> sys::Result<Mount> {
        let attrs = Attrs::NOSUID.and(Attrs::NOEXEC);
        let attrs = if dev { attrs } else { attrs.and(Attrs::NODEV) };
        let (fuse, mount) = sys::mount::fuse(subtype, source, attrs)?;
        let relay = Relay::start(fuse.as_fd())?;
        Ok(Mount { fuse, mount, relay })
    }

    /// The mount itself, to be attached somewhere.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.mount.as_fd()
    }

    /// Serve `tree` there, on threads of this process.
    pub fn serve<T: Tree>(self, tree: Arc<T>) -> std::io::Result<Session> {
        let core = Arc::new(Core::new(tree));
        let server = serve(core.clone(), self.fuse)?;
        let outdated = Box::new(move |paths: &[BString]| (core.outdated(paths), Vec::new()));
        Ok(Session::new(server, self.mount, self.relay, outdated))
    }

    /// Serve `store` there, on threads of this process.
    pub fn serve_store<S: Store>(self, store: Arc<S>) -> std::io::Result<Session> {
        let server = serve_store(store.clone(), self.fuse)?;
        let outdated = Box::new(move |paths: &[BString]| (store.outdated(paths), store.lost()));
        Ok(Session::new(server, self.mount, self.relay, outdated))
    }
}

/// A mount that is being served.
pub struct Session {
    server: Server,
    mount: Option<OwnedFd>,
    caches: Arc<dyn Caches>,
}

impl Session {
    fn new(server: Server, mount: OwnedFd, relay: Relay, outdated: Outdate) -> Session {
        Session {
            server,
            mount: Some(mount),
            caches: Arc::new(CachesOf { outdated, relay }),
        }
    }

    /// Attach the mount at `target`, an O_PATH descriptor, and let go of it: it ends with that
    /// place.
    pub fn attach(&mut self, target: BorrowedFd<'_>) -> sys::Result<()> {
        match self.mount.take() {
            Some(mount) => sys::mount::attach(mount.as_fd(), target),
            None => Err(sys::Error::new("move_mount()", nix::errno::Errno::EINVAL)),
        }
    }

    /// The mount, for another process to attach.
    pub fn take_mount(&mut self) -> Option<OwnedFd> {
        self.mount.take()
    }

    /// What tells the kernel to forget.
    pub fn caches(&self) -> Arc<dyn Caches> {
        self.caches.clone()
    }

    /// Wait until the kernel ends the connection: the mount's last place is gone.
    pub fn wait(self) -> std::io::Result<()> {
        drop(self.mount);
        self.server.join()
    }
}

/// The kernel's caches of one mount.
pub trait Caches: Send + Sync {
    /// Make the kernel forget what it knows of `paths` and what is below them; return when it
    /// has, or when `until` has come.
    fn forget(&self, paths: &[BString], until: Instant) -> Result<(), RelayError>;
}

/// Says what the kernel has to forget so that a change of these paths shows: names, and nodes.
type Outdate = Box<dyn Fn(&[BString]) -> (Vec<Outdated>, Vec<u64>) + Send + Sync>;

struct CachesOf {
    outdated: Outdate,
    relay: Relay,
}

impl Caches for CachesOf {
    fn forget(&self, paths: &[BString], until: Instant) -> Result<(), RelayError> {
        let mut listings = BTreeSet::new();
        let (names, lost) = (self.outdated)(paths);
        for Outdated { parent, name, node } in names {
            // also of a name that the kernel does not know: this waits for who lists the directory now
            self.relay.forget_name(parent, &name, until)?;
            if let Some(node) = node {
                self.relay.forget_content(node, until)?;
            }
            listings.insert(parent);
        }
        for node in listings.into_iter().chain(lost) {
            self.relay.forget_content(node, until)?;
        }
        self.relay.flush(until)
    }
}
