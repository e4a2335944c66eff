use crate::{
    Action, ActionError, Bytes, Devpath, DevpathError, Escaped, Properties,
    properties::{CORE, split_variable},
};

/// A message of the kernel's about a kobject, as a `NETLINK_KOBJECT_UEVENT` socket of group 1 receives it:
/// `action@devpath\0KEY=VALUE\0...` (`kobject_uevent_env` in the kernel's `lib/kobject_uevent.c`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uevent {
    /// What happened.
    pub action: Action,
    /// To what.
    pub devpath: Devpath,
    /// Every variable of the message in its order, `ACTION`, `DEVPATH` and `SEQNUM` among them.
    pub vars: Properties,
}

/// Why a datagram is no [`Uevent`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UeventError {
    /// Longer than any message is: it is not looked at.
    #[error("the message is longer than any can be")]
    TooLong,
    /// No NUL at the end: not a whole message.
    #[error("the message does not end in a NUL")]
    Unterminated,
    /// The first string has no `@`.
    #[error("the message has no `action@devpath`")]
    Header,
    /// An action that this program does not know; worth a line in the log.
    #[error(transparent)]
    Action(#[from] ActionError),
    /// The path of the first string is none.
    #[error("{0}")]
    Devpath(#[from] DevpathError),
    /// A string that is not `KEY=VALUE`.
    #[error("`{}` is not KEY=VALUE", Escaped(.0))]
    Variable(Bytes),
    /// `ACTION` or `DEVPATH` differs from the first string.
    #[error("{0} differs from the first string")]
    Contradiction(&'static str),
}

/// The kernel's messages are 2 KiB and a path, udev's a few KiB: what is far beyond that would only cost memory.
pub(crate) const LONGEST: usize = 64 << 10;

impl Uevent {
    /// Reads a datagram. A value may hold anything but NUL, newlines and bytes that are not UTF-8 included.
    pub fn parse(datagram: &[u8]) -> Result<Uevent, UeventError> {
        if datagram.len() > LONGEST {
            return Err(UeventError::TooLong);
        }
        let strings = datagram
            .strip_suffix(b"\0")
            .ok_or(UeventError::Unterminated)?;
        let mut strings = strings.split(|&byte| byte == 0);
        let header = strings.next().unwrap_or_default();
        let at = header
            .iter()
            .position(|&byte| byte == b'@')
            .ok_or(UeventError::Header)?;
        let action = Action::parse(&header[..at])?;
        let devpath = Devpath::parse(&header[at + 1..])?;
        let vars = variables(strings)?;
        if vars
            .iter()
            .any(|(key, value)| key == b"ACTION" && value != &header[..at])
        {
            return Err(UeventError::Contradiction("ACTION"));
        }
        if vars
            .iter()
            .any(|(key, value)| key == b"DEVPATH" && value != devpath.as_bytes())
        {
            return Err(UeventError::Contradiction("DEVPATH"));
        }
        Ok(Uevent {
            action,
            devpath,
            vars,
        })
    }

    /// The datagram again: byte for byte what [`Uevent::parse`] read.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = format!("{}@", self.action).into_bytes();
        bytes.extend_from_slice(self.devpath.as_bytes());
        bytes.push(0);
        for (key, value) in self.vars.iter() {
            bytes.extend_from_slice(key);
            bytes.push(b'=');
            bytes.extend_from_slice(value);
            bytes.push(0);
        }
        bytes
    }

    /// The value of a variable.
    pub fn get(&self, key: &[u8]) -> Option<&[u8]> {
        self.vars.get(key)
    }

    /// `SUBSYSTEM`.
    pub fn subsystem(&self) -> Option<&[u8]> {
        self.get(b"SUBSYSTEM")
    }

    /// `SEQNUM`: the kernel's count of its messages, one for the whole machine.
    pub fn seqnum(&self) -> Option<u64> {
        std::str::from_utf8(self.get(b"SEQNUM")?).ok()?.parse().ok()
    }

    /// `DEVPATH_OLD` of a `move`: where the device was.
    pub fn devpath_old(&self) -> Option<Devpath> {
        Devpath::parse(self.get(b"DEVPATH_OLD")?).ok()
    }

    /// The same message without `SEQNUM`, to be injected: the kernel appends its own (`uevent_net_broadcast`).
    pub fn without_seqnum(mut self) -> Uevent {
        self.vars.remove(b"SEQNUM");
        self
    }

    /// The variables that belong to the device, as its `uevent` file has them: all but what the kernel says of the event itself
    /// (`ACTION`, `DEVPATH`, `SUBSYSTEM`, `SEQNUM`, `DEVPATH_OLD`, `SYNTH_*`) and what the event's sender added (`DISK_MEDIA_CHANGE`),
    /// which comes before what the driver core says of the device. Of a device of which the core says nothing the sender's additions
    /// cannot be told apart and stay.
    pub fn device_properties(&self) -> Properties {
        let of_event = |key: &[u8]| {
            matches!(
                key,
                b"ACTION" | b"DEVPATH" | b"SUBSYSTEM" | b"SEQNUM" | b"DEVPATH_OLD"
            ) || key.starts_with(b"SYNTH_")
        };
        let start = self
            .vars
            .iter()
            .position(|(key, _)| CORE.contains(&key))
            .unwrap_or(0);
        self.vars
            .iter()
            .skip(start)
            .filter(|(key, _)| !of_event(key))
            .collect()
    }
}

pub(crate) fn variables<'a>(
    strings: impl Iterator<Item = &'a [u8]>,
) -> Result<Properties, UeventError> {
    let mut vars = Properties::new();
    for string in strings {
        let (key, value) =
            split_variable(string).ok_or_else(|| UeventError::Variable(string.into()))?;
        vars.push(key, value);
    }
    Ok(vars)
}

#[cfg(test)]
mod tests;
