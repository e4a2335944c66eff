use std::{fmt, sync::Arc};

use crate::Escaped;

/// The path of a kobject below the root of sysfs, `/devices/virtual/block/loop0`: the identity of a device while it lives.
///
/// At least one part; no part is empty, `.` or `..`; no NUL; at most 4095 bytes, what fits `PATH_MAX`. Any path below sysfs can be
/// one (`/module/loop` and `/bus/usb` send uevents too). Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Devpath(Arc<[u8]>);

/// Why bytes are no [`Devpath`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DevpathError {
    /// Nothing, or something that does not begin with `/`.
    #[error("a devpath starts with `/`")]
    Relative,
    /// `/` names sysfs itself.
    #[error("`/` is no devpath")]
    Root,
    /// `//`, or a `/` at the end.
    #[error("a part of the devpath is empty")]
    EmptyPart,
    /// A part is `.` or `..`.
    #[error("a part of the devpath is `.` or `..`")]
    Dots,
    /// A NUL, which no path can hold.
    #[error("the devpath holds a NUL")]
    Nul,
    /// More than 4095 bytes.
    #[error("the devpath is longer than 4095 bytes")]
    TooLong,
}

impl Devpath {
    /// The longest devpath, in bytes.
    pub const MAX: usize = 4095;

    /// The directories that the root of sysfs may have: the first parts of all paths.
    pub const TOPS: [&str; 12] = [
        "block",
        "bus",
        "class",
        "dev",
        "devices",
        "firmware",
        "fs",
        "hypervisor",
        "kernel",
        "module",
        "power",
        "xen",
    ];

    /// Checks and copies `bytes`.
    pub fn parse(bytes: &[u8]) -> Result<Devpath, DevpathError> {
        if bytes.len() > Devpath::MAX {
            return Err(DevpathError::TooLong);
        }
        let Some(parts) = bytes.strip_prefix(b"/") else {
            return Err(DevpathError::Relative);
        };
        if parts.is_empty() {
            return Err(DevpathError::Root);
        }
        if parts.contains(&0) {
            return Err(DevpathError::Nul);
        }
        for part in parts.split(|&byte| byte == b'/') {
            match part {
                b"" => return Err(DevpathError::EmptyPart),
                b"." | b".." => return Err(DevpathError::Dots),
                _ => {}
            }
        }
        Ok(Devpath(bytes.into()))
    }

    /// The whole path, with its leading `/`.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The last part: the kobject's name, as it is in sysfs (`!` for a `/` in a device's name).
    pub fn name(&self) -> &[u8] {
        &self.0[self.last_slash() + 1..]
    }

    /// The path less its last part; `None` when it has one part only. It need not be a device.
    pub fn parent(&self) -> Option<Devpath> {
        match self.last_slash() {
            0 => None,
            end => Some(Devpath(self.0[..end].into())),
        }
    }

    /// The paths above this one, nearest first, down to the one-part path; not itself.
    pub fn ancestors(&self) -> impl Iterator<Item = Devpath> {
        std::iter::successors(self.parent(), Devpath::parent)
    }

    /// Whether this is `top` or lies below it, by whole parts: `/a/bc` is not within `/a/b`.
    pub fn is_within(&self, top: &Devpath) -> bool {
        self.relative_to(top).is_some()
    }

    /// The way from `top` down to this path, without a leading `/`: empty for `top` itself, `None` when it is not within `top`.
    pub fn relative_to(&self, top: &Devpath) -> Option<&[u8]> {
        match self.0.strip_prefix(top.as_bytes())? {
            [] => Some(b""),
            [b'/', below @ ..] => Some(below),
            _ => None,
        }
    }

    /// The path `rel` below this one. `rel` has no leading `/`; parts are checked as [`Devpath::parse`] does.
    pub fn join(&self, rel: &[u8]) -> Result<Devpath, DevpathError> {
        let mut joined = Vec::with_capacity(self.0.len() + 1 + rel.len());
        joined.extend_from_slice(&self.0);
        joined.push(b'/');
        joined.extend_from_slice(rel);
        Devpath::parse(&joined)
    }

    fn last_slash(&self) -> usize {
        self.0.iter().rposition(|&byte| byte == b'/').unwrap_or(0)
    }
}

/// How many bytes two strings begin with in common. Devpaths have long ones, so a block at a time.
fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    const BLOCK: usize = 16;
    let blocks = a.chunks_exact(BLOCK).zip(b.chunks_exact(BLOCK));
    let same = BLOCK * blocks.take_while(|(a, b)| a == b).count();
    let rest = a[same..].iter().zip(&b[same..]);
    same + rest.take_while(|(a, b)| a == b).count()
}

/// By parts: what is below a path follows it directly, so that a subtree is one range of an ordered map.
impl Ord for Devpath {
    fn cmp(&self, other: &Devpath) -> std::cmp::Ordering {
        // With the end below `/` and `/` below every other byte, comparing bytes compares parts.
        let key = |byte: Option<&u8>| {
            byte.map(|&byte| if byte == b'/' { 0 } else { u16::from(byte) + 1 })
        };
        let same = common_prefix(&self.0, &other.0);
        key(self.0.get(same)).cmp(&key(other.0.get(same)))
    }
}

impl PartialOrd for Devpath {
    fn partial_cmp(&self, other: &Devpath) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Devpath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Escaped(&self.0).fmt(f)
    }
}

impl fmt::Debug for Devpath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Devpath({self})")
    }
}

#[cfg(test)]
mod tests;
