//! The system calls of the `statfs` kind: what a notification of one means, and what they return.

use libc::seccomp_data;

use super::abi::{Abi, Call};

/// `SYSFS_MAGIC` (include/uapi/linux/magic.h).
const SYSFS_MAGIC: u64 = 0x6265_6572;
const PAGE: u64 = 4096;
const NAME_MAX: u64 = 255;

/// What a call is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The file at the path that begins at this address of the caller.
    Path(u64),
    /// A descriptor of the caller.
    Descriptor(u32),
}

/// Which structure the caller wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// `struct statfs` of the 64-bit ABIs and of x32 (include/uapi/asm-generic/statfs.h).
    Bits64,
    /// `struct compat_statfs` (arch/{x86,arm64}/include/asm/compat.h).
    Compat,
    /// `struct compat_statfs64` (include/uapi/asm-generic/statfs.h), packed on both machines.
    Compat64,
}

/// A call of a 64-bit or 32-bit program: `statfs`, `fstatfs`, `statfs64` or `fstatfs64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatfsCall {
    /// What it is about.
    pub subject: Subject,
    /// The address of the buffer.
    pub buffer: u64,
    /// What goes into the buffer.
    pub layout: Layout,
}

impl StatfsCall {
    /// The call that `data` is. None if it is another, or one whose `size` argument the kernel
    /// refuses.
    pub(super) fn of(data: &seccomp_data) -> Option<StatfsCall> {
        let abi = Abi::from_audit_arch(data.arch)?;
        let number = data.nr as u32 & !abi.ignored_bits();
        let is = |call: Call| call.number(abi) == Some(number);
        // the kernel drops the high half of a register that a 32-bit call had
        let arg = |at: usize| match abi.is_32_bits() {
            true => data.args[at] & 0xffff_ffff,
            false => data.args[at],
        };
        let has_size = is(Call::Statfs64) || is(Call::FStatfs64);
        let subject = if is(Call::Statfs) || is(Call::Statfs64) {
            Subject::Path(arg(0))
        } else if is(Call::FStatfs) || is(Call::FStatfs64) {
            Subject::Descriptor(data.args[0] as u32)
        } else {
            return None;
        };
        let layout = match (abi.is_32_bits(), has_size) {
            (false, _) => Layout::Bits64,
            (true, false) => Layout::Compat,
            (true, true) => Layout::Compat64,
        };
        let size = Layout::Compat64.size();
        // old C libraries of ARM count the padding at its end (`kernel_statfs64`, arch/arm64/kernel/sys32.c)
        let fits = arg(1) == size || abi == Abi::Arm && arg(1) == size + 4;
        if has_size && !fits {
            return None;
        }
        Some(StatfsCall {
            subject,
            buffer: arg(if has_size { 2 } else { 1 }),
            layout,
        })
    }
}

impl Layout {
    /// Its size in bytes.
    pub fn size(self) -> u64 {
        match self {
            Layout::Bits64 => 120,
            Layout::Compat => 64,
            Layout::Compat64 => 84,
        }
    }
}

/// What the kernel says of a sysfs (`simple_statfs`, fs/libfs.c), but for `f_fsid`, which is 0: that of
/// a sysfs is the number of one that the container does not have.
#[derive(Clone, Copy, Debug)]
pub struct SysfsFigures {
    /// `f_flags`: the flags of the mount.
    pub flags: u64,
}

impl SysfsFigures {
    /// The structure as it stands in the caller's memory.
    pub fn bytes(self, layout: Layout) -> Vec<u8> {
        let mut out = Vec::with_capacity(layout.size() as usize);
        let mut put = |width: usize, value: u64| match width {
            8 => out.extend(value.to_ne_bytes()),
            _ => out.extend((value as u32).to_ne_bytes()),
        };
        // f_type, f_bsize, f_namelen, f_frsize, f_flags and what is spare; the counts of blocks and files
        let (word, count) = match layout {
            Layout::Bits64 => (8, 8),
            Layout::Compat => (4, 4),
            Layout::Compat64 => (4, 8),
        };
        put(word, SYSFS_MAGIC);
        put(word, PAGE);
        for _blocks_bfree_bavail_files_ffree in 0..5 {
            put(count, 0);
        }
        for _fsid in 0..2 {
            put(4, 0);
        }
        put(word, NAME_MAX);
        put(word, PAGE);
        put(word, self.flags);
        for _spare in 0..4 {
            put(word, 0);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seccomp::Machine;

    fn data(abi: Abi, nr: u32, args: [u64; 3]) -> seccomp_data {
        let mut all = [0; 6];
        all[..3].copy_from_slice(&args);
        seccomp_data {
            nr: nr as i32,
            arch: abi.audit_arch(),
            instruction_pointer: 0,
            args: all,
        }
    }

    #[test]
    fn a_call_is_known_by_its_number_and_abi() {
        const HIGH: u64 = 0xdead_beef_0000_0000;
        let [native, other] = Machine::NATIVE.abis();
        let number = |call: Call, abi| call.number(abi).unwrap();
        let call = |subject, buffer, layout| {
            Some(StatfsCall {
                subject,
                buffer,
                layout,
            })
        };
        let statfs = number(Call::Statfs, native);
        let fstatfs = number(Call::FStatfs, native);
        assert_eq!(
            StatfsCall::of(&data(native, statfs, [HIGH | 1, HIGH | 2, 3])),
            call(Subject::Path(HIGH | 1), HIGH | 2, Layout::Bits64)
        );
        assert_eq!(
            StatfsCall::of(&data(native, fstatfs, [HIGH | 7, 2, 3])),
            call(Subject::Descriptor(7), 2, Layout::Bits64)
        );
        let statfs = number(Call::Statfs, other);
        assert_eq!(
            StatfsCall::of(&data(other, statfs, [HIGH | 1, HIGH | 2, 3])),
            call(Subject::Path(1), 2, Layout::Compat)
        );
        let fstatfs = number(Call::FStatfs64, other);
        assert_eq!(
            StatfsCall::of(&data(other, fstatfs, [7, 84, 3])),
            call(Subject::Descriptor(7), 3, Layout::Compat64)
        );
        for size in [0, 64, 83, 85, 88, 120] {
            let seen = StatfsCall::of(&data(other, fstatfs, [7, size, 3]));
            assert_eq!(seen.is_some(), size == 88 && other == Abi::Arm, "{size}");
        }
        assert_eq!(StatfsCall::of(&data(native, 0, [1, 2, 3])), None);
        let mut foreign = data(native, statfs, [1, 2, 3]);
        foreign.arch = 1;
        assert_eq!(StatfsCall::of(&foreign), None);
    }

    #[test]
    fn a_structure_has_its_fields_where_they_belong() {
        let figures = SysfsFigures { flags: 0x20 | 14 };
        let bytes = figures.bytes(Layout::Bits64);
        assert_eq!(bytes.len(), size_of::<libc::statfs>());
        let word = |bytes: &[u8], at: usize| {
            u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        // type, bsize, namelen, frsize, flags; the rest is 0
        for (layout, places) in [
            (Layout::Bits64, [0, 8, 64, 72, 80]),
            (Layout::Compat, [0, 4, 36, 40, 44]),
            (Layout::Compat64, [0, 4, 56, 60, 64]),
        ] {
            let bytes = figures.bytes(layout);
            assert_eq!(bytes.len() as u64, layout.size(), "{layout:?}");
            let found = places.map(|at| word(&bytes, at));
            assert_eq!(found, [0x6265_6572, 4096, 255, 4096, 46], "{layout:?}");
            let rest = bytes.chunks(4).map(|w| word(w, 0)).filter(|w| *w != 0);
            assert_eq!(rest.count(), 5, "{layout:?}");
        }
    }
}
