//! Tools that know nothing of us, in a container that has two disks and a terminal: they exit as they do
//! natively, complain of nothing that they do not complain of natively, and list what the policy shows and
//! nothing else. Nothing helps them: the environment variable for libudev is taken away.
//!
//! Loop devices 820 to 834 are this file's.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;
use tests::tools::{inside, natively, same, two_disks_and_a_terminal};
use tests::{Container, Loop, Output};

/// Two disks that show and a third that is hidden, from loop device `first` on.
fn disks(first: u32) -> [Loop; 3] {
    [0, 1, 2].map(|n| {
        let mut disk = Loop::add(first + n);
        disk.fill(&[b'x'; 1 << 20]);
        disk
    })
}

/// What remains to say: devns speaks for itself.
fn complaints(output: &Output) -> BTreeSet<String> {
    let lines = output.stderr.lines().filter(|l| !l.starts_with("devns: "));
    lines.map(String::from).collect()
}

#[test]
fn they_exit_as_natively_and_complain_of_nothing_new() {
    let [a, b, _hidden] = disks(820);
    let (containers, _) = two_disks_and_a_terminal([&a, &b]);
    for (name, container) in containers {
        for command in [
            "udevadm info --export-db",
            "udevadm trigger --verbose --dry-run",
            "lsblk",
            "lsblk -J",
            "lsblk -O",
            "lspci",
            "lspci -v",
            "lscpu",
            "lscpu -e",
            "lsmem",
            "lstopo-no-graphics",
            "lstopo-no-graphics --whole-io",
            "find /sys -ls",
            "tar cf /dev/null /sys",
            "systemd-detect-virt --vm",
            "ip -br link",
        ] {
            let seen = inside(&container, command);
            let adds_nothing = |native: &Output| complaints(&seen).is_subset(&complaints(native));
            let as_natively = (0..5).any(|_| {
                let native = natively(command);
                seen.code() == native.code() && adds_nothing(&native)
            });
            // below the host's tar other tests' devices come and go, which it takes for a failure: where it
            // is never left alone, one inside that has no failure is right
            assert!(
                as_natively || seen.code() == Some(0) && adds_nothing(&natively(command)),
                "{name} {command}\n{seen}\nand natively\n{}",
                natively(command)
            );
        }
        // what is a container for the host's tools too, and what they can tell of it
        let virt = inside(&container, "systemd-detect-virt").ok();
        assert_eq!(virt.stdout, "container-other\n", "{name}");
        assert!(complaints(&virt).is_empty(), "{virt}");
        same(
            "what it runs on",
            || natively("systemd-detect-virt --vm").stdout,
            || inside(&container, "systemd-detect-virt --vm").stdout,
        );
    }
}

/// A device in `udevadm info --export-db`: its path, its properties.
fn exported(output: &str) -> Vec<(String, BTreeSet<String>)> {
    let of = |record: &str, key: &str| -> BTreeSet<String> {
        let values = record.lines().filter_map(|l| l.strip_prefix(key));
        values.map(String::from).collect()
    };
    let records = output.split("\n\n").filter(|r| r.contains("P: "));
    let mut all: Vec<_> = records
        .map(|r| (of(r, "P: ").into_iter().collect(), of(r, "E: ")))
        .collect();
    all.sort();
    all
}

/// The same, from the host's sysfs: what udev, who is not there, would add is not.
fn exported_by_hand(path: &str) -> Option<(String, BTreeSet<String>)> {
    let subsystem = fs::read_link(format!("/sys{path}/subsystem")).ok()?;
    let own = [
        format!("DEVPATH={path}"),
        format!("SUBSYSTEM={}", subsystem.file_name()?.to_string_lossy()),
    ];
    let text = fs::read_to_string(format!("/sys{path}/uevent")).ok()?;
    let named = |line: &str| match line.strip_prefix("DEVNAME=") {
        Some(name) => format!("DEVNAME=/dev/{name}"),
        None => line.to_string(),
    };
    let lines = text.lines().filter(|l| l.contains('='));
    Some((
        path.into(),
        own.into_iter().chain(lines.map(named)).collect(),
    ))
}

#[test]
fn udevadm_lists_what_shows() {
    let [a, b, hidden] = disks(823);
    let (containers, by_hand) = two_disks_and_a_terminal([&a, &b]);
    for (name, container) in containers {
        same(
            &format!("{name}: the database"),
            || {
                let devices = by_hand.devices();
                let devices = devices.iter().filter_map(|path| exported_by_hand(path));
                devices.collect::<Vec<_>>()
            },
            || {
                let output = inside(&container, "udevadm info --export-db").ok();
                exported(&output.stdout)
            },
        );
        same(
            &format!("{name}: what a trigger would trigger"),
            || {
                let devices = by_hand.devices().into_iter();
                devices.map(|d| format!("/sys{d}")).collect::<Vec<_>>()
            },
            || {
                let output = inside(&container, "udevadm trigger --verbose --dry-run").ok();
                let mut lines: Vec<String> = output.stdout.lines().map(String::from).collect();
                lines.sort();
                lines
            },
        );
    }
    // against vacuity
    let devices = by_hand.devices();
    for path in [
        "mem/null",
        "tty/tty9",
        "net/lo",
        "block/loop823",
        "block/loop824",
    ] {
        assert!(
            devices.contains(&format!("/devices/virtual/{path}")),
            "{path}"
        );
    }
    assert!(!devices.contains(&hidden.devpath()) && devices.len() > 14);
}

/// What `lsblk -J` says of these disks.
fn listed(output: &Output, keep: impl Fn(&str) -> bool) -> Vec<Value> {
    let all = output.json()["blockdevices"].as_array().cloned();
    let kept = |disk: &Value| disk["name"].as_str().is_some_and(&keep);
    all.expect("a list").into_iter().filter(kept).collect()
}

#[test]
fn lsblk_lspci_and_ip_list_what_shows() {
    let [a, b, _hidden] = disks(826);
    let (containers, _) = two_disks_and_a_terminal([&a, &b]);
    let (a, b) = (a.name(), b.name());
    let ours = |name: &str| name == a || name == b;
    for (name, container) in containers {
        for command in [
            "lsblk -J",
            "lsblk -J -b -o NAME,MAJ:MIN,SIZE,RO,TYPE,LOG-SEC,ROTA,SCHED",
        ] {
            let native = listed(&natively(command), ours);
            assert_eq!(native.len(), 2, "{native:?}");
            let seen = inside(&container, command).ok();
            assert_eq!(listed(&seen, |_| true), native, "{name} {command}");
        }
        let words =
            |line: &str| -> Vec<String> { line.split_whitespace().map(String::from).collect() };
        let seen = inside(&container, "lsblk").ok();
        let native = natively("lsblk");
        let wanted = native.lines().into_iter();
        let wanted = wanted.filter(|l| l.starts_with("NAME") || ours(&words(l)[0]));
        let seen: Vec<_> = seen.lines().into_iter().map(words).collect();
        assert_eq!(seen, wanted.map(words).collect::<Vec<_>>(), "{name}");

        assert_eq!(inside(&container, "lspci").ok().stdout, "", "{name}");
        let links = inside(&container, "ip -br link").ok();
        let names: Vec<&str> = links
            .lines()
            .iter()
            .filter_map(|l| l.split(' ').next())
            .collect();
        assert_eq!(names, ["lo"], "{name}");
    }
}

/// Less what moves by itself.
fn lasting(output: Output) -> Vec<String> {
    let moves = |line: &str| line.contains("MHz");
    let lines = output.stdout.lines().filter(|l| !moves(l));
    lines.map(String::from).collect()
}

#[test]
fn processors_and_memory_are_the_machines_and_nothing_hangs_on_them() {
    let [a, b, _hidden] = disks(829);
    let (containers, _) = two_disks_and_a_terminal([&a, &b]);
    for (name, container) in containers {
        for (command, native) in [
            ("lscpu", "lscpu"),
            ("lscpu -e", "lscpu -e"),
            ("lsmem", "lsmem"),
            ("lstopo-no-graphics", "lstopo-no-graphics --no-io"),
        ] {
            same(
                &format!("{name} {command}"),
                || lasting(natively(native)),
                || lasting(inside(&container, command)),
            );
        }
    }
}

#[test]
fn find_and_tar_walk_what_shows() {
    let [a, b, hidden] = disks(832);
    let (containers, by_hand) = two_disks_and_a_terminal([&a, &b]);
    // names have no spaces, and what stands behind an arrow is a target
    let found = |output: &Output| -> BTreeSet<String> {
        let path = |line: &str| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let last = words.iter().position(|w| *w == "->").unwrap_or(words.len());
            below_sys(words[last - 1])
        };
        output.stdout.lines().map(path).collect()
    };
    for (name, container) in containers {
        for command in ["find /sys -ls", "tar cvf /dev/null /sys"] {
            same(
                &format!("{name} {command}"),
                || by_hand.paths(),
                || found(&inside(&container, command).ok()),
            );
        }
    }
    let paths = by_hand.paths();
    for path in [
        "/block/loop832",
        "/class/tty/tty9",
        "/dev/char/4:9",
        "/devices/virtual/block/loop833/queue/scheduler",
        "/devices/system/cpu/online",
    ] {
        assert!(paths.contains(path), "{path}");
    }
    assert!(!paths.iter().any(|p| p.contains(&hidden.name())));
}

/// A path as `find` and `tar` print it, below /sys.
fn below_sys(path: &str) -> String {
    let path = path.trim_start_matches('/').trim_end_matches('/');
    match path.strip_prefix("sys") {
        Some("") => "/".into(),
        below => below.unwrap_or(path).into(),
    }
}

/// Where everything shows, they list all that they list natively: what they do not list above is hidden,
/// not lost.
#[test]
fn where_everything_shows_they_list_everything() {
    let all = Container::new().policy("builtin:all");
    for command in ["lspci", "lspci -n", "lscpu", "lsmem"] {
        same(
            command,
            || lasting(natively(command)),
            || lasting(inside(&all, command)),
        );
    }
    // what hangs on a bus, less the interfaces: those are the host's own
    let io = |output: Output| -> Vec<String> {
        let lines = lasting(output).into_iter();
        lines.filter(|l| !l.contains("Net \"")).collect()
    };
    let command = "lstopo-no-graphics --whole-io";
    same(
        command,
        || io(natively(command)),
        || io(inside(&all, command)),
    );
    assert!(
        natively("lspci").stdout.lines().count() > 0,
        "a machine with PCI"
    );
}
