use std::fmt;

use crate::Escaped;

/// What happened to a device: the names of `kobject_actions` in the kernel's `lib/kobject_uevent.c`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// The device is there now.
    Add,
    /// The device is gone.
    Remove,
    /// Something about the device changed, a medium or a state.
    Change,
    /// The device has another devpath; `DEVPATH_OLD` says which it had.
    Move,
    /// The device was taken into use again (a CPU, memory).
    Online,
    /// The device was taken out of use.
    Offline,
    /// A driver was bound to the device.
    Bind,
    /// The driver was unbound from the device.
    Unbind,
}

/// A name that is none of [`Action`]'s: kernels to come may have more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown action `{}`", Escaped(.0))]
pub struct ActionError(pub crate::Bytes);

impl Action {
    /// Every action there is, in the kernel's order.
    pub const ALL: [Action; 8] = [
        Action::Add,
        Action::Remove,
        Action::Change,
        Action::Move,
        Action::Online,
        Action::Offline,
        Action::Bind,
        Action::Unbind,
    ];

    /// The kernel's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Action::Add => "add",
            Action::Remove => "remove",
            Action::Change => "change",
            Action::Move => "move",
            Action::Online => "online",
            Action::Offline => "offline",
            Action::Bind => "bind",
            Action::Unbind => "unbind",
        }
    }

    /// Reads the kernel's word, exactly: no other case, nothing around it.
    pub fn parse(bytes: &[u8]) -> Result<Action, ActionError> {
        Action::ALL
            .into_iter()
            .find(|action| action.as_str().as_bytes() == bytes)
            .ok_or_else(|| ActionError(bytes.into()))
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_reads_back() {
        for action in Action::ALL {
            assert_eq!(Action::parse(action.to_string().as_bytes()), Ok(action));
        }
    }

    #[test]
    fn nothing_else_is_an_action() {
        for bytes in [
            &b""[..],
            b"Add",
            b"ADD",
            b"add ",
            b" add",
            b"adds",
            b"ad",
            b"mount",
            b"\xff",
        ] {
            let error = Action::parse(bytes).unwrap_err();
            assert_eq!(error.0, bytes);
        }
        assert_eq!(
            Action::parse(b"a\n").unwrap_err().to_string(),
            "unknown action `a\\x0a`"
        );
    }
}
