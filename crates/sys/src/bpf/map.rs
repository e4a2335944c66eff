//! The map that drives the device program.

use std::fmt;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use super::call::{Cmd, bpf, with_memlock};
use crate::error::{Context, Result};

/// [`Key::minor`] of an entry for every minor of a major. No device has it: minors are of 20 bits.
pub const ANY: u32 = u32::MAX;
/// [`Key::kind`] of block devices, `BPF_DEVCG_DEV_BLOCK`.
pub const BLOCK: u32 = 1;
/// [`Key::kind`] of character devices, `BPF_DEVCG_DEV_CHAR`.
pub const CHAR: u32 = 2;
/// Access: making a node, `BPF_DEVCG_ACC_MKNOD`.
pub const MKNOD: u32 = 1;
/// Access: opening for reading, `BPF_DEVCG_ACC_READ`.
pub const READ: u32 = 2;
/// Access: opening for writing, `BPF_DEVCG_ACC_WRITE`.
pub const WRITE: u32 = 4;
/// How many entries a map holds at most.
pub const MAX_ENTRIES: u32 = 8192;

const BPF_MAP_TYPE_HASH: u32 = 1;
const BPF_F_NO_PREALLOC: u32 = 1;

/// What an entry of the map is for.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// [`BLOCK`] or [`CHAR`].
    pub kind: u32,
    /// Device major number.
    pub major: u32,
    /// Device minor number, or [`ANY`].
    pub minor: u32,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            BLOCK => write!(f, "b {}:", self.major)?,
            CHAR => write!(f, "c {}:", self.major)?,
            kind => write!(f, "{kind} {}:", self.major)?,
        }
        match self.minor {
            ANY => f.write_str("*"),
            minor => write!(f, "{minor}"),
        }
    }
}

/// A hash map from [`Key`] to a mask of [`MKNOD`], [`READ`] and [`WRITE`].
///
/// The kernel keeps it as long as this, or a program that was loaded with it, lives.
#[derive(Debug)]
pub struct DeviceMap {
    fd: OwnedFd,
}

#[repr(C)]
struct Create {
    map_type: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
    map_flags: u32,
    inner_map_fd: u32,
    numa_node: u32,
    map_name: [u8; 16],
}

#[repr(C)]
struct Element {
    map_fd: u32,
    pad: u32,
    key: u64,
    value: u64,
    flags: u64,
}

impl DeviceMap {
    /// An empty map of at most [`MAX_ENTRIES`]. The fd is close-on-exec, as all that bpf(2) makes.
    ///
    /// Entries are allocated one by one (`BPF_F_NO_PREALLOC`). An empty map takes some 160 KiB of kernel
    /// memory, nearly all of it the table of 8192 buckets; with the entries it would be 650 KiB (measured).
    ///
    /// # Errors
    /// EPERM without the capabilities, or with too low an RLIMIT_MEMLOCK before Linux 5.11; ENOSYS
    /// or EINVAL on a kernel without bpf(2).
    pub fn create() -> Result<DeviceMap> {
        let fd = with_memlock(|| {
            let mut attr = Create {
                map_type: BPF_MAP_TYPE_HASH,
                key_size: size_of::<Key>() as u32,
                value_size: size_of::<u32>() as u32,
                max_entries: MAX_ENTRIES,
                map_flags: BPF_F_NO_PREALLOC,
                inner_map_fd: 0,
                numa_node: 0,
                map_name: *b"devns_devices\0\0\0",
            };
            // SAFETY: Create is the head of BPF_MAP_CREATE's attr, has no padding and no pointers
            unsafe { bpf(Cmd::MapCreate, &mut attr) }
        })
        .call(|| "bpf(BPF_MAP_CREATE, hash)".into())?;
        // SAFETY: the kernel just made this fd for us, nobody else knows it
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(DeviceMap { fd })
    }

    /// Makes `mask` the whole of what `key` grants, whatever was there before; atomic. An empty mask
    /// is an entry too: it hides the [`ANY`] entry of the same major.
    ///
    /// # Errors
    /// E2BIG when [`MAX_ENTRIES`] are there, ENOMEM.
    pub fn set(&self, key: Key, mask: u32) -> Result<()> {
        let mut attr = self.element(&key);
        attr.value = std::ptr::from_ref(&mask) as u64;
        // SAFETY: Element is the head of the map commands' attr without padding; key and value point
        // to live objects of the map's key and value sizes, which the kernel only reads
        unsafe { bpf(Cmd::MapUpdate, &mut attr) }
            .call(|| format!("bpf(BPF_MAP_UPDATE_ELEM, {key}, {mask:#x})"))?;
        Ok(())
    }

    /// Removes the entry of `key`; false when there was none.
    ///
    /// # Errors
    /// None is known besides EPERM for a frozen map.
    pub fn remove(&self, key: Key) -> Result<bool> {
        let mut attr = self.element(&key);
        // SAFETY: as in set(); the command takes no value
        match unsafe { bpf(Cmd::MapDelete, &mut attr) } {
            Err(e) if e.raw_os_error() == Some(libc::ENOENT) => Ok(false),
            done => done
                .map(|_| true)
                .call(|| format!("bpf(BPF_MAP_DELETE_ELEM, {key})")),
        }
    }

    fn element(&self, key: &Key) -> Element {
        Element {
            map_fd: self.fd.as_raw_fd() as u32,
            pad: 0,
            key: std::ptr::from_ref(key) as u64,
            value: 0,
            flags: 0,
        }
    }
}

impl AsFd for DeviceMap {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
