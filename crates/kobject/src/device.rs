use crate::{Bytes, DevKind, Devname, Devnum, Devpath, Properties, devnum::decimal};

/// A device as sysfs has it: a directory below `/devices` with a `uevent` file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Where it is.
    pub devpath: Devpath,
    /// The last part of what its `subsystem` link points to; few devices have none.
    pub subsystem: Option<Bytes>,
    /// The last part of what its `driver` link points to.
    pub driver: Option<Bytes>,
    /// The module of that driver, the last part of the driver's `module` link; `None` when it is built in.
    pub module: Option<Bytes>,
    /// Its `uevent` file: the variables that a uevent of it carries beside the kernel's own.
    pub properties: Properties,
}

impl Device {
    /// A device of which only the place is known.
    pub fn new(devpath: Devpath) -> Device {
        Device {
            devpath,
            subsystem: None,
            driver: None,
            module: None,
            properties: Properties::new(),
        }
    }

    /// Its name in sysfs: the last part of its devpath.
    pub fn name(&self) -> &[u8] {
        self.devpath.name()
    }

    /// `DEVTYPE`: `disk`, `partition`, `usb_device`.
    pub fn devtype(&self) -> Option<&[u8]> {
        self.properties.get(b"DEVTYPE")
    }

    /// `DEVNAME`: its node below /dev. A value that could not be one ([`Devname::parse`]) counts as none.
    pub fn devname(&self) -> Option<Devname> {
        Devname::parse(self.properties.get(b"DEVNAME")?).ok()
    }

    /// `MAJOR` and `MINOR`; a block device's when the subsystem is `block`, else a character device's.
    pub fn devnum(&self) -> Option<Devnum> {
        let kind = if self
            .subsystem
            .as_deref()
            .is_some_and(|name| name == b"block")
        {
            DevKind::Block
        } else {
            DevKind::Char
        };
        Some(Devnum {
            kind,
            major: self.number(b"MAJOR")?,
            minor: self.number(b"MINOR")?,
        })
    }

    /// `DEVMODE`: permission bits of the node, printed by the kernel in octal with a leading zero (`%#o`). `None` when the kernel says
    /// none; devtmpfs then uses 0600.
    pub fn devmode(&self) -> Option<u32> {
        let digits = std::str::from_utf8(self.properties.get(b"DEVMODE")?).ok()?;
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        u32::from_str_radix(digits, 8)
            .ok()
            .filter(|mode| *mode <= 0o7777)
    }

    fn number(&self, key: &[u8]) -> Option<u32> {
        decimal(std::str::from_utf8(self.properties.get(key)?).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(subsystem: &str, uevent: &str) -> Device {
        Device {
            subsystem: Some(subsystem.into()),
            properties: Properties::parse_lines(uevent.as_bytes()),
            ..Device::new(Devpath::parse(b"/devices/virtual/x/y").unwrap())
        }
    }

    #[test]
    fn a_disk() {
        let disk = device("block", "MAJOR=7\nMINOR=3\nDEVNAME=loop3\nDEVTYPE=disk\n");
        assert_eq!(disk.devnum().unwrap().to_string(), "b 7:3");
        assert_eq!(disk.devname().unwrap().to_string(), "loop3");
        assert_eq!(disk.devtype(), Some(&b"disk"[..]));
        assert_eq!(disk.devmode(), None);
        assert_eq!(disk.name(), b"y");
    }

    #[test]
    fn a_character_device_with_a_mode() {
        let null = device("mem", "MAJOR=1\nMINOR=3\nDEVNAME=null\nDEVMODE=0666\n");
        assert_eq!(null.devnum().unwrap().to_string(), "c 1:3");
        assert_eq!(null.devmode(), Some(0o666));
    }

    #[test]
    fn hostile_values_are_none() {
        for value in ["/etc/passwd", "../x", "a//b", "", "a\tb"] {
            assert_eq!(
                device("x", &format!("DEVNAME={value}\n")).devname(),
                None,
                "{value}"
            );
        }
        for (major, minor) in [
            ("", "1"),
            ("x", "1"),
            ("1", "-1"),
            ("1", "99999999999"),
            ("+1", "1"),
        ] {
            assert_eq!(
                device("x", &format!("MAJOR={major}\nMINOR={minor}\n")).devnum(),
                None
            );
        }
        for mode in ["", "8", "-1", "0x1ff", "+7", "77777"] {
            assert_eq!(
                device("x", &format!("DEVMODE={mode}\n")).devmode(),
                None,
                "{mode}"
            );
        }
        assert_eq!(device("x", "MAJOR=1\n").devnum(), None);
    }
}
