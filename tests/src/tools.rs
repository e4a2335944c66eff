//! Tools that know nothing of us: a container for them, and what they say inside and natively.

use std::fmt::Debug;
use std::process::Command;

use crate::{ByHand, Container, Loop, Output, run};

/// A policy that shows two disks and `tty9`, besides what `minimal` does, and what it means: in a container
/// without and in one with a user namespace.
pub fn two_disks_and_a_terminal(disks: [&Loop; 2]) -> ([(&'static str, Container); 2], ByHand) {
    let [a, b] = disks.map(Loop::name);
    let rules = format!(
        "version: 1\npolicies:\n  test:\n    rules:\n      - name: two disks\n        \
         match: {{ subsystem: block, devname: [{a}, {b}] }}\n        show: rw\n      - name: a terminal\n        \
         match: {{ subsystem: tty, devname: tty9 }}\n        show: rw\n"
    );
    let containers = [
        ("plain", Container::new().rules(&rules)),
        ("userns", Container::new().rules(&rules).userns()),
    ];
    let [a, b] = disks.map(Loop::devpath);
    let minimal = ByHand::minimal().and("/devices/virtual/tty/tty9");
    (containers, minimal.and(&a).and(&b))
}

/// A command line without the environment variable that would help libudev.
pub fn unhelped<'a>(words: &[&'a str]) -> Vec<&'a str> {
    [&["env", "-u", "SYSTEMD_DEVICE_VERIFY_SYSFS"], words].concat()
}

/// Run a command line inside, without help.
///
/// # Panics
/// When it does not end in time.
#[track_caller]
pub fn inside(container: &Container, command: &str) -> Output {
    container.run(&unhelped(&command.split(' ').collect::<Vec<_>>()))
}

/// Run a command line on the host.
///
/// # Panics
/// When it does not end in time.
#[track_caller]
pub fn natively(command: &str) -> Output {
    let mut words = command.split(' ');
    let program = words.next().unwrap_or_default();
    run(Command::new(program).args(words))
}

/// The same from both. What is expected is asked for before and after: the machine itself may change
/// meanwhile, since other tests plug things, and memory comes and goes below a virtual machine.
///
/// # Panics
/// When they differ five times.
#[track_caller]
pub fn same<T: PartialEq + Debug>(
    what: &str,
    mut expected: impl FnMut() -> T,
    mut seen: impl FnMut() -> T,
) {
    let mut tries = 1..5;
    loop {
        let (before, seen) = (expected(), seen());
        if seen == before || seen == expected() {
            return;
        }
        if tries.next().is_none() {
            assert_eq!(seen, before, "{what}");
        }
    }
}
