//! Loop devices come and go: what tests and demonstrations plug and pull.

use std::fs::File;
use std::os::fd::AsRawFd;

use crate::error::{Context, Error, Result};

/// `LOOP_CTL_ADD` and `LOOP_CTL_REMOVE` (include/uapi/linux/loop.h).
const ADD: libc::Ioctl = 0x4C80;
const REMOVE: libc::Ioctl = 0x4C81;

fn control(call: &str, request: libc::Ioctl, number: u32) -> Result<()> {
    let path = "/dev/loop-control";
    let file = File::options()
        .read(true)
        .write(true)
        .open(path)
        .call(|| format!("open({path:?})"))?;
    // SAFETY: both requests take an integer and reach no memory of ours.
    match unsafe { libc::ioctl(file.as_raw_fd(), request, libc::c_ulong::from(number)) } {
        0.. => Ok(()),
        _ => Err(Error::last(format!("ioctl({path:?}, {call}, {number})"))),
    }
}

/// Make loop device `number`; EEXIST when there is one.
pub fn add(number: u32) -> Result<()> {
    control("LOOP_CTL_ADD", ADD, number)
}

/// Remove loop device `number`; EBUSY while somebody has it open or a file is attached.
pub fn remove(number: u32) -> Result<()> {
    control("LOOP_CTL_REMOVE", REMOVE, number)
}
