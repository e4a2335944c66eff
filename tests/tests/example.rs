//! The example in the README shows its two loop devices, and no other device of the host.

use std::collections::BTreeSet;

use host::{Sysfs, enumerate};
use tests::binaries::repository;
use tests::{Container, Veth, sh};

/// The devices that `examples/loop.yaml` shows.
const SHOWN: [u32; 2] = [3, 5];

fn example() -> Container {
    for number in SHOWN {
        // most machines have eight of them from boot; they stay
        match sys::loopdev::add(number) {
            Err(e) if e.errno() != libc::EEXIST => panic!("{e}"),
            _ => {}
        }
    }
    Container::new().policy(repository("examples/loop.yaml"))
}

#[test]
fn exactly_the_allowed_loop_devices_show() {
    for container in [example(), example().userns(), example().net_host()] {
        let seen = container
            .sh("cd /sys/class/block && ls -1; cd /sys/block && ls -1; ls -1 /sys/dev/block")
            .ok();
        assert_eq!(
            seen.lines(),
            ["loop3", "loop5", "loop3", "loop5", "7:3", "7:5"]
        );
        let seen = container.sh("ls -1 /dev").ok();
        let nodes = [
            "core", "fd", "full", "loop3", "loop5", "mqueue", "null", "ptmx", "pts", "random",
            "shm", "stderr", "stdin", "stdout", "tty", "urandom", "zero",
        ];
        assert_eq!(seen.lines(), nodes);
        let seen = container
            .sh("stat -c '%n %F %t:%T %u' /dev/loop3 /dev/loop5 /dev/null")
            .ok();
        let expected = [
            "/dev/loop3 block special file 7:3 0",
            "/dev/loop5 block special file 7:5 0",
            "/dev/null character special file 1:3 0",
        ];
        assert_eq!(seen.lines(), expected);
    }
}

/// `find` meets no error, and no name of a device of the host but those that are shown.
#[test]
fn no_path_names_another_device() {
    let container = example();
    let found = container.sh("find /sys /dev").ok();
    let complaints: Vec<&str> = found
        .stderr
        .lines()
        .filter(|l| !l.starts_with("devns: "))
        .collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
    let paths: BTreeSet<&str> = found.stdout.lines().collect();
    assert!(
        paths.len() > 100 && paths.contains("/sys/devices/virtual/block/loop3/queue"),
        "{}",
        paths.len()
    );

    let sysfs = Sysfs::mount(None).expect("the host's sysfs");
    let devices = enumerate::devices(&sysfs).expect("the host's devices");
    let is_shown = |devpath: &str| {
        let shown = paths.contains(format!("/sys{devpath}").as_str());
        let allowed = SHOWN
            .iter()
            .any(|n| devpath == format!("/devices/virtual/block/loop{n}"));
        let standard = devpath.starts_with("/devices/virtual/mem/")
            || devpath.starts_with("/devices/virtual/tty/");
        let machine =
            devpath.starts_with("/devices/system/") || devpath == "/devices/virtual/net/lo";
        assert!(!shown || allowed || standard || machine, "{devpath} shows");
        shown
    };
    let (mut names, mut shown, mut hidden) = (BTreeSet::new(), BTreeSet::new(), 0);
    for device in &devices {
        let mut of = vec![String::from_utf8_lossy(device.name()).into_owned()];
        of.extend(device.devname().map(|n| n.to_string()));
        of.extend(device.devnum().map(|n| format!("{}:{}", n.major, n.minor)));
        match is_shown(&device.devpath.to_string()) {
            true => shown.extend(of),
            false => {
                hidden += 1;
                names.extend(of);
            }
        }
    }
    // a character and a block device may have the same number, two devices the same name
    let names: BTreeSet<String> = names.difference(&shown).cloned().collect();
    assert!(hidden > 50, "only {hidden} devices are hidden on this host");
    for path in &paths {
        // buses and classes show, and what they are called does
        let kind = |top: &str| {
            path.strip_prefix(top)
                .map(|rest| rest.split('/').next().unwrap_or_default())
        };
        let kind = kind("/sys/bus/").or(kind("/sys/class/"));
        let parts: Vec<&str> = path.split('/').filter(|p| Some(*p) != kind).collect();
        let named = parts.iter().find(|p| names.contains(**p));
        assert!(
            named.is_none(),
            "{path} names {named:?}, a device of the host"
        );
    }
    for word in [
        "vda",
        "loop0",
        "ttyS0",
        "eth0",
        "zram0",
        "ifb0",
        "loop-control",
        "fuse",
    ] {
        assert!(
            !paths.iter().any(|p| p.split('/').any(|part| part == word)),
            "{word}"
        );
    }
}

#[test]
fn only_its_own_interfaces_show() {
    let seen = example()
        .sh("cat /sys/class/net/*/address; ls /sys/class/net")
        .ok();
    assert_eq!(seen.lines(), ["00:00:00:00:00:00", "lo"]);

    // one of its own shows with its address
    let mut running =
        example().start(&["sh", "-c", "echo go; read x; cat /sys/class/net/*/address"]);
    running.expect("go");
    let veth = Veth::add();
    let address = sh(&format!("cat /sys/class/net/{}/address", veth.peer));
    veth.give(running.first_process());
    running.say("");
    assert_eq!(running.expect(":"), "00:00:00:00:00:00");
    assert_eq!(running.expect(":"), address.trim());
}
