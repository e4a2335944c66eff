//! What a write to a sysfs `uevent` file means: `ACTION [UUID [KEY=VALUE]...]`.
//!
//! As `kobject_synth_uevent`, `kobject_action_type` and `kobject_action_args` of the kernel's `lib/kobject_uevent.c` read it, so that an
//! emulated file answers as the real one does; documented for users in the kernel's `Documentation/ABI/testing/sysfs-uevent`.

use crate::{Action, Bytes, Device, Properties, Uevent};

/// How much of one write the file takes, in bytes: kernfs hands a page to the attribute (`kernfs_fop_write_iter`); a longer write
/// returns this count.
pub const MAX_WRITE: usize = 4096;

/// `UEVENT_NUM_ENVP`: how many variables an event holds, `SEQNUM` included.
const MAX_VARS: usize = 64;

/// `UEVENT_BUFFER_SIZE`: how many bytes its variables hold, each with its NUL.
const MAX_BYTES: usize = 2048;

/// Room for `SEQNUM=` with the longest number and its NUL.
const SEQNUM_BYTES: usize = 28;

/// `UUID_STRING_LEN`.
const UUID_LEN: usize = 36;

/// What a write asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SynthUevent {
    /// The action to announce.
    pub action: Action,
    /// The writer's UUID, as written, case kept: 36 characters.
    pub uuid: Option<Bytes>,
    /// Names and values for `SYNTH_ARG_*`, letters and digits only; none without a UUID.
    pub args: Vec<(Bytes, Bytes)>,
}

/// Why a write fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SynthError {
    /// Not of the grammar, or more arguments than an event could ever hold.
    #[error("not a synthetic uevent")]
    Invalid,
    /// The arguments and the device's own variables together are more than an event holds.
    #[error("too many or too long variables for a uevent")]
    TooMany,
}

impl SynthError {
    /// What `write(2)` fails with: EINVAL (22) or ENOMEM (12).
    pub fn errno(self) -> i32 {
        match self {
            SynthError::Invalid => 22,
            SynthError::TooMany => 12,
        }
    }
}

/// Reads what was written. An empty write is no event and no error. Bytes past [`MAX_WRITE`] are not looked at.
///
/// One newline or NUL at the end is dropped. Anything else that is not of the grammar is [`SynthError::Invalid`], also more or longer
/// arguments than the kernel's buffer has room for: `kobject_action_args` says EINVAL there, ENOMEM comes later
/// ([`SynthUevent::uevent`]).
pub fn parse(write: &[u8]) -> Result<Option<SynthUevent>, SynthError> {
    let write = &write[..write.len().min(MAX_WRITE)];
    if write.is_empty() {
        return Ok(None);
    }
    let write = write
        .strip_suffix(b"\n")
        .or_else(|| write.strip_suffix(b"\0"))
        .unwrap_or(write);
    let (action, args) = match write.iter().position(|&byte| byte == b' ') {
        Some(space) => (&write[..space], Some(&write[space + 1..])),
        None => (write, None),
    };
    let action = Action::parse(action).map_err(|_| SynthError::Invalid)?;
    let Some(args) = args else {
        return Ok(Some(SynthUevent {
            action,
            uuid: None,
            args: Vec::new(),
        }));
    };
    let (uuid, rest) = args
        .split_at_checked(UUID_LEN)
        .filter(|(uuid, _)| is_uuid(uuid))
        .ok_or(SynthError::Invalid)?;
    let mut event = SynthUevent {
        action,
        uuid: Some(uuid.into()),
        args: Vec::new(),
    };
    if !rest.is_empty() {
        let words = rest.strip_prefix(b" ").ok_or(SynthError::Invalid)?;
        for word in words.split(|&byte| byte == b' ') {
            let equals = word
                .iter()
                .position(|&byte| byte == b'=')
                .ok_or(SynthError::Invalid)?;
            let (key, value) = (&word[..equals], &word[equals + 1..]);
            if !is_word(key) || !is_word(value) {
                return Err(SynthError::Invalid);
            }
            event.args.push((key.into(), value.into()));
        }
    }
    let vars = event.vars();
    if vars.len() > MAX_VARS || bytes_of(&vars) > MAX_BYTES {
        return Err(SynthError::Invalid);
    }
    Ok(Some(event))
}

impl SynthUevent {
    /// The event that the kernel would send for `device`: `ACTION`, `DEVPATH`, `SUBSYSTEM`, `SYNTH_UUID`, `SYNTH_ARG_*`, then the
    /// device's variables; no `SEQNUM`, which the kernel appends. An `unbind` loses `MODALIAS` (`zap_modalias_env`).
    ///
    /// [`SynthError::TooMany`] when it is more than 64 variables or 2048 bytes of them, with 28 bytes kept for `SEQNUM`. The kernel has no
    /// event for a device without a subsystem and lets the write succeed: do not ask for one then.
    pub fn uevent(&self, device: &Device) -> Result<Uevent, SynthError> {
        let mut vars = Properties::new();
        vars.push(b"ACTION", self.action.as_str().as_bytes());
        vars.push(b"DEVPATH", device.devpath.as_bytes());
        if let Some(subsystem) = &device.subsystem {
            vars.push(b"SUBSYSTEM", subsystem);
        }
        let own = self.vars();
        for (key, value) in own.iter().chain(device.properties.iter()) {
            vars.push(key, value);
        }
        // The kernel counts before it drops MODALIAS.
        if vars.len() + 1 > MAX_VARS || bytes_of(&vars) + SEQNUM_BYTES > MAX_BYTES {
            return Err(SynthError::TooMany);
        }
        if self.action == Action::Unbind {
            vars.remove(b"MODALIAS");
        }
        Ok(Uevent {
            action: self.action,
            devpath: device.devpath.clone(),
            vars,
        })
    }

    fn vars(&self) -> Properties {
        let mut vars = Properties::new();
        vars.push(
            b"SYNTH_UUID",
            self.uuid.as_ref().map_or(&b"0"[..], |uuid| uuid),
        );
        for (key, value) in &self.args {
            vars.push(&[b"SYNTH_ARG_", key.as_slice()].concat(), value);
        }
        vars
    }
}

/// What the variables fill of the kernel's buffer: `KEY=VALUE` and a NUL each.
fn bytes_of(vars: &Properties) -> usize {
    vars.iter()
        .map(|(key, value)| key.len() + value.len() + 2)
        .sum()
}

/// `uuid_is_valid` of the kernel's `lib/uuid.c`: hexadecimal digits of either case and four hyphens.
fn is_uuid(bytes: &[u8]) -> bool {
    bytes.len() == UUID_LEN
        && bytes.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// `isalnum` of the kernel's `lib/ctype.c`, which counts Latin-1's letters in.
fn is_word(bytes: &[u8]) -> bool {
    let alnum = |byte: &u8| {
        byte.is_ascii_alphanumeric() || (*byte >= 0xc0 && *byte != 0xd7 && *byte != 0xf7)
    };
    !bytes.is_empty() && bytes.iter().all(alnum)
}

#[cfg(test)]
mod tests;
