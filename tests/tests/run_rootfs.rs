//! A root file system of the container's own: nothing of the host's is in it, whoever made it.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};

use tests::{Container, Rootfs};

#[test]
fn a_root_file_system_is_all_there_is() {
    let rootfs = Rootfs::new();
    fs::write(rootfs.path("mine"), "x").expect("a file");
    for userns in [false, true] {
        let container = Container::new().root(rootfs.dir());
        let container = if userns {
            container.userns()
        } else {
            container
        };
        let seen = container.sh("ls /; id -u; stat -c %u:%g / /mine /bin/busybox; cat /sys/class/net/lo/mtu; ls /dev/null; echo hi > /tmp/made").ok();
        let expected = [
            "bin",
            "dev",
            "mine",
            "proc",
            "run",
            "sys",
            "tmp",
            "0",
            "0:0",
            "0:0",
            "0:0",
            "65536",
            "/dev/null",
        ];
        assert_eq!(seen.lines(), expected, "userns={userns}");
        // what its root makes, the owner of the tree owns
        assert_eq!(
            fs::metadata(rootfs.path("tmp/made"))
                .expect("the file")
                .uid(),
            0
        );
        assert_eq!(
            fs::read_to_string(rootfs.path("tmp/made")).expect("the file"),
            "hi\n"
        );
        fs::remove_file(rootfs.path("tmp/made")).expect("no file");
    }
    // nothing of the views was laid into the tree
    assert_eq!(
        fs::read_dir(rootfs.path("dev"))
            .expect("a directory")
            .count(),
        0
    );
    assert_eq!(
        fs::read_dir(rootfs.path("sys"))
            .expect("a directory")
            .count(),
        0
    );
}

#[test]
fn places_that_are_missing_are_made() {
    for userns in [false, true] {
        let rootfs = Rootfs::bare();
        let container = Container::new().root(rootfs.dir());
        let container = if userns {
            container.userns()
        } else {
            container
        };
        container
            .sh("cat /sys/class/mem/null/dev /proc/1/comm && ls /dev/pts /dev/shm /run/udev")
            .ok();
    }
}

/// An image may not lead the mounts elsewhere.
#[test]
fn a_link_in_place_of_a_directory_is_refused() {
    for name in ["sys", "dev", "proc", "run"] {
        for target in ["/etc", "tmp", "/nothing"] {
            for userns in [false, true] {
                let rootfs = Rootfs::new();
                fs::remove_dir(rootfs.path(name)).expect("no directory");
                symlink(target, rootfs.path(name)).expect("a link");
                let container = Container::new().root(rootfs.dir());
                let container = if userns {
                    container.userns()
                } else {
                    container
                };
                container.sh("echo in").exits(125).says(&format!(
                    "the place of /{name}: it is no directory in the root file system"
                ));
            }
        }
    }
    let rootfs = Rootfs::new();
    fs::remove_dir(rootfs.path("sys")).expect("no directory");
    fs::write(rootfs.path("sys"), "").expect("a file");
    Container::new()
        .root(rootfs.dir())
        .sh("echo in")
        .exits(125)
        .says("the place of /sys");
}
