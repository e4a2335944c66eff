//! The mount API that works on file descriptors (fsopen(2), fsmount(2), move_mount(2),
//! open_tree(2), mount_setattr(2)): a mount exists before it has a place, and no path is
//! resolved twice.

use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};
use nix::sys::stat::Mode;

use crate::error::{Context, Error, Result};

const FSCONFIG_SET_FLAG: libc::c_uint = 0;
const FSCONFIG_SET_STRING: libc::c_uint = 1;
const FSCONFIG_CMD_CREATE: libc::c_uint = 6;
const FSCONFIG_CMD_RECONFIGURE: libc::c_uint = 7;
const FSPICK_CLOEXEC: libc::c_uint = 0x1;
const FSPICK_EMPTY_PATH: libc::c_uint = 0x8;
const OPEN_TREE_CLONE: libc::c_uint = 1;
const AT_RECURSIVE: libc::c_uint = 0x8000;
const MOVE_MOUNT_F_EMPTY_PATH: libc::c_uint = 0x4;
const MOVE_MOUNT_T_EMPTY_PATH: libc::c_uint = 0x40;

/// Mount attributes, as in mount_setattr(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Attrs(u64);

impl Attrs {
    /// No attribute.
    pub const NONE: Attrs = Attrs(0);
    /// `MOUNT_ATTR_RDONLY`.
    pub const RDONLY: Attrs = Attrs(0x1);
    /// `MOUNT_ATTR_NOSUID`.
    pub const NOSUID: Attrs = Attrs(0x2);
    /// `MOUNT_ATTR_NODEV`.
    pub const NODEV: Attrs = Attrs(0x4);
    /// `MOUNT_ATTR_NOEXEC`.
    pub const NOEXEC: Attrs = Attrs(0x8);
    const IDMAP: Attrs = Attrs(0x10_0000);

    /// Both sets together.
    pub const fn and(self, other: Attrs) -> Attrs {
        Attrs(self.0 | other.0)
    }
}

/// How a mount passes events on to others; see mount_namespaces(7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Propagation {
    /// Leave it as it is.
    Keep,
    /// `MS_PRIVATE`.
    Private,
}

fn cstring(text: &[u8]) -> Result<CString> {
    CString::new(text).map_err(|_| {
        Error::new(
            format!("{:?}", String::from_utf8_lossy(text)),
            nix::errno::Errno::EINVAL,
        )
    })
}

fn owned(raw: libc::c_long, call: impl FnOnce() -> String) -> Result<OwnedFd> {
    match raw {
        // SAFETY: the kernel has just returned this descriptor to us, and nobody else has it.
        0.. => Ok(unsafe { OwnedFd::from_raw_fd(raw as RawFd) }),
        _ => Err(Error::last(call())),
    }
}

fn done(raw: libc::c_long, call: impl FnOnce() -> String) -> Result<()> {
    match raw {
        0 => Ok(()),
        _ => Err(Error::last(call())),
    }
}

/// A file system that is being configured (fsopen(2)).
#[derive(Debug)]
pub struct FsContext {
    fd: OwnedFd,
    name: String,
}

impl FsContext {
    /// Begin a new instance of the file system `name`, in the namespaces of the calling thread:
    /// sysfs takes its network namespace, proc its pid namespace, mqueue its ipc namespace.
    pub fn open(name: &str) -> Result<FsContext> {
        let c = cstring(name.as_bytes())?;
        // SAFETY: `c` is a NUL-terminated string that outlives the call.
        let raw = unsafe { libc::syscall(libc::SYS_fsopen, c.as_ptr(), 1 as libc::c_uint) };
        Ok(FsContext {
            fd: owned(raw, || format!("fsopen({name:?})"))?,
            name: name.into(),
        })
    }

    /// Begin to change the instance that is mounted as `mount`, attached or not (fspick(2)).
    pub fn pick(mount: BorrowedFd<'_>) -> Result<FsContext> {
        let flags = FSPICK_CLOEXEC | FSPICK_EMPTY_PATH;
        // SAFETY: the path is an empty string, and the descriptor is borrowed for the call.
        let raw =
            unsafe { libc::syscall(libc::SYS_fspick, mount.as_raw_fd(), c"".as_ptr(), flags) };
        Ok(FsContext {
            fd: owned(raw, || "fspick(<mount>)".into())?,
            name: "<mount>".into(),
        })
    }

    /// Change the instance by what was set: all of it, or nothing.
    pub fn reconfigure(self) -> Result<()> {
        self.command(FSCONFIG_CMD_RECONFIGURE, "reconfigure")
    }

    /// Set `key` to `value`.
    pub fn set(self, key: &str, value: &str) -> Result<FsContext> {
        let (k, v) = (cstring(key.as_bytes())?, cstring(value.as_bytes())?);
        // SAFETY: both strings are NUL-terminated and outlive the call.
        let raw = unsafe {
            libc::syscall(
                libc::SYS_fsconfig,
                self.fd.as_raw_fd(),
                FSCONFIG_SET_STRING,
                k.as_ptr(),
                v.as_ptr(),
                0,
            )
        };
        done(raw, || format!("fsconfig({}, {key}={value})", self.name))?;
        Ok(self)
    }

    /// Set the flag `key`.
    pub fn flag(self, key: &str) -> Result<FsContext> {
        let k = cstring(key.as_bytes())?;
        // SAFETY: the key is NUL-terminated and outlives the call; a flag takes no value.
        let raw = unsafe {
            libc::syscall(
                libc::SYS_fsconfig,
                self.fd.as_raw_fd(),
                FSCONFIG_SET_FLAG,
                k.as_ptr(),
                std::ptr::null::<libc::c_char>(),
                0,
            )
        };
        done(raw, || format!("fsconfig({}, {key})", self.name))?;
        Ok(self)
    }

    /// Make the instance and a mount of it that is attached nowhere.
    pub fn mount(self, attrs: Attrs) -> Result<OwnedFd> {
        self.command(FSCONFIG_CMD_CREATE, "create")?;
        // SAFETY: integers only.
        let raw = unsafe {
            libc::syscall(
                libc::SYS_fsmount,
                self.fd.as_raw_fd(),
                1 as libc::c_uint,
                attrs.0 as libc::c_uint,
            )
        };
        owned(raw, || format!("fsmount({})", self.name))
    }

    fn command(&self, command: libc::c_uint, what: &str) -> Result<()> {
        // SAFETY: a command takes no key and no value.
        let raw = unsafe {
            libc::syscall(
                libc::SYS_fsconfig,
                self.fd.as_raw_fd(),
                command,
                std::ptr::null::<libc::c_char>(),
                std::ptr::null::<libc::c_char>(),
                0,
            )
        };
        done(raw, || format!("fsconfig({}, {what})", self.name))
    }
}

/// Attach the mount `mount` at the place that `target` (an O_PATH descriptor) names.
pub fn attach(mount: BorrowedFd<'_>, target: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: both paths are empty strings, both descriptors are borrowed for the call.
    let raw = unsafe {
        libc::syscall(
            libc::SYS_move_mount,
            mount.as_raw_fd(),
            c"".as_ptr(),
            target.as_raw_fd(),
            c"".as_ptr(),
            MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH,
        )
    };
    done(raw, || format!("move_mount({mount:?}, {target:?})"))
}

/// A detached copy of the mount that holds `path` below `dir`; with `recursive`, of all below it
/// too.
pub fn clone_tree(dir: BorrowedFd<'_>, path: &Path, recursive: bool) -> Result<OwnedFd> {
    let p = cstring(path.as_os_str().as_bytes())?;
    let flags = OPEN_TREE_CLONE
        | libc::O_CLOEXEC as libc::c_uint
        | libc::AT_EMPTY_PATH as libc::c_uint
        | if recursive { AT_RECURSIVE } else { 0 };
    // SAFETY: the path is NUL-terminated and outlives the call.
    let raw = unsafe { libc::syscall(libc::SYS_open_tree, dir.as_raw_fd(), p.as_ptr(), flags) };
    owned(raw, || format!("open_tree({path:?}, clone)"))
}

#[repr(C)]
struct MountAttr {
    set: u64,
    clear: u64,
    propagation: u64,
    userns_fd: u64,
}

fn setattr(mount: BorrowedFd<'_>, recursive: bool, attr: &MountAttr, what: &str) -> Result<()> {
    let flags = libc::AT_EMPTY_PATH as libc::c_uint | if recursive { AT_RECURSIVE } else { 0 };
    // SAFETY: `attr` has the layout of struct mount_attr and its size is passed along.
    let raw = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_raw_fd(),
            c"".as_ptr(),
            flags,
            attr as *const MountAttr,
            size_of::<MountAttr>(),
        )
    };
    done(raw, || format!("mount_setattr({what})"))
}

/// Set attributes and propagation of a mount, with `recursive` of all mounts below it too.
pub fn set_attrs(
    mount: BorrowedFd<'_>,
    recursive: bool,
    attrs: Attrs,
    propagation: Propagation,
) -> Result<()> {
    let attr = MountAttr {
        set: attrs.0,
        clear: 0,
        propagation: match propagation {
            Propagation::Keep => 0,
            Propagation::Private => libc::MS_PRIVATE,
        },
        userns_fd: 0,
    };
    setattr(mount, recursive, &attr, &format!("{attrs:?}"))
}

/// Map the owners of a detached mount by the user namespace `userns` (mount_setattr(2),
/// `MOUNT_ATTR_IDMAP`). EINVAL: the file system cannot.
pub fn idmap(mount: BorrowedFd<'_>, userns: BorrowedFd<'_>) -> Result<()> {
    let attr = MountAttr {
        set: Attrs::IDMAP.0,
        clear: 0,
        propagation: 0,
        userns_fd: userns.as_raw_fd() as u64,
    };
    setattr(mount, false, &attr, "idmap")
}

/// Open `path` below `root` as if `root` were the root directory; no symbolic link is followed.
pub fn open_beneath(root: BorrowedFd<'_>, path: &Path, flags: OFlag) -> Result<OwnedFd> {
    let how = OpenHow::new()
        .flags(flags | OFlag::O_CLOEXEC)
        .mode(Mode::empty())
        .resolve(
            ResolveFlag::RESOLVE_BENEATH
                | ResolveFlag::RESOLVE_NO_SYMLINKS
                | ResolveFlag::RESOLVE_NO_MAGICLINKS,
        );
    openat2(root, path, how).call(|| format!("openat2({path:?})"))
}

/// Detach whatever is mounted at `path`, and what lies below those mounts, until nothing is.
pub fn detach_all(path: &Path) -> Result<()> {
    loop {
        match nix::mount::umount2(
            path,
            nix::mount::MntFlags::MNT_DETACH | nix::mount::MntFlags::UMOUNT_NOFOLLOW,
        ) {
            Ok(()) => continue,
            // not a mount point, or not there
            Err(nix::errno::Errno::EINVAL | nix::errno::Errno::ENOENT) => return Ok(()),
            Err(e) => return Err(Error::new(format!("umount2({path:?})"), e)),
        }
    }
}

/// A FUSE connection and a mount of it that is attached nowhere yet: always
/// `default_permissions` and `allow_other`.
///
/// `subtype` shows in mountinfo as `fuse.SUBTYPE`. The returned connection wants a server: until
/// its INIT is answered, every access to the mount waits.
pub fn fuse(subtype: &str, source: &str, attrs: Attrs) -> Result<(OwnedFd, OwnedFd)> {
    let dev = nix::fcntl::open("/dev/fuse", OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty())
        .call(|| "open(\"/dev/fuse\")".into())?;
    let mount = FsContext::open("fuse")?
        .set("source", source)?
        .set("subtype", subtype)?
        .set("fd", &dev.as_fd().as_raw_fd().to_string())?
        .set("rootmode", "40000")?
        .set("user_id", "0")?
        .set("group_id", "0")?
        .flag("default_permissions")?
        .flag("allow_other")?
        .mount(attrs)?;
    Ok((dev, mount))
}
