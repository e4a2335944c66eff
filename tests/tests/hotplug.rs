//! Devices plugged and pulled on the host while a container runs: exactly the allowed ones show
//! inside, with their event, and with a node that opens by the time the event is read.
//!
//! Loop devices 100 to 129 are this file's.

use std::time::Duration;

use serde_json::Value;
use tests::heard::var;
use tests::{Container, Heard, Listener, Loop, Macvtap, Zram, eventually, sh};

/// Plug and pull an allowed and a hidden loop device, a zram and a macvtap under a listener.
#[track_caller]
fn only_the_allowed_arrives(container: Container, allowed: u32, hidden: u32) {
    let (shown, other) = (format!("loop{allowed}"), format!("loop{hidden}"));
    let mut heard = Heard::start(&container.shows(&[&shown]));
    let host = Listener::open();

    // what is hidden first: were it delivered, it would be before what is awaited
    let unwanted = (Zram::hot_add(), Macvtap::add(), Loop::add(hidden));
    let wanted = Loop::add(allowed);
    let add = heard.expect(&format!("add@{}", wanted.devpath()));
    assert_eq!(add["node"], "ok", "{add}");
    assert_eq!(add["devnum"], format!("7:{allowed}"), "{add}");
    assert_eq!(
        (&add["sysfs"], &add["class"]),
        (&Value::from("ok"), &Value::from("ok")),
        "{add}"
    );
    assert_eq!(
        add["uid"], 0,
        "udev inside takes no event but root's: {add}"
    );
    assert!(var(&add, "SEQNUM").is_some(), "{add}");

    drop(unwanted);
    wanted.remove();
    let remove = heard.expect(&format!("remove@/devices/virtual/block/{shown}"));
    assert_eq!(remove["node"], "ENOENT", "{remove}");
    assert_eq!(
        (&remove["sysfs"], &remove["class"]),
        (&Value::from("ENOENT"), &Value::from("ENOENT"))
    );

    // the host heard of all of them; the container only of its own, and once
    assert!(
        !host
            .of(
                &format!("/devices/virtual/block/{other}"),
                Duration::from_secs(1),
                |h| h.len() > 1
            )
            .is_empty()
    );
    let path = format!("/devices/virtual/block/{shown}");
    let expected: Vec<String> = ["add", "remove"]
        .iter()
        .map(|a| format!("{a}@{path}"))
        .collect();
    let heads: Vec<&str> = heard
        .heads()
        .into_iter()
        .filter(|h| !h.starts_with("change@"))
        .collect();
    assert_eq!(heads, expected, "{:#?}", heard.all);
    assert!(
        heard.heads().iter().all(|h| h.ends_with(&path)),
        "{:#?}",
        heard.all
    );
}

#[test]
fn only_the_allowed_device_arrives() {
    only_the_allowed_arrives(Container::new(), 100, 101);
}

#[test]
fn only_the_allowed_device_arrives_in_a_user_namespace() {
    only_the_allowed_arrives(Container::new().userns(), 102, 103);
}

#[test]
fn only_the_allowed_device_arrives_with_cgroup_v1() {
    only_the_allowed_arrives(Container::new().gate("v1"), 104, 105);
}

#[test]
fn only_the_allowed_device_arrives_with_cgroup_v2() {
    only_the_allowed_arrives(Container::new().gate("v2"), 106, 107);
}

#[test]
fn only_the_allowed_device_arrives_in_a_user_namespace_with_cgroup_v1() {
    only_the_allowed_arrives(Container::new().userns().gate("v1"), 108, 109);
}

#[test]
fn only_the_allowed_device_arrives_in_a_user_namespace_with_cgroup_v2() {
    only_the_allowed_arrives(Container::new().userns().gate("v2"), 110, 111);
}

#[test]
fn udevadm_hears_exactly_the_allowed_device() {
    let command = ["udevadm", "monitor", "--kernel", "--property"];
    let mut monitor = Container::new().shows(&["loop112"]).start(&command);
    monitor.expect("KERNEL - the kernel uevent");
    // it says so before it listens
    std::thread::sleep(Duration::from_millis(300));
    let hidden = (Zram::hot_add(), Macvtap::add(), Loop::add(113));
    Loop::add(112).remove();
    drop(hidden);
    let last = monitor.line(Duration::from_secs(5), |l| {
        l.starts_with("KERNEL") && l.contains("remove")
    });
    assert!(last.is_some(), "{}", monitor.so_far());
    monitor.rest(Duration::from_millis(200));
    let text = monitor.so_far();
    let events: Vec<&str> = text.lines().filter(|l| l.starts_with("KERNEL[")).collect();
    let path = " /devices/virtual/block/loop112 (block)";
    assert!(events.iter().all(|l| l.ends_with(path)), "{text}");
    assert!(
        events.first().is_some_and(|l| l.contains("] add ")),
        "{text}"
    );
    assert!(
        text.contains("DEVNAME=/dev/loop112") && text.contains("MINOR=112"),
        "{text}"
    );
}

/// In the host's network namespace nothing can be kept apart, so nothing may be listened to; the
/// nodes and /sys follow all the same.
#[track_caller]
fn without_events(container: Container, number: u32) {
    let name = format!("loop{number}");
    // a line for every change of what shows, until stdin ends
    let script = format!(
        "import os, socket, sys, time, select
for kind in (socket.SOCK_RAW, socket.SOCK_DGRAM, socket.SOCK_RAW | socket.SOCK_CLOEXEC):
    try:
        socket.socket(socket.AF_NETLINK, kind, 15)
        print('heard', flush=True)
    except OSError as e:
        print('refused', e.errno, flush=True)
was = None
while not select.select([0], [], [], 0.02)[0]:
    try:
        os.close(os.open('/dev/{name}', os.O_RDONLY)); node = 'opens'
    except OSError as e:
        node = str(e.errno)
    now = node, os.path.isdir('/sys/class/block/{name}')
    if now != was:
        print('now', *now, flush=True)
        was = now
    if now[1] and node == 'opens':
        fd = os.open('/sys/class/block/{name}/uevent', os.O_WRONLY)
        try:
            os.write(fd, b'add'); print('written', flush=True)
        except OSError as e:
            print('write', e.errno, flush=True)
        os.close(fd)
"
    );
    let mut running = container
        .net_host()
        .shows(&[&name])
        .start(&["python3", "-c", &script]);
    running.expect_error("uevent sockets and io_uring are refused");
    for _ in 0..3 {
        let line = running.expect("");
        assert!(line.starts_with("refused"), "{line}");
    }
    running.expect("now 2 False");
    let device = Loop::add(number);
    let host = Listener::open();
    running.expect("now opens True");
    running.expect(&format!("write {}", libc::EOPNOTSUPP));
    host.silent(&device.devpath());
    device.remove();
    running.expect("now 2 False");
}

#[test]
fn nodes_come_and_go_in_the_hosts_network_namespace() {
    without_events(Container::new(), 114);
}

#[test]
fn nodes_come_and_go_in_the_hosts_network_namespace_with_a_user_namespace() {
    without_events(Container::new().userns(), 115);
}

#[test]
fn an_allowed_zram_arrives() {
    let rules = "version: 1\npolicies:\n  zram:\n    rules:\n      - name: memory disks\n        \
                 match: { subsystem: block, devname: \"zram*\" }\n        show: rw\n";
    let mut heard = Heard::start(&Container::new().rules(rules));
    let zram = Zram::hot_add();
    let add = heard.expect(&format!("add@/devices/virtual/block/{}", zram.name()));
    assert_eq!(add["node"], "ok", "{add}");
    let name = zram.name();
    drop(zram);
    heard.expect(&format!("remove@/devices/virtual/block/{name}"));
}

#[test]
fn what_is_plugged_can_be_read_and_written() {
    let container = Container::new().userns().shows(&["loop116"]);
    let mut heard = Heard::start(&container);
    let mut device = Loop::add(116);
    heard.expect(&format!("add@{}", device.devpath()));
    device.fill(&[b'x'; 8192]);
    let change = heard.expect(&format!("change@{}", device.devpath()));
    assert_eq!(change["node"], "ok");
    drop(heard);
    let seen = container
        .sh("dd if=/dev/loop116 bs=1k 2>/dev/null | tr -d x | wc -c; cat /sys/block/loop116/size");
    assert_eq!(seen.ok().lines(), ["0", "16"]);
    let seen = container
        .sh("echo hello | dd of=/dev/loop116 bs=512 count=1 conv=fsync && head -c5 /dev/loop116");
    assert_eq!(seen.ok().lines(), ["hello"]);
    device.remove();
}

/// A device that is shown to read only cannot be written, whatever the node's mode says.
#[test]
fn read_only_is_read_only() {
    for (gate, number) in [("v1", 117), ("v2", 118)] {
        let mut device = Loop::add(number);
        device.fill(&[b'y'; 4096]);
        let rules = format!(
            "version: 1\npolicies:\n  ro:\n    rules:\n      - name: to read\n        \
             match: {{ subsystem: block, devname: {} }}\n        show: ro\n",
            device.name()
        );
        let script = format!(
            "head -c1 /dev/{0}; stat -c ' %a' /dev/{0}; sh -c ': >>/dev/{0}' || echo refused; \
             echo add >/sys/block/{0}/uevent || echo refused",
            device.name()
        );
        let seen = Container::new().gate(gate).rules(&rules).sh(&script).ok();
        // DEVMODE of a block device is 0600, less the write bits
        assert_eq!(seen.lines(), ["y 400", "refused", "refused"], "{seen}");
    }
}

#[test]
fn interfaces_of_its_own_come_from_the_kernel_and_show() {
    let mut heard = Heard::start(&Container::new());
    let pid = heard.running.first_process();
    let tap = Macvtap::add();
    tap.give(pid);
    let add = heard.expect(&format!("add@/devices/virtual/net/{}", tap.name));
    assert_eq!(add["class"], "ok", "{add}");
    // the tap is the kernel's own event, not ours: its node opens when it is read
    let event = loop {
        let event = heard
            .next(Duration::from_secs(5))
            .expect("the event of the tap");
        if var(&event, "SUBSYSTEM") == Some("macvtap")
            && event["head"]
                .as_str()
                .is_some_and(|h| h.starts_with("add@"))
        {
            break event;
        }
    };
    assert_eq!(event["node"], "ok", "{event}");
    let tap_name = var(&event, "DEVNAME").unwrap_or_default().to_string();
    sh(&format!("nsenter -t {pid} -n ip link del {}", tap.name));
    let gone = loop {
        let event = heard.next(Duration::from_secs(5)).expect("its removal");
        if event["head"]
            .as_str()
            .is_some_and(|h| h.starts_with("remove@") && h.contains("/tap"))
        {
            break event;
        }
    };
    assert_eq!(var(&gone, "DEVNAME"), Some(tap_name.as_str()));
    eventually("the node goes", Duration::from_secs(2), || {
        let root = format!("/proc/{pid}/root/dev/{tap_name}");
        std::fs::symlink_metadata(root).is_err()
    });
}
