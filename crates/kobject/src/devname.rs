use std::{fmt, sync::Arc};

use crate::Escaped;

/// The name of a device node below /dev, `input/event0`: `DEVNAME` as the kernel says it, where a `!` of the device's name is `/`
/// already (`device_get_devnode` in the kernel's `drivers/base/core.c`).
///
/// Relative; no part is empty, `.`, `..` or longer than 255 bytes; no NUL and no control character; at most 4095 bytes.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Devname(Arc<[u8]>);

/// Why bytes are no [`Devname`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DevnameError {
    /// It begins with `/`.
    #[error("a device name is relative to /dev")]
    Absolute,
    /// Nothing at all, `//`, or a `/` at the end.
    #[error("a part of the device name is empty")]
    EmptyPart,
    /// A part is `.` or `..`.
    #[error("a part of the device name is `.` or `..`")]
    Dots,
    /// A byte below 0x20 (NUL among them) or 0x7f.
    #[error("the device name holds a control character")]
    Control,
    /// A part of more than 255 bytes (`NAME_MAX`), or more than 4095 in all.
    #[error("the device name is too long")]
    TooLong,
}

impl Devname {
    /// Checks and copies `bytes`.
    pub fn parse(bytes: &[u8]) -> Result<Devname, DevnameError> {
        if bytes.starts_with(b"/") {
            return Err(DevnameError::Absolute);
        }
        if bytes.iter().any(u8::is_ascii_control) {
            return Err(DevnameError::Control);
        }
        for part in bytes.split(|&byte| byte == b'/') {
            match part {
                b"" => return Err(DevnameError::EmptyPart),
                b"." | b".." => return Err(DevnameError::Dots),
                _ if part.len() > 255 => return Err(DevnameError::TooLong),
                _ => {}
            }
        }
        if bytes.len() > 4095 {
            return Err(DevnameError::TooLong);
        }
        Ok(Devname(bytes.into()))
    }

    /// The name, without `/dev/`.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The parts from the top: directories, then the node.
    pub fn parts(&self) -> impl Iterator<Item = &[u8]> {
        self.0.split(|&byte| byte == b'/')
    }
}

impl fmt::Display for Devname {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Escaped(&self.0).fmt(f)
    }
}

impl fmt::Debug for Devname {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Devname({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_kernels_say() {
        for name in [
            &b"null"[..],
            b"input/event0",
            b"bus/usb/001/002",
            b"mapper/control",
            b"...",
            b"a b",
            b"\xff\xfe",
            &[b'x'; 255],
        ] {
            assert_eq!(Devname::parse(name).unwrap().as_bytes(), name);
        }
        assert_eq!(Devname::parse(b"bus/usb/001").unwrap().parts().count(), 3);
    }

    #[test]
    fn refuses_what_would_leave_dev_or_forge_a_line() {
        for (name, error) in [
            (&b""[..], DevnameError::EmptyPart),
            (b"/null", DevnameError::Absolute),
            (b"//", DevnameError::Absolute),
            (b"a//b", DevnameError::EmptyPart),
            (b"a/", DevnameError::EmptyPart),
            (b".", DevnameError::Dots),
            (b"../etc/passwd", DevnameError::Dots),
            (b"a/../b", DevnameError::Dots),
            (b"a\0b", DevnameError::Control),
            (b"a\nb", DevnameError::Control),
            (b"\x7f", DevnameError::Control),
            (&[b'x'; 256], DevnameError::TooLong),
            (&b"ab/".repeat(2000)[..5999], DevnameError::TooLong),
        ] {
            assert_eq!(Devname::parse(name), Err(error), "{}", Escaped(name));
        }
    }
}
