//! The container's root directory: the given one or a copy of the host's mounts, with our /sys
//! and /dev, and nothing of the host's own.
//!
//! All of this is done by real root in a mount namespace of the host's user namespace. If the
//! container gets a user namespace, it gets a copy of the result in which every mount is locked
//! where it is (mount_namespaces(7)): its root cannot take one away.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::{Mode, fstat, mkdirat};
use sys::mount::{
    Attrs, FsContext, Propagation, attach, clone_tree, detach_all, idmap, open_beneath, set_attrs,
};
use sys::namespace::IdMap;
use sys::{Context, Error, Result};

/// File systems of the host that must not show inside, wherever they are mounted: what they hold
/// is the kernel's and names every device, or is a way out.
const FORBIDDEN: [&str; 18] = [
    "autofs",
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "debugfs",
    "devpts",
    "devtmpfs",
    "efivarfs",
    "fusectl",
    "hugetlbfs",
    "mqueue",
    "proc",
    "pstore",
    "securityfs",
    "sysfs",
    "tracefs",
];

/// Where file systems of the container's own go.
const PLACES: [&str; 4] = ["proc", "sys", "dev", "run"];

const QUIET: Attrs = Attrs::NOSUID.and(Attrs::NODEV).and(Attrs::NOEXEC);

/// Where the container's root comes from and what goes into it.
pub struct Rootfs<'a> {
    /// The directory, or the host's root.
    pub source: Option<&'a Path>,
    /// Where to build it: an empty directory.
    pub base: &'a Path,
    /// An empty directory for what masks files.
    pub masks: &'a Path,
    /// The views.
    pub sys: BorrowedFd<'a>,
    pub dev: BorrowedFd<'a>,
    /// The container's user namespace and its ids.
    pub user: Option<(BorrowedFd<'a>, IdMap)>,
}

/// Build the root in a new mount namespace of the calling process.
pub fn build(root: &Rootfs<'_>) -> Result<()> {
    unshare(CloneFlags::CLONE_NEWNS).call(|| "unshare(CLONE_NEWNS)".into())?;
    mount(
        None::<&str>,
        "/",
        None::<&str>,
        MsFlags::MS_REC | MsFlags::MS_PRIVATE,
        None::<&str>,
    )
    .call(|| "mount(\"/\", MS_PRIVATE)".into())?;
    attach(tree(root)?.as_fd(), place_of(root.base)?.as_fd())?;
    clear(root.base)?;
    let top = place_of(root.base)?;
    put(top.as_fd(), "sys", root.sys)?;
    put(top.as_fd(), "dev", root.dev)?;
    let outside = root.user.map_or(0, |(_, ids)| ids.outside);
    let owner = outside.to_string();
    let terminals = FsContext::open("devpts")?
        .set("mode", "620")?
        .set("ptmxmode", "666")?
        .set("gid", &(outside + 5).to_string())?
        // the only mount besides /dev that is not nodev: its nodes are the container's own ptys
        .mount(Attrs::NOSUID.and(Attrs::NOEXEC))?;
    put(top.as_fd(), "dev/pts", terminals.as_fd())?;
    let tmpfs = |mode, attrs| {
        FsContext::open("tmpfs")?
            .set("source", "tmpfs")?
            .set("mode", mode)?
            .set("uid", &owner)?
            .set("gid", &owner)?
            .set("size", "64m")?
            .mount(attrs)
    };
    put(top.as_fd(), "dev/shm", tmpfs("1777", QUIET)?.as_fd())?;
    let run = tmpfs("755", Attrs::NOSUID.and(Attrs::NODEV))?;
    mkdirat(&run, "udev", Mode::from_bits_truncate(0o755)).call(|| "mkdir(/run/udev)".into())?;
    // a udevd inside keeps its database there
    let (uid, gid) = (Some(outside.into()), Some(outside.into()));
    nix::unistd::fchownat(&run, "udev", uid, gid, AtFlags::AT_SYMLINK_NOFOLLOW)
        .call(|| "chown(/run/udev)".into())?;
    put(top.as_fd(), "run", run.as_fd())?;
    make_masks(root.masks)
}

/// The directory `path`, to look things up from.
pub fn place_of(path: &Path) -> Result<OwnedFd> {
    nix::fcntl::open(
        path,
        OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC,
        Mode::empty(),
    )
    .call(|| format!("open({path:?})"))
}

/// A detached copy of the source's mounts, none of which lets a device node or a set-id bit work.
fn tree(root: &Rootfs<'_>) -> Result<OwnedFd> {
    let source = place_of(root.source.unwrap_or(Path::new("/")))?;
    let tree = clone_tree(source.as_fd(), Path::new(""), true)?;
    set_attrs(
        tree.as_fd(),
        true,
        Attrs::NOSUID.and(Attrs::NODEV),
        Propagation::Private,
    )?;
    if let (Some(path), Some((user, ids))) = (root.source, root.user) {
        let owner = fstat(&source).call(|| format!("fstat({path:?})"))?.st_uid;
        let foreign = !(ids.outside..ids.outside + ids.count).contains(&owner);
        // now, since behind mapped ids the host's root is nobody who could make anything
        for name in PLACES {
            let _ = mkdirat(&source, name, Mode::from_bits_truncate(0o755));
        }
        // a tree made by root becomes the container's root's, on file systems that can
        if foreign && let Err(e) = idmap(tree.as_fd(), user) {
            eprintln!(
                "devns: the files of {path:?} stay their owners', not the container's root's: {e}"
            );
        }
    }
    Ok(tree)
}

/// Take the host's own file systems out of the copy.
fn clear(base: &Path) -> Result<()> {
    for name in PLACES {
        detach_all(&base.join(name))?;
    }
    let table =
        std::fs::read("/proc/self/mountinfo").call(|| "read(/proc/self/mountinfo)".into())?;
    // a name that is no UTF-8 is none of ours, and must not keep us from the others
    let table = String::from_utf8_lossy(&table);
    for line in table.lines() {
        // ID PARENT DEV ROOT PLACE OPTIONS [FIELD...] - TYPE SOURCE OPTIONS: proc_pid_mountinfo(5)
        let Some((left, right)) = line.split_once(" - ") else {
            continue;
        };
        let place = unescape(left.split(' ').nth(4).unwrap_or_default());
        let kind = right.split(' ').next().unwrap_or_default();
        let kind = kind.split('.').next().unwrap_or_default();
        let path = Path::new(&place);
        if path.starts_with(base) && path != base && FORBIDDEN.contains(&kind) {
            detach_all(path)?;
        }
    }
    Ok(())
}

/// Blanks and backslashes stand as octal escapes in mountinfo.
fn unescape(text: &str) -> String {
    let escapes = [
        ("\\040", " "),
        ("\\011", "\t"),
        ("\\012", "\n"),
        ("\\134", "\\"),
    ];
    escapes
        .iter()
        .fold(text.to_string(), |t, (from, to)| t.replace(from, to))
}

/// Attach `mount` at `path` below `top`, a directory that is made if it is missing. A symbolic
/// link there is refused: an image may have laid it to lead us elsewhere.
pub fn put(top: BorrowedFd<'_>, path: &str, mount: BorrowedFd<'_>) -> Result<()> {
    let open = || {
        open_beneath(
            top,
            Path::new(path),
            OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW,
        )
    };
    let place = match open() {
        Err(e) if e.errno() == Errno::ENOENT as i32 => {
            mkdirat(top, path, Mode::from_bits_truncate(0o755))
                .call(|| format!("mkdirat(<root>, {path:?})"))?;
            open()?
        }
        Err(e) if [Errno::ELOOP as i32, Errno::ENOTDIR as i32].contains(&e.errno()) => {
            let why = std::io::Error::other("it is no directory in the root file system");
            return Err(Error::new(format!("the place of /{path}"), why));
        }
        place => place?,
    };
    attach(mount, place.as_fd())
}

/// An empty file and an empty directory that nobody can write to, on a mount of their own.
fn make_masks(place: &Path) -> Result<()> {
    let masks = FsContext::open("tmpfs")?
        .set("source", "masks")?
        .set("mode", "555")?
        .mount(QUIET)?;
    let flags = OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_WRONLY | OFlag::O_CLOEXEC;
    nix::fcntl::openat(&masks, "file", flags, Mode::from_bits_truncate(0o444))
        .call(|| "create(mask)".into())?;
    mkdirat(&masks, "directory", Mode::from_bits_truncate(0o555)).call(|| "mkdir(mask)".into())?;
    set_attrs(
        masks.as_fd(),
        false,
        QUIET.and(Attrs::RDONLY),
        Propagation::Private,
    )?;
    attach(masks.as_fd(), place_of(place)?.as_fd())
}
