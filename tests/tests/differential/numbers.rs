//! The device numbers that a kernel has a driver for, or might have.

use std::collections::BTreeSet;
use std::fs;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::{Path, PathBuf};

use nix::sys::stat::{Mode, SFlag, makedev, mknod};

/// A device number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Number {
    pub is_block: bool,
    pub major: u32,
    pub minor: u32,
}

/// Of each major of /proc/devices the minors that there are, and some that there may not be: the first
/// ones, ends of ranges, and a few by chance.
///
/// # Panics
/// When /proc or /sys cannot be read.
pub fn all() -> Vec<Number> {
    let mut all = BTreeSet::new();
    let mut is_block = false;
    let text = fs::read_to_string("/proc/devices").expect("/proc/devices");
    for line in text.lines() {
        if line.ends_with(':') {
            is_block = line.starts_with("Block");
        }
        let major = line.split_whitespace().next().map(str::parse);
        let Some(Ok(major)) = major else { continue };
        let chance = (0..3u64).map(|n| {
            let mut hasher = RandomState::new().build_hasher();
            hasher.write_u64(n);
            hasher.finish() as u32 % (1 << 20)
        });
        let minors = [0, 1, 63, 255, 256, (1 << 20) - 1]
            .into_iter()
            .chain(chance);
        all.extend(minors.map(|minor| Number {
            is_block,
            major,
            minor,
        }));
    }
    for (is_block, kind) in [(false, "char"), (true, "block")] {
        for entry in fs::read_dir(format!("/sys/dev/{kind}")).expect("/sys/dev") {
            let name = entry.expect("an entry").file_name();
            let name = name.to_string_lossy();
            let parts = name.split_once(':').map(|(a, b)| (a.parse(), b.parse()));
            if let Some((Ok(major), Ok(minor))) = parts {
                all.insert(Number {
                    is_block,
                    major,
                    minor,
                });
            }
        }
    }
    all.into_iter().collect()
}

impl Number {
    /// `b7-3`.
    pub fn name(&self) -> String {
        let kind = if self.is_block { 'b' } else { 'c' };
        format!("{kind}{}-{}", self.major, self.minor)
    }

    /// As a list of Python's: name, whether it is a block device, major, minor.
    pub fn python(&self) -> String {
        let block = if self.is_block { "True" } else { "False" };
        format!(
            "[{:?}, {block}, {}, {}]",
            self.name(),
            self.major,
            self.minor
        )
    }

    /// Make a node of it that everybody may open.
    ///
    /// # Panics
    /// When that fails.
    pub fn node(&self, path: &Path) {
        let kind = if self.is_block {
            SFlag::S_IFBLK
        } else {
            SFlag::S_IFCHR
        };
        let number = makedev(self.major.into(), self.minor.into());
        mknod(path, kind, Mode::empty(), number).expect("a node");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o666);
        fs::set_permissions(path, mode).expect("its mode");
    }

    /// The host's own node of it, if there is one.
    pub fn host(&self) -> Option<PathBuf> {
        let kind = if self.is_block { "block" } else { "char" };
        let uevent = format!("/sys/dev/{kind}/{}:{}/uevent", self.major, self.minor);
        let text = fs::read_to_string(uevent).ok()?;
        let name = text.lines().find_map(|l| l.strip_prefix("DEVNAME="))?;
        let path = Path::new("/dev").join(name);
        path.exists().then_some(path)
    }
}
