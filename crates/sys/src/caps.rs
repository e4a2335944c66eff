//! Capabilities and identities of one thread.
//!
//! glibc's setuid(2) family changes every thread of the process; the functions here make the
//! bare system calls, which change the calling thread alone (credentials(7), "Modifying
//! process user and group IDs").

use crate::error::{Error, Result};

/// A set of capabilities; bit N is capability number N of `<linux/capability.h>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct CapSet(pub u64);

/// Capability numbers and their names without `CAP_`, in the kernel's order.
pub const NAMES: [&str; 41] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

impl CapSet {
    /// No capability.
    pub const EMPTY: CapSet = CapSet(0);

    /// The set of these names, with or without `CAP_`, in any case. Err: the name nobody knows.
    pub fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> std::result::Result<CapSet, String> {
        let mut set = 0;
        for name in names {
            let upper = name.to_ascii_uppercase();
            let bare = upper.strip_prefix("CAP_").unwrap_or(&upper);
            match NAMES.iter().position(|n| *n == bare) {
                Some(bit) => set |= 1 << bit,
                None => return Err(name.into()),
            }
        }
        Ok(CapSet(set))
    }

    /// Whether capability `name` (without `CAP_`) is in the set.
    pub fn has(self, name: &str) -> bool {
        NAMES
            .iter()
            .position(|n| *n == name)
            .is_some_and(|bit| self.0 & (1 << bit) != 0)
    }

    /// What is in either set.
    pub fn and(self, other: CapSet) -> CapSet {
        CapSet(self.0 | other.0)
    }
}

#[repr(C)]
struct Header {
    version: u32,
    pid: i32,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Data {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

const VERSION_3: u32 = 0x2008_0522;

/// Effective and permitted capabilities of the calling thread.
pub fn get() -> Result<(CapSet, CapSet)> {
    let mut header = Header {
        version: VERSION_3,
        pid: 0,
    };
    let mut data = [Data::default(); 2];
    // SAFETY: version 3 takes a header and two data elements, which both live across the call.
    let raw = unsafe { libc::syscall(libc::SYS_capget, &mut header, data.as_mut_ptr()) };
    if raw != 0 {
        return Err(Error::last("capget()"));
    }
    let join = |lo: u32, hi: u32| CapSet(u64::from(lo) | u64::from(hi) << 32);
    Ok((
        join(data[0].effective, data[1].effective),
        join(data[0].permitted, data[1].permitted),
    ))
}

/// Set effective, permitted and inheritable capabilities of the calling thread.
pub fn set(effective: CapSet, permitted: CapSet, inheritable: CapSet) -> Result<()> {
    let mut header = Header {
        version: VERSION_3,
        pid: 0,
    };
    let half = |shift: u32| Data {
        effective: (effective.0 >> shift) as u32,
        permitted: (permitted.0 >> shift) as u32,
        inheritable: (inheritable.0 >> shift) as u32,
    };
    let data = [half(0), half(32)];
    // SAFETY: version 3 takes a header and two data elements, which both live across the call.
    let raw = unsafe { libc::syscall(libc::SYS_capset, &mut header, data.as_ptr()) };
    match raw {
        0 => Ok(()),
        _ => Err(Error::last(format!(
            "capset(effective {:#x}, permitted {:#x})",
            effective.0, permitted.0
        ))),
    }
}

/// Take everything but `keep` out of the bounding set of the calling thread.
pub fn bound(keep: CapSet) -> Result<()> {
    for bit in 0..64u32 {
        if keep.0 & (1 << bit) != 0 {
            continue;
        }
        // SAFETY: integers only.
        let raw = unsafe { libc::prctl(libc::PR_CAPBSET_DROP, libc::c_ulong::from(bit), 0, 0, 0) };
        if raw != 0 {
            let error = Error::last(format!("prctl(PR_CAPBSET_DROP, {bit})"));
            // EINVAL: past the last capability that this kernel has
            if error.errno() == libc::EINVAL {
                return Ok(());
            }
            return Err(error);
        }
    }
    Ok(())
}

/// Keep capabilities as they are when the calling thread changes its uids, from now on
/// (`SECBIT_NO_SETUID_FIXUP`, capabilities(7)).
pub fn no_setuid_fixup() -> Result<()> {
    const SECBIT_NO_SETUID_FIXUP: libc::c_ulong = 1 << 2;
    // SAFETY: integers only.
    let raw = unsafe { libc::prctl(libc::PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0) };
    match raw {
        0 => Ok(()),
        _ => Err(Error::last("prctl(PR_SET_SECUREBITS, no_setuid_fixup)")),
    }
}

/// Clear the ambient set of the calling thread.
pub fn clear_ambient() -> Result<()> {
    // SAFETY: integers only.
    let raw = unsafe {
        libc::prctl(
            libc::PR_CAP_AMBIENT,
            libc::PR_CAP_AMBIENT_CLEAR_ALL as libc::c_ulong,
            0,
            0,
            0,
        )
    };
    match raw {
        0 => Ok(()),
        _ => Err(Error::last("prctl(PR_CAP_AMBIENT_CLEAR_ALL)")),
    }
}

/// Make `uid` and `gid` all the ids of the calling *thread*, without supplementary groups.
/// Needs CAP_SETUID and CAP_SETGID in effect.
pub fn become_thread(uid: u32, gid: u32) -> Result<()> {
    // SAFETY: a zero length makes the kernel ignore the pointer.
    let groups = unsafe { libc::syscall(libc::SYS_setgroups, 0, std::ptr::null::<libc::gid_t>()) };
    if groups != 0 {
        return Err(Error::last("setgroups([])"));
    }
    // SAFETY: integers only.
    if unsafe { libc::syscall(libc::SYS_setresgid, gid, gid, gid) } != 0 {
        return Err(Error::last(format!("setresgid({gid})")));
    }
    // SAFETY: integers only.
    if unsafe { libc::syscall(libc::SYS_setresuid, uid, uid, uid) } != 0 {
        return Err(Error::last(format!("setresuid({uid})")));
    }
    Ok(())
}

/// Make the calling *thread* act as `uid` and `gid`, without supplementary groups: these are its
/// effective ids, by which permissions are checked. Its real and saved uid become `rest`, so that
/// processes of `uid` may not signal it (kill(2)): that would end the whole process.
/// Needs CAP_SETUID and CAP_SETGID in effect.
pub fn act_as_thread(uid: u32, gid: u32, rest: u32) -> Result<()> {
    become_thread(rest, gid)?;
    // SAFETY: integers only.
    match unsafe { libc::syscall(libc::SYS_setresuid, rest, uid, rest) } {
        0 => Ok(()),
        _ => Err(Error::last(format!("setresuid({rest}, {uid}, {rest})"))),
    }
}

/// Make `groups` the supplementary groups of the calling *thread*. Needs CAP_SETGID in effect.
pub fn take_groups(groups: &[u32]) -> Result<()> {
    // SAFETY: the length is that of the slice, which the kernel only reads.
    let raw = unsafe { libc::syscall(libc::SYS_setgroups, groups.len(), groups.as_ptr()) };
    match raw {
        0 => Ok(()),
        _ => Err(Error::last(format!("setgroups({} groups)", groups.len()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_at_their_numbers() {
        assert_eq!(CapSet::of(["CAP_SYS_ADMIN"]).unwrap(), CapSet(1 << 21));
        assert_eq!(CapSet::of(["mknod", "chown"]).unwrap(), CapSet(1 << 27 | 1));
        assert_eq!(CapSet::of(["CAP_NOPE"]), Err("CAP_NOPE".into()));
    }

    #[test]
    fn another_thread_keeps_its_identity() {
        std::thread::spawn(|| {
            no_setuid_fixup().unwrap();
            let ids = CapSet::of(["SETUID", "SETGID"]).unwrap();
            set(ids, ids, CapSet::EMPTY).unwrap();
            become_thread(12345, 12346).unwrap();
            set(CapSet::EMPTY, ids, CapSet::EMPTY).unwrap();
            assert_eq!(get().unwrap(), (CapSet::EMPTY, ids));
            assert!(std::fs::read("/etc/shadow").is_err());
        })
        .join()
        .unwrap();
        assert!(std::fs::read("/etc/shadow").is_ok());
    }
}
