//! Loop devices come and go: what tests and demonstrations plug and pull.

use std::fs::File;
use std::os::fd::{AsRawFd, BorrowedFd};

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

/// The device number of the node that is attached to the loop device `file`; 0 when a regular file is.
///
/// # Errors
/// ENXIO when nothing is attached.
pub fn backing_device(file: BorrowedFd<'_>) -> Result<libc::dev_t> {
    /// `LOOP_GET_STATUS64`, and the length of `struct loop_info64` in words of 64 bits: the third is
    /// `lo_rdevice`.
    const GET_STATUS64: libc::Ioctl = 0x4C05;
    let mut info = [0u64; 29];
    // SAFETY: the request writes one struct loop_info64, 232 bytes, to where there are as many.
    match unsafe { libc::ioctl(file.as_raw_fd(), GET_STATUS64, info.as_mut_ptr()) } {
        0.. => Ok(info[2]),
        _ => Err(Error::last("ioctl(LOOP_GET_STATUS64)")),
    }
}
