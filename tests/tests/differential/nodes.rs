//! A container with nodes of every device number, and what came of opening them.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use host::cgroup::Hierarchies;
use tests::{Container, Loop, Rootfs, Running, inside, sh};

use crate::attacks::{self, Attempts};
use crate::numbers::{self, Number};

/// What came of each request, by the name of the number.
pub type Found = BTreeMap<String, BTreeMap<String, String>>;

/// A container's means.
pub struct Means {
    pub name: String,
    gate: &'static str,
    userns: bool,
    /// With CAP_SYS_ADMIN, by which it takes nodev off all mounts that are its own.
    pub admin: bool,
}

impl Means {
    /// Each version of the device cgroup that this machine has, with these.
    pub fn with(userns: bool, admin: bool) -> Vec<Means> {
        let hierarchies = Hierarchies::detect().expect("the hierarchies");
        let all = [("v1", hierarchies.v1()), ("v2", hierarchies.v2())];
        let gates = all.into_iter().filter(|(_, dir)| dir.is_some());
        let means = gates.map(|(gate, _)| Means {
            name: format!("userns={userns}, admin={admin}, {gate}"),
            gate,
            userns,
            admin,
        });
        let means: Vec<Means> = means.collect();
        assert!(!means.is_empty(), "no cgroup hierarchy is mounted");
        means
    }
}

/// What is plugged, and the root file system with its nodes.
pub struct Scene {
    pub rootfs: Rootfs,
    /// The same nodes outside, on a file system that is no devtmpfs.
    nodes: tempfile::TempDir,
    numbers: Vec<Number>,
    pub devices: [Loop; 3],
}

impl Scene {
    /// With loop devices from `first` on: one to show rw, one ro, one to hide.
    pub fn new(first: u32) -> Scene {
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

    pub fn name(&self, device: usize) -> String {
        let number = self.devices[device].name();
        format!("b7-{}", number.trim_start_matches("loop"))
    }

    /// What the policy shows of a device number: nothing, `r` or `rw`.
    pub fn shows(&self, name: &str) -> &'static str {
        match name {
            _ if name == self.name(0) => "rw",
            _ if name == self.name(1) || name == "c10-237" => "r",
            // the standard nodes; terminals, of which the container has its own
            "c1-3" | "c1-5" | "c1-7" | "c1-8" | "c1-9" | "c5-0" | "c5-2" => "rw",
            _ if name.starts_with("c136-") => "rw",
            _ => "",
        }
    }

    /// Ask everything in a container.
    pub fn ask(&self, means: &Means) -> (Attempts, Found) {
        let [rw, ro, _] = &self.devices;
        let rules = format!(
            "version: 1\npolicies:\n  test:\n    rules:\n      \
             - match: {{ subsystem: block, devname: {} }}\n        show: rw\n      \
             - match: {{ subsystem: block, devname: {} }}\n        show: ro\n      \
             - match: {{ devnum: \"c 10:237\" }}\n        show: ro\n",
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
            include_str!("../../attacks/nodes.py")
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
    pub fn judge(&self, means: &Means, found: &Found) {
        let name = &means.name;
        let mut hidden: BTreeMap<&str, BTreeMap<&str, &str>> = BTreeMap::new();
        assert_eq!(
            found.len(),
            self.numbers.len(),
            "{name}: it ended early: {found:#?}"
        );
        for (number, answers) in found {
            let is_asked = ["/dev mknod", "/tmp mknod", "/tar r", "/tar w", "/tar rw"];
            let is_asked = is_asked.iter().all(|r| answers.contains_key(*r));
            assert!(is_asked, "{name}: {number}: {answers:?}");
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
    pub fn are(&self, means: &Means, found: &Found, number: &str, expected: &[(&str, &str)]) {
        for (request, answer) in expected {
            let came = found[number].get(*request).map(String::as_str);
            assert_eq!(came, Some(*answer), "{}: {number}: {request}", means.name);
        }
    }
}
