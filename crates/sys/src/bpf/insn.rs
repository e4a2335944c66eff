//! Instructions of eBPF, and an emitter of the few that the device program needs.

/// A register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum Reg {
    R0 = 0,
    R1 = 1,
    R2 = 2,
    R3 = 3,
    R4 = 4,
    R5 = 5,
    R6 = 6,
    R7 = 7,
    R8 = 8,
    R9 = 9,
    /// The frame pointer: the end of a stack of 512 bytes.
    R10 = 10,
}

/// Operation codes: class, size and mode or operation and source (include/uapi/linux/bpf.h,
/// Documentation/bpf/standardization/instruction-set.rst).
pub mod code {
    /// `dst = 64 bit immediate`, in two slots.
    pub const LD_DW: u8 = 0x18;
    /// `dst = *(u32 *)(src + off)`.
    pub const LDX_W: u8 = 0x61;
    /// `*(u32 *)(dst + off) = imm`.
    pub const ST_W: u8 = 0x62;
    /// `*(u32 *)(dst + off) = src`.
    pub const STX_W: u8 = 0x63;
    /// `goto off`.
    pub const JA: u8 = 0x05;
    /// `dst += imm`.
    pub const ADD_K: u8 = 0x07;
    /// `if dst == imm goto off`.
    pub const JEQ_K: u8 = 0x15;
    /// `if dst != imm goto off`.
    pub const JNE_K: u8 = 0x55;
    /// `dst &= imm`, the immediate sign-extended.
    pub const AND_K: u8 = 0x57;
    /// `dst &= src`.
    pub const AND_X: u8 = 0x5f;
    /// `dst >>= imm`, logical.
    pub const RSH_K: u8 = 0x77;
    /// `r0 = helper imm(r1..r5)`; r1 to r5 are lost.
    pub const CALL: u8 = 0x85;
    /// `return r0`.
    pub const EXIT: u8 = 0x95;
    /// `dst ^= imm`, the immediate sign-extended.
    pub const XOR_K: u8 = 0xa7;
    /// `dst = imm`, sign-extended.
    pub const MOV_K: u8 = 0xb7;
    /// `dst = src`.
    pub const MOV_X: u8 = 0xbf;
}

/// Source register of [`code::LD_DW`]: the immediate is a map's fd, which the kernel replaces by its address.
pub(super) const PSEUDO_MAP_FD: Reg = Reg::R1;

/// One instruction slot, `struct bpf_insn`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Insn {
    /// One of [`code`], 0 in the second slot of [`code::LD_DW`].
    pub code: u8,
    /// Destination register.
    pub dst: Reg,
    /// Source register.
    pub src: Reg,
    /// Offset of a memory access in bytes, or of a jump in slots after the next one.
    pub off: i16,
    /// Immediate.
    pub imm: i32,
}

impl Insn {
    /// The eight bytes that the kernel reads.
    pub fn encode(self) -> [u8; 8] {
        let (dst, src) = (self.dst as u8, self.src as u8);
        // two bit fields in C: their order in the byte follows the byte order
        let regs = if cfg!(target_endian = "little") {
            src << 4 | dst
        } else {
            dst << 4 | src
        };
        let ([o0, o1], [i0, i1, i2, i3]) = (self.off.to_ne_bytes(), self.imm.to_ne_bytes());
        [self.code, regs, o0, o1, i0, i1, i2, i3]
    }
}

/// A jump whose target is not known yet.
#[must_use]
pub(super) struct Jump(usize);

/// Appends instructions, and fills in jumps once their target is reached.
#[derive(Default)]
pub(super) struct Emitter {
    insns: Vec<Insn>,
}

impl Emitter {
    /// The program so far.
    pub(super) fn finish(self) -> Vec<Insn> {
        self.insns
    }

    fn push(&mut self, code: u8, dst: Reg, src: Reg, off: i16, imm: i32) {
        self.insns.push(Insn {
            code,
            dst,
            src,
            off,
            imm,
        });
    }

    /// An operation between a register and an immediate.
    pub(super) fn alu(&mut self, code: u8, dst: Reg, imm: i32) {
        self.push(code, dst, Reg::R0, 0, imm);
    }

    /// An operation between two registers.
    pub(super) fn alu_reg(&mut self, code: u8, dst: Reg, src: Reg) {
        self.push(code, dst, src, 0, 0);
    }

    /// `dst = *(u32 *)(src + off)`.
    pub(super) fn load(&mut self, dst: Reg, src: Reg, off: i16) {
        self.push(code::LDX_W, dst, src, off, 0);
    }

    /// `*(u32 *)(dst + off) = src`.
    pub(super) fn store(&mut self, dst: Reg, off: i16, src: Reg) {
        self.push(code::STX_W, dst, src, off, 0);
    }

    /// `*(u32 *)(dst + off) = imm`.
    pub(super) fn store_imm(&mut self, dst: Reg, off: i16, imm: i32) {
        self.push(code::ST_W, dst, Reg::R0, off, imm);
    }

    /// `dst = the map of this fd`.
    pub(super) fn map(&mut self, dst: Reg, fd: i32) {
        self.push(code::LD_DW, dst, PSEUDO_MAP_FD, 0, fd);
        self.push(0, Reg::R0, Reg::R0, 0, 0);
    }

    /// `r0 = helper(r1..r5)`.
    pub(super) fn call(&mut self, helper: i32) {
        self.push(code::CALL, Reg::R0, Reg::R0, 0, helper);
    }

    /// `return imm`.
    pub(super) fn ret(&mut self, imm: i32) {
        self.alu(code::MOV_K, Reg::R0, imm);
        self.push(code::EXIT, Reg::R0, Reg::R0, 0, 0);
    }

    /// `if dst (code) imm goto` a target that [`Emitter::land`] says later.
    pub(super) fn jump(&mut self, code: u8, dst: Reg, imm: i32) -> Jump {
        self.push(code, dst, Reg::R0, 0, imm);
        Jump(self.insns.len() - 1)
    }

    /// The next instruction is the target of `jump`.
    pub(super) fn land(&mut self, jump: Jump) {
        let off = self.insns.len() - jump.0 - 1;
        self.insns[jump.0].off = i16::try_from(off).expect("a program of a few dozen slots");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_endian = "little")]
    fn encodes_as_the_kernel_reads() {
        let insn = Insn {
            code: code::STX_W,
            dst: Reg::R10,
            src: Reg::R2,
            off: -12,
            imm: 0x0102_0304,
        };
        assert_eq!(insn.encode(), [0x63, 0x2a, 0xf4, 0xff, 4, 3, 2, 1]);
    }
}
