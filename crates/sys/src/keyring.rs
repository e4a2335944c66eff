//! Keyrings (keyrings(7)): a process *possesses* what its session keyring holds, and inherits
//! that keyring over fork and exec.

use crate::error::{Error, Result};

const KEYCTL_JOIN_SESSION_KEYRING: libc::c_ulong = 1;

/// Leave the session keyring for a new one with nothing in it (keyctl(2)): what the login of
/// whoever started us put there is none of the container's.
pub fn join_new_session() -> Result<()> {
    // SAFETY: a null name makes an anonymous keyring; no memory is passed.
    let raw = unsafe {
        libc::syscall(
            libc::SYS_keyctl,
            KEYCTL_JOIN_SESSION_KEYRING,
            std::ptr::null::<libc::c_char>(),
        )
    };
    if raw >= 0 {
        return Ok(());
    }
    let error = Error::last("keyctl(KEYCTL_JOIN_SESSION_KEYRING)");
    match error.errno() {
        // no keyrings in this kernel, or a filter around us that keeps everybody inside from
        // them as well
        libc::ENOSYS | libc::EPERM => Ok(()),
        _ => Err(error),
    }
}
