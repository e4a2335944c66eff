//! What is used to a devtmpfs, run inside, unmodified: mdev, losetup, mkfs, mount, lsblk, blkid, stty.
//! Loop devices 410 to 429 are this file's.

use tests::{Container, Loop, Rootfs, Shell, sh};

/// A root file system with busybox as the device manager, and this as its /etc/mdev.conf.
fn with_mdev(conf: &str) -> Rootfs {
    let rootfs = Rootfs::new();
    std::fs::create_dir(rootfs.path("etc")).expect("a directory");
    std::fs::write(rootfs.path("etc/mdev.conf"), conf).expect("a file");
    for name in ["mdev", "ln", "rm", "tr", "test", "kill"] {
        std::os::unix::fs::symlink("busybox", rootfs.path(&format!("bin/{name}"))).expect("a link");
    }
    rootfs
}

/// `mdev -s` at the start, then as a program for one event, as `/proc/sys/kernel/hotplug` would call it.
#[test]
fn mdev_sets_up_what_shows_and_handles_an_event() {
    let conf = "loop41[01] 3:6 0642 @ln -sf $MDEV last\nnull 0:0 666\n.* 0:0 660\n";
    for (number, userns) in [(410, false), (411, true)] {
        let name = format!("loop{number}");
        let stat = format!("stat -c '%a %u:%g' /dev/{name} /dev/null /dev/zero");
        let rootfs = with_mdev(conf);
        let container = Container::new().root(rootfs.dir()).shows(&[&name]);
        let container = if userns {
            container.userns()
        } else {
            container
        };
        let device = Loop::add(number);
        let mut inside = Shell::start(&container);
        inside.says("mdev -s; echo $?", "0");
        assert_eq!(inside.ask(&stat), "642 3:6 666 0:0 660 0:0");
        assert_eq!(inside.ask("readlink /dev/last"), name);
        device.remove();
        inside.lacks(&format!("/dev/{name}"));
        // the link was the container's own
        assert_eq!(
            inside.ask("rm /dev/last; ls /dev/last"),
            "ls: /dev/last: No such file or directory"
        );
        let device = Loop::add(number);
        inside.says(&format!("stat -c '%a %u:%g' /dev/{name}"), "600 0:0");
        let event = format!(
            "ACTION=add SUBSYSTEM=block DEVPATH={} DEVNAME={name} MAJOR=7 MINOR={number} mdev; echo $?",
            device.devpath()
        );
        assert_eq!(inside.ask(&event), "0");
        assert_eq!(inside.ask(&stat), "642 3:6 666 0:0 660 0:0");
        assert_eq!(inside.ask("readlink /dev/last"), name);
        drop(inside);
        device.remove();
    }
}

/// mdev as a daemon, on the container's own events; where it may make nodes, under other names too.
#[test]
fn mdev_follows_events_and_makes_nodes_where_it_may() {
    let rootfs = with_mdev("loop(412) 0:6 0640 =disks/%1\nloop41. 0:6 0604\n");
    let container = Container::new()
        .root(rootfs.dir())
        .args(["--cap-add", "MKNOD"])
        .shows(&["loop412"]);
    let mut inside = Shell::start(&container);
    let mdev = inside.ask("mdev -df >/run/log 2>&1 & echo $!");
    // it has looked at what is there, and listens
    inside.says("stat -c %a /dev/zero", "660");
    let hidden = Loop::add(413);
    for _ in 0..2 {
        let device = Loop::add(412);
        inside.says(
            "stat -c '%F %a %u:%g %t:%T' /dev/disks/412",
            "block special file 640 0:6 7:19c",
        );
        assert_eq!(inside.ask("head -c1 /dev/disks/412 && echo opens"), "opens");
        device.remove();
        inside.lacks("/dev/loop412");
        inside.lacks("/dev/disks/412");
    }
    inside.lacks("/dev/loop413");
    assert_eq!(inside.ask(&format!("kill {mdev}; cat /run/log")), "");
    drop(inside);
    hidden.remove();
}

/// A file attached, a file system made on it, mounted and used: what CAP_SYS_ADMIN is needed for is mounting.
#[test]
fn a_disk_is_attached_formatted_and_mounted() {
    let (device, mut hidden) = (Loop::add(414), Loop::add(415));
    hidden.fill(&[0; 4096]);
    let container = Container::new()
        .args(["--cap-add", "SYS_ADMIN"])
        .shows(&["loop414"]);
    let script = "set -e
        truncate -s 8M /run/disk
        losetup /dev/loop414 /run/disk
        losetup --list --noheadings --output NAME,BACK-FILE
        mkfs.ext4 -q -L scratch -U 5ca1ab1e-0000-4000-8000-000000000414 /dev/loop414
        blkid --cache-file /dev/null --output value -s LABEL -s TYPE /dev/loop414
        lsblk --noheadings --raw --output NAME,MAJ:MIN,SIZE,TYPE
        mount /dev/loop414 /mnt
        echo written >/mnt/file
        umount /mnt
        mount -o ro LABEL=scratch /mnt
        cat /mnt/file
        findmnt --noheadings --output SOURCE,FSTYPE /mnt
        umount /mnt
        e2fsck -fn /dev/loop414 >/dev/null 2>&1
        losetup --detach /dev/loop414
        losetup --all";
    let seen = container.sh(script).ok();
    assert_eq!(
        seen.lines(),
        [
            "/dev/loop414 /run/disk",
            "scratch",
            "ext4",
            "loop414 7:414 8M loop",
            "written",
            "/dev/loop414 ext4",
        ],
        "{seen}"
    );
    assert!(!std::path::Path::new("/mnt/file").exists());
    device.remove();
    hidden.remove();
}

/// In a user namespace the kernel mounts no disk, but attaches and formats one.
#[test]
fn a_disk_is_attached_and_formatted_in_a_user_namespace() {
    let device = Loop::add(416);
    let container = Container::new()
        .userns()
        .args(["--cap-add", "SYS_ADMIN"])
        .shows(&["loop416"]);
    let script = "truncate -s 8M /run/disk && losetup /dev/loop416 /run/disk && mkfs.ext4 -q /dev/loop416 || exit
        mount -t ext4 /dev/loop416 /run/udev 2>/dev/null || echo refused
        blkid --cache-file /dev/null --output value -s TYPE /dev/loop416
        losetup --detach /dev/loop416";
    let seen = container.sh(script).ok();
    assert_eq!(seen.lines(), ["refused", "ext4"], "{seen}");
    device.remove();
}

/// The settings of the machine's first serial line, put back in the end.
struct Serial(String);

impl Serial {
    fn settings() -> String {
        sh("stty -F /dev/ttyS0 -g").trim().to_string()
    }
}

impl Drop for Serial {
    fn drop(&mut self) {
        sh(&format!("stty -F /dev/ttyS0 {}", self.0));
    }
}

#[test]
fn a_serial_line_takes_settings() {
    let before = Serial(Serial::settings());
    for (container, show) in [
        (Container::new(), "rw"),
        (Container::new().userns(), "rw"),
        (Container::new(), "hide"),
    ] {
        let rules = format!(
            "version: 1\npolicies:\n  line:\n    rules:\n      - match: {{ subsystem: tty, devname: ttyS0 }}\n        show: {show}\n"
        );
        let container = container.rules(&rules);
        let seen = container.sh("stty -F /dev/ttyS0 echoprt && stty -F /dev/ttyS0 -g");
        if show == "hide" {
            assert!(seen.exits(1).stderr.contains("No such file or directory"));
            continue;
        }
        let inside = seen.ok().stdout.trim().to_string();
        assert_ne!(inside, before.0);
        assert_eq!(inside, Serial::settings(), "it is the host's own line");
        sh(&format!("stty -F /dev/ttyS0 {}", before.0));
    }
}
