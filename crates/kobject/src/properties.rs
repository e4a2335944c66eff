use crate::Bytes;

/// Variables of a uevent or of a sysfs `uevent` file, in the order in which they were said.
///
/// A name can stand twice; the last one counts, as it does for udev.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Properties(Vec<(Bytes, Bytes)>);

/// What the driver core says of a device, before its bus, class and type speak (`dev_uevent`).
pub(crate) const CORE: &[&[u8]] = &[
    b"MAJOR", b"MINOR", b"DEVNAME", b"DEVMODE", b"DEVUID", b"DEVGID", b"DEVTYPE", b"DRIVER",
];

impl Properties {
    /// No variables.
    pub fn new() -> Properties {
        Properties::default()
    }

    /// Reads a sysfs `uevent` file: lines `KEY=VALUE` (`uevent_show` in the kernel's `drivers/base/core.c`).
    ///
    /// A line without `=` continues the value of the line before it, because a value may hold a newline (an input device's
    /// `MODALIAS` ends in one). Such a newline at the very end of a value reads as an empty line and is kept. Lines before the first
    /// variable that have no `=` are dropped.
    ///
    /// Some values are strings of the device's own (`NAME`, `HID_NAME`, `HID_UNIQ`), and a newline in one could forge a line. What
    /// names the device's node cannot be forged: `MAJOR`, `MINOR`, `DEVNAME`, `DEVMODE`, `DEVUID`, `DEVGID`, `DEVTYPE`, `DRIVER` come
    /// first and in this order (`dev_uevent`); such a line anywhere else is part of the value before it. All other variables are the
    /// device's claims.
    pub fn parse_lines(text: &[u8]) -> Properties {
        let mut properties = Properties::new();
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        if text.is_empty() {
            return properties;
        }
        // Which of CORE may still come; none once another variable has.
        let mut core = CORE;
        for line in text.split(|&byte| byte == b'\n') {
            let variable = split_variable(line).filter(|(key, _)| {
                match core.iter().position(|name| name == key) {
                    Some(at) => core = &core[at + 1..],
                    None if CORE.contains(key) => return properties.is_empty(),
                    None => core = &[],
                }
                true
            });
            match (variable, properties.0.last_mut()) {
                (Some((key, value)), _) => properties.push(key, value),
                (None, Some((_, value))) => {
                    value.push(b'\n');
                    value.extend_from_slice(line);
                }
                (None, None) => {}
            }
        }
        properties
    }

    /// The value of `key`, the last one said.
    pub fn get(&self, key: &[u8]) -> Option<&[u8]> {
        self.0
            .iter()
            .rev()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.as_slice())
    }

    /// All variables in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&[u8], &[u8])> + ExactSizeIterator {
        self.0
            .iter()
            .map(|(key, value)| (key.as_slice(), value.as_slice()))
    }

    /// Sets `key`: in place when it is there (the last one), else at the end.
    pub fn insert(&mut self, key: &[u8], value: &[u8]) {
        match self.0.iter_mut().rev().find(|(name, _)| name == key) {
            Some((_, old)) => *old = value.into(),
            None => self.push(key, value),
        }
    }

    /// Adds a variable at the end, also when one of that name is there.
    pub fn push(&mut self, key: &[u8], value: &[u8]) {
        self.0.push((key.into(), value.into()));
    }

    /// Removes every variable `key`; whether there was one.
    pub fn remove(&mut self, key: &[u8]) -> bool {
        let before = self.0.len();
        self.0.retain(|(name, _)| name != key);
        self.0.len() < before
    }

    /// How many variables there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<K: Into<Bytes>, V: Into<Bytes>> FromIterator<(K, V)> for Properties {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(variables: I) -> Properties {
        Properties(
            variables
                .into_iter()
                .map(|(key, value)| (key.into(), value.into()))
                .collect(),
        )
    }
}

/// `KEY=VALUE` at its first `=`; `None` without one or without a key.
pub(crate) fn split_variable(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = text
        .iter()
        .position(|&byte| byte == b'=')
        .filter(|&at| at > 0)?;
    Some((&text[..at], &text[at + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_uevent_file() {
        let properties =
            Properties::parse_lines(b"MAJOR=7\nMINOR=0\nDEVNAME=loop0\nDEVTYPE=disk\n");
        let names: Vec<&[u8]> = properties.iter().map(|(key, _)| key).collect();
        assert_eq!(names, [&b"MAJOR"[..], b"MINOR", b"DEVNAME", b"DEVTYPE"]);
        assert_eq!(properties.get(b"DEVNAME"), Some(&b"loop0"[..]));
        assert_eq!(properties.get(b"DRIVER"), None);
    }

    #[test]
    fn a_value_may_hold_newlines_and_equals_signs() {
        let properties =
            Properties::parse_lines(b"NAME=\"a=b\"\nMODALIAS=input:b0003\n\nKEY=1 0\n");
        assert_eq!(properties.get(b"NAME"), Some(&b"\"a=b\""[..]));
        assert_eq!(properties.get(b"MODALIAS"), Some(&b"input:b0003\n"[..]));
        assert_eq!(properties.get(b"KEY"), Some(&b"1 0"[..]));
    }

    #[test]
    fn nothing_and_noise() {
        for text in [&b""[..], b"\n", b"\n\n", b"noise", b"=x\n"] {
            assert!(Properties::parse_lines(text).is_empty(), "{text:?}");
        }
        assert_eq!(
            Properties::parse_lines(b"noise\nA=1").get(b"A"),
            Some(&b"1"[..])
        );
    }

    #[test]
    fn a_name_cannot_forge_a_node() {
        let pad = Properties::parse_lines(
            b"NAME=\"pad\nMAJOR=1\nMINOR=1\nDEVNAME=mem\"\nUNIQ=1\nMINOR=2\n",
        );
        assert_eq!(
            pad.get(b"NAME"),
            Some(&b"\"pad\nMAJOR=1\nMINOR=1\nDEVNAME=mem\""[..])
        );
        assert_eq!(pad.get(b"UNIQ"), Some(&b"1\nMINOR=2"[..]));
        assert_eq!(pad.len(), 2);
        let twice = Properties::parse_lines(
            b"MAJOR=13\nMINOR=67\nDEVNAME=input/event3\nMINOR=1\nDEVTYPE=x\nMAJOR=1\n",
        );
        assert_eq!(twice.get(b"MINOR"), Some(&b"67"[..]));
        assert_eq!(twice.get(b"MAJOR"), Some(&b"13"[..]));
    }

    #[test]
    fn the_last_of_two_counts() {
        let mut properties: Properties = [("A", "1"), ("B", "2"), ("A", "3")].into_iter().collect();
        assert_eq!(properties.get(b"A"), Some(&b"3"[..]));
        properties.insert(b"A", b"4");
        assert_eq!(properties.get(b"A"), Some(&b"4"[..]));
        assert_eq!(properties.len(), 3);
        assert!(properties.remove(b"A"));
        assert!(!properties.remove(b"A"));
        assert_eq!(properties.len(), 1);
    }
}
