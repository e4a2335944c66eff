mod encode;

use crate::{
    Action, ActionError, Devpath, DevpathError, Properties, UeventError,
    uevent::{LONGEST, variables},
};

/// A message of systemd-udevd's about a device that it has processed: what a libudev monitor of group 2 receives.
///
/// A binary header, then `KEY=VALUE\0...` (`monitor_netlink_header` in systemd's `src/libsystemd/sd-device/device-monitor.c`). The
/// hashes of the header serve socket filters and are not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UdevMessage {
    /// `ACTION`.
    pub action: Action,
    /// `DEVPATH`.
    pub devpath: Devpath,
    /// Every variable in its order: the kernel's, and what udev's rules added. `DEVNAME` begins with `/dev/` here.
    pub vars: Properties,
}

/// Why a datagram is no [`UdevMessage`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UdevMessageError {
    /// It does not begin with `libudev\0`, or is shorter than the header.
    #[error("the message has no libudev header")]
    Header,
    /// The magic number is another: a version that nobody speaks yet.
    #[error("the message has another magic number than 0xfeedcafe")]
    Magic,
    /// The properties lie outside the datagram.
    #[error("the message's properties lie outside of it")]
    Bounds,
    /// The properties are not `KEY=VALUE\0...`.
    #[error(transparent)]
    Variables(UeventError),
    /// `ACTION` or `DEVPATH` is missing.
    #[error("the message has no {0}")]
    Missing(&'static str),
    /// An action that this program does not know.
    #[error(transparent)]
    Action(#[from] ActionError),
    /// `DEVPATH` is no path.
    #[error(transparent)]
    Devpath(#[from] DevpathError),
}

/// What says that the header is of this form.
const MAGIC: u32 = 0xfeed_cafe;

/// `libudev\0`, magic, header_size, properties_off, properties_len: what every version has.
const FIXED_HEADER: usize = 24;

impl UdevMessage {
    /// Reads a datagram. The magic number is big-endian, the sizes are of the host's byte order: the message never leaves the machine.
    pub fn parse(datagram: &[u8]) -> Result<UdevMessage, UdevMessageError> {
        if datagram.len() > LONGEST {
            return Err(UdevMessageError::Variables(UeventError::TooLong));
        }
        if datagram.len() < FIXED_HEADER || !datagram.starts_with(b"libudev\0") {
            return Err(UdevMessageError::Header);
        }
        let word = |at: usize| {
            [
                datagram[at],
                datagram[at + 1],
                datagram[at + 2],
                datagram[at + 3],
            ]
        };
        if u32::from_be_bytes(word(8)) != MAGIC {
            return Err(UdevMessageError::Magic);
        }
        let size = |at: usize| {
            usize::try_from(u32::from_ne_bytes(word(at))).map_err(|_| UdevMessageError::Bounds)
        };
        let (header_size, offset, length) = (size(12)?, size(16)?, size(20)?);
        if header_size < FIXED_HEADER || offset < header_size {
            return Err(UdevMessageError::Bounds);
        }
        let end = offset.checked_add(length).ok_or(UdevMessageError::Bounds)?;
        let properties = datagram.get(offset..end).ok_or(UdevMessageError::Bounds)?;
        let strings = properties
            .strip_suffix(b"\0")
            .ok_or(UdevMessageError::Variables(UeventError::Unterminated))?;
        let vars =
            variables(strings.split(|&byte| byte == 0)).map_err(UdevMessageError::Variables)?;
        let action = Action::parse(
            vars.get(b"ACTION")
                .ok_or(UdevMessageError::Missing("ACTION"))?,
        )?;
        let devpath = Devpath::parse(
            vars.get(b"DEVPATH")
                .ok_or(UdevMessageError::Missing("DEVPATH"))?,
        )?;
        Ok(UdevMessage {
            action,
            devpath,
            vars,
        })
    }

    /// The value of a variable.
    pub fn get(&self, key: &[u8]) -> Option<&[u8]> {
        self.vars.get(key)
    }
}

#[cfg(test)]
mod tests;
