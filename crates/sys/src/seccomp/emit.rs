//! From rules to classic BPF.

use std::collections::BTreeMap;
use std::mem::offset_of;

use libc::{seccomp_data, sock_filter};

use super::abi::{Abi, Call, Machine};

// operation codes (include/uapi/linux/bpf_common.h); seccomp takes these and few more
const LOAD_WORD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
const AND: u16 = (libc::BPF_ALU | libc::BPF_AND | libc::BPF_K) as u16;
const GOTO: u16 = (libc::BPF_JMP | libc::BPF_JA) as u16;
const IF_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
const IF_ANY_BIT: u16 = (libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K) as u16;
const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;

/// What becomes of a call that a rule matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// It is not made, and fails with this errno.
    Errno(u16),
    /// It waits for what the filter's listener answers.
    Ask,
}

impl Action {
    fn value(self) -> u32 {
        match self {
            Action::Errno(errno) => libc::SECCOMP_RET_ERRNO | u32::from(errno),
            Action::Ask => libc::SECCOMP_RET_USER_NOTIF,
        }
    }
}

/// One rule of a filter.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    /// The call it is about, in every ABI that has it.
    pub(super) call: Call,
    /// Arguments (index 0 to 5) whose low 32 bits must all be as said.
    pub(super) args: Vec<(u8, u32)>,
    /// An argument of whose low 32 bits one of these must be set, besides.
    pub(super) any_bit: Option<(u8, u32)>,
    /// What then.
    pub(super) action: Action,
}

/// The program: an ABI's section is entered by its own value only, and every way through a section
/// ends in it.
pub(super) fn program(rules: &[Rule], machine: Machine) -> Vec<sock_filter> {
    let mut out = vec![load(offset_of!(seccomp_data, arch))];
    for abi in machine.abis() {
        guarded(&mut out, abi.audit_arch(), section(rules, abi));
    }
    out.push(ret(libc::SECCOMP_RET_KILL_PROCESS));
    out
}

/// What follows once the ABI is known. Looks at the number alone unless there is a rule for it.
fn section(rules: &[Rule], abi: Abi) -> Vec<sock_filter> {
    let mut by_number: BTreeMap<u32, Vec<&Rule>> = BTreeMap::new();
    for rule in rules {
        if let Some(number) = rule.call.number(abi) {
            by_number.entry(number).or_default().push(rule);
        }
    }
    let mut out = vec![load(offset_of!(seccomp_data, nr))];
    if abi.ignored_bits() != 0 {
        out.push(statement(AND, !abi.ignored_bits()));
    }
    for (number, rules) in by_number {
        let mut block: Vec<sock_filter> = rules.iter().flat_map(|rule| matcher(rule)).collect();
        block.push(ret(libc::SECCOMP_RET_ALLOW));
        guarded(&mut out, number, block);
    }
    out.push(ret(libc::SECCOMP_RET_ALLOW));
    out
}

/// Returns the rule's action if every argument is as it says, else goes on after itself.
fn matcher(rule: &Rule) -> Vec<sock_filter> {
    let equal = rule.args.iter().map(|test| (IF_EQUAL, *test));
    let tests: Vec<(u16, (u8, u32))> = equal
        .chain(rule.any_bit.map(|test| (IF_ANY_BIT, test)))
        .collect();
    let mut out = Vec::new();
    for (checked, &(code, (arg, value))) in tests.iter().enumerate() {
        // a load and a comparison for each argument still to come, and the return
        let rest = 2 * (tests.len() - checked - 1) + 1;
        out.push(load(low_half(arg)));
        out.push(sock_filter {
            code,
            jt: 0,
            jf: u8::try_from(rest).expect("seven tests at most"),
            k: value,
        });
    }
    out.push(ret(rule.action.value()));
    out
}

/// `block`, which must not run off its end, for when the accumulator is `value`. Conditional jumps
/// reach 255 instructions, so the way around it is an unconditional one.
fn guarded(out: &mut Vec<sock_filter>, value: u32, block: Vec<sock_filter>) {
    out.push(sock_filter {
        code: IF_EQUAL,
        jt: 1,
        jf: 0,
        k: value,
    });
    out.push(statement(GOTO, block.len() as u32));
    out.extend(block);
}

/// Where the low 32 bits of an argument are. The calls here take ints and uids: the kernel drops the
/// high half of the register, so a comparison that looked at it could be fooled.
fn low_half(arg: u8) -> usize {
    let high_half_first = if cfg!(target_endian = "big") { 4 } else { 0 };
    offset_of!(seccomp_data, args) + 8 * usize::from(arg) + high_half_first
}

fn load(offset: usize) -> sock_filter {
    statement(LOAD_WORD, offset as u32)
}

fn ret(value: u32) -> sock_filter {
    statement(RETURN, value)
}

fn statement(code: u16, k: u32) -> sock_filter {
    sock_filter {
        code,
        jt: 0,
        jf: 0,
        k,
    }
}
