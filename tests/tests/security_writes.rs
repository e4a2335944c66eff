//! Nothing is written that no rule grants (requirement 1). What is read, and by whom, is in
//! `differential.rs`.
//!
//! Loop devices 720 to 739 are this file's.

#[path = "../attacks/mod.rs"]
mod attacks;

use attacks::Attempts;
use tests::{Container, Loop};

const WRITES: &str = r#"
BLOCK = "/sys/devices/virtual/block/" + NAME
attempt("mtu", lambda: written("/sys/class/net/lo/mtu", "1500"))
attempt("ro", lambda: written(BLOCK + "/ro", "1"))
attempt("not granted", lambda: written(BLOCK + "/queue/nr_requests", "64"))
attempt("granted", lambda: written(BLOCK + "/queue/read_ahead_kb", "64"))


def through(flags):
    fd = os.open(BLOCK + "/queue/nomerges", flags)
    os.write(fd, b"1")


def reopened(flags):
    fd = os.open(BLOCK + "/queue/nomerges", os.O_PATH)
    os.write(os.open("/proc/self/fd/%d" % fd, flags), b"1")


def mapped():
    fd = os.open(BLOCK + "/queue/nomerges", os.O_RDONLY)
    mmap.mmap(fd, 4096, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)[0:1] = b"1"


attempt("through O_RDONLY", lambda: through(os.O_RDONLY))
attempt("through O_RDWR", lambda: through(os.O_RDWR))
attempt("through neither", lambda: through(3))
attempt("through O_PATH", lambda: reopened(os.O_WRONLY))
attempt("through O_PATH and O_RDWR", lambda: reopened(os.O_RDWR))
attempt("by truncation", lambda: os.truncate(BLOCK + "/queue/nomerges", 0))
attempt("opened to truncate", lambda: through(os.O_RDONLY | os.O_TRUNC))
attempt("through a map", lambda: mapped())
attempt("chmod", lambda: os.chmod(BLOCK + "/queue/nomerges", 0o666))
attempt("chown", lambda: os.chown(BLOCK + "/queue/nomerges", 1000, 1000))
for name in ("bind", "unbind", "new_id", "remove_id", "uevent"):
    for top, dirs, files in os.walk("/sys/bus"):
        if name in files:
            say("found " + name, top)
say("found", "walked")


def other():
    os.setgroups([])
    os.setresgid(1000, 1000, 1000)
    os.setresuid(1000, 1000, 1000)
    written(BLOCK + "/queue/read_ahead_kb", "32")


def other_uevent():
    os.setresuid(1000, 1000, 1000)
    written(BLOCK + "/uevent", "change")


attempt("granted, by uid 1000", other)
attempt("uevent, by uid 1000", other_uevent)
"#;

/// Defences: files are opened for writing only where a rule says so (`open_write` in viewfs::filter),
/// `FileAccess::Write` only for what `sysfs.write` names; `default_permissions`
/// keeps others than the container's root from what is granted.
#[test]
fn only_what_a_rule_grants_is_written() {
    for (userns, number) in [(false, 721), (true, 722)] {
        let device = Loop::add(number);
        let host = |file: &str| {
            let path = device.syspath().join(file);
            std::fs::read_to_string(&path)
                .unwrap_or_else(|e| panic!("{path:?}: {e}"))
                .trim()
                .to_string()
        };
        let before = (
            host("queue/nomerges"),
            host("queue/nr_requests"),
            host("ro"),
        );
        let rules = format!(
            "version: 1\npolicies:\n  test:\n    rules:\n      - match: {{ subsystem: block, devname: {} }}\n        \
             show: rw\n        sysfs: {{ write: [queue/read_ahead_kb] }}\n",
            device.name()
        );
        let container = Container::new().rules(&rules);
        let container = if userns {
            container.userns()
        } else {
            container
        };
        let body = format!("NAME = {:?}\n{WRITES}", device.name());
        let all = Attempts::inside(&container, &body);
        all.are(&[
            ("mtu", "EACCES"),
            ("ro", "EACCES"),
            ("not granted", "EACCES"),
            ("granted", "ok"),
            // the caller's own descriptor says so already
            ("through O_RDONLY", "EBADF"),
            ("through O_RDWR", "EACCES"),
            ("through O_PATH", "EACCES"),
            ("through O_PATH and O_RDWR", "EACCES"),
            ("by truncation", "EACCES"),
            ("granted, by uid 1000", "EACCES"),
            ("uevent, by uid 1000", "EACCES"),
            ("chmod", "EPERM"),
            ("chown", "EPERM"),
        ]);
        all.all("through neither", &["EACCES", "EBADF"]);
        all.all("opened to truncate", &["EACCES", "EBADF"]);
        all.all("through a map", &["EACCES", "ENODEV"]);
        // no bind, unbind and so on anywhere below /sys/bus
        all.all("found", &["walked"]);
        assert_eq!(
            host("queue/read_ahead_kb"),
            "64",
            "the granted write had no effect"
        );
        let after = (
            host("queue/nomerges"),
            host("queue/nr_requests"),
            host("ro"),
        );
        assert_eq!(before, after, "something was written: {}", all.output);
    }
}
