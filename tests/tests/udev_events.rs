//! Who hears a device: listeners to the kernel, to udev, to both or nobody, as its rule says. The listeners are
//! libudev's, whose socket filters are in the kernel. Loop devices 890 to 899 are this file's.

use std::time::Duration;

use tests::udev_host::UDEVD;
use tests::{Container, Loop, Running, Shell, UdevHost};

const LIMIT: Duration = Duration::from_secs(10);

/// A rule for each device, with its `events`.
fn rules(devices: &[(u32, &str)]) -> String {
    let mut text = "version: 1\npolicies:\n  test:\n    rules:\n".to_string();
    for (number, events) in devices {
        text += &format!(
            "      - match: {{ subsystem: block, devname: loop{number} }}\n        show: rw\n        events: {events}\n"
        );
    }
    text
}

/// libudev listens to udev only where one runs: it looks for this file.
fn monitor(options: &str) -> String {
    format!("mkdir -p /run/udev; : >/run/udev/control; exec stdbuf -oL udevadm monitor {options}")
}

/// Start it, and wait until it listens.
#[track_caller]
fn start(container: &Container) -> Running {
    let mut running = container.start(&["sh", "-c", &monitor("--kernel --udev")]);
    running.expect("KERNEL - the kernel uevent");
    // it says so before it listens
    std::thread::sleep(Duration::from_millis(300));
    running
}

/// `KERNEL add loop890`, without what a disk says of its content.
fn events(text: &str) -> Vec<String> {
    let one = |line: &str| {
        let (who, rest) = line.split_once('[')?;
        let mut words = rest.split_once(']')?.1.split_whitespace();
        let (action, path) = (words.next()?, words.next()?);
        let name = path.rsplit('/').next()?;
        Some(format!("{} {action} {name}", who.trim()))
    };
    let all = text.lines().filter_map(one);
    all.filter(|event| !event.contains(" change ")).collect()
}

fn each_hears_its_share(container: fn() -> Container, number: u32) {
    let (mine, last) = (format!("loop{number}"), format!("loop{}", number + 1));
    for (word, who) in [
        ("kernel", &["KERNEL"][..]),
        ("udev", &["UDEV"]),
        ("both", &["KERNEL", "UDEV"]),
        ("none", &[]),
    ] {
        let rules = rules(&[(number, word), (number + 1, "both")]);
        let mut monitor = start(&container().rules(&rules));
        let hidden = Loop::add(number + 2);
        Loop::add(number).remove();
        drop(hidden);
        // a last one, which everybody hears
        Loop::add(number + 1).remove();
        let end = monitor.line(LIMIT, |line| {
            line.starts_with("UDEV") && line.contains("remove") && line.contains(&last)
        });
        assert!(end.is_some(), "{word}: {}", monitor.so_far());
        let heard = events(&monitor.so_far());
        let mut expected: Vec<String> = Vec::new();
        for action in ["add", "remove"] {
            expected.extend(who.iter().map(|who| format!("{who} {action} {mine}")));
        }
        for action in ["add", "remove"] {
            expected.extend(["KERNEL", "UDEV"].map(|who| format!("{who} {action} {last}")));
        }
        let count = |of: &[String], who: &str| -> Vec<String> {
            of.iter().filter(|e| e.starts_with(who)).cloned().collect()
        };
        // two sockets: udevadm looks into one after the other
        for who in ["KERNEL", "UDEV"] {
            assert_eq!(
                count(&heard, who),
                count(&expected, who),
                "{word}: {}",
                monitor.so_far()
            );
        }
    }
}

#[test]
fn each_listener_hears_its_share() {
    each_hears_its_share(Container::new, 890);
}

#[test]
fn each_listener_hears_its_share_in_a_user_namespace() {
    each_hears_its_share(|| Container::new().userns(), 893);
}

/// With what udev on the host has found out, by the filters that libudev hands to the kernel.
#[test]
fn what_the_hosts_udev_says_is_heard_by_subsystem_and_tag() {
    let udev_rules = r#"KERNEL=="loop896", TAG+="lab", SYMLINK+="lab/disk", ENV{ID_LAB}="a b"
KERNEL=="loop897", TAG+="other""#;
    let host = UdevHost::start(UDEVD, ("RULES", udev_rules));
    let text = rules(&[(896, "udev"), (897, "udev"), (898, "udev")]);
    for container in [Container::new(), Container::new().userns()] {
        let container = container.rules(&text);
        let mut inside = host.shell(&container);
        inside.says(
            "mkdir -p /run/udev && : >/run/udev/control && echo made",
            "made",
        );
        for (name, options) in [
            ("tag", "--udev --property --tag-match=lab"),
            (
                "subsystem",
                "--udev --property --subsystem-match=block/disk",
            ),
            (
                "none",
                "--udev --property --subsystem-match=block/partition",
            ),
            ("kernel", "--kernel --property"),
        ] {
            let start = format!("stdbuf -oL udevadm monitor {options} >/run/{name} & echo started");
            assert_eq!(inside.ask(&start), "started");
            inside.says(&format!("grep -c ' - ' /run/{name}"), "1");
        }
        std::thread::sleep(Duration::from_millis(300));
        let hidden = Loop::add(899);
        let [lab, other] = [896, 897].map(Loop::add);
        let has = |inside: &mut Shell, file: &str, line: &str| {
            inside.says(&format!("grep -cxF '{line}' /run/{file}"), "1");
        };
        has(&mut inside, "tag", "DEVNAME=/dev/loop896");
        has(&mut inside, "tag", "ID_LAB=a b");
        has(&mut inside, "tag", "DEVLINKS=/dev/lab/disk");
        has(&mut inside, "tag", "TAGS=:lab:");
        has(&mut inside, "subsystem", "DEVNAME=/dev/loop896");
        has(&mut inside, "subsystem", "DEVNAME=/dev/loop897");
        lab.remove();
        other.remove();
        hidden.remove();
        inside.says("grep -c '^UDEV.* remove .*loop896 ' /run/tag", "1");
        inside.says("grep -c '^UDEV.* remove .*loop89[67] ' /run/subsystem", "2");
        for (file, what) in [
            ("tag", "loop897"),
            ("subsystem", "loop899"),
            ("none", "UDEV.*loop"),
            ("kernel", "KERNEL.*loop"),
        ] {
            assert_eq!(
                inside.ask(&format!("grep -c '{what}' /run/{file}")),
                "0",
                "{file}"
            );
        }
    }
}

/// By the time that udev's listeners hear, the node is there, opens, and is in /sys.
#[test]
fn the_node_opens_when_its_event_is_heard() {
    let script = "import os, pyudev, sys
os.makedirs('/run/udev', exist_ok=True); open('/run/udev/control', 'w').close()
monitor = pyudev.Monitor.from_netlink(pyudev.Context(), source='udev')
monitor.start()
print('ready', flush=True)
for device in iter(monitor.poll, None):
    try:
        os.close(os.open(device.device_node, os.O_RDONLY)); opens = 'opens'
    except OSError as e:
        opens = e.strerror
    print(device.action, device.device_node, opens, os.path.isdir(device.sys_path), flush=True)";
    for container in [Container::new(), Container::new().userns()] {
        let container = container.rules(&rules(&[(898, "udev")]));
        let mut running = container.start(&["python3", "-c", script]);
        running.expect("ready");
        for _ in 0..5 {
            let device = Loop::add(898);
            assert_eq!(running.expect("add"), "add /dev/loop898 opens True");
            device.remove();
            let gone = "remove /dev/loop898 No such file or directory False";
            assert_eq!(running.expect("remove"), gone);
        }
    }
}
