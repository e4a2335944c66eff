//! The links of the host's udev in /dev: they show exactly when their node does. Loop devices 710 to 729
//! are this file's.

use tests::udev_host::{DATABASE, UDEVD};
use tests::{Container, Loop, UdevHost};

fn rules(text: &str) -> String {
    format!("version: 1\npolicies:\n  test:\n    rules:\n{text}")
}

#[test]
fn what_udev_has_written_down_shows_with_its_node() {
    let shown = [710, 712, 713].map(Loop::add);
    let hidden = Loop::add(711);
    let database = "b7:710\nS:disk/by-id/both\\nS:disk/by-path/a\\nS:snd/by-id/a\\n\
                    S:input/by-path/a\\nS:serial/by-id/a\\nI:1\\nE:ID_SERIAL=S 1\\nV:1\\n\n\
                    b7:711\nL:100\\nS:disk/by-id/both\\nS:disk/by-id/hidden\\nV:1\\n\n\
                    b7:712\nL:5\\nS:disk/by-label/x\\nV:1\\n\n\
                    b7:713\nS:disk/by-label/x\\nV:1\\n";
    let host = UdevHost::start(DATABASE, ("DATABASE", database));
    let text = rules(
        "      - match: { subsystem: block, devname: [loop710, loop712, loop713] }\n        \
         show: rw\n        node: { link: \"serial/%E{ID_SERIAL}\" }\n",
    );
    let container = Container::new().rules(&text);
    let mut inside = host.shell(&container);
    // who is hidden claims nothing, and has no name in there
    inside.says("readlink /dev/disk/by-id/both", "../../loop710");
    assert_eq!(inside.ask("ls /dev/disk/by-id"), "both");
    // whatever a link is for: of what kind the device is, is not asked
    for link in ["disk/by-path", "snd/by-id", "input/by-path", "serial/by-id"] {
        let target = inside.ask(&format!("readlink /dev/{link}/a"));
        assert_eq!(target, "../../loop710", "{link}");
    }
    assert_eq!(inside.ask("ls /dev/serial"), "S_1 by-id");
    assert_eq!(
        inside.ask("readlink -f /dev/disk/by-label/x"),
        "/dev/loop712"
    );
    let [first, high, low] = shown;
    high.remove();
    inside.says("readlink -f /dev/disk/by-label/x", "/dev/loop713");
    low.remove();
    inside.lacks("/dev/disk/by-label");
    first.remove();
    for top in ["disk", "snd", "input", "serial"] {
        inside.lacks(&format!("/dev/{top}"));
    }
    drop(inside);
    hidden.remove();
}

/// What a device says of itself ends up in names: it must not leave /dev, nor stand in for another.
///
/// Defence: `Devname::parse` of each link, `encode` of each value, `place` of fusefs-dev.
#[test]
fn hostile_values_make_no_names_but_harmless_ones() {
    let device = Loop::add(715);
    let links: String = [
        "../../null",
        "../x",
        "/etc/passwd",
        "null",
        "zero",
        "tty",
        "console",
        "core",
        "fd/9",
        "stdin",
        "pts/0",
        "shm/x",
        "a//b",
        "a/../b",
        ".",
        "",
        "a/.",
        "tab\\tx",
        "esc\\0033x",
        "loop715/x",
        "loop715",
        "ok",
        "ok/below",
    ]
    .iter()
    .map(|link| format!("S:{link}\\n"))
    .collect();
    let database = format!(
        "b7:715\n{links}E:ID_SERIAL=../../null\\nE:ID_DOTS=..\\nE:ID_EMPTY=\\nE:ID_CONTROL=a\\0033\\tb/c\\n\
         E:ID_NULL=null\\nV:1\\n"
    );
    let host = UdevHost::start(DATABASE, ("DATABASE", &database));
    let text = rules(
        "      - match: { subsystem: block, devname: loop715 }\n        show: rw\n        node:\n          \
         link: [\"s/%E{ID_SERIAL}\", \"s/%E{ID_DOTS}\", \"%E{ID_DOTS}\", \"s/%E{ID_EMPTY}\", \
         \"s/%E{ID_CONTROL}\", \"%E{ID_NULL}\"]\n",
    );
    let plain = Container::new()
        .sh("cd /dev; find . -path ./pts -prune -o -print | sort")
        .ok();
    let container = Container::new().rules(&text);
    let mut inside = host.shell(&container);
    inside.says("readlink /dev/ok", "loop715");
    let all = inside.ask("cd /dev; find . -path ./pts -prune -o -print | sort");
    let new: Vec<&str> = all
        .split(' ')
        .filter(|path| !plain.lines().contains(path))
        .collect();
    assert_eq!(
        new,
        ["./loop715", "./ok", "./s", "./s/.._.._null", "./s/a__b_c"]
    );
    assert_eq!(inside.ask("readlink /dev/s/.._.._null"), "../loop715");
    assert_eq!(
        inside.ask("stat -c '%F %t:%T' /dev/null /dev/zero"),
        "character special file 1:3 character special file 1:5"
    );
    drop(inside);
    device.remove();
}

#[test]
fn links_of_a_udevd_that_runs_come_as_soon_as_it_has_spoken_and_go_with_the_node() {
    let udev_rules = r#"KERNEL=="loop720", SYMLINK+="disk/by-id/real-%n both", ENV{ID_SERIAL}=e"a/b\nS:evil"
KERNEL=="loop721", SYMLINK+="both", OPTIONS+="link_priority=100""#;
    let host = UdevHost::start(UDEVD, ("RULES", udev_rules));
    let text = rules(
        "      - match: { subsystem: block, devname: [loop720, loop721] }\n        show: rw\n        \
         node: { link: \"serial/%E{ID_SERIAL}\" }\n",
    );
    let container = Container::new().rules(&text);
    let mut inside = host.shell(&container);
    inside.lacks("/dev/disk");
    for _ in 0..3 {
        let first = Loop::add(720);
        inside.says("readlink /dev/disk/by-id/real-720", "../../loop720");
        inside.says("readlink /dev/both", "loop720");
        inside.says("ls /dev/serial", "a_b_S:evil");
        let second = Loop::add(721);
        inside.says("readlink /dev/both", "loop721");
        second.remove();
        inside.says("readlink /dev/both", "loop720");
        inside.lacks("/dev/loop721");
        first.remove();
        for path in ["both", "disk", "serial", "loop720"] {
            inside.lacks(&format!("/dev/{path}"));
        }
    }
}
