//! The wire of a [`Tree`].

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use fuser::{
    BackingId, BsdFileFlags, Errno, FileAttr, FileHandle, Filesystem, FopenFlags, Generation,
    INodeNo, InitFlags, IoctlFlags, KernelConfig, LockOwner, OpenAccMode, OpenFlags, PollEvents,
    PollFlags, PollNotifier, RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory,
    ReplyDirectoryPlus, ReplyEmpty, ReplyEntry, ReplyIoctl, ReplyOpen, ReplyPoll, ReplyStatfs,
    ReplyWrite, ReplyXattr, Request, TimeOrNow, WriteFlags,
};
use nix::unistd::write;

use super::{MAX_WRITE, caller, encode, errno, file_type, guarded};
use crate::Error;
use crate::core::{Access, Core, Line, Node, Wake, Way, Wire};
use crate::nodes::Backing;
use crate::tree::{Change, Lifetime, Tree};

/// FUSE_NOTIFY_INC_EPOCH (since 6.16): the kernel looks every name up again before it uses it. It takes
/// no lock that a container could hold. Length, code and request number 0: `fuse_out_header`.
const INC_EPOCH: [u8; 16] = {
    let mut message = [0; 16];
    let (length, code) = (16u32.to_ne_bytes(), 8u32.to_ne_bytes());
    let mut at = 0;
    while at < 4 {
        message[at] = length[at];
        message[at + 4] = code[at];
        at += 1;
    }
    message
};

/// A core on the wire.
pub(super) struct TreeAdapter<T> {
    core: Arc<Core<T>>,
    /// The kernel reads files without us if we let it (since 6.9).
    passthrough: bool,
    /// The connection once more, for what the session has no call for.
    fuse: OwnedFd,
}

fn attributes(node: &Node) -> FileAttr {
    let Node { number, stat } = node;
    FileAttr {
        ino: INodeNo(*number),
        size: stat.size,
        blocks: 0,
        atime: stat.time,
        mtime: stat.time,
        ctime: stat.time,
        crtime: stat.time,
        kind: file_type(stat.kind),
        perm: stat.perm,
        // of a directory too: a true count would count hidden ones, and tools take 1 for "unknown"
        nlink: 1,
        uid: stat.uid,
        gid: stat.gid,
        rdev: encode(stat.device),
        blksize: 4096,
        flags: 0,
    }
}

fn lifetime(node: &Node) -> Duration {
    match node.stat.lifetime {
        Lifetime::Announced | Lifetime::Directory => Duration::from_secs(3600),
        Lifetime::Short => Duration::from_secs(1),
        Lifetime::For(rest) => rest,
        Lifetime::None | Lifetime::Never => Duration::ZERO,
    }
}

fn entry(reply: ReplyEntry, result: Result<Node, Errno>) {
    match result {
        Ok(node) => reply.entry(&lifetime(&node), &attributes(&node), Generation(0)),
        Err(e) => reply.error(e),
    }
}

fn attr(reply: ReplyAttr, result: Result<Node, Errno>) {
    match result {
        Ok(node) => reply.attr(&lifetime(&node), &attributes(&node)),
        Err(e) => reply.error(e),
    }
}

fn opened(reply: ReplyOpen, result: Result<u64, Errno>) {
    match result {
        // direct: the size of an attribute is not known before it is read
        Ok(handle) => reply.opened(FileHandle(handle), FopenFlags::FOPEN_DIRECT_IO),
        Err(e) => reply.error(e),
    }
}

fn opened_backed(reply: ReplyOpen, handle: u64, backing: &Backing) {
    match backing.wire.downcast_ref::<BackingId>() {
        Some(id) => reply.opened_passthrough(FileHandle(handle), FopenFlags::empty(), id),
        None => reply.error(Errno::EIO),
    }
}

impl<T: Tree> TreeAdapter<T> {
    /// `fuse` is the connection.
    pub fn new(core: Arc<Core<T>>, fuse: OwnedFd) -> TreeAdapter<T> {
        TreeAdapter {
            core,
            passthrough: false,
            fuse,
        }
    }

    /// Open by something for the kernel to read from, registered by who has no other right.
    fn open_backed(&self, number: u64, reply: ReplyOpen) {
        // whoever registers has to do it with the reply in hand, and answers with it afterwards
        let reply = Arc::new(reply);
        let registering = reply.clone();
        let register = move |file: &OwnedFd| -> io::Result<Wire> {
            Ok(Arc::new(registering.open_backing(file.as_fd())?))
        };
        let done = move |opened: Result<(u64, Backing), Error>| {
            let Some(reply) = Arc::into_inner(reply) else {
                return;
            };
            match opened {
                Ok((handle, backing)) => opened_backed(reply, handle, &backing),
                Err(e) => reply.error(errno(e)),
            }
        };
        self.core.open_backed(number, register, done);
    }
}

impl<T: Tree> Filesystem for TreeAdapter<T> {
    fn init(&mut self, _: &Request, config: &mut KernelConfig) -> io::Result<()> {
        let _ = config.set_max_write(MAX_WRITE);
        // O_TRUNC arrives with the open, as one request
        let _ = config.add_capabilities(InitFlags::FUSE_ATOMIC_O_TRUNC);
        let _ = config.add_capabilities(InitFlags::FUSE_PARALLEL_DIROPS);
        // listings without an open directory, kept by the kernel until the directory's time changes
        let _ = config.add_capabilities(InitFlags::FUSE_NO_OPENDIR_SUPPORT);
        let _ = config.add_capabilities(InitFlags::FUSE_DO_READDIRPLUS);
        let _ = config.add_capabilities(InitFlags::FUSE_AUTO_INVAL_DATA);
        // a link that leads elsewhere is another one, with another number
        let _ = config.add_capabilities(InitFlags::FUSE_CACHE_SYMLINKS);
        self.passthrough = config.add_capabilities(InitFlags::FUSE_PASSTHROUGH).is_ok()
            && config.set_max_stack_depth(1).is_ok();
        // a kernel that does not know it says so at once
        let fuse = self.fuse.try_clone()?;
        let forget_names = move || write(&fuse, &INC_EPOCH).is_ok();
        let epoch = forget_names();
        if epoch {
            self.core.set_forget_names(Box::new(move || {
                forget_names();
            }));
        }
        log::debug!("passthrough: {}, epoch: {epoch}", self.passthrough);
        Ok(())
    }

    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        entry(
            reply,
            guarded(|| self.core.look_up(parent.0, name.as_bytes())),
        );
    }

    fn forget(&self, _: &Request, ino: INodeNo, nlookup: u64) {
        let _ = guarded(|| {
            self.core.forget(ino.0, nlookup);
            Ok(())
        });
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        attr(reply, guarded(|| self.core.stat(ino.0)));
    }

    fn setattr(
        &self,
        _: &Request,
        ino: INodeNo,
        mode: Option<u32>,
        uid: Option<u32>,
        gid: Option<u32>,
        size: Option<u64>,
        atime: Option<TimeOrNow>,
        mtime: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let owner = mode.or(uid).or(gid).is_some();
        // a truncation brings its times along; alone they are a change of attributes
        let times = size.is_none() && (atime.is_some() || mtime.is_some());
        let result = guarded(|| match owner || times {
            true => Err(self.core.refuse(Change::Attributes)),
            false => match size {
                Some(_) => self.core.truncate(ino.0),
                None => self.core.stat(ino.0),
            },
        });
        attr(reply, result);
    }

    fn readlink(&self, _: &Request, ino: INodeNo, reply: ReplyData) {
        match guarded(|| self.core.readlink(ino.0)) {
            Ok(target) => reply.data(&target),
            Err(e) => reply.error(e),
        }
    }

    fn mknod(&self, _: &Request, _: INodeNo, _: &OsStr, _: u32, _: u32, _: u32, r: ReplyEntry) {
        r.error(errno(self.core.refuse(Change::Mknod)));
    }

    fn mkdir(&self, _: &Request, _: INodeNo, _: &OsStr, _: u32, _: u32, reply: ReplyEntry) {
        reply.error(errno(self.core.refuse(Change::Mkdir)));
    }

    fn unlink(&self, _: &Request, _: INodeNo, _: &OsStr, reply: ReplyEmpty) {
        reply.error(errno(self.core.refuse(Change::Unlink)));
    }

    fn rmdir(&self, _: &Request, _: INodeNo, _: &OsStr, reply: ReplyEmpty) {
        reply.error(errno(self.core.refuse(Change::Rmdir)));
    }

    fn symlink(&self, _: &Request, _: INodeNo, _: &OsStr, _: &Path, reply: ReplyEntry) {
        reply.error(errno(self.core.refuse(Change::Symlink)));
    }

    fn rename(
        &self,
        _: &Request,
        _: INodeNo,
        _: &OsStr,
        _: INodeNo,
        _: &OsStr,
        _: RenameFlags,
        reply: ReplyEmpty,
    ) {
        reply.error(errno(self.core.refuse(Change::Rename)));
    }

    fn link(&self, _: &Request, _: INodeNo, _: INodeNo, _: &OsStr, reply: ReplyEntry) {
        reply.error(errno(self.core.refuse(Change::Link)));
    }

    fn create(
        &self,
        _: &Request,
        _: INodeNo,
        _: &OsStr,
        _: u32,
        _: u32,
        _: i32,
        reply: ReplyCreate,
    ) {
        reply.error(errno(self.core.refuse(Change::Create)));
    }

    fn open(&self, request: &Request, ino: INodeNo, flags: OpenFlags, reply: ReplyOpen) {
        if flags.0 & libc::O_DIRECT != 0 && !self.core.takes_direct() {
            return reply.error(errno(Error::Invalid));
        }
        let access = match flags.acc_mode() {
            OpenAccMode::O_RDONLY => Access {
                read: true,
                write: flags.0 & libc::O_TRUNC != 0,
            },
            OpenAccMode::O_WRONLY => Access {
                read: false,
                write: true,
            },
            OpenAccMode::O_RDWR => Access {
                read: true,
                write: true,
            },
        };
        let way = match access.write || !self.passthrough {
            true => Ok(Way::Direct),
            false => guarded(|| self.core.way(ino.0)),
        };
        match way {
            Ok(Way::Direct) => {
                let done = move |r: Result<u64, Error>| opened(reply, r.map_err(errno));
                self.core.open(ino.0, access, caller(request), done);
            }
            Ok(Way::Known(handle, backing)) => opened_backed(reply, handle, &backing),
            Ok(Way::New) => self.open_backed(ino.0, reply),
            Err(e) => reply.error(e),
        }
    }

    fn read(
        &self,
        request: &Request,
        _: INodeNo,
        fh: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let done = move |r: Result<Vec<u8>, Error>| match r {
            Ok(data) => reply.data(&data),
            Err(e) => reply.error(errno(e)),
        };
        self.core
            .read(fh.0, offset, size as usize, caller(request), done);
    }

    fn write(
        &self,
        _: &Request,
        _: INodeNo,
        fh: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let done = move |r: Result<usize, Error>| match r {
            Ok(taken) => reply.written(taken as u32),
            Err(e) => reply.error(errno(e)),
        };
        self.core.write(fh.0, offset, data.to_vec(), done);
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        // the kernel does not ask again
        reply.error(Errno::ENOSYS);
    }

    fn release(
        &self,
        _: &Request,
        _: INodeNo,
        fh: FileHandle,
        _: OpenFlags,
        _: Option<LockOwner>,
        _: bool,
        reply: ReplyEmpty,
    ) {
        self.core.close(fh.0);
        reply.ok();
    }

    fn fsync(&self, _: &Request, _: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        reply.ok();
    }

    fn opendir(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        // the kernel does not ask again
        reply.error(Errno::ENOSYS);
    }

    fn readdir(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let listing = match guarded(|| self.core.listing(ino.0, offset)) {
            Ok(listing) => listing,
            Err(e) => return reply.error(e),
        };
        for Line { node, name, place } in listing.after(offset) {
            let kind = file_type(node.stat.kind);
            if reply.add(INodeNo(node.number), *place, kind, OsStr::from_bytes(name)) {
                break;
            }
        }
        reply.ok();
    }

    fn readdirplus(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        mut reply: ReplyDirectoryPlus,
    ) {
        let listing = match guarded(|| self.core.listing(ino.0, offset)) {
            Ok(listing) => listing,
            Err(e) => return reply.error(e),
        };
        for line in listing.after(offset) {
            if !self.core.tell(&listing, line) {
                continue;
            }
            let is_full = reply.add(
                INodeNo(line.node.number),
                line.place,
                OsStr::from_bytes(&line.name),
                &lifetime(&line.node),
                &attributes(&line.node),
                Generation(0),
            );
            if is_full {
                self.core.untell(line);
                break;
            }
        }
        reply.ok();
    }

    fn releasedir(&self, _: &Request, _: INodeNo, _: FileHandle, _: OpenFlags, r: ReplyEmpty) {
        r.ok();
    }

    fn fsyncdir(&self, _: &Request, _: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        reply.ok();
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        reply.statfs(0, 0, 0, 0, 0, 4096, 255, 4096);
    }

    fn getxattr(&self, _: &Request, _: INodeNo, _: &OsStr, _: u32, reply: ReplyXattr) {
        // the kernel says EOPNOTSUPP and does not ask again
        reply.error(Errno::ENOSYS);
    }

    fn listxattr(&self, _: &Request, _: INodeNo, size: u32, reply: ReplyXattr) {
        match size {
            0 => reply.size(0),
            _ => reply.data(&[]),
        }
    }

    fn setxattr(
        &self,
        _: &Request,
        _: INodeNo,
        _: &OsStr,
        _: &[u8],
        _: i32,
        _: u32,
        reply: ReplyEmpty,
    ) {
        reply.error(Errno::ENOSYS);
    }

    fn removexattr(&self, _: &Request, _: INodeNo, _: &OsStr, reply: ReplyEmpty) {
        reply.error(Errno::ENOSYS);
    }

    fn poll(
        &self,
        request: &Request,
        _: INodeNo,
        fh: FileHandle,
        notifier: PollNotifier,
        _: PollEvents,
        flags: PollFlags,
        reply: ReplyPoll,
    ) {
        let wake = || -> Wake {
            Box::new(move || {
                if let Err(e) = notifier.notify() {
                    log::debug!("nobody waits any more: {e}");
                }
            })
        };
        let waits = flags.contains(PollFlags::FUSE_POLL_SCHEDULE_NOTIFY);
        let wake = waits.then(wake);
        match guarded(|| self.core.poll(fh.0, caller(request), wake)) {
            Ok(events) => reply.poll(PollEvents::from_bits_retain(events.bits() as u32)),
            Err(e) => reply.error(e),
        }
    }

    /// As sysfs has none. Any isatty(3) asks; the library's own answer is a line in the log.
    fn ioctl(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        _: IoctlFlags,
        _: u32,
        _: &[u8],
        _: u32,
        reply: ReplyIoctl,
    ) {
        reply.error(Errno::ENOTTY);
    }
}
