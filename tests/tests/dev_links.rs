//! What rules say of nodes in /dev: modes, owners, links, and who gets a name that several want. Loop
//! devices 700 to 709 are this file's.

use tests::{Container, Loop, Rootfs, Shell};

fn rules(text: &str) -> String {
    format!("version: 1\npolicies:\n  test:\n    rules:\n{text}")
}

/// A root file system with a group `games`, 60.
fn with_groups() -> Rootfs {
    let rootfs = Rootfs::new();
    std::fs::create_dir(rootfs.path("etc")).expect("a directory");
    std::fs::write(rootfs.path("etc/group"), "root:x:0:\ngames:x:60:\n").expect("a file");
    for name in ["test", "tr", "sleep"] {
        std::os::unix::fs::symlink("busybox", rootfs.path(&format!("bin/{name}"))).expect("a link");
    }
    rootfs
}

#[test]
fn a_node_is_whose_the_rule_says_and_its_links_come_and_go_with_it() {
    let rootfs = with_groups();
    for (number, userns) in [(700, false), (701, true)] {
        let text = rules(&format!(
            "      - match: {{ subsystem: block, devname: loop{number} }}\n        show: rw\n        \
             node: {{ mode: \"0640\", uid: 1000, gid: games, link: [\"by/number/%n\", scratch, \"%k-too\", \
             \"size/%E{{NOBODY_SAYS}}\"] }}\n"
        ));
        let container = Container::new().rules(&text).root(rootfs.dir());
        let container = if userns {
            container.userns()
        } else {
            container
        };
        let mut inside = Shell::start(&container);
        inside.lacks("/dev/scratch");
        for _ in 0..2 {
            let device = Loop::add(number);
            let name = device.name();
            inside.says(
                &format!("stat -c '%a %u %g %F' /dev/{name}"),
                "640 1000 60 block special file",
            );
            assert_eq!(inside.ask("readlink /dev/scratch"), name);
            assert_eq!(
                inside.ask(&format!("readlink /dev/by/number/{number}")),
                format!("../../{name}")
            );
            assert_eq!(
                inside.ask(&format!("readlink -f /dev/{name}-too")),
                format!("/dev/{name}")
            );
            assert_eq!(inside.ask("stat -c '%F %u' /dev/by/number"), "directory 0");
            inside.lacks("/dev/size");
            device.remove();
            for path in ["scratch", "by", &format!("{name}-too"), &name] {
                inside.lacks(&format!("/dev/{path}"));
            }
        }
    }
}

#[test]
fn ro_takes_the_write_bits_of_the_rule_and_an_unknown_group_is_roots() {
    let device = Loop::add(702);
    let text = rules(
        "      - match: { subsystem: block, devname: loop702 }\n        show: ro\n        \
         node: { mode: \"0666\", gid: nosuchgroup }\n",
    );
    let rootfs = with_groups();
    let mut inside = Shell::start(&Container::new().rules(&text).root(rootfs.dir()));
    inside.says("stat -c '%a %u %g' /dev/loop702", "444 0 0");
    inside
        .0
        .expect_error("the container has no group nosuchgroup");
    drop(inside);
    device.remove();
}

#[test]
fn a_container_that_makes_its_group_file_a_fifo_starts_all_the_same() {
    let device = Loop::add(703);
    let rootfs = with_groups();
    std::fs::remove_file(rootfs.path("etc/group")).expect("no file");
    nix::unistd::mkfifo(
        &rootfs.path("etc/group"),
        nix::sys::stat::Mode::from_bits_truncate(0o666),
    )
    .expect("a fifo");
    let text = rules(
        "      - match: { subsystem: block, devname: loop703 }\n        show: rw\n        \
         node: { gid: games }\n",
    );
    let mut inside = Shell::start(&Container::new().rules(&text).root(rootfs.dir()).userns());
    inside.says("stat -c '%a %u %g' /dev/loop703", "600 0 0");
    drop(inside);
    device.remove();
}

#[test]
fn of_two_links_the_earlier_rules_wins_then_the_older_devices_and_a_node_over_both() {
    let rule = |names: &str, links: &str| {
        format!(
            "      - match: {{ subsystem: block, devname: [{names}] }}\n        show: rw\n        \
             node: {{ link: [{links}] }}\n"
        )
    };
    let text = rules(&format!(
        "{}{}{}",
        rule("loop705", "first, loop706, \"null\", pts/9, console"),
        rule("loop704", "first"),
        rule("loop706, loop707", "same, same/below"),
    ));
    let mut inside = Shell::start(&Container::new().rules(&text));
    let late = Loop::add(704);
    inside.says("readlink /dev/first", "loop704");
    let early = Loop::add(705);
    inside.says("readlink /dev/first", "loop705");
    inside
        .0
        .expect_error("loop704: no link \"/first\" in /dev: the name is taken by");
    assert_eq!(
        inside.ask("stat -c '%F %t:%T' /dev/null"),
        "character special file 1:3"
    );
    inside.lacks("/dev/console");
    inside.lacks("/dev/pts/9");
    // the younger name, but the older device
    let older = Loop::add(707);
    inside.says("readlink /dev/same", "loop707");
    inside.says("readlink /dev/loop706", "loop705");
    let younger = Loop::add(706);
    inside.says("stat -c %F /dev/loop706", "block special file");
    assert_eq!(inside.ask("readlink /dev/same"), "loop707");
    older.remove();
    inside.says("readlink /dev/same", "loop706");
    younger.remove();
    inside.says("readlink /dev/loop706", "loop705");
    early.remove();
    inside.says("readlink /dev/first", "loop704");
    late.remove();
    inside.lacks("/dev/first");
}
