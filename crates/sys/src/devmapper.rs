//! What device mapper devices are made of.

use std::fs::File;
use std::os::fd::AsRawFd;

use crate::error::{Context, Error, Result};

const CONTROL: &str = "/dev/mapper/control";

/// `DM_TABLE_DEPS`, and the parts of `struct dm_ioctl` that it needs, in words of 32 bits (include/uapi/linux/dm-ioctl.h):
/// a name and a number that stay empty follow up to byte 312.
const TABLE_DEPS: libc::Ioctl = 0xC138_FD0B_u32 as libc::Ioctl;
const MAJOR_VERSION: u32 = 4;
const HEADER: usize = 312 / 4;
const DATA_SIZE: usize = 3;
const DATA_START: usize = 4;
const DEVICE: usize = 10;
/// What is asked for and what comes: more devices than this are not named.
const WORDS: usize = 4096;

/// The numbers of the block devices that the table in use of the device mapper device `device` names, also of those
/// that are gone.
///
/// # Errors
/// When there is no such device mapper device.
pub fn parts(device: libc::dev_t) -> Result<Vec<libc::dev_t>> {
    let control = File::options()
        .read(true)
        .write(true)
        .open(CONTROL)
        .call(|| format!("open({CONTROL:?})"))?;
    let mut words = [0u32; WORDS];
    words[0] = MAJOR_VERSION;
    words[DATA_SIZE] = (WORDS * 4) as u32;
    words[DATA_START] = (HEADER * 4) as u32;
    words[DEVICE] = device as u32;
    words[DEVICE + 1] = (device >> 32) as u32;
    // SAFETY: the request reads a struct dm_ioctl and writes no more than its data_size says, which is the length of
    // what it is given.
    match unsafe { libc::ioctl(control.as_raw_fd(), TABLE_DEPS, words.as_mut_ptr()) } {
        0.. => Ok(listed(&words)),
        _ => {
            let number = format!("{}:{}", libc::major(device), libc::minor(device));
            Err(Error::last(format!(
                "ioctl({CONTROL:?}, DM_TABLE_DEPS, {number})"
            )))
        }
    }
}

/// The `struct dm_target_deps` in the answer: how many, padding, then numbers of 64 bits.
fn listed(words: &[u32]) -> Vec<libc::dev_t> {
    let start = words.get(DATA_START).map_or(0, |start| *start as usize / 4);
    let answer = words.get(start..).unwrap_or_default();
    let count = answer.first().map_or(0, |count| *count as usize);
    let numbers = answer.get(2..).unwrap_or_default().chunks_exact(2);
    let numbers = numbers.map(|pair| u64::from(pair[0]) | u64::from(pair[1]) << 32);
    numbers.take(count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_no_further_than_it_goes() {
        let mut words = [0u32; HEADER + 6];
        words[DATA_START] = (HEADER * 4) as u32;
        words[HEADER] = 2;
        (words[HEADER + 2], words[HEADER + 4]) = (0x800, 0x10_0811);
        let numbers = [(8, 0), (8, 0x111)].map(|(major, minor)| libc::makedev(major, minor));
        assert_eq!(listed(&words), numbers);
        words[HEADER] = u32::MAX;
        assert_eq!(listed(&words), numbers);
        words[DATA_START] = u32::MAX;
        assert!(listed(&words).is_empty());
    }
}
