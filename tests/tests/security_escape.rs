//! Ways out of a container, each of which is closed (requirement 3): with a user namespace and
//! without one, as the command and as a child of an init process, and with an agent for statfs(2) that
//! leaves everything to the kernel (requirement 8).
//!
//! Taken out on a copy of the tree, each defence named at a test makes that test fail.

#[path = "../attacks/mod.rs"]
mod attacks;

use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use attacks::{Attempts, both_with_and_without_agent as both};
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use tests::{Container, run, sh, unique};

/// Moby's default set less MKNOD, by capabilities(7): chown, dac_override, fowner, fsetid, kill,
/// setgid, setuid, setpcap, net_bind_service, net_raw, sys_chroot, audit_write, setfcap.
const CAPS: &str = "00000000a00425fb";

/// What /proc has on some kernel that names devices or reaches them. Each is empty inside, or is
/// not there on the host either.
const MASKED: &str = "acpi asound bootconfig bus cmdline consoles devices diskstats dma driver fb fs \
    interrupts iomem ioports irq kcore keys kmsg mdstat misc modules mtd mtrr partitions scsi swaps sys/dev \
    sysrq-trigger timer_list tty vmallocinfo";

/// A switch of the host's, back as it was when this goes.
struct Sysctl(PathBuf, String);

impl Sysctl {
    fn set(name: &str, value: &str) -> Sysctl {
        let path = Path::new("/proc/sys").join(name);
        let before = std::fs::read_to_string(&path).expect("a switch");
        std::fs::write(&path, value).expect("a switch");
        Sysctl(path, before)
    }
}

impl Drop for Sysctl {
    fn drop(&mut self) {
        let _ = std::fs::write(&self.0, &self.1);
    }
}

/// Things of the host that must not be reached.
struct Bait {
    dir: tempfile::TempDir,
    socket: PathBuf,
    _listener: UnixListener,
}

impl Bait {
    fn new() -> Bait {
        let dir = tempfile::TempDir::new().expect("a directory");
        sh(&format!("chmod 755 {}", dir.path().display()));
        // loop0's number, whether it is there or not: a gate decides by the number
        mknod(
            &dir.path().join("node"),
            SFlag::S_IFBLK,
            Mode::from_bits_truncate(0o666),
            makedev(7, 0),
        )
        .expect("a node");
        sh(&format!("chmod 666 {}/node", dir.path().display()));
        let socket = Path::new("/run").join(unique("bait"));
        let listener = UnixListener::bind(&socket).expect("a socket");
        sh(&format!("chmod 777 {}", socket.display()));
        Bait {
            dir,
            socket,
            _listener: listener,
        }
    }

    fn body(&self) -> String {
        let masked: Vec<String> = MASKED
            .split_whitespace()
            .map(|m| format!("{m:?}"))
            .collect();
        format!(
            "PLACE = {:?}\nSOCKET = {:?}\nMASKED = [{}]\n{}",
            self.dir.path(),
            self.socket,
            masked.join(", "),
            include_str!("../attacks/escape.py")
        )
    }
}

impl Drop for Bait {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.socket);
    }
}

/// Defences: no CAP_SYS_ADMIN (`DEFAULT_CAPS` in run/options.rs); in a nested user namespace, which
/// has it, no mount of these kinds may reveal more than those that are there (the masks over /proc in
/// run/proc_masks.rs, no sysfs at all), and what came along is locked.
#[test]
fn nothing_is_mounted_anew_or_uncovered() {
    let bait = Bait::new();
    for (name, container) in both() {
        let all = Attempts::inside(&container, &bait.body());
        eprintln!("{name}");
        all.all("mount ", &["EPERM"]);
        all.all("umount ", &["EPERM"]);
        all.are(&[
            ("fsopen sysfs", "EPERM"),
            ("nested proc 20000000", "ok EPERM"),
        ]);
        for kind in ["sysfs", "devtmpfs", "debugfs"] {
            all.all(&format!("nested {kind} "), &["EPERM", "ENODEV"]);
        }
        all.all("nested umount ", &["EINVAL"]);
        for place in ["/proc/sys", "/sys with", "/ with"] {
            let name = if place == "/proc/sys" {
                "nested writable /proc/sys".into()
            } else {
                format!("nested {place}")
            };
            all.all(&name, &["EPERM"]);
        }
        assert_eq!(all.get("mounts"), "fine", "{}", all.output);
    }
}

/// Defences: no CAP_MKNOD, and a user namespace makes none; nodev (`set_attrs` in `tree` of
/// run/rootfs.rs) for those that are there already.
#[test]
fn nodes_are_neither_made_nor_found() {
    let bait = Bait::new();
    for (_, container) in both() {
        let all = Attempts::inside(&container, &bait.body());
        all.all("mknod in ", &["EPERM", "EROFS"]);
        all.are(&[("nested mknod", "EPERM"), ("node from outside", "EACCES")]);
        all.all("/dev/", &["ENOENT", "ENXIO"]);
    }
}

/// The gate behind nodev and CAP_MKNOD: with CAP_SYS_ADMIN and CAP_MKNOD the container takes nodev
/// off and makes its own nodes, and still nothing opens that the policy does not show.
///
/// Defence: the device cgroup, entered before the command is (`cgroup.add` in run/container.rs).
#[test]
fn the_device_cgroup_decides_behind_the_nodes() {
    let bait = Bait::new();
    let body = format!(
        "PLACE = {:?}\n{}",
        bait.dir.path(),
        r#"
mount(None, "/", 0x20 | 0x1000 | 2)
mount("tmpfs", "/mnt")
attempt("node from outside", lambda: opened(PLACE + "/node"))
attempt("mknod of a hidden device", lambda: os.mknod("/mnt/b", 0o60600, os.makedev(7, 0)))
attempt("mknod of /dev/null", lambda: os.mknod("/mnt/n", 0o20600, os.makedev(1, 3)))
attempt("open that", lambda: opened("/mnt/n", os.O_RDWR))
attempt("mknod of /dev/mem", lambda: os.mknod("/mnt/m", 0o20600, os.makedev(1, 1)))
attempt("mknod of fuse", lambda: os.mknod("/mnt/f", 0o20600, os.makedev(10, 229)))
"#
    );
    for version in ["v1", "v2"] {
        let caps = ["--cap-add", "SYS_ADMIN", "--cap-add", "MKNOD"];
        let all = Attempts::inside(&Container::new().gate(version).args(caps), &body);
        all.are(&[
            ("node from outside", "EPERM"),
            ("mknod of a hidden device", "EPERM"),
            ("mknod of /dev/mem", "EPERM"),
            ("mknod of fuse", "EPERM"),
            // against vacuity: it is not that nothing goes
            ("mknod of /dev/null", "ok"),
            ("open that", "ok"),
        ]);
    }
}

/// Defence: `deny_cgroup_namespaces` in run/stage.rs. Where a host has cgroup v1, the container stands
/// at the top of most hierarchies; whoever owns a cgroup namespace may mount them, and without a user
/// namespace of the container's the files there are its root's.
#[test]
fn the_hosts_cgroups_are_out_of_reach() {
    let bait = Bait::new();
    for (name, container) in both() {
        let all = Attempts::inside(&container, &bait.body());
        // with a user namespace it can look, but the files are not its own; EBUSY, ENOENT: no such
        // hierarchy here
        all.all(
            "nested cgroup ",
            &["EPERM", "EACCES", "EBUSY", "ENOENT", "ENODEV", "EINVAL"],
        );
        if name == "plain" {
            all.all("nested cgroup ", &["EPERM"]);
            assert_eq!(all.get("nested clone3 for a cgroup namespace"), "ENOSYS");
        }
        assert_eq!(all.get("cgroup"), "0::/", "{}", all.output);
    }
}

/// Defences: the masks and the read-only /proc/sys of run/proc_masks.rs, `deny_syslog` of
/// run/stage.rs (dmesg_restrict may be 0), nodes that are not shown.
#[test]
fn the_kernels_log_and_switches_are_out_of_reach() {
    let bait = Bait::new();
    // with 1, the kernel itself refuses the log to who has no CAP_SYSLOG
    let _open = Sysctl::set("kernel/dmesg_restrict", "0");
    for (name, container) in both() {
        let all = Attempts::inside(&container, &bait.body());
        all.are(&[
            ("syslog", "EPERM"),
            ("int80 syslog", "EPERM"),
            ("/dev/kmsg", "ENOENT"),
            ("/proc/kmsg", "ok 0"),
        ]);
        // with a user namespace the files are the host's root's, which is asked first
        all.all(
            "write sys/kernel/",
            &[if name == "plain" { "EROFS" } else { "EACCES" }],
        );
        all.all("write sysrq-trigger", &["ENOENT", "EROFS"]);
        for name in MASKED.split_whitespace() {
            let expected = if Path::new("/proc").join(name).exists() {
                "0"
            } else {
                "ENOENT"
            };
            assert_eq!(
                all.get(&format!("masked {name}")),
                expected,
                "{name}: {}",
                all.output
            );
        }
    }
}

/// Defences: `caps::bound`, `caps::set` and no_new_privs of `restrict` in run/stage.rs, for the init
/// process as well; `become_thread` there, which drops the groups of whoever started devns.
#[test]
fn capabilities_groups_and_filters_are_exactly_these() {
    let bait = Bait::new();
    for init in [false, true] {
        for (_, container) in both() {
            let container = if init {
                container.arg("--init")
            } else {
                container
            };
            let mut command = std::process::Command::new("setpriv");
            let inner = container.command(&["python3", "-c", &attacks::script(&bait.body())]);
            command
                .args(["--groups", "6,20"])
                .arg(inner.get_program())
                .args(inner.get_args());
            let all = Attempts::of(run(&mut command));
            for pid in ["self", "1"] {
                for (key, value) in [
                    ("CapEff", CAPS),
                    ("CapPrm", CAPS),
                    ("CapBnd", CAPS),
                    ("CapInh", "0000000000000000"),
                    ("CapAmb", "0000000000000000"),
                    ("NoNewPrivs", "1"),
                    ("Seccomp", "2"),
                    ("Groups", ""),
                ] {
                    assert_eq!(
                        all.get(&format!("{pid} {key}")),
                        value,
                        "{pid} {key}: {}",
                        all.output
                    );
                }
            }
        }
    }
}

/// Defences: `close_all_but` in `start_stage` and `be_init`, `close_on_exec_from` in run/stage.rs; the
/// container's own /run; `set_dumpable(false)`, behind which the init process is.
#[test]
fn descriptors_sockets_and_devns_itself_are_out_of_reach() {
    let bait = Bait::new();
    for init in [false, true] {
        for (name, container) in both() {
            let container = if init {
                container.arg("--init")
            } else {
                container
            };
            let inner = container.command(&["python3", "-c", &attacks::script(&bait.body())]);
            // a caller that leaves descriptors open: a file, a directory, a high number
            let mut command = std::process::Command::new("bash");
            command.args(["-c", "exec 7</etc/hostname 8</ 200</proc \"$@\"", "-"]);
            command.arg(inner.get_program()).args(inner.get_args());
            let all = Attempts::of(run(&mut command));
            all.are(&[
                ("own fds", "3"),
                ("own low fds", "0,1,2"),
                ("host's socket", "ENOENT"),
            ]);
            all.all("host's socket by pid 1", &["ENOENT", "EACCES"]);
            assert_eq!(
                all.get("processes"),
                if init { "2" } else { "1" },
                "children aside: {}",
                all.output
            );
            if init {
                // stdin at most; to look is refused
                all.all("pid 1's fds", &["", "0", "EACCES"]);
                all.are(&[("ptrace pid 1", "EPERM")]);
                all.all("pid 1's mem", &["EACCES"]);
                all.all("pid 1's environ", &["EACCES"]);
                all.all("pid 1's exe, to write", &["EACCES"]);
                all.all("pid 1's root", &["EACCES"]);
            } else {
                assert_eq!(all.get("pid 1's root"), "ok /", "{name}");
            }
        }
    }
}
