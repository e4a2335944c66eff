//! The wire: the only file that names fuser. Each request is converted, handed on, replied to.

use std::ffi::OsStr;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use fuser::{
    BsdFileFlags, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation,
    INodeNo, InitFlags, IoctlFlags, KernelConfig, LockOwner, OpenAccMode, OpenFlags, RenameFlags,
    ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyIoctl,
    ReplyOpen, ReplyStatfs, ReplyWrite, ReplyXattr, Request, Session, SessionACL, TimeOrNow,
    WriteFlags,
};

use crate::Error;
use crate::core::{Access, Core, Node};
use crate::pool::Caller;
use crate::tree::{Change, Kind, Lifetime, Tree};

/// An attribute has a page at most; binary ones are read piecewise.
const MAX_WRITE: u32 = 128 << 10;

/// Threads that take requests from the kernel. None of them runs a driver's code.
const THREADS: usize = 2;

/// A core on the wire.
struct Adapter<T>(Arc<Core<T>>);

/// The threads that serve a connection.
pub(crate) struct Server(fuser::BackgroundSession);

/// Serve `core` on the connection `fuse`.
pub(crate) fn serve<T: Tree>(core: Arc<Core<T>>, fuse: OwnedFd) -> io::Result<Server> {
    let mut config = fuser::Config::default();
    config.n_threads = Some(THREADS);
    let session = Session::from_fd(Adapter(core), fuse, SessionACL::All, config)?;
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
    }
}

/// As the kernel has device numbers on the wire: new_encode_dev, include/linux/kdev_t.h.
fn encode((major, minor): (u32, u32)) -> u32 {
    (minor & 0xff) | ((major & 0xfff) << 8) | ((minor & !0xff) << 12)
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
        Lifetime::Announced => Duration::from_secs(3600),
        Lifetime::Short => Duration::from_secs(1),
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

impl<T: Tree> Filesystem for Adapter<T> {
    fn init(&mut self, _: &Request, config: &mut KernelConfig) -> io::Result<()> {
        let _ = config.set_max_write(MAX_WRITE);
        // O_TRUNC arrives with the open, as one request
        let _ = config.add_capabilities(InitFlags::FUSE_ATOMIC_O_TRUNC);
        let _ = config.add_capabilities(InitFlags::FUSE_PARALLEL_DIROPS);
        Ok(())
    }

    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        entry(reply, guarded(|| self.0.look_up(parent.0, name.as_bytes())));
    }

    fn forget(&self, _: &Request, ino: INodeNo, nlookup: u64) {
        let _ = guarded(|| {
            self.0.forget(ino.0, nlookup);
            Ok(())
        });
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        attr(reply, guarded(|| self.0.stat(ino.0)));
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
            true => Err(self.0.refuse(Change::Attributes)),
            false => match size {
                Some(_) => self.0.truncate(ino.0),
                None => self.0.stat(ino.0),
            },
        });
        attr(reply, result);
    }

    fn readlink(&self, _: &Request, ino: INodeNo, reply: ReplyData) {
        match guarded(|| self.0.readlink(ino.0)) {
            Ok(target) => reply.data(&target),
            Err(e) => reply.error(e),
        }
    }

    fn mknod(&self, _: &Request, _: INodeNo, _: &OsStr, _: u32, _: u32, _: u32, r: ReplyEntry) {
        r.error(errno(self.0.refuse(Change::Mknod)));
    }

    fn mkdir(&self, _: &Request, _: INodeNo, _: &OsStr, _: u32, _: u32, reply: ReplyEntry) {
        reply.error(errno(self.0.refuse(Change::Mkdir)));
    }

    fn unlink(&self, _: &Request, _: INodeNo, _: &OsStr, reply: ReplyEmpty) {
        reply.error(errno(self.0.refuse(Change::Unlink)));
    }

    fn rmdir(&self, _: &Request, _: INodeNo, _: &OsStr, reply: ReplyEmpty) {
        reply.error(errno(self.0.refuse(Change::Rmdir)));
    }

    fn symlink(&self, _: &Request, _: INodeNo, _: &OsStr, _: &Path, reply: ReplyEntry) {
        reply.error(errno(self.0.refuse(Change::Symlink)));
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
        reply.error(errno(self.0.refuse(Change::Rename)));
    }

    fn link(&self, _: &Request, _: INodeNo, _: INodeNo, _: &OsStr, reply: ReplyEntry) {
        reply.error(errno(self.0.refuse(Change::Link)));
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
        reply.error(errno(self.0.refuse(Change::Create)));
    }

    fn open(&self, request: &Request, ino: INodeNo, flags: OpenFlags, reply: ReplyOpen) {
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
        let done = move |r: Result<u64, Error>| opened(reply, r.map_err(errno));
        self.0.open(ino.0, access, caller(request), done);
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
        self.0
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
        self.0.write(fh.0, offset, data.to_vec(), done);
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
        self.0.close(fh.0);
        reply.ok();
    }

    fn fsync(&self, _: &Request, _: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        reply.ok();
    }

    fn opendir(&self, _: &Request, ino: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        match guarded(|| self.0.open_directory(ino.0)) {
            Ok(handle) => reply.opened(FileHandle(handle), FopenFlags::empty()),
            Err(e) => reply.error(e),
        }
    }

    fn readdir(
        &self,
        _: &Request,
        ino: INodeNo,
        fh: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let lines = match guarded(|| self.0.listing(ino.0, fh.0, offset == 0)) {
            Ok(lines) => lines,
            Err(e) => return reply.error(e),
        };
        for (at, (number, kind, name)) in lines.iter().enumerate().skip(offset as usize) {
            let next = at as u64 + 1;
            if reply.add(
                INodeNo(*number),
                next,
                file_type(*kind),
                OsStr::from_bytes(name),
            ) {
                break;
            }
        }
        reply.ok();
    }

    fn releasedir(&self, _: &Request, _: INodeNo, fh: FileHandle, _: OpenFlags, r: ReplyEmpty) {
        self.0.close(fh.0);
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
