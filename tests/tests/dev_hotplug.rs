//! One container, and devices that come and go: a disk that it may have, one that is hidden, one to be read
//! only, a tap in its own network namespace. Nodes, links and access are there, and gone, when the event is
//! read inside. Loop devices 430 to 439 are this file's.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::{Value, json};
use tests::{Container, Loop, Macvtap, Running, Zram, eventually, inside, sh};

const NO_LINKS: [&str; 0] = [];

/// A container in which `inside::ACCESS` runs, and the events that came while something else was waited for.
struct Watched(Running, VecDeque<Value>);

impl Watched {
    fn start(container: &Container) -> Watched {
        let mut running = container.start(&["python3", "-c", inside::ACCESS]);
        running.expect("ready");
        Watched(running, VecDeque::new())
    }

    /// The next line that it prints.
    #[track_caller]
    fn next(&mut self, what: &str) -> Value {
        let limit = Duration::from_secs(10);
        match self.0.line(limit, |line| line.starts_with('{')) {
            Some(line) => serde_json::from_str(&line).expect("JSON"),
            None => panic!("no {what}\n{}", self.0.so_far()),
        }
    }

    /// What was there at the event `action` of the device with the node `name`.
    #[track_caller]
    fn at(&mut self, action: &str, name: &str) -> Value {
        loop {
            let event = self.1.pop_front();
            let event = event.unwrap_or_else(|| self.next(&format!("{action} of {name}")));
            if event["action"] == action && event["name"] == name {
                return event;
            }
        }
    }

    /// That the event has come, and what could be done then: to read, to write, the links, the node that the
    /// container made of it.
    #[track_caller]
    fn sees(
        &mut self,
        action: &str,
        name: &str,
        (read, write): (&str, &str),
        links: &[&str],
        made: &str,
    ) {
        let seen = self.at(action, name);
        let wanted = json!({
            "action": action, "name": name, "read": read, "write": write, "links": links, "made": made
        });
        assert_eq!(seen, wanted);
    }

    /// The exit status of a command, and what it said.
    #[track_caller]
    fn run(&mut self, command: &str) -> (i64, String) {
        self.0.say(command);
        let ran = loop {
            let line = self.next(command);
            if line.get("ran").is_some() {
                break line;
            }
            self.1.push_back(line);
        };
        let said = ran["said"].as_str().unwrap_or_default();
        (ran["ran"].as_i64().unwrap_or(-1), said.into())
    }

    /// That a command succeeds; what it said.
    #[track_caller]
    fn ok(&mut self, command: &str) -> String {
        let (status, said) = self.run(command);
        assert_eq!(status, 0, "{command}: {said}");
        said
    }

    /// That a command is refused, with this error.
    #[track_caller]
    fn refused(&mut self, command: &str, error: &str) {
        let (status, said) = self.run(command);
        assert!(
            status != 0 && said.contains(error),
            "{command}: {status} {said}"
        );
    }
}

fn rules(disk: u32) -> String {
    format!(
        r#"
version: 1
policies:
  test:
    rules:
      - name: a disk
        match: {{ subsystem: block, devname: loop{disk} }}
        show: rw
        node: {{ mode: "0640", link: ["disks/ours", "by-number/%n"] }}
      - name: memory disks, to read
        match: {{ subsystem: block, devname: "zram*" }}
        show: ro
        node: {{ link: "disks/%k" }}
"#
    )
}

fn a_disk_comes_and_goes(inside: &mut Watched, disk: u32, hidden: u32, may_make: bool) {
    let (name, links) = (
        format!("loop{disk}"),
        [format!("by-number/{disk}"), "disks/ours".into()],
    );
    let links = links.each_ref().map(String::as_str);
    let other = Loop::add(hidden);
    for _ in 0..3 {
        let device = Loop::add(disk);
        inside.sees("add", &name, ("ok", "ok"), &links, "ENOENT");
        let node = format!("mknod /dev/made-{name} b 7");
        inside.refused(&format!("{node} {hidden}"), "Operation not permitted");
        let made = if may_make {
            inside.ok(&format!("{node} {disk}"));
            inside.ok(&format!(
                "dd if=/dev/made-{name} of=/dev/made-{name} count=0 conv=notrunc"
            ));
            inside.refused(
                &format!("mknod /dev/x c 7 {disk}"),
                "Operation not permitted",
            );
            // in a directory, whose listing the kernel may keep
            inside.ok(&format!("mkdir /dev/mine; mknod /dev/mine/it b 7 {disk}"));
            assert_eq!(inside.ok("ls /dev/mine"), "it");
            "ok"
        } else {
            // in a user namespace the kernel lets nobody make a node
            inside.refused(&format!("{node} {disk}"), "Operation not permitted");
            "ENOENT"
        };
        inside.ok(&format!("echo change >/sys/block/{name}/uevent"));
        inside.sees("change", &name, ("ok", "ok"), &links, made);
        device.remove();
        inside.sees("remove", &name, ("ENOENT", "ENOENT"), &NO_LINKS, "ENOENT");
        inside.refused("ls /dev/by-number", "No such file");
        if may_make {
            assert_eq!(inside.ok("ls /dev/mine && rmdir /dev/mine"), "");
        }
        inside.refused(
            &format!("mknod /dev/x b 7 {disk}"),
            "Operation not permitted",
        );
    }
    let heard = inside.0.so_far();
    assert!(!heard.contains(&other.name()), "{heard}");
    other.remove();
}

fn a_disk_to_be_read_comes_and_goes(inside: &mut Watched, may_make: bool) {
    let zram = Zram::hot_add();
    let name = zram.name();
    let links = [format!("disks/{name}")];
    let links = links.each_ref().map(String::as_str);
    inside.sees("add", &name, ("ok", "EPERM"), &links, "ENOENT");
    sh(&format!(
        "echo 1M >/sys/block/{name}/disksize; printf content >/dev/{name}"
    ));
    assert_eq!(
        inside.ok(&format!(
            "dd if=/dev/{name} bs=4k count=1 2>/dev/null | head -c7"
        )),
        "content"
    );
    for path in [&name, links[0]] {
        inside.refused(
            &format!("dd if=/dev/zero of=/dev/{path} bs=4k count=1"),
            "Operation not permitted",
        );
    }
    // nor with all bits, which it may set and does not get
    inside.ok(&format!(
        "chmod 666 /dev/{name} && test $(stat -c %a /dev/{name}) = 444"
    ));
    inside.refused(
        &format!("dd if=/dev/zero of=/dev/{name} bs=4k count=1"),
        "Operation not permitted",
    );
    if may_make {
        let number = inside
            .ok(&format!("cat /sys/block/{name}/dev"))
            .replace(':', " ");
        inside.refused(
            &format!("mknod /dev/made-{name} b {number}"),
            "Operation not permitted",
        );
    }
    drop(zram);
    inside.sees("remove", &name, ("ENOENT", "ENOENT"), &NO_LINKS, "ENOENT");
}

/// The kernel announces it in there by itself: its node is there when that is read, and goes a moment after.
fn a_tap_of_its_own_comes_and_goes(inside: &mut Watched) {
    let hosts = Macvtap::add();
    inside.ok("ip link add below type veth peer name other");
    for _ in 0..3 {
        inside.ok("ip link add link below name above type macvtap");
        let tap = format!("tap{}", inside.ok("cat /sys/class/net/above/ifindex"));
        inside.sees("add", &tap, ("ok", "ok"), &NO_LINKS, "ENOENT");
        inside.ok("ip link del above");
        let seen = inside.at("remove", &tap);
        assert!(seen["read"] != "ok" && seen["write"] != "ok", "{seen}");
        eventually("the node goes", Duration::from_secs(2), || {
            inside.run(&format!("ls /dev/{tap}")).0 != 0
        });
    }
    let heard = inside.0.so_far();
    assert!(!heard.contains(&hosts.name), "{heard}");
}

fn all_come_and_go(container: Container, disk: u32, may_make: bool) {
    let container = container.rules(&rules(disk));
    let container = container.args(["--cap-add", "MKNOD", "--cap-add", "NET_ADMIN"]);
    let mut inside = Watched::start(&container);
    a_disk_comes_and_goes(&mut inside, disk, disk + 1, may_make);
    a_disk_to_be_read_comes_and_goes(&mut inside, may_make);
    a_tap_of_its_own_comes_and_goes(&mut inside);
}

#[test]
fn devices_come_and_go_with_cgroup_v1() {
    all_come_and_go(Container::new().gate("v1"), 430, true);
}

#[test]
fn devices_come_and_go_with_cgroup_v2() {
    all_come_and_go(Container::new().gate("v2"), 432, true);
}

#[test]
fn devices_come_and_go_in_a_user_namespace() {
    all_come_and_go(Container::new().userns(), 434, false);
}

/// The kernel takes away what is mounted on and below a name that it has to forget. No device may bring that
/// about by the names it claims.
#[test]
fn what_is_mounted_in_dev_stays_whatever_names_devices_claim() {
    let rules = "version: 1\npolicies:\n  test:\n    rules:\n      - match: { subsystem: block, devname: loop436 }\n        \
                 show: rw\n        node: { link: [pts/9, pts, shm/x, shm, mqueue/x, console, console/x, mine/x, taken] }\n";
    let script = "mkdir -p /dev/mine/own /dev/taken; for d in mine/own taken; do mount -t tmpfs none /dev/$d; done
        mounts() { awk '$2 ~ \"^/dev/\" { print $2 }' /proc/mounts | sort | tr '\\n' ' '; echo \"$1\"; }
        mounts before; until test -L /dev/mine/x; do sleep 0.02; done
        mounts during; while test -L /dev/mine/x; do sleep 0.02; done
        mounts after";
    let container = Container::new()
        .rules(rules)
        .args(["-t", "--cap-add", "SYS_ADMIN"]);
    let mut inside = container.start(&["sh", "-c", script]);
    let all = "/dev/console /dev/mine/own /dev/mqueue /dev/pts /dev/shm /dev/taken";
    assert_eq!(inside.expect("before").trim(), format!("{all} before"));
    let device = Loop::add(436);
    assert_eq!(inside.expect("during").trim(), format!("{all} during"));
    device.remove();
    assert_eq!(inside.expect("after").trim(), format!("{all} after"));
    inside.wait(Duration::from_secs(10)).ok();
}
