//! What a command finds in `devns run`: environment, names, mounts, root file system, ids.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use tests::{Container, Rootfs, unique};

#[test]
fn the_environment_is_clean() {
    let name = unique("env");
    let seen = Container::new()
        .name(&name)
        .args(["-e", "A=b=c", "-e", "HOME=/elsewhere"])
        .run(&["env"])
        .ok();
    let mut lines = seen.lines();
    lines.sort_unstable();
    let host = format!("HOSTNAME={name}");
    let mut expected = vec![
        "A=b=c",
        "HOME=/elsewhere",
        &host,
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "SYSTEMD_DEVICE_VERIFY_SYSFS=0",
        "container=devns",
    ];
    expected.sort_unstable();
    assert_eq!(lines, expected);
}

#[test]
fn the_name_is_the_host_name() {
    for userns in [false, true] {
        let name = unique("host");
        let container = Container::new().name(&name);
        let container = if userns {
            container.userns()
        } else {
            container
        };
        assert_eq!(container.run(&["hostname"]).ok().stdout.trim(), name);
    }
    assert_ne!(tests::sh("hostname").trim(), "");
}

/// The fields that matter of each line of mountinfo: place, options, type.
fn mounts(mountinfo: &str) -> Vec<(String, String, String)> {
    let field = |line: &str, at: usize| line.split(' ').nth(at).unwrap_or_default().to_string();
    let kind = |line: &str| {
        line.split(" - ")
            .nth(1)
            .map(|r| field(r, 0))
            .unwrap_or_default()
    };
    mountinfo
        .lines()
        .map(|l| (field(l, 4), field(l, 5), kind(l)))
        .collect()
}

#[test]
fn no_mount_is_the_hosts_and_only_dev_has_nodes() {
    let rootfs = Rootfs::new();
    let cases = [
        Container::new(),
        Container::new().userns(),
        Container::new().net_host(),
        Container::new().root(rootfs.dir()),
        Container::new().root(rootfs.dir()).userns(),
        Container::new().args(["--statfs", "real"]),
        Container::new().userns().args(["--statfs", "real"]),
    ];
    for container in cases {
        let seen = container.run(&["cat", "/proc/self/mountinfo"]).ok();
        let mounts = mounts(&seen.stdout);
        for (place, options, kind) in &mounts {
            let has = |option: &str| options.split(',').any(|o| o == option);
            assert!(
                ![
                    "sysfs", "devtmpfs", "cgroup", "cgroup2", "debugfs", "tracefs"
                ]
                .contains(&kind.as_str()),
                "{place} is {kind}"
            );
            assert!(has("nosuid"), "{place}: {options}");
            let with_nodes = place == "/dev" || place == "/dev/pts";
            assert_eq!(has("nodev"), !with_nodes, "{place}: {options}");
        }
        let of = |place: &str| {
            mounts
                .iter()
                .filter(|m| m.0 == place)
                .map(|m| m.2.as_str())
                .collect::<Vec<_>>()
        };
        assert_eq!(of("/sys"), ["fuse.fusefs-sysfs"], "{seen}");
        assert_eq!(of("/dev"), ["fuse.fusefs-dev"], "{seen}");
        let rest =
            ["/dev/pts", "/dev/shm", "/dev/mqueue", "/proc", "/run"].map(|p| of(p).join(" "));
        assert_eq!(
            rest,
            ["devpts", "tmpfs", "mqueue", "proc", "tmpfs"],
            "{seen}"
        );
    }
}

#[test]
fn run_udev_is_there_and_empty() {
    for container in [Container::new(), Container::new().userns()] {
        let seen = container
            .sh("test -d /run/udev && ls -A /run/udev | wc -l; ls -A /run")
            .ok();
        assert_eq!(seen.lines(), ["0", "udev"]);
    }
}

#[test]
fn each_container_has_ids_of_its_own() {
    let start = || {
        Container::new().userns().start(&[
            "sh",
            "-c",
            "echo map $(cat /proc/self/uid_map) $(cat /proc/self/gid_map); read x",
        ])
    };
    let mut all = Vec::new();
    for _ in 0..3 {
        let mut running = start();
        let line = running.expect("map");
        let fields: Vec<u64> = line
            .split(' ')
            .skip(1)
            .filter_map(|f| f.parse().ok())
            .collect();
        let [0, first, count, 0, first_gid, count_gid] = fields[..] else {
            panic!("{line}");
        };
        assert_eq!((first, count), (first_gid, count_gid), "{line}");
        assert!(first >= 100_000 && count >= 65_536, "{line}");
        // on the host it is that uid
        let pid = running.first_process();
        assert_eq!(
            u64::from(fs::metadata(format!("/proc/{pid}")).expect("it").uid()),
            first
        );
        all.push((first, count, running));
    }
    for (at, (first, count, _)) in all.iter().enumerate() {
        for (other, _, _) in &all[at + 1..] {
            assert!(
                first + count <= *other || *other + count <= *first,
                "{first} and {other} overlap"
            );
        }
    }
}

#[test]
fn capabilities_and_restrictions_are_the_default_ones() {
    let expected = [
        "CapInh:\t0000000000000000",
        "CapPrm:\t00000000a00425fb",
        "CapEff:\t00000000a00425fb",
        "CapBnd:\t00000000a00425fb",
        "CapAmb:\t0000000000000000",
        "NoNewPrivs:\t1",
        "Seccomp:\t2",
    ];
    for statfs in ["sysfs", "real"] {
        let seen = Container::new()
            .args(["--statfs", statfs])
            .sh("grep -E '^(Cap|NoNew|Seccomp:)' /proc/self/status")
            .ok();
        assert_eq!(seen.lines(), expected, "{statfs}");
    }
}

#[test]
fn what_ends_a_guarantee_is_said() {
    Container::new().sh("true").ok().says("this is no boundary");
    assert!(
        !Container::new()
            .userns()
            .sh("true")
            .ok()
            .stderr
            .contains("boundary")
    );
    let admin = Container::new()
        .args(["--cap-add", "SYS_ADMIN"])
        .sh("true")
        .ok();
    admin
        .says("with CAP_SYS_ADMIN it can mount sysfs")
        .says("without --userns this is no boundary");
}

/// A policy bound to the container's name or label needs no `--use`.
#[test]
fn a_policy_is_found_by_name_and_label() {
    let rules = "version: 1\ncontainers:\n  - match: { name: \"red-*\" }\n    policy: red\n  - match: { label: { colour: blue } }\n    \
                 policy: blue\npolicies:\n  red:\n    base: []\n    rules:\n      - name: r\n        match: { devname: loop2 }\n        \
                 show: rw\n  blue:\n    base: []\n    rules:\n      - name: b\n        match: { devname: loop4 }\n        show: rw\n";
    for number in [2, 4] {
        match sys::loopdev::add(number) {
            Err(e) if e.errno() != libc::EEXIST => panic!("{e}"),
            _ => {}
        }
    }
    let list = |c: Container| c.rules(rules).run(&["ls", "/sys/class/block"]).ok().stdout;
    assert_eq!(list(Container::new().name(&unique("red-"))), "loop2\n");
    assert_eq!(
        list(Container::new().args(["--label", "colour=blue"])),
        "loop4\n"
    );
    assert_eq!(list(Container::new().args(["--use", "red"])), "loop2\n");
    assert_eq!(list(Container::new()), "", "no binding: minimal");
    Container::new()
        .args(["--use", "green"])
        .rules(rules)
        .limit(Duration::from_secs(10))
        .sh("true")
        .exits(125)
        .says("green");
}
