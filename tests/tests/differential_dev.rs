//! Every device number of /proc/devices by a node that the container made, that came in a tar of its root
//! file system, or that is a bind mount, of the host's or another: what opens is what the policy shows, with the access
//! that it shows; what is hidden and what is not there answer alike.
//!
//! Defences: nodev of every mount but /dev (`set_attrs` in run/rootfs.rs), and no mount of a devtmpfs at all
//! (`clear` there); who makes nodes in /dev is asked
//! which (`fusefs_dev`); the device cgroup, which alone is left where the container has CAP_SYS_ADMIN.
//!
//! Loop devices 855 to 869 are this file's.

#[path = "../attacks/mod.rs"]
mod attacks;
#[path = "differential/nodes.rs"]
mod nodes;
#[path = "differential/numbers.rs"]
mod numbers;

use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nodes::{Means, Scene};

/// Against vacuity: real root opens what is hidden, by the nodes of the tar and the host's.
fn hidden_would_open(scene: &Scene) {
    let [_, ro, hidden] = &scene.devices;
    for (name, host) in [(scene.name(1), ro), (scene.name(2), hidden)] {
        let of_tar = scene.rootfs.path("tar").join(&name);
        for path in [of_tar.as_path(), &Path::new("/dev").join(host.name())] {
            let mut options = std::fs::File::options();
            let options = options
                .read(true)
                .write(true)
                .custom_flags(libc::O_NONBLOCK);
            options.open(path).expect("real root opens it");
        }
    }
    let kmsg = scene.rootfs.path("tar/c1-11");
    std::fs::File::open(kmsg).expect("real root opens the kernel's log");
}

/// Without CAP_SYS_ADMIN, nodes open in /dev alone.
#[test]
fn what_is_made_in_dev_opens_if_it_shows() {
    let scene = Scene::new(855);
    hidden_would_open(&scene);
    let (rw, ro, hidden) = (scene.name(0), scene.name(1), scene.name(2));
    for means in Means::with(false, false) {
        let (_, found) = scene.ask(&means);
        scene.judge(&means, &found);
        let are = |number: &str, expected: &[(&str, &str)]| {
            scene.are(&means, &found, number, expected);
        };
        for number in [&rw, "c1-3"] {
            are(
                number,
                &[("/dev mknod", "ok"), ("/dev r", "ok"), ("/dev w", "ok")],
            );
            are(
                number,
                &[
                    ("/dev rw", "ok"),
                    ("/tar rw", "EACCES"),
                    ("/bound rw", "EACCES"),
                ],
            );
            for place in ["/dev/shm", "/tmp", "/mnt"] {
                let (mknod, r) = (format!("{place} mknod"), format!("{place} r"));
                are(number, &[(&mknod, "ok"), (&r, "EACCES")]);
            }
        }
        for number in [&ro, &hidden] {
            are(number, &[("/dev mknod", "EPERM"), ("/tmp mknod", "EPERM")]);
            are(number, &[("/tar r", "EACCES"), ("/bound r", "EACCES")]);
        }
    }
}

/// With it, the container takes nodev off, and the device cgroup alone decides.
#[test]
fn behind_all_nodes_the_device_cgroup_decides() {
    let scene = Scene::new(860);
    hidden_would_open(&scene);
    for means in Means::with(false, true) {
        let (all, found) = scene.ask(&means);
        all.are(&[("remount", "ok"), ("tmpfs", "ok")]);
        scene.judge(&means, &found);
        let are = |number: &str, expected: &[(&str, &str)]| {
            scene.are(&means, &found, number, expected);
        };
        for place in ["/dev", "/mnt", "/tar", "/bound"] {
            let [mknod, r, w, both] = ["mknod", "r", "w", "rw"].map(|a| format!("{place} {a}"));
            for number in [&scene.name(0), "c1-3"] {
                are(number, &[(&r, "ok"), (&w, "ok"), (&both, "ok")]);
            }
            if place == "/dev" || place == "/mnt" {
                are(&scene.name(0), &[(&mknod, "ok")]);
                are(&scene.name(1), &[(&mknod, "EPERM")]);
                are(&scene.name(2), &[(&mknod, "EPERM")]);
            } else {
                are(
                    &scene.name(1),
                    &[(&r, "ok"), (&w, "EPERM"), (&both, "EPERM")],
                );
                are("c10-237", &[(&r, "ok"), (&w, "EPERM"), (&both, "EPERM")]);
                are(
                    &scene.name(2),
                    &[(&r, "EPERM"), (&w, "EPERM"), (&both, "EPERM")],
                );
            }
        }
    }
}

/// In a user namespace nobody makes nodes, and nodev is not the container's to take off.
#[test]
fn in_a_user_namespace_no_other_node_opens() {
    let scene = Scene::new(865);
    hidden_would_open(&scene);
    for means in [Means::with(true, false), Means::with(true, true)]
        .iter()
        .flatten()
    {
        let (all, found) = scene.ask(means);
        if means.admin {
            all.are(&[("remount", "EPERM")]);
        }
        scene.judge(means, &found);
        for number in [
            "c1-3",
            "c10-237",
            &scene.name(0),
            &scene.name(1),
            &scene.name(2),
        ] {
            let refused = [
                "/tar r",
                "/tar w",
                "/tar rw",
                "/bound r",
                "/bound w",
                "/bound rw",
            ];
            scene.are(means, &found, number, &refused.map(|r| (r, "EACCES")));
            scene.are(
                means,
                &found,
                number,
                &[("/dev mknod", "EPERM"), ("/tmp mknod", "EPERM")],
            );
        }
    }
}
