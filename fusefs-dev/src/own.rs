//! What a container puts into its /dev itself: a tmpfs that nothing else reaches.
//!
//! tmpfs is what a devtmpfs is made of, so modes, ACLs, link counts, times and the limits are its own
//! work. Every inode is reached by an O_PATH descriptor, so that it may be renamed and removed meanwhile.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::{Duration, SystemTime};

use bstr::BString;
use parking_lot::Mutex;
use policy::Limits;
use rustix::fs::{
    AtFlags, CWD, FileType, Gid, Mode, OFlags, RawDir, Stat, StatVfs, Timespec, Timestamps,
    UTIME_NOW, UTIME_OMIT, Uid,
};
use rustix::io::Errno;
use sys::mount::{Attrs, FsContext};
use viewfs::{Attributes, Error, Kind, Time, Wanted};

use crate::entries::CONSOLE;

/// The root of the tmpfs, and its two directories.
const NEEDED: u64 = 3;

/// The container's own entries.
pub struct Own {
    /// The tmpfs.
    mount: OwnedFd,
    /// How many inodes of it are ours.
    needed: u64,
    /// What is at the root of /dev.
    pub root: OwnedFd,
    /// Where what has no name is made.
    spare: OwnedFd,
    /// Locked by itself or last.
    limits: Mutex<Limits>,
}

/// An error of the host's kernel, as the container gets it.
pub fn host(errno: Errno) -> Error {
    Error::Host(errno.raw_os_error())
}

/// By which an inode with an O_PATH descriptor is reached where a call takes no such descriptor.
pub fn by_fd(fd: BorrowedFd<'_>) -> String {
    format!("/proc/self/fd/{}", fd.as_raw_fd())
}

impl Own {
    /// An empty one, whose root directory belongs to the host ids `owner`. With a `console` there is an
    /// empty file for a terminal to be mounted on, which the limits do not count.
    pub fn new(limits: Limits, owner: (u32, u32), console: bool) -> sys::Result<Own> {
        let needed = NEEDED + u64::from(console);
        // inode numbers of its own: a counter that all share would tell of others
        let mount = FsContext::open("tmpfs")?
            .set("source", "devns")?
            .set("mode", "0755")?
            .set("size", &size(limits))?
            .set("nr_inodes", &(limits.inodes + needed).to_string())?
            .flag("inode64")?
            .mount(Attrs::NOSUID.and(Attrs::NODEV).and(Attrs::NOEXEC))?;
        let make = |name: &str, owner| make_directory(mount.as_fd(), name.as_bytes(), owner);
        let failed = |name| move |e| made_none(name, e);
        let root = make("own", owner).map_err(failed("own"))?;
        if console {
            let name = CONSOLE.trim_start_matches('/');
            let mode = Mode::from_raw_mode(0o600);
            rustix::fs::mknodat(&root, name, FileType::RegularFile, mode, 0)
                .and_then(|()| {
                    chown(
                        child(root.as_fd(), name.as_bytes())?.as_fd(),
                        Some(owner.0),
                        Some(owner.1),
                    )
                })
                .map_err(failed(CONSOLE))?;
        }
        let spare = make("spare", (0, 0)).map_err(failed("spare"))?;
        Ok(Own {
            mount,
            needed,
            root,
            spare,
            limits: Mutex::new(limits),
        })
    }

    /// What it may hold.
    pub fn limits(&self) -> Limits {
        *self.limits.lock()
    }

    /// Other limits from now on. EINVAL: it holds more already, and nothing is changed.
    pub fn set_limits(&self, limits: Limits) -> sys::Result<()> {
        let mut now = self.limits.lock();
        if *now == limits {
            return Ok(());
        }
        let inodes = limits.inodes.saturating_add(self.needed);
        FsContext::pick(self.mount.as_fd())?
            .set("size", &size(limits))?
            .set("nr_inodes", &inodes.to_string())?
            .reconfigure()?;
        *now = limits;
        Ok(())
    }

    /// An inode without a name, to carry what was changed of a node.
    pub fn nameless(&self) -> Result<OwnedFd, Errno> {
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        rustix::fs::openat(&self.spare, ".", flags, Mode::from_raw_mode(0o600))
    }

    /// How full it is.
    pub fn room(&self) -> Result<StatVfs, Errno> {
        rustix::fs::fstatvfs(&self.root)
    }
}

/// tmpfs takes none for no limit.
fn size(limits: Limits) -> String {
    limits.bytes.max(1).to_string()
}

fn made_none(name: &str, errno: Errno) -> sys::Error {
    let errno = nix::errno::Errno::from_raw(errno.raw_os_error());
    sys::Error::new(format!("make(<tmpfs>, {name})"), errno)
}

/// Make directory `name` in `dir` as a directory is that is given, whatever this thread's umask is and `dir`
/// would hand down.
pub fn make_directory(
    dir: BorrowedFd<'_>,
    name: &[u8],
    owner: (u32, u32),
) -> Result<OwnedFd, Errno> {
    let mode = Mode::from_raw_mode(0o755);
    rustix::fs::mkdirat(dir, name, mode)?;
    let made = child(dir, name)?;
    chown(made.as_fd(), Some(owner.0), Some(owner.1))?;
    let path = by_fd(made.as_fd());
    for acl in ["system.posix_acl_access", "system.posix_acl_default"] {
        match rustix::fs::removexattr(&path, acl) {
            // a kernel may have none (CONFIG_TMPFS_POSIX_ACL)
            Ok(()) | Err(Errno::NODATA | Errno::OPNOTSUPP) => {}
            Err(e) => return Err(e),
        }
    }
    rustix::fs::chmodat(CWD, path, mode, AtFlags::empty())?;
    Ok(made)
}

/// What is at `name` in directory `dir`, a link itself.
pub fn child(dir: BorrowedFd<'_>, name: &[u8]) -> Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(dir, name, flags, Mode::empty())
}

/// The names in directory `dir`, without `.` and `..`, and their types.
pub fn names(dir: BorrowedFd<'_>) -> Result<Vec<(BString, Kind)>, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let fd = rustix::fs::openat(dir, ".", flags, Mode::empty())?;
    let mut buffer = [MaybeUninit::uninit(); 8 << 10];
    let mut entries = RawDir::new(&fd, &mut buffer);
    let mut names = Vec::new();
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push((name.into(), kind(entry.file_type())));
        }
    }
    Ok(names)
}

pub fn kind(of: FileType) -> Kind {
    match of {
        FileType::Directory => Kind::Directory,
        FileType::Symlink => Kind::Link,
        FileType::Fifo => Kind::Fifo,
        FileType::Socket => Kind::Socket,
        FileType::CharacterDevice => Kind::Char,
        FileType::BlockDevice => Kind::Block,
        FileType::RegularFile | FileType::Unknown => Kind::File,
    }
}

/// The device number that a node stands for.
pub fn device(stat: &Stat) -> (u32, u32) {
    (
        rustix::fs::major(stat.st_rdev),
        rustix::fs::minor(stat.st_rdev),
    )
}

fn time(seconds: i64, nanoseconds: u64) -> SystemTime {
    let whole = Duration::from_secs(seconds.unsigned_abs());
    let base = match seconds < 0 {
        true => SystemTime::UNIX_EPOCH.checked_sub(whole),
        false => SystemTime::UNIX_EPOCH.checked_add(whole),
    };
    let base = base.unwrap_or(SystemTime::UNIX_EPOCH);
    base + Duration::from_nanos(nanoseconds)
}

/// `stat` as the container sees it, under `number`.
pub fn attributes(number: u64, stat: &Stat, keep: Duration) -> Attributes {
    Attributes {
        number,
        kind: kind(FileType::from_raw_mode(stat.st_mode)),
        perm: (stat.st_mode & 0o7777) as u16,
        uid: stat.st_uid,
        gid: stat.st_gid,
        size: stat.st_size as u64,
        blocks: stat.st_blocks as u64,
        links: stat.st_nlink as u32,
        device: device(stat),
        atime: time(stat.st_atime, stat.st_atime_nsec),
        mtime: time(stat.st_mtime, stat.st_mtime_nsec),
        ctime: time(stat.st_ctime, stat.st_ctime_nsec),
        keep,
    }
}

/// chown(2) of whatever `fd` is, a link itself.
pub fn chown(fd: BorrowedFd<'_>, uid: Option<u32>, gid: Option<u32>) -> Result<(), Errno> {
    let (uid, gid) = (uid.map(Uid::from_raw), gid.map(Gid::from_raw));
    rustix::fs::chownat(fd, "", uid, gid, AtFlags::EMPTY_PATH)
}

/// Change what is `wanted` of an inode, all but its size.
pub fn change(fd: BorrowedFd<'_>, wanted: &Wanted) -> Result<(), Errno> {
    // first: it takes set-user-ID away, and the kernel says the mode that is to be along with it
    if wanted.uid.or(wanted.gid).is_some() {
        chown(fd, wanted.uid, wanted.gid)?;
    }
    if let Some(perm) = wanted.perm {
        let mode = Mode::from_raw_mode(perm.into());
        rustix::fs::chmodat(CWD, by_fd(fd), mode, AtFlags::empty())?;
    }
    if wanted.atime.or(wanted.mtime).is_some() {
        let times = Timestamps {
            last_access: timespec(wanted.atime),
            last_modification: timespec(wanted.mtime),
        };
        rustix::fs::utimensat(fd, "", &times, AtFlags::EMPTY_PATH)?;
    }
    Ok(())
}

fn timespec(time: Option<Time>) -> Timespec {
    let special = |nanoseconds| Timespec {
        tv_sec: 0,
        tv_nsec: nanoseconds,
    };
    match time {
        None => special(UTIME_OMIT),
        Some(Time::Now) => special(UTIME_NOW),
        Some(Time::At(at)) => match at.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => Timespec {
                tv_sec: after.as_secs() as i64,
                tv_nsec: after.subsec_nanos().into(),
            },
            Err(before) => {
                let before = before.duration();
                let (s, n) = (before.as_secs() as i64, i64::from(before.subsec_nanos()));
                Timespec {
                    tv_sec: -s - i64::from(n > 0),
                    tv_nsec: if n > 0 { 1_000_000_000 - n } else { 0 },
                }
            }
        },
    }
}
