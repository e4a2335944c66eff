//! `devns holders`: who still holds a device, and what is on top of it.
//!
//! Loop devices 790 to 796 are this file's.

use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tests::{Container, Loop, Output, Running, binaries, eventually, run, sh, unique};

fn holders(args: &[&str]) -> Output {
    run(Command::new(binaries::devns()).arg("holders").args(args))
}

/// Says that it is ready, then waits for the end of stdin.
#[track_caller]
fn start(name: &str, number: u32, script: &str) -> Running {
    let script = format!(
        "import os, sys, mmap\npath = '/dev/loop{number}'\n{script}\nprint('ready', flush=True)\nsys.stdin.read()\n"
    );
    let shown = format!("loop{number}");
    let container = Container::new().name(name).shows(&[&shown]);
    let mut container = container.start(&["python3", "-c", &script]);
    container.expect("ready");
    container
}

#[track_caller]
fn rows<'a>(json: &'a Value, what: &str) -> &'a Vec<Value> {
    json[what].as_array().expect("a list")
}

#[test]
fn a_descriptor_and_a_mapping() {
    let mut device = Loop::add(790);
    device.fill(&[7; 8192]);
    let name = unique("h");
    // a thread with descriptors of its own, an O_PATH that holds nothing, a mapping without a descriptor
    let script = "
fd = os.open(path, os.O_RDONLY)
m = mmap.mmap(fd, 4096, mmap.MAP_SHARED, mmap.PROT_READ)
kept = os.dup2(fd, 33)
os.close(fd)
node = os.open(path, os.O_PATH)
";
    let container = start(&name, 790, script);
    let pid = container.first_process();
    let seen = holders(&["--json", "--name", &name, "/dev/loop790"])
        .ok()
        .json();
    assert_eq!(seen["device"], "b 7:790");
    let processes = rows(&seen, "processes");
    assert_eq!(processes.len(), 3, "{seen}");
    assert!(
        processes
            .iter()
            .all(|p| p["pid"] == pid && p["command"] == "python3")
    );
    let fds: Vec<&Value> = processes.iter().map(|p| &p["descriptor"]).collect();
    // mmap(3) of python keeps a copy of the descriptor
    assert!(
        fds.contains(&&Value::from(33)) && fds.contains(&&Value::Null),
        "{seen}"
    );
    assert!(!rows(&seen, "unseen").is_empty());
    // the same by every name, and as a table
    for device in [
        "loop790",
        "b 7:790",
        "/devices/virtual/block/loop790",
        "/sys/devices/virtual/block/loop790",
    ] {
        let table = holders(&["--name", &name, device]).ok();
        assert_eq!(table.lines().len(), 5, "{table}");
        assert!(table.stdout.contains("descriptor 33") && table.stdout.contains("mapping"));
        assert!(
            table.lines()[4].starts_with("not seen: files that are registered with an io_uring")
        );
    }
    let other = holders(&["--name", &name, "c 1:7"]).exits(1);
    assert!(other.stdout.starts_with("nobody holds c 1:7"), "{other}");
    drop(container);
    holders(&["--name", &name, "loop790"])
        .exits(2)
        .says("there is no container");
}

#[test]
fn what_is_on_top() {
    let mut device = Loop::add(791);
    device.fill(&vec![0; 4 << 20]);
    let top = Loop::add(792);
    let name = unique("h");
    let container = start(&name, 791, "");
    let look = || holders(&["--json", "--name", &name, "loop791"]);
    look().exits(1);
    sh("losetup /dev/loop792 /dev/loop791");
    let seen = look();
    sh("losetup -d /dev/loop792");
    let seen = seen.ok().json();
    assert_eq!(rows(&seen, "kernel")[0]["kind"], "loop");
    assert_eq!(rows(&seen, "kernel")[0]["name"], "loop792");
    eventually("it is detached", Duration::from_secs(5), || {
        look().code() == Some(1)
    });
    let place = tests::Mountpoint::new();
    sh(&format!(
        "mke2fs -q /dev/loop791 && mount -o ro /dev/loop791 {}",
        place.path().display()
    ));
    let seen = look().ok().json();
    let kernel = rows(&seen, "kernel");
    assert!(
        kernel
            .iter()
            .any(|t| t["kind"] == "mount" && t["name"] == place.path().to_string_lossy().as_ref()),
        "{seen}"
    );
    drop(place);
    drop(container);
    drop(top);
}

/// A device that was pulled has a number, and those who hold it.
#[test]
fn what_is_held_of_a_device_that_is_hidden_is_said() {
    let device = Loop::add(793);
    let name = unique("h");
    let rules = "version: 1\npolicies:\n  test:\n    rules:\n      - match: { devname: loop793, devtype: disk }\n        show: rw\n";
    let script = "import os, sys\nfd = os.open('/dev/full', os.O_RDWR)\nprint('ready', flush=True)\nsys.stdin.read()";
    let mut container = Container::new()
        .name(&name)
        .rules(rules)
        .start(&["python3", "-c", script]);
    container.expect("ready");
    let dir = host::cgroup::Hierarchies::detect().expect("the hierarchies");
    let root = dir.v2().or(dir.v1()).expect("a hierarchy").join("devns");
    let own = std::fs::read_dir(root).expect("the cgroups").flatten();
    let own = own
        .map(|e| e.path())
        .find(|p| p.to_string_lossy().contains(&name));
    let own = own.expect("its cgroup").display().to_string();
    holders(&["--cgroup", &own, "/dev/full"]).ok();
    holders(&["--cgroup", &own, "loop793"]).exits(1);
    drop(device);
}

#[test]
fn wrong_use_has_a_mend() {
    holders(&["loop0"]).exits(2);
    holders(&["--name", "none", "--cgroup", "/", "loop0"]).exits(2);
    holders(&["--cgroup", "/", "c 1:3"])
        .exits(2)
        .says("is no directory of a cgroup");
    holders(&["--name", "none", "c 1:3"])
        .exits(2)
        .says("there is no container \"none\"");
    holders(&["--name", "none", "nothing"])
        .exits(2)
        .says("there is no device");
    holders(&["--name", "none", "/etc/passwd"])
        .exits(2)
        .says("is no device");
    let help = holders(&["--help"]).ok();
    assert!(help.stdout.contains("devns holders --cgroup"), "{help}");
}
