//! systemd-udevd inside, unmodified, with rules of its own: what it makes of a node holds, and is gone with
//! the device. Loop devices 400 to 409 are this file's.

use tests::{Container, Loop, Shell, Veth};

/// A shell beside a udevd that has these rules besides Debian's, and the pid of that.
fn start(container: &Container, rules: &str) -> (Shell, String) {
    let mut inside = Shell::start(container);
    write(&mut inside, rules);
    let pid = inside.ask("/lib/systemd/systemd-udevd >/run/udevd.log 2>&1 & echo $!");
    inside.says(
        "udevadm control --ping >/dev/null 2>&1 && echo ready",
        "ready",
    );
    (inside, pid)
}

/// The rules of the udevd that is to run.
fn write(inside: &mut Shell, rules: &str) {
    let quoted = rules.replace('$', "\\$").replace('"', "\\\"");
    let file = "/run/udev/rules.d/95-test.rules";
    inside.says(
        &format!("mkdir -p /run/udev/rules.d && printf '%s\\n' \"{quoted}\" > {file}"),
        "",
    );
}

/// That udev has nothing left to do, within the time that it has.
#[track_caller]
fn settled(inside: &mut Shell) {
    assert_eq!(inside.ask("udevadm settle --timeout=8; echo $?"), "0");
}

fn what_udevd_does_holds(container: Container, number: u32) {
    let name = format!("loop{number}");
    let node = format!("/dev/{name}");
    let stat = format!("stat -c '%a %u:%g' {node}");
    let acl = format!("getfacl -cnp {node}");
    let rule = format!(
        r#"KERNEL=="{name}", SYMLINK+="mine/disk", MODE="0642", OWNER="1000", GROUP="games", RUN+="/usr/bin/setfacl -m u:1:rw $devnode""#
    );
    let (mut inside, udevd) = start(&container.shows(&[&name]), &rule);
    for _ in 0..2 {
        let device = Loop::add(number);
        inside.says("readlink /dev/mine/disk", &format!("../{name}"));
        settled(&mut inside);
        // the mode of a group is the mask of its ACL
        assert_eq!(inside.ask(&stat), "662 1000:60");
        let whose = "user::rw- user:1:rw- group::r-- mask::rw- other::-w-";
        assert_eq!(inside.ask(&acl), whose);
        assert_eq!(inside.ask("ls -A /dev/mine"), "disk");
        let links = format!("udevadm info --query=symlink --name={node}");
        assert!(inside.ask(&links).contains("mine/disk"));
        // what somebody has changed, it puts right when it is asked to look again
        assert_eq!(
            inside.ask(&format!("setfacl -b {node}; chmod 600 {node}")),
            ""
        );
        assert_eq!(inside.ask(&stat), "600 1000:60");
        assert_eq!(inside.ask(&format!("udevadm trigger {node}")), "");
        settled(&mut inside);
        assert_eq!(inside.ask(&stat), "662 1000:60");
        device.remove();
        inside.lacks(&node);
        inside.lacks("/dev/mine");
        settled(&mut inside);
        inside.lacks(&format!("/run/udev/data/b7:{number}"));
    }
    // another device under the name: nothing of the one before, until udevd has spoken
    write(
        &mut inside,
        &format!(r#"KERNEL=="{name}", SYMLINK+="other", MODE="0604""#),
    );
    assert_eq!(inside.ask("udevadm control --reload; echo $?"), "0");
    assert_eq!(inside.ask(&format!("kill -STOP {udevd}")), "");
    let device = Loop::add(number);
    inside.says(&stat, "600 0:0");
    assert_eq!(inside.ask(&acl), "user::rw- group::--- other::---");
    inside.lacks("/dev/mine");
    inside.lacks("/dev/other");
    assert_eq!(inside.ask(&format!("kill -CONT {udevd}")), "");
    inside.says("readlink /dev/other", &name);
    settled(&mut inside);
    // Debian's rule for block devices says the group
    assert_eq!(inside.ask(&stat), "604 0:6");
    inside.lacks("/dev/mine");
    drop(inside);
    device.remove();
}

#[test]
fn what_udevd_does_to_a_node_holds_until_the_device_goes() {
    what_udevd_does_holds(Container::new(), 400);
}

#[test]
fn what_udevd_does_to_a_node_holds_until_the_device_goes_in_a_user_namespace() {
    what_udevd_does_holds(Container::new().userns(), 401);
}

#[test]
fn of_two_devices_that_claim_one_link_the_one_that_is_left_has_it() {
    let rule = r#"KERNEL=="loop402", SYMLINK+="one", OPTIONS+="link_priority=5"
KERNEL=="loop403", SYMLINK+="one""#;
    let container = Container::new().shows(&["loop402", "loop403"]);
    let (mut inside, _) = start(&container, rule);
    let low = Loop::add(403);
    inside.says("readlink /dev/one", "loop403");
    let high = Loop::add(402);
    inside.says("readlink /dev/one", "loop402");
    high.remove();
    inside.says("readlink /dev/one", "loop403");
    settled(&mut inside);
    low.remove();
    inside.lacks("/dev/one");
}

/// Who may speak to others on a netlink socket, the kernel decides by CAP_NET_ADMIN; where udevd has it, what it
/// has found out is heard.
#[test]
fn udevd_is_heard() {
    for (container, number) in [(Container::new(), 404), (Container::new().userns(), 405)] {
        let name = format!("loop{number}");
        let rule = format!(r#"KERNEL=="{name}", ENV{{FOUND_OUT}}="yes""#);
        let container = container.args(["--cap-add", "NET_ADMIN"]).shows(&[&name]);
        let (mut inside, _) = start(&container, &rule);
        let device = Loop::add(number);
        inside.says(&format!("test -b /dev/{name}; echo $?"), "0");
        settled(&mut inside);
        // this ends when udevd has said that it is done with just this event
        let script = format!(
            "udevadm monitor --udev --property >/run/heard & heard=$!; \
             until grep -q will.print /run/heard; do sleep 0.05; done; \
             udevadm trigger --settle /dev/{name}; echo $?; \
             for i in $(seq 100); do grep -q FOUND_OUT /run/heard && break; sleep 0.05; done; \
             kill $heard; grep FOUND_OUT /run/heard"
        );
        assert_eq!(inside.ask(&script), "0 FOUND_OUT=yes");
        drop(inside);
        device.remove();
    }
}

#[test]
fn udevd_renames_an_interface_of_the_containers() {
    for container in [Container::new(), Container::new().userns()] {
        let veth = Veth::add();
        let rule = format!(r#"SUBSYSTEM=="net", KERNEL=="{}", NAME="lan0""#, veth.peer);
        let container = container.args(["--cap-add", "NET_ADMIN"]);
        let (mut inside, _) = start(&container, &rule);
        veth.give(inside.0.first_process());
        inside.says("ls /sys/class/net", "lan0 lo");
        settled(&mut inside);
        assert_eq!(
            inside.ask("cat /sys/class/net/lan0/uevent | grep INTERFACE"),
            "INTERFACE=lan0"
        );
        let known = inside.ask("udevadm info --query=property --path=/sys/class/net/lan0");
        assert!(
            known.contains("DEVPATH=/devices/virtual/net/lan0"),
            "{known}"
        );
        assert!(known.contains("USEC_INITIALIZED="), "{known}");
        drop(veth);
        inside.says("ls /sys/class/net", "lo");
    }
}
