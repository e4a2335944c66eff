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
#[path = "differential/numbers.rs"]
mod numbers;

use std::collections::BTreeMap;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use attacks::Attempts;
use numbers::Number;
use tests::{Container, Loop, Rootfs, Running, inside, sh};

/// What came of each request, by the name of the number.
type Found = BTreeMap<String, BTreeMap<String, String>>;

/// A container's means.
struct Means {
    name: String,
    gate: &'static str,
    userns: bool,
    /// With CAP_SYS_ADMIN, by which it takes nodev off all mounts that are its own.
    admin: bool,
}

impl Means {
    /// Each version of the device cgroup, with these.
    fn with(userns: bool, admin: bool) -> [Means; 2] {
        ["v1", "v2"].map(|gate| Means {
            name: format!("userns={userns}, admin={admin}, {gate}"),
            gate,
            userns,
            admin,
        })
    }
}

/// What is plugged, and the root file system with its nodes.
struct Scene {
    rootfs: Rootfs,
    /// The same nodes outside, on a file system that is no devtmpfs.
    nodes: tempfile::TempDir,
    numbers: Vec<Number>,
    devices: [Loop; 3],
}

impl Scene {
    /// With loop devices from `first` on: one to show rw, one ro, one to hide.
    fn new(first: u32) -> Scene {
        let devices = [0, 1, 2].map(|n| Loop::add(first + n));
        let numbers = numbers::all();
        let rootfs = Rootfs::new();
        for name in ["mnt", "tar", "bound", "host", "usr"] {
            std::fs::create_dir(rootfs.path(name)).expect("a directory");
        }
        for name in ["lib", "lib64"] {
            let target = format!("usr/{name}");
            std::os::unix::fs::symlink(target, rootfs.path(name)).expect("a link");
        }
        let from = tempfile::TempDir::new().expect("a directory");
        for number in &numbers {
            number.node(&from.path().join(number.name()));
        }
        sh(&format!(
            "tar -C {} -cf - . | tar -C {} -xpf -",
            from.path().display(),
            rootfs.path("tar").display()
        ));
        for number in numbers.iter().filter(|n| n.host().is_some()) {
            for place in ["bound", "host"] {
                let place = rootfs.path(place).join(number.name());
                std::fs::write(place, "").expect("a file");
            }
        }
        Scene {
            rootfs,
            nodes: from,
            numbers,
            devices,
        }
    }

    fn name(&self, device: usize) -> String {
        let number = self.devices[device].name();
        format!("b7-{}", number.trim_start_matches("loop"))
    }

    /// What the policy shows of a device number: nothing, `r` or `rw`.
    fn shows(&self, name: &str) -> &'static str {
        match name {
            _ if name == self.name(0) => "rw",
            _ if name == self.name(1) || name == "c203-0" => "r",
            // the standard nodes; terminals, of which the container has its own
            "c1-3" | "c1-5" | "c1-7" | "c1-8" | "c1-9" | "c5-0" | "c5-2" => "rw",
            _ if name.starts_with("c136-") => "rw",
            _ => "",
        }
    }

    /// Ask everything in a container.
    fn ask(&self, means: &Means) -> (Attempts, Found) {
        let [rw, ro, _] = &self.devices;
        let rules = format!(
            "version: 1\npolicies:\n  test:\n    rules:\n      \
             - match: {{ subsystem: block, devname: {} }}\n        show: rw\n      \
             - match: {{ subsystem: block, devname: {} }}\n        show: ro\n      \
             - match: {{ devnum: \"c 203:0\" }}\n        show: ro\n",
            rw.name(),
            ro.name()
        );
        let container = Container::new().rules(&rules).gate(means.gate);
        let container = container
            .root(self.rootfs.dir())
            .args(["--cap-add", "MKNOD"]);
        let container = match means.userns {
            true => container.userns(),
            false => container,
        };
        let container = match means.admin {
            true => container.args(["--cap-add", "SYS_ADMIN"]),
            false => container,
        };
        let numbers: Vec<String> = self.numbers.iter().map(Number::python).collect();
        let body = format!(
            "NUMBERS = [{}]\nMADE = ['/dev', '/dev/shm', '/tmp', '/mnt']\nGIVEN = ['/tar', '/bound', '/host']\n\
             OPEN, FIRST = {}, [{:?}]\n{}",
            numbers.join(", "),
            if means.admin { "True" } else { "False" },
            self.name(2),
            include_str!("../attacks/nodes.py")
        );
        let inner = container.command(&[inside::PYTHON, "-c", &attacks::script(&body)]);
        // what is bound is there for this container's root alone
        let mut script = format!("mount --rbind /usr {}\n", self.rootfs.path("usr").display());
        for number in self.numbers.iter() {
            let Some(host) = number.host() else { continue };
            let name = number.name();
            for (source, place) in [(self.nodes.path().join(&name), "bound"), (host, "host")] {
                let place = self.rootfs.path(place).join(&name);
                // what is plugged by now has no place, and what was pulled no node
                let (source, place) = (source.display(), place.display());
                script += &format!("mount --bind {source} {place} 2>/dev/null || true\n");
            }
        }
        script += &format!("test -c {}\n", self.rootfs.path("host/c1-3").display());
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-euc", &(script + "exec \"$0\" \"$@\"")]);
        command.arg(inner.get_program()).args(inner.get_args());
        command.env_remove("RUST_LOG").stdin(Stdio::null());
        let running = Running::start(&mut command);
        let all = Attempts::of(running.wait(tests::output::LIMIT));
        let found = serde_json::from_str(all.get("found")).expect("JSON");
        (all, found)
    }

    /// Whatever succeeded was shown, and what was not shown answered alike.
    fn judge(&self, means: &Means, found: &Found) {
        let name = &means.name;
        let mut hidden: BTreeMap<&str, BTreeMap<&str, &str>> = BTreeMap::new();
        assert_eq!(
            found.len(),
            self.numbers.len(),
            "{name}: it ended early: {found:#?}"
        );
        for (number, answers) in found {
            let shown = self.shows(number);
            for (request, came) in answers {
                // mounts of a devtmpfs are taken out of the root file system: `clear` in run/rootfs.rs
                assert!(!request.starts_with("/host"), "{name}: {number} is there");
                let access = request.rsplit(' ').next().unwrap_or_default();
                let may = match access {
                    "mknod" => shown == "rw",
                    _ => shown.contains(access),
                };
                assert!(
                    may || came != "ok",
                    "{name}: {number} shows as {shown:?}: {request}"
                );
                if shown.is_empty() {
                    let all = hidden.entry(request).or_default();
                    all.insert(came, number);
                }
            }
        }
        for (request, answers) in hidden {
            assert_eq!(
                answers.len(),
                1,
                "{name}: {request} tells hidden ones apart: {answers:?}"
            );
        }
    }

    /// With what each of these requests was answered.
    fn are(&self, means: &Means, found: &Found, number: &str, expected: &[(&str, &str)]) {
        for (request, answer) in expected {
            let came = found[number].get(*request).map(String::as_str);
            assert_eq!(came, Some(*answer), "{}: {number}: {request}", means.name);
        }
    }
}

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
                are("c203-0", &[(&r, "ok"), (&w, "EPERM"), (&both, "EPERM")]);
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
            "c203-0",
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
