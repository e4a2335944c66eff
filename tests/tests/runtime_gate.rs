//! Under a runtime that brought a device gate of its own: what the policy shows opens, what it hides does
//! not, whatever node it came by; and when our mount ends, the runtime's rules hold again.
//!
//! Loop devices 760 to 779 are this file's.

use std::process::Command;
use std::time::Duration;

use host::cgroup::Version;
use nix::sys::signal::Signal;
use tests::foreign::{opens, says};
use tests::mounted::{binary, foreground_with};
use tests::{Foreign, Loop, Mountpoint, Running, eventually, run, sh};

const LIMIT: Duration = Duration::from_secs(10);

/// A container of `runtime` with five devices: one that shows rw, one ro, one that its runtime allows and
/// the policy hides, one that shows and comes later, and one that nobody allows.
struct Scene {
    container: Running,
    server: Running,
    place: Mountpoint,
    first: u32,
    devices: Vec<Loop>,
    // last, as it waits for the container's end
    foreign: Foreign,
}

impl Scene {
    #[track_caller]
    fn set(runtime: &'static str, version: Version, first: u32) -> Scene {
        let foreign = Foreign::new(runtime, version);
        let devices = [0, 1, 2, 4].map(|n| Loop::add(first + n)).into();
        let rules = tempfile::NamedTempFile::with_suffix(".yaml").expect("a file");
        let [rw, ro, late] = [0, 1, 3].map(|n| first + n);
        let text = format!(
            "version: 1\npolicies:\n  test:\n    rules:\n      - match: {{ subsystem: block, devname: [loop{rw}, loop{late}] }}\n        show: rw\n      - match: {{ subsystem: block, devname: loop{ro} }}\n        show: ro\n"
        );
        std::fs::write(rules.path(), text).expect("rules");
        let place = Mountpoint::new();
        let cgroup = foreign.cgroup();
        let mut server = foreground_with("dev", rules.path(), &place, |command| {
            command.arg("--cgroup").arg(&cgroup);
        });
        server.expect_error("it is taken over once it is there");
        // a tar that somebody has unpacked
        let script = format!(
            "cd {}; mkdir made; for n in 0 1 2 3 4; do mknod made/$n b 7 $(({first} + n)); done; tar cf all.tar -C made . && tar xpf all.tar && rm -r made all.tar",
            foreign.nodes().display()
        );
        sh(&script);
        let container = foreign.start(place.path(), &[first + 2]);
        Scene {
            container,
            server,
            place,
            first,
            devices,
            foreign,
        }
    }

    /// Which of the five open, by the nodes that were unpacked: `0rw 1r`.
    #[track_caller]
    fn unpacked(&mut self) -> Vec<String> {
        let paths = ["/nodes/0", "/nodes/1", "/nodes/2", "/nodes/3", "/nodes/4"];
        let lines = opens(&mut self.container, &paths);
        lines.iter().map(|l| l.replace(" /nodes/", "")).collect()
    }

    #[track_caller]
    fn becomes(&mut self, what: &str, expected: &[&str]) {
        let mut last = Vec::new();
        let until = std::time::Instant::now() + LIMIT;
        while std::time::Instant::now() < until {
            last = self.unpacked();
            if last == expected {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!(
            "{what}: {last:?} instead of {expected:?}\n{}",
            self.server.so_far()
        );
    }

    /// It has CAP_MKNOD: of exactly what it may have.
    #[track_caller]
    fn makes_nodes_of_what_shows(&mut self, first: u32) {
        for (n, made) in [(0, "made"), (1, "refused"), (2, "refused"), (4, "refused")] {
            let minor = first + n;
            let script = format!(
                "mkdir /dev/own; busybox mknod /dev/own/x b 7 {minor} && echo made || echo refused; busybox rm -r /dev/own"
            );
            let seen = says(&mut self.container, &script);
            assert_eq!(seen.last().map(String::as_str), Some(made), "{seen:?}");
            let is_eperm = seen[0].contains("Operation not permitted");
            assert_eq!(is_eperm, made == "refused", "{seen:?}");
        }
    }

    /// What it has mounted on our /dev works, and is what it is reached by.
    #[track_caller]
    fn has_the_runtimes_mounts(&mut self) {
        let script = "busybox awk '$2 ~ \"^/dev/\" { print $2, $3 }' /proc/mounts; \
                      echo kept >/dev/shm/x && cat /dev/shm/x; (exec 9<>/dev/ptmx; ls /dev/pts); \
                      ls /dev/fd/0 /dev/stdin; readlink /dev/core";
        let seen = says(&mut self.container, script);
        let expected = [
            "/dev/pts devpts",
            "/dev/shm tmpfs",
            "/dev/mqueue mqueue",
            "kept",
            // a terminal of its own
            "0",
            "ptmx",
            "/dev/fd/0",
            "/dev/stdin",
            "/proc/kcore",
        ];
        assert_eq!(seen, expected);
    }

    /// Its runtime's rules: what it allows, and nothing else.
    #[track_caller]
    fn is_the_runtimes(&mut self) {
        self.becomes("the runtime's rules are back", &["r2", "w2"]);
    }
}

#[track_caller]
fn ours_instead_of_the_runtimes(runtime: &'static str, version: Version, first: u32) {
    let mut s = Scene::set(runtime, version, first);
    s.becomes("ours", &["r0", "w0", "r1"]);
    // by our nodes too, and the standard ones
    let [rw, ro, hidden, late] = [0, 1, 2, 3].map(|n| format!("/dev/loop{}", first + n));
    let all = [&rw, &ro, &hidden, &late, "/dev/zero", "/dev/null"].map(|p| p as &str);
    let seen = opens(&mut s.container, &all);
    let expected = [
        format!("r {rw}"),
        format!("w {rw}"),
        format!("r {ro}"),
        "r /dev/zero".into(),
        "w /dev/zero".into(),
        "r /dev/null".into(),
        "w /dev/null".into(),
    ];
    assert_eq!(seen, expected);
    s.makes_nodes_of_what_shows(first);
    s.has_the_runtimes_mounts();
    let plugged = Loop::add(first + 3);
    s.becomes("one is plugged", &["r0", "w0", "r1", "r3", "w3"]);
    assert_eq!(opens(&mut s.container, &[&late]).len(), 2);
    plugged.remove();
    eventually("it is pulled", LIMIT, || !s.place.join(&late[5..]).exists());
    s.devices.remove(0).remove();
    eventually("the other too", LIMIT, || !s.place.join(&rw[5..]).exists());
    s.becomes("two are pulled", &["r1"]);
    // and back
    let back = Loop::add(first);
    s.becomes("one is back", &["r0", "w0", "r1"]);
    s.server.signal(Signal::SIGTERM);
    s.is_the_runtimes();
    assert_eq!(s.place.mountinfo(), None);
    assert!(s.foreign.cgroup().exists());
    drop(back);
}

#[test]
fn runc_on_v1() {
    ours_instead_of_the_runtimes("runc", Version::V1, 760);
}

#[test]
fn runc_on_v2() {
    ours_instead_of_the_runtimes("runc", Version::V2, 765);
}

#[test]
fn crun_on_v1() {
    ours_instead_of_the_runtimes("crun", Version::V1, 770);
}

/// A server that is killed gives nothing away: whoever keeps the gate for it gives it back.
#[test]
fn a_killed_server_leaves_the_runtimes_rules() {
    for version in [Version::V1, Version::V2] {
        let mut s = Scene::set("runc", version, 775);
        s.becomes("ours", &["r0", "w0", "r1"]);
        s.server.signal(Signal::SIGKILL);
        s.is_the_runtimes();
        eventually("its processes end", LIMIT, || s.place.servers().is_empty());
        assert_eq!(s.first, 775);
    }
}

/// By the pid of a process, and through mount(8)'s options.
#[test]
fn a_gate_is_named_by_a_process_or_in_options() {
    let place = Mountpoint::new();
    let mut own = Command::new("sleep").arg("60").spawn().expect("a process");
    let hierarchies = host::cgroup::Hierarchies::detect().expect("the hierarchies");
    let dirs: Vec<_> = [hierarchies.v1(), hierarchies.v2()]
        .into_iter()
        .flatten()
        .map(|root| root.join(tests::unique("devns-gate-")))
        .collect();
    for dir in &dirs {
        std::fs::create_dir(dir).expect("a cgroup");
        std::fs::write(dir.join("cgroup.procs"), own.id().to_string()).expect("a process in it");
        // a node that the policy does not show
        let opens = || {
            let script = format!(
                "echo $$ > {}/cgroup.procs; : < /dev/loop-control",
                dir.display()
            );
            run(Command::new("sh").args(["-c", &script])).code() == Some(0)
        };
        assert!(opens());
        let option = format!("cgroup=PID:{}", own.id());
        run(Command::new(binary("dev"))
            .arg("none")
            .arg(place.path())
            .args(["-o", &option]))
        .ok();
        assert!(!opens(), "{dir:?}");
        run(Command::new("umount").arg(place.path())).ok();
        eventually("it is given back", LIMIT, opens);
        eventually("its processes end", LIMIT, || place.servers().is_empty());
        let procs = dir.parent().expect("a root").join("cgroup.procs");
        std::fs::write(procs, own.id().to_string()).expect("it leaves");
    }
    let _ = own.kill();
    let _ = own.wait();
    for dir in dirs {
        eventually("its cgroup goes", LIMIT, || {
            std::fs::remove_dir(&dir).is_ok()
        });
    }
}

/// Without whoever keeps the gate the view cannot be kept true: it goes. The gate stays, and allows no more.
#[test]
fn a_killed_keeper_ends_the_server_and_leaves_the_gate_shut() {
    let place = Mountpoint::new();
    let hierarchies = host::cgroup::Hierarchies::detect().expect("the hierarchies");
    let root = hierarchies.v2().expect("cgroup v2");
    let dir = root.join(tests::unique("devns-gate-"));
    std::fs::create_dir(&dir).expect("a cgroup");
    let rules = std::path::Path::new("builtin:minimal");
    let mut server = foreground_with("dev", rules, &place, |command| {
        command.arg("--cgroup").arg(&dir);
    });
    let comm = |pid: &i32| std::fs::read_to_string(format!("/proc/{pid}/comm"));
    let keeper = tests::processes::children(server.pid())
        .into_iter()
        .find(|pid| comm(pid).is_ok_and(|name| name.trim() == "fusefs-dev-gate"));
    let keeper = nix::unistd::Pid::from_raw(keeper.expect("the keeper"));
    nix::sys::signal::kill(keeper, Signal::SIGKILL).expect("a signal");
    server.expect_error("the process that keeps the device gate is gone");
    assert_eq!(server.wait(LIMIT).code(), Some(1));
    assert_eq!(place.mountinfo(), None);
    let script = format!(
        "echo $$ > {}/cgroup.procs; : < /dev/zero; : < /dev/loop-control",
        dir.display()
    );
    let seen = run(Command::new("sh").args(["-c", &script]));
    assert_ne!(seen.code(), Some(0));
    let seen = seen.says("loop-control");
    assert!(!seen.stderr.contains("zero"), "{seen}");
    eventually("its cgroup goes", LIMIT, || {
        std::fs::remove_dir(&dir).is_ok()
    });
}

#[test]
fn what_is_no_gate_is_refused_with_a_mend() {
    let place = Mountpoint::new();
    let refused = |cgroup: &str| {
        let mut command = Command::new(binary("dev"));
        let seen = run(command.arg("--cgroup").arg(cgroup).arg(place.path()));
        assert_eq!(place.mountinfo(), None);
        seen
    };
    refused("web1")
        .exits(2)
        .says("such as /sys/fs/cgroup/machine.slice/web1 or PID:4711");
    refused("PID:x").exits(2);
    refused("/usr")
        .exits(4)
        .says("is no directory of a cgroup hierarchy");
    refused("PID:2147483647")
        .exits(4)
        .says("there is no process 2147483647");
    let mut sysfs = Command::new(binary("sysfs"));
    let seen = run(sysfs
        .arg("none")
        .arg(place.path())
        .args(["-o", "cgroup=PID:1"]));
    seen.exits(2).says("unknown mount option");
}
