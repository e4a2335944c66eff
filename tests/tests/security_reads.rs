//! What is read through /sys is never more than the same credentials read natively, and nothing is
//! written that no rule grants (requirement 1).
//!
//! Loop devices 720 to 739 are this file's.

#[path = "../attacks/mod.rs"]
mod attacks;

use std::collections::BTreeMap;
use std::process::Command;

use attacks::Attempts;
use tests::{Container, Loop, Output, run};

/// A machine's worth of files: capability-checked binaries, files that only root may read, and
/// ordinary attributes.
const TOPS: &[&str] = &[
    "/sys/bus/pci/devices/",
    "/sys/firmware",
    "/sys/kernel/vmcoreinfo",
];

/// Default capabilities of a container, as options.rs has them.
const DEFAULTS: u64 = 0xa004_25fb;

fn tops(extra: &str) -> String {
    let mut all: Vec<String> = Vec::new();
    for top in TOPS {
        // the directories behind the links of a bus
        match top.strip_suffix('/') {
            Some(dir) => {
                let links = std::fs::read_dir(dir).into_iter().flatten().flatten();
                all.extend(
                    links.filter_map(|l| Some(l.path().canonicalize().ok()?.display().to_string())),
                );
            }
            None => all.push((*top).into()),
        }
    }
    all.push(extra.into());
    format!("{all:?}")
}

fn body(tops: &str, caps: &str, uid: u32, modes: &str) -> String {
    format!(
        "TOPS, CAPS, UID, MODES = {tops}, {caps}, {uid}, {modes}\n{}",
        include_str!("../attacks/reads.py")
    )
}

fn table(output: Output) -> BTreeMap<String, String> {
    let output = output.ok();
    let lines = output.lines();
    let pairs = lines.iter().filter_map(|l| l.split_once('\t'));
    pairs.map(|(k, v)| (k.to_string(), v.to_string())).collect()
}

fn natively(body: &str) -> BTreeMap<String, String> {
    table(run(
        Command::new("/usr/bin/python3").args(["-c", &attacks::script(body)])
    ))
}

/// kptr_restrict=1 while this lives: with 0, nobody is refused a pointer.
struct Restricted(String);

impl Restricted {
    const PATH: &str = "/proc/sys/kernel/kptr_restrict";

    fn pointers() -> Restricted {
        let before = std::fs::read_to_string(Restricted::PATH).expect("kptr_restrict");
        std::fs::write(Restricted::PATH, "1").expect("kptr_restrict");
        Restricted(before)
    }
}

impl Drop for Restricted {
    fn drop(&mut self) {
        let _ = std::fs::write(Restricted::PATH, &self.0);
    }
}

type Outcomes = BTreeMap<String, String>;

/// What succeeds inside and not so natively, and what succeeds natively to read and not so inside;
/// what differs between the two native looks does not count.
fn compare(before: &Outcomes, got: &Outcomes, after: &Outcomes) -> (Outcomes, Outcomes) {
    let stable = |key: &String| before.get(key) == after.get(key);
    let differs = |key: &String| stable(key) && before.get(key) != got.get(key);
    let said = |key: &String| format!("{:?}, natively {:?}", got.get(key), before.get(key));
    let more = got
        .iter()
        .filter(|(key, value)| value.starts_with("ok") && differs(key) && !is_uevent_write(key));
    let less = before
        .iter()
        .filter(|(key, value)| key.ends_with(" r") && value.starts_with("ok") && differs(key))
        // the host's interfaces are in its network namespace
        .filter(|(key, _)| !key.contains("/net/"));
    (
        more.map(|(key, _)| (key.clone(), said(key))).collect(),
        less.map(|(key, _)| (key.clone(), said(key))).collect(),
    )
}

/// What succeeds inside succeeds natively, byte for byte; what does natively and not inside is to
/// write.
///
/// Defences: reads run as the caller and without capabilities (`assume` in viewfs::pool); files are
/// opened for writing only where a rule says so (`open_write` in viewfs::filter).
#[test]
fn reads_are_never_more_than_native() {
    let _restricted = Restricted::pointers();
    let device = Loop::add(720);
    let tops = tops(&device.syspath().display().to_string());
    let modes = "['r', 'w', 'rw']";
    let mighty = natively(&body(&tops, "None", 0, "['r']"));
    // identity: name, user namespace, its capabilities, uid inside, uid of the same outside
    let identities = [
        ("container's root", false, Some(DEFAULTS), 0, 0),
        ("root without capabilities", false, Some(0), 0, 0),
        ("uid 1000", false, Some(0), 1000, 1000),
        ("root of a user namespace", true, None, 0, 100_000),
    ];
    for (name, userns, caps, inside, outside) in identities {
        let container = Container::new().policy("builtin:all");
        let container = if userns {
            container.userns()
        } else {
            container
        };
        let as_whom = |caps: Option<u64>| caps.map_or("None".to_string(), |c| c.to_string());
        // natively the namespace's root has nothing over files of the host's
        let native = || natively(&body(&tops, &as_whom(caps.or(Some(0))), outside, modes));
        let inside_now = || {
            table(container.python(&attacks::script(&body(
                &tops,
                &as_whom(caps),
                inside,
                modes,
            ))))
        };
        let mut got = inside_now();
        let (mut more, mut less) = compare(&native(), &got, &native());
        // what changes by itself, such as the requests under way on a disk, does not differ in the
        // same way again and again
        for _ in 0..4 {
            if more.is_empty() && less.is_empty() {
                break;
            }
            let before = native();
            got = inside_now();
            let (more_now, less_now) = compare(&before, &got, &native());
            more.retain(|key, _| more_now.contains_key(key));
            less.retain(|key, _| less_now.contains_key(key));
        }
        assert!(more.is_empty(), "{name} gets more than natively: {more:#?}");
        assert!(less.is_empty(), "{name} gets less than natively: {less:#?}");

        let written: Vec<&String> = got
            .iter()
            .filter(|(key, value)| {
                !key.ends_with(" r") && value.starts_with("ok") && !is_uevent_write(key)
            })
            .map(|(key, _)| key)
            .collect();
        assert!(written.is_empty(), "{name} opens for writing: {written:?}");

        // against vacuity: there is something that depends on capabilities, and something on the mode
        let checked = got.iter().filter(|(key, value)| {
            key.ends_with("/config r")
                && mighty[*key].starts_with("ok 256 ")
                && value.starts_with("ok 64 ")
        });
        assert!(
            checked.count() > 0,
            "{name}: no PCI config was read in part: {got:#?}"
        );
        if outside != 0 {
            let refused = got.iter().filter(|(key, value)| {
                key.ends_with(" r") && *value == "EACCES" && mighty[*key].starts_with("ok")
            });
            assert!(
                refused.count() > 0,
                "{name}: no file of mode 0400 was tried"
            );
        }
    }
}

/// A `uevent` file is root's to open and write in every container, and the write goes nowhere but
/// there.
fn is_uevent_write(key: &str) -> bool {
    key.ends_with("/uevent w") || key.ends_with("/uevent rw")
}

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

/// Defences: as above, and `FileAccess::Write` only for what `sysfs.write` names; `default_permissions`
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
