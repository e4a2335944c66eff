use std::{fmt, str::FromStr};

/// The two tables of device numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DevKind {
    /// Block devices: `S_IFBLK`, `/sys/dev/block`.
    Block,
    /// Character devices: `S_IFCHR`, `/sys/dev/char`.
    Char,
}

/// A device number: what a device node opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Devnum {
    /// Which table.
    pub kind: DevKind,
    /// The driver's number; the kernel uses 12 bits.
    pub major: u32,
    /// The device's number; the kernel uses 20 bits.
    pub minor: u32,
}

/// Text that is no [`Devnum`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a device number like `b 7:3` or `c 1:3`")]
pub struct DevnumError;

impl DevKind {
    /// The letter of the device cgroup and of `mknod(1)`: `b` or `c`.
    pub fn letter(self) -> char {
        match self {
            DevKind::Block => 'b',
            DevKind::Char => 'c',
        }
    }

    /// The directory of links below `/sys/dev`: `block` or `char`.
    pub fn dir(self) -> &'static str {
        match self {
            DevKind::Block => "block",
            DevKind::Char => "char",
        }
    }
}

impl fmt::Display for Devnum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}:{}", self.kind.letter(), self.major, self.minor)
    }
}

impl FromStr for Devnum {
    type Err = DevnumError;

    fn from_str(text: &str) -> Result<Devnum, DevnumError> {
        let (kind, rest) = match text.as_bytes() {
            [b'b', b' ', ..] => (DevKind::Block, &text[2..]),
            [b'c', b' ', ..] => (DevKind::Char, &text[2..]),
            _ => return Err(DevnumError),
        };
        let (major, minor) = rest.split_once(':').ok_or(DevnumError)?;
        Ok(Devnum {
            kind,
            major: decimal(major).ok_or(DevnumError)?,
            minor: decimal(minor).ok_or(DevnumError)?,
        })
    }
}

/// A decimal number as the kernel prints it: digits only, no leading zero. `str::parse` would take `+7` and `007`.
pub(crate) fn decimal(text: &str) -> Option<u32> {
    let plain =
        text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    plain.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_what_it_shows() {
        for text in [
            "b 7:3",
            "c 1:3",
            "b 0:0",
            "c 4095:1048575",
            "c 4294967295:4294967295",
        ] {
            assert_eq!(text.parse::<Devnum>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn refuses_what_the_kernel_never_prints() {
        for text in [
            "",
            "b",
            "b ",
            "7:3",
            "b7:3",
            "d 7:3",
            "b 7",
            "b 7:",
            "b :3",
            "b +7:3",
            "b 07:3",
            "b 7:3 ",
            "b  7:3",
            "b 7:-3",
            "b 4294967296:0",
            "é 7:3",
        ] {
            assert_eq!(text.parse::<Devnum>(), Err(DevnumError), "{text:?}");
        }
    }
}
