//! A container that holds a directory of its view for good (requirement 4): it reads the listing
//! into a page that never comes, so the kernel keeps the directory's lock, and whoever tells the
//! kernel to forget a name there waits for that lock and cannot even be killed.
//!
//! Defences: a process of its own writes the notifications (`Relay` in viewfs), with a deadline
//! (`CACHE_PATIENCE` in engine); access is revoked before (`Engine::apply`); the container that holds
//! is ended (`on_broken` in run/container.rs), and devns does not wait for a relay that sleeps.
//! Loop devices 700 to 719 are this file's.

#[path = "../attacks/mod.rs"]
mod attacks;

use std::time::{Duration, Instant};

use tests::{Container, Heard, Loop, eventually, leftovers};

struct Attack {
    how: &'static str,
    directory: &'static str,
    first: u32,
}

impl Attack {
    /// Pull the device whose name is held, and another at the same time.
    fn carry_out(&self, container: Container, more_rules: &str) {
        let (one, two) = (Loop::add(self.first), Loop::add(self.first + 1));
        let name = tests::unique("hostage");
        let rules = format!(
            "{}{more_rules}",
            tests::container::show_block(&[&one.name(), &two.name()])
        );
        let body = format!(
            "HOW, DIRECTORY, NAME = {:?}, {:?}, {:?}\n{}",
            self.how,
            self.directory,
            one.name(),
            include_str!("../attacks/hostage.py")
        );
        let container = container.name(&name).rules(&rules).gate("v1");
        let mut attacker = container.start(&["python3", "-c", &attacks::script(&body)]);
        assert_eq!(
            attacker.line(Duration::from_secs(20), |_| true).as_deref(),
            Some("held"),
            "{}",
            attacker.so_far()
        );

        let neighbours = Loop::add(self.first + 2);
        let name_of = neighbours.name();
        neighbours.remove();
        let mut neighbour = Heard::start(&Container::new().shows(&[&name_of]));

        let (number, other) = (self.first, self.first + 1);
        let begun = Instant::now();
        one.remove();
        eventually(
            "the grant is revoked at once",
            Duration::from_millis(500),
            || !granted(&name, number),
        );
        two.remove();

        // the neighbour does not wait for it
        let plugged = Instant::now();
        let again = Loop::add(self.first + 2);
        let add = neighbour.expect(&format!("add@{}", again.devpath()));
        assert_eq!(add["node"], "ok", "{add}");
        assert!(
            plugged.elapsed() < Duration::from_secs(1),
            "the neighbour waited {:?}",
            plugged.elapsed()
        );

        // nor does a revocation of its own
        eventually("the other grant is revoked", Duration::from_secs(1), || {
            !granted(&name, other)
        });
        let pid = attacker.pid();
        let ended = attacker.wait(Duration::from_secs(15)).exits(125);
        assert!(
            ended.stderr.contains("it is ended"),
            "nothing was reported: {ended}"
        );
        assert!(
            begun.elapsed() < Duration::from_secs(12),
            "it took {:?} to end it",
            begun.elapsed()
        );
        let left = leftovers::of(&name, pid);
        assert!(left.is_empty(), "left behind: {left:#?}");
    }
}

/// Whether the gate of container `name` has an entry for loop device `number`: gone with the cgroup.
fn granted(name: &str, number: u32) -> bool {
    let dirs = std::fs::read_dir("/sys/fs/cgroup/devices/devns")
        .into_iter()
        .flatten()
        .flatten();
    let mut own = dirs.filter(|d| d.file_name().to_string_lossy().starts_with(name));
    own.any(|d| {
        let list = std::fs::read_to_string(d.path().join("devices.list")).unwrap_or_default();
        list.lines()
            .any(|l| l.starts_with(&format!("b 7:{number} ")))
    })
}

#[test]
fn holding_a_class_directory() {
    let attack = Attack {
        how: "userfaultfd",
        directory: "/sys/class/block",
        first: 700,
    };
    attack.carry_out(Container::new().args(["--cap-add", "SYS_PTRACE"]), "");
}

#[test]
fn holding_dev() {
    let attack = Attack {
        how: "userfaultfd",
        directory: "/dev",
        first: 703,
    };
    attack.carry_out(Container::new().args(["--cap-add", "SYS_PTRACE"]), "");
}

/// Without any capability, where the policy gives /dev/fuse; there the one that holds cannot be
/// killed either before its own connection is aborted.
#[test]
fn holding_with_a_page_of_its_own_fuse() {
    let attack = Attack {
        how: "fuse",
        directory: "/sys/class/block",
        first: 706,
    };
    let fuse = "      - match: { subsystem: misc, devname: fuse }\n        show: rw\n";
    attack.carry_out(Container::new(), fuse);
}

/// A process whose first thread is gone, and whose last waits, on its way out, for a FUSE server that was
/// another of them. No list of processes has it any more, and it cannot be killed.
///
/// Defence: `threads` in host/src/cgroup/kill.rs; without it, the end takes ten seconds and the cgroup stays.
#[test]
fn ending_with_a_file_of_its_own_fuse_open() {
    let name = tests::unique("hostage");
    let rules = "version: 1\npolicies:\n  test:\n    rules:\n      - match: { subsystem: misc, devname: fuse }\n        show: rw\n";
    let body = format!(
        "{}\n{}",
        include_str!("../attacks/statfs.py"),
        "nest(NEWNS)
hung_mount('/mnt')
file = os.open('/mnt/page', os.O_RDONLY)
print('open', flush=True)
syscall(60, 0)"
    );
    let container = Container::new().name(&name).rules(rules);
    let shell = "python3 -c \"$0\" & sleep 1000";
    let mut attacker = container.start(&["sh", "-c", shell, &attacks::script(&body)]);
    attacker.expect("open");
    // until the first thread is gone
    std::thread::sleep(Duration::from_millis(200));
    let pid = attacker.pid();
    attacker.signal(nix::sys::signal::Signal::SIGTERM);
    attacker.wait(Duration::from_secs(8)).exits(128 + 15);
    let left = leftovers::of(&name, pid);
    assert!(left.is_empty(), "left behind: {left:#?}");
}
