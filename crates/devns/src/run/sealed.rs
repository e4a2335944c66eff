//! Running from a sealed copy of our own binary.
//!
//! Until it executes the command, the container's first process is a copy of ours, and `/proc`
//! inside leads to the file it runs from. A container that writes there would change the host's
//! devns (CVE-2019-5736 was that). From a sealed memfd there is nothing to write.

use std::ffi::CString;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::unistd::execveat;
use sys::{Context, Result};

const NAME: &str = "devns";

/// How often to try to seal it. The kernel waits some 150 ms itself for pages that it is busy with
/// (`memfd_wait_for_pins`, mm/memfd.c): on a loaded machine that is not always enough.
const TRIES: u32 = 20;

/// Go on as a sealed copy of this binary, unless this is one already.
pub fn run_from_copy() -> Result<()> {
    let link = std::fs::read_link("/proc/self/exe").call(|| "readlink(/proc/self/exe)".into())?;
    if link.as_os_str().as_bytes().starts_with(b"/memfd:devns") {
        // exec by descriptor has named us after its number
        let _ = nix::sys::prctl::set_name(c"devns");
        return Ok(());
    }
    let copy = sealed_copy()?;
    let strings = |all: Vec<Vec<u8>>| -> io::Result<Vec<CString>> {
        all.into_iter()
            .map(|s| CString::new(s).map_err(io::Error::other))
            .collect()
    };
    let args = strings(std::env::args_os().map(|a| a.into_vec()).collect())
        .call(|| "the arguments".into())?;
    let env = strings(
        std::env::vars_os()
            .map(|(k, v)| [k.as_bytes(), b"=", v.as_bytes()].concat())
            .collect(),
    )
    .call(|| "the environment".into())?;
    execveat(&copy, c"", &args, &env, AtFlags::AT_EMPTY_PATH)
        .call(|| "execveat(<copy of devns>)".into())?;
    Ok(())
}

/// This binary in memory, where nobody can write to it.
fn sealed_copy() -> Result<File> {
    let name = CString::new(NAME).unwrap_or_default();
    let flags = MFdFlags::MFD_ALLOW_SEALING | MFdFlags::MFD_CLOEXEC;
    let copy: OwnedFd =
        memfd_create(name.as_c_str(), flags).call(|| "memfd_create(devns)".into())?;
    let mut copy = File::from(copy);
    // by read and write: what is spliced leaves pages pinned for a while
    std::fs::read("/proc/self/exe")
        .and_then(|binary| copy.write_all(&binary))
        .call(|| "copy(/proc/self/exe, <memory>)".into())?;
    let seals = SealFlag::F_SEAL_SEAL
        | SealFlag::F_SEAL_SHRINK
        | SealFlag::F_SEAL_GROW
        | SealFlag::F_SEAL_WRITE;
    let mut tries = TRIES;
    loop {
        match fcntl(&copy, FcntlArg::F_ADD_SEALS(seals)) {
            Err(Errno::EBUSY) if tries > 1 => tries -= 1,
            result => {
                return result
                    .map(|_| copy)
                    .call(|| "fcntl(<copy of devns>, F_ADD_SEALS)".into());
            }
        }
    }
}
