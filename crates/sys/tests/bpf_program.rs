//! The device program, run instruction by instruction against a naive model of what it should say.
//!
//! The interpreter is as strict as the kernel's verifier where it matters here: nothing is read that
//! was not written, no access leaves its object, r1 to r5 are lost in a call, no jump goes back.

use std::collections::HashMap;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd};

use sys::bpf::{ANY, Insn, Key, Reg, code, device_program};

type Entries = HashMap<Key, u32>;

/// What the map should mean, in the dumbest way.
fn model(entries: &Entries, asked: Key, access: u32) -> bool {
    let exact = entries.get(&asked);
    let range = entries.get(&Key {
        minor: ANY,
        ..asked
    });
    let mask = match (exact, range) {
        (Some(mask), _) | (None, Some(mask)) => *mask,
        (None, None) => return false,
    };
    [1, 2, 4]
        .iter()
        .all(|bit| access & bit == 0 || mask & bit != 0)
}

// addresses: objects far apart, so that no wrong offset of 16 bits leads from one into another
const CONTEXT: u64 = 0x1_0000_0000;
const STACK_END: u64 = 0x2_0000_0000;
const MAP: u64 = 0x3_0000_0000;
const VALUE: u64 = 0x4_0000_0000;

struct Interpreter<'a> {
    entries: &'a Entries,
    map_fd: i32,
    context: [u32; 3],
    regs: [Option<u64>; 11],
    /// Words of the stack by their address.
    stack: HashMap<u64, u32>,
    value: u32,
}

impl Interpreter<'_> {
    fn get(&self, reg: Reg) -> u64 {
        self.regs[reg as usize].unwrap_or_else(|| panic!("{reg:?} read before it was written"))
    }

    fn set(&mut self, reg: Reg, value: u64) {
        assert_ne!(reg, Reg::R10, "the frame pointer is read-only");
        self.regs[reg as usize] = Some(value);
    }

    fn read(&self, address: u64) -> u32 {
        match address {
            _ if address == CONTEXT => self.context[0],
            _ if address == CONTEXT + 4 => self.context[1],
            _ if address == CONTEXT + 8 => self.context[2],
            VALUE => self.value,
            _ => *self
                .stack
                .get(&address)
                .unwrap_or_else(|| panic!("read of {address:#x}")),
        }
    }

    fn write(&mut self, address: u64, value: u32) {
        assert!(
            (STACK_END - 512..=STACK_END - 4).contains(&address) && address.is_multiple_of(4),
            "write to {address:#x}"
        );
        self.stack.insert(address, value);
    }

    fn lookup(&mut self) {
        assert_eq!(self.get(Reg::R1), MAP);
        let key = self.get(Reg::R2);
        let key = Key {
            kind: self.read(key),
            major: self.read(key + 4),
            minor: self.read(key + 8),
        };
        let found = self.entries.get(&key);
        self.regs[1..=5].fill(None);
        self.value = found.copied().unwrap_or(0);
        self.set(Reg::R0, found.map_or(0, |_| VALUE));
    }

    fn run(&mut self, program: &[Insn]) -> u64 {
        let mut pc = 0;
        loop {
            let Insn {
                code,
                dst,
                src,
                off,
                imm,
            } = program[pc];
            pc += 1;
            // immediates of 64-bit operations are sign-extended
            let imm64 = i64::from(imm) as u64;
            let at = |base: u64| base.wrapping_add_signed(off.into());
            let mut jump = |taken: bool| {
                if taken {
                    pc += usize::try_from(off).expect("a jump back");
                }
            };
            match code {
                code::LD_DW => {
                    assert_eq!((src, imm), (Reg::R1, self.map_fd), "expected the map");
                    assert_eq!((program[pc].code, program[pc].imm), (0, 0), "second slot");
                    pc += 1;
                    self.set(dst, MAP);
                }
                code::LDX_W => self.set(dst, self.read(at(self.get(src))).into()),
                code::ST_W => self.write(at(self.get(dst)), imm as u32),
                code::STX_W => self.write(at(self.get(dst)), self.get(src) as u32),
                code::ADD_K => self.set(dst, self.get(dst).wrapping_add(imm64)),
                code::AND_K => self.set(dst, self.get(dst) & imm64),
                code::AND_X => self.set(dst, self.get(dst) & self.get(src)),
                code::RSH_K => self.set(dst, self.get(dst) >> imm),
                code::XOR_K => self.set(dst, self.get(dst) ^ imm64),
                code::MOV_K => self.set(dst, imm64),
                code::MOV_X => self.set(dst, self.get(src)),
                code::JA => jump(true),
                code::JEQ_K => jump(self.get(dst) == imm64),
                code::JNE_K => jump(self.get(dst) != imm64),
                code::CALL => {
                    assert_eq!(imm, 1, "expected bpf_map_lookup_elem");
                    self.lookup();
                }
                code::EXIT => return self.get(Reg::R0),
                other => panic!("unknown operation {other:#x}"),
            }
        }
    }
}

/// What the program says.
fn verdict(program: &[Insn], map_fd: i32, entries: &Entries, asked: Key, access: u32) -> bool {
    let mut regs = [None; 11];
    regs[1] = Some(CONTEXT);
    regs[10] = Some(STACK_END);
    let context = [access << 16 | asked.kind, asked.major, asked.minor];
    let mut interpreter = Interpreter {
        entries,
        map_fd,
        context,
        regs,
        stack: HashMap::new(),
        value: 0,
    };
    match interpreter.run(program) {
        0 => false,
        1 => true,
        other => panic!("a device program must return 0 or 1, not {other}"),
    }
}

fn key(kind: u32, major: u32, minor: u32) -> Key {
    Key { kind, major, minor }
}

/// The program for any fd, the fd, and what keeps it open.
fn program() -> (Vec<Insn>, i32, File) {
    let file = File::open("/").unwrap();
    (device_program(file.as_fd()), file.as_raw_fd(), file)
}

#[test]
fn every_kind_and_access_against_every_pair_of_entries() {
    let (program, fd, _open) = program();
    let masks = || std::iter::once(None).chain((0..8).map(Some));
    let mut granted = 0;
    for (exact, range) in masks().flat_map(|e| masks().map(move |r| (e, r))) {
        for kind in [1, 2] {
            let mut entries = Entries::new();
            entries.extend(exact.map(|mask| (key(kind, 8, 3), mask)));
            entries.extend(range.map(|mask| (key(kind, 8, ANY), mask)));
            for (asked_kind, major, minor) in [
                (1, 8, 3),
                (2, 8, 3),
                (1, 8, 4),
                (2, 8, 4),
                (kind, 3, 8),
                (kind, 9, 3),
            ] {
                for access in 0..8 {
                    let asked = key(asked_kind, major, minor);
                    let expected = model(&entries, asked, access);
                    let said = verdict(&program, fd, &entries, asked, access);
                    assert_eq!(said, expected, "{entries:?} {asked} {access:#b}");
                    granted += usize::from(said);
                }
            }
        }
    }
    assert!(
        granted > 1000,
        "a model that denies everything proves nothing"
    );
}

#[test]
fn random_tables() {
    let (program, fd, _open) = program();
    let mut seed = 0x9e37_79b9_7f4a_7c15u64;
    let mut random = move |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % below as u64) as usize
    };
    let numbers = [0, 1, 7, 0x100, 0xfff, 0xf_ffff];
    for _ in 0..2000 {
        let mut entries = Entries::new();
        for _ in 0..random(12) {
            let minor = [numbers[random(6)], ANY][random(2)];
            entries.insert(
                key(1 + random(2) as u32, numbers[random(6)], minor),
                random(8) as u32,
            );
        }
        for _ in 0..20 {
            let asked = key(1 + random(2) as u32, numbers[random(6)], numbers[random(6)]);
            let access = random(8) as u32;
            let expected = model(&entries, asked, access);
            assert_eq!(
                verdict(&program, fd, &entries, asked, access),
                expected,
                "{entries:?} {asked} {access:#b}"
            );
        }
    }
}

/// A judge that never objects is none: programs with one instruction changed must be caught.
#[test]
fn wrong_programs_are_told_apart() {
    let (program, fd, _open) = program();
    let entries = Entries::from([(key(1, 8, 3), 2), (key(1, 8, ANY), 7), (key(2, 8, 3), 6)]);
    let differs = |wrong: &[Insn]| {
        std::panic::catch_unwind(|| {
            (0..8).any(|access| {
                [
                    key(1, 8, 3),
                    key(1, 8, 4),
                    key(2, 8, 3),
                    key(2, 8, 4),
                    key(1, 9, 3),
                ]
                .into_iter()
                .any(|asked| {
                    verdict(wrong, fd, &entries, asked, access) != model(&entries, asked, access)
                })
            })
        })
        .unwrap_or(true)
    };
    assert!(!differs(&program));
    std::panic::set_hook(Box::new(|_| {}));
    let unnoticed: Vec<usize> = (0..program.len())
        .filter(|&at| {
            let mut wrong = program.clone();
            wrong[at].imm ^= 1;
            wrong[at].off ^= 4;
            !differs(&wrong)
        })
        .collect();
    let _ = std::panic::take_hook();
    // operations that use neither field: moves and masks between registers, and exits
    for at in unnoticed {
        assert!(
            [code::MOV_X, code::AND_X, code::EXIT].contains(&program[at].code),
            "slot {at}: {:?}",
            program[at]
        );
    }
}
