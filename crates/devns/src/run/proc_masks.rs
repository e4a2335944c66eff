//! The container's /proc: fresh, without the files that name the host's devices or reach them.

use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use nix::fcntl::OFlag;
use sys::Result;
use sys::mount::{Attrs, FsContext, Propagation, attach, clone_tree, open_beneath, set_attrs};

use super::rootfs::put;

const QUIET: Attrs = Attrs::NOSUID.and(Attrs::NODEV).and(Attrs::NOEXEC);

/// What is covered by something empty. Sources: the paths that runc and podman mask by default
/// (OCI runtime-spec examples; `config.DefaultMaskedPaths` in containers/common), and every file
/// of proc(5) that lists devices of the host, their drivers, memory, ports or interrupts.
pub const MASKED: &[&str] = &[
    "acpi",
    "asound",
    "bootconfig",
    "bus",
    "cmdline",
    "consoles",
    "devices",
    "diskstats",
    "dma",
    "driver",
    "dynamic_debug",
    "fb",
    "fs",
    "i8k",
    "ide",
    "interrupts",
    "iomem",
    "ioports",
    "irq",
    "kcore",
    "keys",
    "kmsg",
    "latency_stats",
    "mdstat",
    "misc",
    "modules",
    "mtd",
    "mtrr",
    "partitions",
    "sched_debug",
    "scsi",
    "swaps",
    "sys/dev",
    "sysrq-trigger",
    "timer_list",
    "timer_stats",
    "tty",
    "vmallocinfo",
];

/// What stays, but cannot be written: root over the files would otherwise write the host's
/// `core_pattern`.
const READ_ONLY: [&str; 1] = ["sys"];

/// Mount a /proc of the calling process's pid namespace below `root`, and mask it with the file
/// and the directory that `masks` has.
pub fn mount(root: BorrowedFd<'_>, masks: BorrowedFd<'_>) -> Result<()> {
    let proc = FsContext::open("proc")?
        .set("source", "proc")?
        .mount(QUIET)?;
    put(root, "proc", proc.as_fd())?;
    let in_proc = |path: &str, flags| {
        open_beneath(
            root,
            &Path::new("proc").join(path),
            OFlag::O_PATH | OFlag::O_NOFOLLOW | flags,
        )
    };
    for path in READ_ONLY {
        let place = in_proc(path, OFlag::O_DIRECTORY)?;
        let copy = clone_tree(place.as_fd(), Path::new(""), false)?;
        set_attrs(
            copy.as_fd(),
            false,
            QUIET.and(Attrs::RDONLY),
            Propagation::Private,
        )?;
        attach(copy.as_fd(), place.as_fd())?;
    }
    for path in MASKED {
        let (place, mask) = match in_proc(path, OFlag::O_DIRECTORY) {
            Ok(place) => (place, "directory"),
            Err(e) if e.errno() == libc::ENOTDIR => (in_proc(path, OFlag::empty())?, "file"),
            // this kernel does not have it
            Err(e) if e.errno() == libc::ENOENT => continue,
            Err(e) => return Err(e),
        };
        let mask = open_beneath(masks, Path::new(mask), OFlag::O_PATH)?;
        attach(
            clone_tree(mask.as_fd(), Path::new(""), false)?.as_fd(),
            place.as_fd(),
        )?;
    }
    Ok(())
}
