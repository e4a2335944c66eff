//! The seccomp filter, run in an interpreter of classic BPF against a naive model of what it should say.

use libc::sock_filter;
use sys::seccomp::{Filter, Machine};

const X86_64: u32 = 0xc000_003e;
const I386: u32 = 0x4000_0003;
const AARCH64: u32 = 0xc000_00b7;
const ARM: u32 = 0x4000_0028;
const X32: u32 = 0x4000_0000;

const ALLOW: u32 = 0x7fff_0000;
const KILL: u32 = 0x8000_0000;
const ASK: u32 = 0x7fc0_0000;
const EPERM: u32 = 0x0005_0000 | 1;
const ENOSYS: u32 = 0x0005_0000 | 38;

/// What a filter is asked to refuse or to ask about, and the same in the naive model.
#[derive(Clone, Default, Debug)]
struct Wanted {
    uids: Vec<u32>,
    syslog: bool,
    uevents: bool,
    keyrings: bool,
    cgroups: bool,
    statfs: bool,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    arch: u32,
    nr: u32,
    args: [u64; 6],
}

impl Wanted {
    fn filter(&self) -> Filter {
        let filter = self
            .uids
            .iter()
            .fold(Filter::new(), |filter, uid| filter.deny_uid(*uid));
        let filter = if self.syslog {
            filter.deny_syslog()
        } else {
            filter
        };
        let filter = if self.uevents {
            filter.deny_uevent_sockets()
        } else {
            filter
        };
        let filter = if self.keyrings {
            filter.deny_keyrings()
        } else {
            filter
        };
        let filter = if self.cgroups {
            filter.deny_cgroup_namespaces()
        } else {
            filter
        };
        if self.statfs {
            filter.ask_about_statfs()
        } else {
            filter
        }
    }

    /// The dumbest way: a list of numbers for each ABI, written down once more.
    fn model(&self, machine: Machine, entry: Entry) -> u32 {
        let known = match machine {
            Machine::X86 => [X86_64, I386],
            Machine::Arm => [AARCH64, ARM],
        };
        if !known.contains(&entry.arch) {
            return KILL;
        }
        let nr = match entry.arch {
            X86_64 if entry.nr & X32 != 0 => entry.nr - X32,
            _ => entry.nr,
        };
        let uid = |args: &[usize]| {
            let equal = args
                .iter()
                .any(|i| self.uids.contains(&(entry.args[*i] as u32)));
            if equal { EPERM } else { ALLOW }
        };
        let when = |condition: bool, verdict: u32| if condition { verdict } else { ALLOW };
        let low = entry.args.map(|arg| arg as u32);
        match (entry.arch, nr) {
            (X86_64, 105) | (AARCH64, 146) | (I386 | ARM, 213) => uid(&[0]),
            (X86_64, 113) | (AARCH64, 145) | (I386 | ARM, 203) => uid(&[0, 1]),
            (X86_64, 117) | (AARCH64, 147) | (I386 | ARM, 208) => uid(&[0, 1, 2]),
            (X86_64, 122) | (AARCH64, 151) | (I386 | ARM, 215) => uid(&[0]),
            (X86_64 | I386 | ARM, 103) | (AARCH64, 116) => when(self.syslog, EPERM),
            (X86_64, 41) | (I386, 359) | (AARCH64, 198) | (ARM, 281) => {
                when(self.uevents && low[0] == 16 && low[2] == 15, EPERM)
            }
            (I386, 102) => when(self.uevents && low[0] == 1, EPERM),
            (_, 425) => when(self.uevents, ENOSYS),
            (X86_64, 248..=250) | (I386, 286..=288) | (AARCH64, 217..=219) | (ARM, 309..=311) => {
                when(self.keyrings, EPERM)
            }
            (X86_64, 272 | 56) | (I386, 310 | 120) | (AARCH64, 97 | 220) | (ARM, 337 | 120) => {
                when(self.cgroups && low[0] & 0x0200_0000 != 0, EPERM)
            }
            (_, 435) => when(self.cgroups, ENOSYS),
            (X86_64, 137 | 138) | (I386, 99 | 100 | 268 | 269) => when(self.statfs, ASK),
            (AARCH64, 43 | 44) | (ARM, 99 | 100 | 266 | 267) => when(self.statfs, ASK),
            _ => ALLOW,
        }
    }
}

/// Runs `program`; panics where kernel/seccomp.c (`seccomp_check_filter`) would have refused it.
/// Also returns whether an argument was looked at: without that, the kernel answers from its bitmap.
fn run(program: &[sock_filter], entry: Entry) -> (u32, bool) {
    assert!((1..=4096).contains(&program.len()));
    let mut words = [0u32; 16];
    (words[0], words[1]) = (entry.nr, entry.arch);
    for (i, arg) in entry.args.iter().enumerate() {
        // struct seccomp_data on a little-endian machine, the only kind these tests run on
        (words[4 + 2 * i], words[5 + 2 * i]) = (*arg as u32, (*arg >> 32) as u32);
    }
    let (mut pc, mut a, mut looked) = (0, None, false);
    loop {
        let insn = program[pc];
        pc += 1;
        let loaded = || a.expect("accumulator used before it was loaded");
        match insn.code {
            0x20 => {
                assert!(
                    insn.k.is_multiple_of(4) && insn.k < 64,
                    "load of {}",
                    insn.k
                );
                looked |= insn.k >= 16;
                a = Some(words[insn.k as usize / 4]);
            }
            0x54 => a = Some(loaded() & insn.k),
            0x05 => pc += insn.k as usize,
            0x45 => {
                pc += usize::from(if loaded() & insn.k != 0 {
                    insn.jt
                } else {
                    insn.jf
                })
            }
            0x15 => pc += usize::from(if loaded() == insn.k { insn.jt } else { insn.jf }),
            0x06 => return (insn.k, looked),
            other => panic!("unknown operation {other:#x}"),
        }
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }

    fn of<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }

    fn entry(&mut self, uids: &[u32]) -> Entry {
        let arch = match self.below(20) {
            0 => self.below(1 << 32) as u32,
            1 => self.of(&[0, 8, 0x4000_003e, 0x8000_003e, 0xc000_0003, 0xc000_0015]),
            _ => self.of(&[X86_64, X86_64, I386, AARCH64, ARM]),
        };
        let interesting = [
            41, 102, 103, 105, 113, 116, 117, 122, 145, 146, 147, 151, 198, 203, 208, 213, 215,
            281, 359, 425, 248, 250, 286, 288, 217, 219, 309, 311, 56, 272, 120, 310, 97, 220, 337,
            435, 137, 138, 99, 100, 268, 269, 43, 44, 266, 267,
        ];
        let nr = match self.below(4) {
            0 => self.below(600) as u32,
            1 => self.of(&interesting) | self.of(&[X32, 1 << 31, 1 << 29, u32::MAX]),
            _ => self.of(&interesting),
        };
        let args = [(); 6].map(|()| {
            let low = match self.below(3) {
                0 if !uids.is_empty() => self.of(uids),
                1 => self.of(&[
                    0,
                    1,
                    2,
                    14,
                    15,
                    16,
                    17,
                    0xffff,
                    54321,
                    0x0200_0011,
                    u32::MAX,
                ]),
                _ => self.of(&[1, 15, 16]),
            };
            // garbage in the high half must not matter
            u64::from(low) | self.of(&[0, 0, 1, 0xffff_ffff]) << 32
        });
        Entry { arch, nr, args }
    }
}

#[test]
fn random_calls_against_the_model() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut seen = std::collections::HashMap::new();
    for round in 0..400 {
        let wanted = Wanted {
            uids: (0..random.below(4))
                .map(|_| 0x1_0000 + random.below(0xfffe_ffff) as u32)
                .collect(),
            syslog: random.below(2) == 0,
            uevents: random.below(2) == 0,
            keyrings: random.below(2) == 0,
            cgroups: random.below(2) == 0,
            statfs: random.below(2) == 0,
        };
        let machine = [Machine::X86, Machine::Arm][round % 2];
        let program = wanted.filter().program_for(machine);
        for _ in 0..500 {
            let entry = random.entry(&wanted.uids);
            let (said, _) = run(&program, entry);
            assert_eq!(
                said,
                wanted.model(machine, entry),
                "{wanted:?} {machine:?} {entry:x?}"
            );
            *seen.entry(said).or_insert(0) += 1;
        }
    }
    for verdict in [ALLOW, KILL, EPERM, ENOSYS, ASK] {
        assert!(
            seen[&verdict] > 500,
            "{verdict:#x} came {} times",
            seen[&verdict]
        );
    }
}

#[test]
fn every_number_of_every_abi() {
    let wanted = Wanted {
        uids: vec![3_000_000_000],
        syslog: true,
        uevents: true,
        keyrings: true,
        cgroups: true,
        statfs: true,
    };
    for (machine, archs) in [
        (Machine::X86, [X86_64, I386]),
        (Machine::Arm, [AARCH64, ARM]),
    ] {
        let program = wanted.filter().program_for(machine);
        for (arch, nr) in archs
            .into_iter()
            .flat_map(|arch| (0..1024).map(move |nr| (arch, nr)))
        {
            for args in [
                [3_000_000_000; 6],
                [16, 3, 15, 0, 0, 0],
                [1, 0, 0, 0, 0, 0],
                [0; 6],
            ] {
                for nr in [nr, nr | X32] {
                    let entry = Entry { arch, nr, args };
                    assert_eq!(
                        run(&program, entry).0,
                        wanted.model(machine, entry),
                        "{entry:?}"
                    );
                }
            }
        }
    }
}

/// What the kernel's bitmap can answer stays free of charge: no argument is looked at but for calls
/// with a rule about one.
#[test]
fn calls_without_a_rule_are_decided_by_number() {
    let wanted = Wanted {
        uids: vec![70_000],
        syslog: true,
        uevents: true,
        keyrings: true,
        cgroups: true,
        statfs: true,
    };
    let program = wanted.filter().program_for(Machine::X86);
    let looked: Vec<u32> = (0..512)
        .filter(|nr| {
            run(
                &program,
                Entry {
                    arch: X86_64,
                    nr: *nr,
                    args: [0; 6],
                },
            )
            .1
        })
        .collect();
    assert_eq!(looked, [41, 56, 105, 113, 117, 122, 272]);
}

#[test]
fn many_rules_still_fit_the_jumps() {
    let wanted = Wanted {
        uids: (70_000..70_060).collect(),
        syslog: true,
        uevents: true,
        keyrings: true,
        cgroups: true,
        statfs: true,
    };
    let program = wanted.filter().program_for(Machine::X86);
    for (nr, last, verdict) in [
        (117, 70_059, EPERM),
        (117, 70_060, ALLOW),
        (41, 0, ALLOW),
        (425, 0, ENOSYS),
    ] {
        let entry = Entry {
            arch: X86_64,
            nr,
            args: [0, 0, last, 0, 0, 0],
        };
        assert_eq!(run(&program, entry).0, verdict, "{entry:?}");
    }
}

#[test]
fn an_empty_filter_knows_its_abis_only() {
    let program = Filter::new().program_for(Machine::X86);
    for (arch, verdict) in [(X86_64, ALLOW), (I386, ALLOW), (AARCH64, KILL), (0, KILL)] {
        assert_eq!(
            run(
                &program,
                Entry {
                    arch,
                    nr: 425,
                    args: [0; 6]
                }
            )
            .0,
            verdict,
            "{arch:#x}"
        );
    }
}

#[test]
fn uids_that_16_bits_express_are_refused() {
    for uid in [0, 54321, 65534, 65535, u32::MAX] {
        assert!(
            std::panic::catch_unwind(|| Filter::new().deny_uid(uid)).is_err(),
            "{uid}"
        );
    }
}
