//! Running from a sealed copy of our own binary.
//!
//! Until it executes the command, the container's first process is a copy of ours, and `/proc`
//! inside leads to the file it runs from. A container that writes there would change the host's
//! devns (CVE-2019-5736 was that). From a sealed memfd there is nothing to write.

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use nix::fcntl::{AtFlags, FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::unistd::execveat;

const NAME: &str = "devns";

/// Go on as a sealed copy of this binary, unless this is one already.
pub fn run_from_copy() -> io::Result<()> {
    let link = std::fs::read_link("/proc/self/exe")?;
    if link.as_os_str().as_bytes().starts_with(b"/memfd:devns") {
        // exec by descriptor has named us after its number
        let _ = nix::sys::prctl::set_name(c"devns");
        return Ok(());
    }
    let name = CString::new(NAME)?;
    let flags = MFdFlags::MFD_ALLOW_SEALING | MFdFlags::MFD_CLOEXEC;
    let copy: OwnedFd = memfd_create(name.as_c_str(), flags)?;
    let mut copy = File::from(copy);
    io::copy(&mut File::open("/proc/self/exe")?, &mut copy)?;
    let seals = SealFlag::F_SEAL_SEAL
        | SealFlag::F_SEAL_SHRINK
        | SealFlag::F_SEAL_GROW
        | SealFlag::F_SEAL_WRITE;
    fcntl(&copy, FcntlArg::F_ADD_SEALS(seals))?;
    let strings = |all: Vec<Vec<u8>>| -> io::Result<Vec<CString>> {
        all.into_iter()
            .map(|s| CString::new(s).map_err(io::Error::other))
            .collect()
    };
    let args = strings(std::env::args_os().map(|a| a.into_vec()).collect())?;
    let env = strings(
        std::env::vars_os()
            .map(|(k, v)| [k.as_bytes(), b"=", v.as_bytes()].concat())
            .collect(),
    )?;
    execveat(&copy, c"", &args, &env, AtFlags::AT_EMPTY_PATH)?;
    Ok(())
}
