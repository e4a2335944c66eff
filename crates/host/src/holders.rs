//! Who holds a device, as far as /proc and /sys say.
//!
//! Nothing here can be held up by whom it looks at: links of /proc are followed without asking a server for
//! what they lead to.

mod on_top;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use kobject::{DevKind, Devnum};

pub use on_top::{OnTop, on_top, partitions};

/// `O_PATH` in the octal `flags` of /proc/PID/fdinfo: such a descriptor holds no device.
const O_PATH: u32 = 0o10_000_000;

/// How a process holds a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    /// A file descriptor.
    Descriptor(i32),
    /// A mapping, which outlives its descriptor.
    Mapping,
}

/// A process that holds a device.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Holder {
    /// Its pid, as the caller sees it.
    pub pid: i32,
    /// Its name as it says it, which may be anything.
    pub command: String,
    /// How it holds it.
    pub how: How,
    /// What of it: the device itself, or a partition of it.
    pub device: Devnum,
}

/// What no look at /proc and /sys finds.
pub const UNSEEN: [&str; 5] = [
    "files that are registered with an io_uring",
    "descriptors in flight over a socket",
    "memory that the kernel or a device still uses for a request",
    "memory and descriptors of a process whose first thread has ended",
    "holders outside of these cgroups",
];

/// Who of `pids` holds any of `devices`. What ends meanwhile is left out.
pub fn processes(pids: &[i32], devices: &[Devnum]) -> Vec<Holder> {
    let mut found = BTreeSet::new();
    for pid in pids {
        let proc = PathBuf::from(format!("/proc/{pid}"));
        let mut holds = Vec::new();
        // threads need not share their descriptors
        for task in entries(&proc.join("task")) {
            for fd in entries(&task.join("fd")) {
                let number = file_name(&fd).parse().ok();
                if let (Some(device), Some(number)) = (device_at(&fd, devices), number)
                    && !is_path_only(&task.join("fdinfo").join(file_name(&fd)))
                {
                    holds.push((How::Descriptor(number), device));
                }
            }
        }
        for map in entries(&proc.join("map_files")) {
            if let Some(device) = device_at(&map, devices) {
                holds.push((How::Mapping, device));
            }
        }
        if holds.is_empty() {
            continue;
        }
        let command = fs::read(proc.join("comm")).unwrap_or_default();
        let command = String::from_utf8_lossy(command.trim_ascii_end()).into_owned();
        found.extend(holds.into_iter().map(|(how, device)| Holder {
            pid: *pid,
            command: command.clone(),
            how,
            device,
        }));
    }
    found.into_iter().collect()
}

/// The device that the node at `path` is of.
pub fn devnum_at(path: &Path) -> sys::Result<Option<Devnum>> {
    Ok(sys::stat::node_at(path)?.map(|(is_block, number)| Devnum {
        kind: match is_block {
            true => DevKind::Block,
            false => DevKind::Char,
        },
        major: libc::major(number),
        minor: libc::minor(number),
    }))
}

fn device_at(path: &Path, devices: &[Devnum]) -> Option<Devnum> {
    let device = devnum_at(path).ok()??;
    devices.contains(&device).then_some(device)
}

fn is_path_only(fdinfo: &Path) -> bool {
    let text = fs::read_to_string(fdinfo).unwrap_or_default();
    let flags = text.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = flags.and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok());
    flags.is_some_and(|flags| flags & O_PATH != 0)
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::fcntl::OFlag;
    use nix::sys::stat::Mode;

    #[test]
    fn a_process_holds_what_it_has_open() {
        let null: Devnum = "c 1:3".parse().unwrap();
        let full: Devnum = "c 1:7".parse().unwrap();
        let me = std::process::id() as i32;
        let open = |flags| nix::fcntl::open("/dev/full", flags, Mode::empty()).unwrap();
        let holds = |device| {
            let held = processes(&[me], &[device]);
            assert!(held.iter().all(|h| h.pid == me && h.device == device));
            held.len()
        };
        let path_only = open(OFlag::O_PATH | OFlag::O_CLOEXEC);
        assert_eq!(holds(full), 0);
        let (one, two) = (open(OFlag::O_RDWR), open(OFlag::O_RDONLY));
        assert_eq!((holds(full), holds("b 1:7".parse().unwrap())), (2, 0));
        drop((one, two, path_only));
        assert_eq!(holds(full), 0);
        assert_eq!(devnum_at(Path::new("/dev/null")).unwrap(), Some(null));
    }
}
