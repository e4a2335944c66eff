//! The wire of a [`Store`].

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use fuser::{
    BsdFileFlags, Errno, FileAttr, FileHandle, Filesystem, FopenFlags, Generation, INodeNo,
    InitFlags, IoctlFlags, KernelConfig, LockOwner, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate,
    ReplyData, ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyIoctl, ReplyLseek, ReplyOpen,
    ReplyStatfs, ReplyWrite, ReplyXattr, Request, TimeOrNow, WriteFlags,
};

use super::{MAX_WRITE, caller, encode, file_type, guarded};
use crate::Error;
use crate::store::{Attributes, Maker, New, Replace, Store, Time, Wanted};
use crate::tree::Kind;

/// A store on the wire.
pub(super) struct StoreAdapter<S>(pub Arc<S>);

fn attributes(a: &Attributes) -> FileAttr {
    FileAttr {
        ino: INodeNo(a.number),
        size: a.size,
        blocks: a.blocks,
        atime: a.atime,
        mtime: a.mtime,
        ctime: a.ctime,
        crtime: a.ctime,
        kind: file_type(a.kind),
        perm: a.perm,
        nlink: a.links,
        uid: a.uid,
        gid: a.gid,
        rdev: encode(a.device),
        blksize: 4096,
        flags: 0,
    }
}

fn entry(reply: ReplyEntry, result: Result<Attributes, Errno>) {
    match result {
        Ok(a) => reply.entry(&a.keep, &attributes(&a), Generation(0)),
        Err(e) => reply.error(e),
    }
}

fn attr(reply: ReplyAttr, result: Result<Attributes, Errno>) {
    match result {
        Ok(a) => reply.attr(&a.keep, &attributes(&a)),
        Err(e) => reply.error(e),
    }
}

fn empty(reply: ReplyEmpty, result: Result<(), Errno>) {
    match result {
        Ok(()) => reply.ok(),
        Err(e) => reply.error(e),
    }
}

fn xattr(reply: ReplyXattr, size: u32, result: Result<Vec<u8>, Errno>) {
    match result {
        Ok(value) if size == 0 => reply.size(value.len() as u32),
        Ok(value) if value.len() > size as usize => reply.error(Errno::ERANGE),
        Ok(value) => reply.data(&value),
        Err(e) => reply.error(e),
    }
}

fn maker(request: &Request, mode: u32, umask: u32) -> Maker {
    Maker {
        uid: request.uid(),
        gid: request.gid(),
        perm: mode as u16 & 0o7777,
        umask: umask as u16 & 0o777,
    }
}

/// As the wire has device numbers: new_decode_dev, include/linux/kdev_t.h.
fn decode(rdev: u32) -> (u32, u32) {
    (
        (rdev & 0xfff00) >> 8,
        (rdev & 0xff) | ((rdev >> 12) & 0xfff00),
    )
}

fn time(time: TimeOrNow) -> Time {
    match time {
        TimeOrNow::Now => Time::Now,
        TimeOrNow::SpecificTime(at) => Time::At(at),
    }
}

impl<S: Store> Filesystem for StoreAdapter<S> {
    fn init(&mut self, _: &Request, config: &mut KernelConfig) -> io::Result<()> {
        let _ = config.set_max_write(MAX_WRITE);
        let _ = config.add_capabilities(InitFlags::FUSE_PARALLEL_DIROPS);
        // a default ACL takes the place of the umask, which only who keeps the ACL can tell
        let _ = config.add_capabilities(InitFlags::FUSE_DONT_MASK);
        let _ = config.add_capabilities(InitFlags::FUSE_POSIX_ACL);
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
        attr(reply, guarded(|| self.0.attributes(ino.0)));
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
        let wanted = Wanted {
            perm: mode.map(|m| m as u16 & 0o7777),
            uid,
            gid,
            size,
            atime: atime.map(time),
            mtime: mtime.map(time),
        };
        attr(reply, guarded(|| self.0.change(ino.0, &wanted)));
    }

    fn readlink(&self, _: &Request, ino: INodeNo, reply: ReplyData) {
        match guarded(|| self.0.readlink(ino.0)) {
            Ok(target) => reply.data(&target),
            Err(e) => reply.error(e),
        }
    }

    fn mknod(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        rdev: u32,
        reply: ReplyEntry,
    ) {
        let new = match mode & libc::S_IFMT {
            libc::S_IFREG | 0 => Ok(New::File),
            libc::S_IFIFO => Ok(New::Fifo),
            libc::S_IFSOCK => Ok(New::Socket),
            libc::S_IFCHR => Ok(New::Device(Kind::Char, decode(rdev))),
            libc::S_IFBLK => Ok(New::Device(Kind::Block, decode(rdev))),
            _ => Err(Error::Invalid),
        };
        let by = maker(request, mode, umask);
        let made = guarded(|| self.0.make(parent.0, name.as_bytes(), &new?, by));
        entry(reply, made);
    }

    fn mkdir(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        reply: ReplyEntry,
    ) {
        let by = maker(request, mode, umask);
        let made = guarded(|| self.0.make(parent.0, name.as_bytes(), &New::Directory, by));
        entry(reply, made);
    }

    fn symlink(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        target: &Path,
        reply: ReplyEntry,
    ) {
        let new = New::Link(target.as_os_str().as_bytes().into());
        let by = maker(request, 0o777, 0);
        let made = guarded(|| self.0.make(parent.0, name.as_bytes(), &new, by));
        entry(reply, made);
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        empty(reply, guarded(|| self.0.unlink(parent.0, name.as_bytes())));
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        empty(reply, guarded(|| self.0.rmdir(parent.0, name.as_bytes())));
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        newparent: INodeNo,
        newname: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        let how = match flags {
            f if f.is_empty() => Ok(Replace::Yes),
            RenameFlags::RENAME_NOREPLACE => Ok(Replace::Never),
            RenameFlags::RENAME_EXCHANGE => Ok(Replace::Exchange),
            _ => Err(Error::Invalid),
        };
        let from = (parent.0, name.as_bytes());
        let to = (newparent.0, newname.as_bytes());
        empty(reply, guarded(|| self.0.rename(from, to, how?)));
    }

    fn link(
        &self,
        _: &Request,
        ino: INodeNo,
        newparent: INodeNo,
        newname: &OsStr,
        reply: ReplyEntry,
    ) {
        let linked = guarded(|| self.0.link(ino.0, newparent.0, newname.as_bytes()));
        entry(reply, linked);
    }

    fn create(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        flags: i32,
        reply: ReplyCreate,
    ) {
        let by = maker(request, mode, umask);
        match guarded(|| self.0.create(parent.0, name.as_bytes(), flags, by)) {
            Ok((a, handle)) => reply.created(
                &a.keep,
                &attributes(&a),
                Generation(0),
                FileHandle(handle),
                FopenFlags::FOPEN_KEEP_CACHE,
            ),
            Err(e) => reply.error(e),
        }
    }

    fn open(&self, _: &Request, ino: INodeNo, flags: OpenFlags, reply: ReplyOpen) {
        match guarded(|| self.0.open(ino.0, flags.0)) {
            // nobody changes it but through this mount
            Ok(handle) => reply.opened(FileHandle(handle), FopenFlags::FOPEN_KEEP_CACHE),
            Err(e) => reply.error(e),
        }
    }

    fn read(
        &self,
        _: &Request,
        _: INodeNo,
        fh: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        match guarded(|| self.0.read(fh.0, offset, size as usize)) {
            Ok(data) => reply.data(&data),
            Err(e) => reply.error(e),
        }
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
        match guarded(|| self.0.write(fh.0, offset, data)) {
            Ok(taken) => reply.written(taken as u32),
            Err(e) => reply.error(e),
        }
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
        _: INodeNo,
        fh: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let names = match guarded(|| self.0.list(fh.0, offset == 0)) {
            Ok(names) => names,
            Err(e) => return reply.error(e),
        };
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        for (at, n) in names.iter().enumerate().skip(from) {
            let name = OsStr::from_bytes(&n.name);
            if reply.add(INodeNo(n.number), at as u64 + 1, file_type(n.kind), name) {
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
        match guarded(|| self.0.room()) {
            Ok(r) => reply.statfs(
                r.blocks,
                r.free,
                r.free,
                r.inodes,
                r.free_inodes,
                r.block,
                255,
                r.block,
            ),
            Err(e) => reply.error(e),
        }
    }

    fn getxattr(&self, _: &Request, ino: INodeNo, name: &OsStr, size: u32, reply: ReplyXattr) {
        let value = guarded(|| self.0.get_xattr(ino.0, name.as_bytes()));
        xattr(reply, size, value);
    }

    fn listxattr(&self, _: &Request, ino: INodeNo, size: u32, reply: ReplyXattr) {
        xattr(reply, size, guarded(|| self.0.list_xattr(ino.0)));
    }

    fn setxattr(
        &self,
        request: &Request,
        ino: INodeNo,
        name: &OsStr,
        value: &[u8],
        flags: i32,
        _: u32,
        reply: ReplyEmpty,
    ) {
        let by = caller(request);
        let name = name.as_bytes();
        let set = guarded(|| self.0.set_xattr(ino.0, name, value, flags, by));
        empty(reply, set);
    }

    fn removexattr(&self, _: &Request, ino: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let removed = guarded(|| self.0.remove_xattr(ino.0, name.as_bytes()));
        empty(reply, removed);
    }

    fn fallocate(
        &self,
        _: &Request,
        _: INodeNo,
        fh: FileHandle,
        offset: u64,
        length: u64,
        mode: i32,
        reply: ReplyEmpty,
    ) {
        empty(
            reply,
            guarded(|| self.0.allocate(fh.0, mode, offset, length)),
        );
    }

    fn lseek(
        &self,
        _: &Request,
        _: INodeNo,
        fh: FileHandle,
        offset: i64,
        whence: i32,
        reply: ReplyLseek,
    ) {
        let offset = u64::try_from(offset).map_err(|_| Error::Invalid);
        match guarded(|| self.0.seek(fh.0, offset?, whence)) {
            Ok(at) => reply.offset(at as i64),
            Err(e) => reply.error(e),
        }
    }

    /// Any isatty(3) asks; the library's own answer is a line in the log.
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
