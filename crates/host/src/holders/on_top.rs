//! What the kernel itself has a block device open for.

use std::collections::BTreeSet;
use std::fs;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use kobject::{DevKind, Devnum};

use super::{devnum_at, entries, file_name};

/// Something of the kernel's that holds a device.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OnTop {
    /// What it is: `device`, `loop`, `swap`; `mount` in the mount namespace of the caller, `mount inside` in
    /// another.
    pub kind: &'static str,
    /// Its name: of a device, of the place where it is mounted.
    pub name: String,
    /// What of it: the device itself, or a partition of it.
    pub device: Devnum,
}

/// The device and its partitions, in their order; a partition is open through its disk as well.
pub fn partitions(device: Devnum) -> Vec<Devnum> {
    let mut all = vec![device];
    if device.kind == DevKind::Block {
        for dir in entries(&sysfs(device)) {
            if dir.join("partition").exists() {
                all.extend(number(&dir));
            }
        }
    }
    all.sort_unstable();
    all.dedup();
    all
}

/// What is on top of `devices`: device mapper and md devices, loop devices, mounts in the mount namespaces of
/// the caller and of `pids`, swap.
pub fn on_top(devices: &[Devnum], pids: &[i32]) -> Vec<OnTop> {
    let blocks: Vec<Devnum> = devices
        .iter()
        .filter(|device| device.kind == DevKind::Block)
        .copied()
        .collect();
    let mut found = BTreeSet::new();
    if blocks.is_empty() {
        return Vec::new();
    }
    for device in &blocks {
        for holder in entries(&sysfs(*device).join("holders")) {
            found.insert(OnTop {
                kind: "device",
                name: file_name(&holder),
                device: *device,
            });
        }
    }
    mapped(&blocks, &mut found);
    loops(&blocks, &mut found);
    mounts(&blocks, pids, &mut found);
    swaps(&blocks, &mut found);
    found.into_iter().collect()
}

fn sysfs(device: Devnum) -> PathBuf {
    let Devnum { major, minor, kind } = device;
    format!("/sys/dev/{}/{major}:{minor}", kind.dir()).into()
}

fn number(dir: &Path) -> Option<Devnum> {
    let text = fs::read_to_string(dir.join("dev")).ok()?;
    format!("b {}", text.trim()).parse().ok()
}

/// A device that is gone has no directory that says what holds it, but a device mapper device knows its number still.
fn mapped(blocks: &[Devnum], found: &mut BTreeSet<OnTop>) {
    for dir in entries(Path::new("/sys/block")) {
        let Some(itself) = number(&dir).filter(|_| dir.join("dm").exists()) else {
            continue;
        };
        let parts = sys::devmapper::parts(libc::makedev(itself.major, itself.minor));
        for part in parts.unwrap_or_default() {
            if let Some(device) = among(part, blocks) {
                found.insert(OnTop {
                    kind: "device",
                    name: file_name(&dir),
                    device,
                });
            }
        }
    }
}

/// Which of `blocks` has this number.
fn among(number: libc::dev_t, blocks: &[Devnum]) -> Option<Devnum> {
    let number = (libc::major(number), libc::minor(number));
    let mut all = blocks.iter().copied();
    all.find(|device| (device.major, device.minor) == number)
}

/// Loop devices name what is attached to them by a path of whoever did that; the number is asked of them.
fn loops(blocks: &[Devnum], found: &mut BTreeSet<OnTop>) {
    for dir in entries(Path::new("/sys/block")) {
        let name = file_name(&dir);
        if !dir.join("loop/backing_file").exists() {
            continue;
        }
        let Ok(node) = fs::File::open(Path::new("/dev").join(&name)) else {
            continue;
        };
        let backing = sys::loopdev::backing_device(node.as_fd()).unwrap_or(0);
        if let Some(device) = among(backing, blocks).filter(|_| backing != 0) {
            found.insert(OnTop {
                kind: "loop",
                name,
                device,
            });
        }
    }
}

fn mounts(blocks: &[Devnum], pids: &[i32], found: &mut BTreeSet<OnTop>) {
    let mut seen = BTreeSet::new();
    let own = PathBuf::from("/proc/self");
    let others = pids.iter().map(|pid| PathBuf::from(format!("/proc/{pid}")));
    for (at, proc) in std::iter::once(own).chain(others).enumerate() {
        match fs::read_link(proc.join("ns/mnt")) {
            Ok(namespace) if seen.insert(namespace.clone()) => {}
            _ => continue,
        }
        let table = fs::read(proc.join("mountinfo")).unwrap_or_default();
        for line in String::from_utf8_lossy(&table).lines() {
            let mut fields = line.split(' ');
            let (number, place) = (fields.nth(2), fields.nth(1));
            let device = number.and_then(|number| format!("b {number}").parse().ok());
            if let (Some(device), Some(place)) = (device, place)
                && blocks.contains(&device)
            {
                found.insert(OnTop {
                    kind: match at {
                        0 => "mount",
                        _ => "mount inside",
                    },
                    name: place.to_owned(),
                    device,
                });
            }
        }
    }
}

fn swaps(blocks: &[Devnum], found: &mut BTreeSet<OnTop>) {
    let table = fs::read_to_string("/proc/swaps").unwrap_or_default();
    let names = table
        .lines()
        .skip(1)
        .filter_map(|l| l.split_whitespace().next());
    for name in names {
        if let Ok(Some(device)) = devnum_at(Path::new(name))
            && blocks.contains(&device)
        {
            found.insert(OnTop {
                kind: "swap",
                name: name.to_owned(),
                device,
            });
        }
    }
}
