//! The ABIs of a kernel, and the numbers of the calls that rules speak of.

/// A machine: which ABIs its kernel has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    /// x86_64, with x32 and i386 (`int 0x80`, 32-bit processes).
    X86,
    /// aarch64, with 32-bit ARM EABI processes.
    Arm,
}

impl Machine {
    /// The machine this is compiled for.
    #[cfg(target_arch = "x86_64")]
    pub const NATIVE: Machine = Machine::X86;
    /// The machine this is compiled for.
    #[cfg(target_arch = "aarch64")]
    pub const NATIVE: Machine = Machine::Arm;

    /// Its ABIs, the one most used first.
    pub(super) fn abis(self) -> [Abi; 2] {
        match self {
            Machine::X86 => [Abi::X86_64, Abi::I386],
            Machine::Arm => [Abi::Aarch64, Abi::Arm],
        }
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!("system call numbers are known for x86_64 and aarch64 only");

/// An ABI as `seccomp_data.arch` tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Abi {
    /// x86_64 and x32, which share one value and differ in [`X32_BIT`].
    X86_64,
    I386,
    Aarch64,
    Arm,
}

/// In the number of every x32 call, `__X32_SYSCALL_BIT` (arch/x86/include/uapi/asm/unistd.h). The calls
/// here have the same number in x32 and in x86_64 but for this bit.
pub(super) const X32_BIT: u32 = 0x4000_0000;

impl Abi {
    /// `AUDIT_ARCH_*` (include/uapi/linux/audit.h): ELF machine, 64-bit and little-endian flags.
    pub(super) fn audit_arch(self) -> u32 {
        match self {
            Abi::X86_64 => 0xc000_003e,
            Abi::I386 => 0x4000_0003,
            Abi::Aarch64 => 0xc000_00b7,
            Abi::Arm => 0x4000_0028,
        }
    }

    /// The ABI that `seccomp_data.arch` means, should this machine have it.
    pub(super) fn from_audit_arch(arch: u32) -> Option<Abi> {
        let known = Machine::NATIVE.abis();
        known.into_iter().find(|abi| abi.audit_arch() == arch)
    }

    /// Whether its registers and addresses have 32 bits.
    pub(super) fn is_32_bits(self) -> bool {
        matches!(self, Abi::I386 | Abi::Arm)
    }

    /// The number of a call that only the 32-bit ABIs have.
    fn of_32_bits(self, i386: u32, arm: u32) -> Option<u32> {
        match self {
            Abi::I386 => Some(i386),
            Abi::Arm => Some(arm),
            Abi::X86_64 | Abi::Aarch64 => None,
        }
    }

    /// Which bits of the number do not tell calls apart.
    pub(super) fn ignored_bits(self) -> u32 {
        match self {
            Abi::X86_64 => X32_BIT,
            Abi::I386 | Abi::Aarch64 | Abi::Arm => 0,
        }
    }
}

/// A system call that a rule can be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    SetUid,
    SetReUid,
    SetResUid,
    SetFsUid,
    Syslog,
    Socket,
    /// `socketcall`, i386 only: all calls about sockets in one.
    SocketMux,
    IoUringSetup,
    AddKey,
    RequestKey,
    KeyCtl,
    Unshare,
    Clone,
    Clone3,
    Statfs,
    FStatfs,
    /// The 32-bit ABIs' second try, with 64-bit counts and the size of the buffer as an argument.
    Statfs64,
    FStatfs64,
}

impl Call {
    /// Its number, none in an ABI that does not have it.
    ///
    /// From the kernel's tables: arch/x86/entry/syscalls/syscall_{64,32}.tbl, scripts/syscall.tbl
    /// (aarch64), arch/arm/tools/syscall.tbl. Of the uid calls of the 32-bit ABIs these are the ones
    /// with 32-bit uids (`setuid32`); EABI has no `socketcall`.
    pub(super) fn number(self, abi: Abi) -> Option<u32> {
        let [x86_64, i386, aarch64, arm] = match self {
            Call::SetUid => [105, 213, 146, 213],
            Call::SetReUid => [113, 203, 145, 203],
            Call::SetResUid => [117, 208, 147, 208],
            Call::SetFsUid => [122, 215, 151, 215],
            Call::Syslog => [103, 103, 116, 103],
            Call::Socket => [41, 359, 198, 281],
            Call::SocketMux => return (abi == Abi::I386).then_some(102),
            Call::IoUringSetup => [425; 4],
            Call::AddKey => [248, 286, 217, 309],
            Call::RequestKey => [249, 287, 218, 310],
            Call::KeyCtl => [250, 288, 219, 311],
            Call::Unshare => [272, 310, 97, 337],
            Call::Clone => [56, 120, 220, 120],
            Call::Clone3 => [435; 4],
            Call::Statfs => [137, 99, 43, 99],
            Call::FStatfs => [138, 100, 44, 100],
            Call::Statfs64 => return abi.of_32_bits(268, 266),
            Call::FStatfs64 => return abi.of_32_bits(269, 267),
        };
        Some(match abi {
            Abi::X86_64 => x86_64,
            Abi::I386 => i386,
            Abi::Aarch64 => aarch64,
            Abi::Arm => arm,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// libc took its numbers from the same kernel by another way.
    #[test]
    fn numbers_are_those_of_libc() {
        let [native, _] = Machine::NATIVE.abis();
        for (call, number) in [
            (Call::SetUid, libc::SYS_setuid),
            (Call::SetReUid, libc::SYS_setreuid),
            (Call::SetResUid, libc::SYS_setresuid),
            (Call::SetFsUid, libc::SYS_setfsuid),
            (Call::Syslog, libc::SYS_syslog),
            (Call::Socket, libc::SYS_socket),
            (Call::IoUringSetup, libc::SYS_io_uring_setup),
            (Call::AddKey, libc::SYS_add_key),
            (Call::RequestKey, libc::SYS_request_key),
            (Call::KeyCtl, libc::SYS_keyctl),
            (Call::Unshare, libc::SYS_unshare),
            (Call::Clone, libc::SYS_clone),
            (Call::Clone3, libc::SYS_clone3),
            (Call::Statfs, libc::SYS_statfs),
            (Call::FStatfs, libc::SYS_fstatfs),
        ] {
            assert_eq!(call.number(native).map(i64::from), Some(number), "{call:?}");
        }
    }
}
