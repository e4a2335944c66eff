//! Where a worker has the /dev that it works in.

use std::fs::{self, File};
use std::path::Path;

use anyhow::{Context, Result, bail};
use nix::fcntl::AT_FDCWD;
use nix::mount::{MsFlags, mount};
use nix::sched::CloneFlags;
use nix::sys::stat::{Mode, SFlag, makedev, mknod};

use super::super::system::Kind;
use super::super::worker::{attach, private_mounts, theirs};

/// Every system's /dev, as a worker has it: as deep for all, since each part of a path costs.
pub const VIEW: &str = "/run/view";

/// The node that is used: it is in every container, and its driver does next to nothing.
pub const NODE: &str = "/run/view/zero";

/// The same, on the host.
const HOSTS: &str = "/dev/zero";

/// The system of this name.
pub fn named(name: &str) -> Result<Kind> {
    let found = Kind::OF_DEV.into_iter().find(|k| k.name() == name);
    found.with_context(|| format!("no system has a /dev and is named {name:?}"))
}

/// Have the /dev of a system at `VIEW`, in a mount namespace of our own; a container's is that of
/// process `of`.
pub fn enter(kind: Kind, of: Option<i32>) -> Result<()> {
    private_mounts(CloneFlags::CLONE_NEWNS)?;
    let tree = match (kind, of) {
        (Kind::Devns, Some(pid)) => Some(theirs(pid, Path::new("/dev"))?),
        (Kind::Devns, None) => bail!("whose /dev?"),
        (Kind::Native, _) => Some(sys::mount::clone_tree(AT_FDCWD, Path::new("/dev"), false)?),
        _ => None,
    };
    tmpfs("/run")?;
    fs::create_dir(VIEW).context(VIEW)?;
    match tree {
        Some(tree) => attach(&tree, Path::new(VIEW)),
        None => {
            tmpfs(VIEW)?;
            node(kind)
        }
    }
}

fn tmpfs(at: &str) -> Result<()> {
    // as a /dev has it
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
    mount(Some("bench"), at, Some("tmpfs"), flags, Some("mode=755"))
        .with_context(|| format!("mount({at:?})"))
}

fn node(kind: Kind) -> Result<()> {
    if kind == Kind::Bind {
        File::create(NODE).context(NODE)?;
        let none = None::<&str>;
        return mount(Some(HOSTS), NODE, none, MsFlags::MS_BIND, none).context("mount(MS_BIND)");
    }
    let bits = Mode::from_bits_truncate(0o666);
    mknod(NODE, SFlag::S_IFCHR, bits, makedev(1, 5)).with_context(|| format!("mknod({NODE:?})"))
}
