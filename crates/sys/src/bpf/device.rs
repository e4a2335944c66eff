//! The device program.

use std::os::fd::{AsRawFd, BorrowedFd};

use super::insn::{Emitter, Insn, Reg, code};
use super::map::ANY;

/// `bpf_map_lookup_elem`: r1 the map, r2 the key's address; r0 the value's address or 0.
const MAP_LOOKUP: i32 = 1;

// offsets in struct bpf_cgroup_dev_ctx, the program's argument
const ACCESS_TYPE: i16 = 0;
const MAJOR: i16 = 4;
const MINOR: i16 = 8;

// the key on the stack: Key { kind, major, minor }
const KEY: i16 = -12;
const KEY_KIND: i16 = KEY;
const KEY_MAJOR: i16 = KEY + 4;
const KEY_MINOR: i16 = KEY + 8;

/// The program that decides by `map` (a [`DeviceMap`](super::DeviceMap)) alone.
///
/// The entry of (kind, major, minor) decides if there is one, else that of (kind, major, [`ANY`]),
/// else nothing is granted. An entry grants a request iff its mask holds every access requested. The
/// two entries are not united: an exact one may grant less than the range around it.
///
/// `access_type` of the context is `access << 16 | kind` (include/uapi/linux/bpf.h,
/// `BPF_DEVCG_ACC_*` and `BPF_DEVCG_DEV_*`).
pub fn device_program(map: BorrowedFd<'_>) -> Vec<Insn> {
    let map = map.as_raw_fd();
    let mut e = Emitter::default();

    // r6 = access requested; the key goes to the stack, where a helper can read it
    e.load(Reg::R2, Reg::R1, ACCESS_TYPE);
    e.alu_reg(code::MOV_X, Reg::R6, Reg::R2);
    e.alu(code::RSH_K, Reg::R6, 16);
    e.alu(code::AND_K, Reg::R2, 0xffff);
    e.store(Reg::R10, KEY_KIND, Reg::R2);
    e.load(Reg::R2, Reg::R1, MAJOR);
    e.store(Reg::R10, KEY_MAJOR, Reg::R2);
    e.load(Reg::R2, Reg::R1, MINOR);
    e.store(Reg::R10, KEY_MINOR, Reg::R2);

    lookup(&mut e, map);
    let exact = e.jump(code::JNE_K, Reg::R0, 0);
    e.store_imm(Reg::R10, KEY_MINOR, ANY as i32);
    lookup(&mut e, map);
    let range = e.jump(code::JNE_K, Reg::R0, 0);
    e.ret(0);

    // r1 = what is requested and not in the mask
    e.land(exact);
    e.land(range);
    e.load(Reg::R1, Reg::R0, 0);
    e.alu(code::XOR_K, Reg::R1, -1);
    e.alu_reg(code::AND_X, Reg::R1, Reg::R6);
    let granted = e.jump(code::JEQ_K, Reg::R1, 0);
    e.ret(0);
    e.land(granted);
    e.ret(1);
    e.finish()
}

fn lookup(e: &mut Emitter, map: i32) {
    e.map(Reg::R1, map);
    e.alu_reg(code::MOV_X, Reg::R2, Reg::R10);
    e.alu(code::ADD_K, Reg::R2, i32::from(KEY));
    e.call(MAP_LOOKUP);
}
