//! What can be granted: accesses, and the devices they are for.

use std::fmt;
use std::io;
use std::ops::{BitAnd, BitOr, Sub};

use kobject::{DevKind, Devnum};

/// A set of accesses to a device; shown as the device cgroup writes it, `rwm`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Access(u32);

impl Access {
    /// No access.
    pub const NONE: Access = Access(0);
    /// Opening for reading.
    pub const READ: Access = Access(sys::bpf::READ);
    /// Opening for writing.
    pub const WRITE: Access = Access(sys::bpf::WRITE);
    /// Making a node.
    pub const MKNOD: Access = Access(sys::bpf::MKNOD);
    /// Every access.
    pub const ALL: Access = Access(sys::bpf::READ | sys::bpf::WRITE | sys::bpf::MKNOD);

    /// True if every access of `other` is in this.
    pub fn contains(self, other: Access) -> bool {
        other.0 & !self.0 == 0
    }

    /// True without any access.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The mask of [`sys::bpf`].
    pub(super) fn bits(self) -> u32 {
        self.0
    }
}

impl BitOr for Access {
    type Output = Access;
    fn bitor(self, other: Access) -> Access {
        Access(self.0 | other.0)
    }
}

impl BitAnd for Access {
    type Output = Access;
    fn bitand(self, other: Access) -> Access {
        Access(self.0 & other.0)
    }
}

/// What is in the first set and not in the second.
impl Sub for Access {
    type Output = Access;
    fn sub(self, other: Access) -> Access {
        Access(self.0 & !other.0)
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letters = [
            (Access::READ, "r"),
            (Access::WRITE, "w"),
            (Access::MKNOD, "m"),
        ];
        letters
            .into_iter()
            .filter(|(access, _)| self.contains(*access))
            .try_for_each(|(_, letter)| f.write_str(letter))
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Access({self})")
    }
}

/// A device, or all devices of a major; shown as the device cgroup writes it, `c 1:3` or `b 7:*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Range {
    /// Block or character devices.
    pub kind: DevKind,
    /// Major number, at most 4095.
    pub major: u32,
    /// Minor number, at most 1048575; none for all of the major.
    pub minor: Option<u32>,
}

// include/linux/kdev_t.h: a dev_t has 12 and 20 bits
const MAX_MAJOR: u32 = 0xfff;
const MAX_MINOR: u32 = 0xf_ffff;

impl Range {
    /// EINVAL for numbers that no device has. They must not get further: -1 is "all" to both gates.
    pub(super) fn check(self) -> io::Result<()> {
        if self.major <= MAX_MAJOR && self.minor.is_none_or(|minor| minor <= MAX_MINOR) {
            return Ok(());
        }
        Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!(
                "device range {self}: expected a major up to {MAX_MAJOR} and a minor up to {MAX_MINOR}"
            ),
        ))
    }
}

impl From<Devnum> for Range {
    fn from(devnum: Devnum) -> Range {
        Range {
            kind: devnum.kind,
            major: devnum.major,
            minor: Some(devnum.minor),
        }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}:", self.kind.letter(), self.major)?;
        match self.minor {
            Some(minor) => write!(f, "{minor}"),
            None => f.write_str("*"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_as_the_device_cgroup_writes() {
        let range = |kind, minor| Range {
            kind,
            major: 7,
            minor,
        };
        assert_eq!(range(DevKind::Block, None).to_string(), "b 7:*");
        assert_eq!(range(DevKind::Char, Some(0)).to_string(), "c 7:0");
        assert_eq!(Access::ALL.to_string(), "rwm");
        assert_eq!((Access::ALL - Access::WRITE).to_string(), "rm");
        assert_eq!(Access::NONE.to_string(), "");
    }

    #[test]
    fn numbers_that_mean_all_are_refused() {
        for (major, minor) in [
            (u32::MAX, None),
            (4096, Some(0)),
            (1, Some(u32::MAX)),
            (1, Some(1 << 20)),
        ] {
            let range = Range {
                kind: DevKind::Char,
                major,
                minor,
            };
            assert_eq!(
                range.check().unwrap_err().kind(),
                io::ErrorKind::InvalidInput,
                "{range}"
            );
        }
        let last = Range {
            kind: DevKind::Char,
            major: 4095,
            minor: Some((1 << 20) - 1),
        };
        last.check().unwrap();
    }
}
