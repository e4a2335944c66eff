//! statfs(2) inside: /sys says that it is a sysfs, everything else what it is. That whoever is asked can
//! neither be held up nor be relied on is in security_statfs.rs.
//!
//! Loop devices 790 to 799 are this file's.

#[path = "../attacks/mod.rs"]
mod attacks;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use attacks::{Attempts, both};
use tests::{Container, Loop, run};

fn body(rest: &str) -> String {
    format!("{}\n{rest}", include_str!("../attacks/statfs.py"))
}

const ASK: &str = r#"
os.symlink("/sys/class", "/dev/shm/link")
for (uid, name) in ((0, "root"), (1000, "user")):
    def anybody(what, act, uid=uid, name=name):
        def become():
            os.setgroups([50] if uid else [])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            return act()
        attempt("%s %s" % (name, what), become)
    def relative(path):
        os.chdir("/sys/class")
        return of(path)
    for path in ("/sys", "/sys/", "/sys/class/net", "/dev/shm/link", "/dev/shm/link/net", "/sys/class/../class"):
        anybody("sees " + path, lambda: of(path))
    anybody("sees a relative path", lambda: relative("net"))
    anybody("sees the directory it is in", lambda: relative("."))
    anybody("sees a descriptor", lambda: of_fd("/sys/class"))
    anybody("sees a descriptor of a path only", lambda: of_fd("/sys/class", os.O_PATH))
    anybody("sees a path of a whole page", lambda: of("/" * 4000 + "sys"))
    anybody("on a thread sees", lambda: within(5, lambda: of("/sys")))
    for path in ("/dev", "/dev/null", "/proc", "/run", "/dev/pts", "/"):
        anybody("other " + path, lambda: of(path))
    anybody("other descriptor of /proc", lambda: of_fd("/proc"))
    anybody("other pipe", lambda: name_of(figures("fstatfs", os.pipe()[0])))
    anybody("fails with no such file", lambda: of("/sys/nothing"))
    anybody("fails with no name", lambda: of(""))
    anybody("fails with a long name", lambda: of("/" * 4096 + "sys"))
    anybody("fails with a name in a file", lambda: of("/dev/null/sys"))
    anybody("fails without a path", lambda: figures("statfs", None))
    anybody("fails without a descriptor", lambda: figures("fstatfs", 99))
    anybody("fails without a buffer", lambda: check(libc.statfs(b"/sys", None)))
    anybody("fails with a buffer of the kernel's", lambda: check(libc.statfs(b"/sys", ctypes.c_void_p(2**64 - 4096))))
# only who may search a directory learns what is behind it
for (name, mode) in (("closed", 0o700), ("group", 0o750)):
    os.mkdir("/dev/shm/" + name)
    os.symlink("/sys/class", "/dev/shm/%s/link" % name)
    os.chown("/dev/shm/" + name, 0, 50)
    os.chmod("/dev/shm/" + name, mode)
    anybody("behind a directory: " + name, lambda: of("/dev/shm/%s/link" % name))
def jailed(path):
    os.chroot("/sys")
    return of(path)
attempt("root in a jail /", lambda: jailed("/"))
attempt("root in a jail /class", lambda: jailed("/class"))
attempt("root in a jail /..", lambda: jailed("/../../class"))
attempt("jail without /sys", lambda: jailed("/sys"))
def elsewhere(path):
    nest(NEWNS)
    check(libc.mount(b"/sys/class", b"/mnt", None, ctypes.c_ulong(0x1000), None))
    mount("tmpfs", "/sys")
    return of(path)
attempt("nested /mnt", lambda: elsewhere("/mnt/net"))
attempt("nested /sys", lambda: elsewhere("/sys"))
say("figures", figures("statfs", b"/sys"))
"#;

/// Defences: it is asked with the caller's root, directory, ids and groups, without capabilities
/// (`Caller` in run/agent/caller.rs): without them "behind a directory: closed" is seen by the user, and
/// paths in a jail are taken for the host's; only a file of the view's own superblock is answered for.
#[test]
fn sys_is_a_sysfs_and_all_else_is_what_it_is() {
    let root = nix::sys::statfs::statfs("/").expect("the root");
    let root = format!("ok 0x{:x}", root.filesystem_type().0);
    for (name, container) in both() {
        let all = Attempts::inside(&container, &body(ASK));
        for who in ["root", "user"] {
            all.all(&format!("{who} sees "), &["ok sysfs"]);
            all.are(&[
                (&format!("{who} on a thread sees"), "ok ok sysfs"),
                (&format!("{who} other /dev"), "ok fuse"),
                (&format!("{who} other /dev/null"), "ok fuse"),
                (&format!("{who} other /proc"), "ok proc"),
                (&format!("{who} other /run"), "ok tmpfs"),
                (&format!("{who} other /dev/pts"), "ok devpts"),
                (&format!("{who} other /"), &root),
                (&format!("{who} other descriptor of /proc"), "ok proc"),
                (&format!("{who} other pipe"), "ok 0x50495045"),
                (&format!("{who} fails with no such file"), "ENOENT"),
                (&format!("{who} fails with no name"), "ENOENT"),
                (&format!("{who} fails with a long name"), "ENAMETOOLONG"),
                (&format!("{who} fails with a name in a file"), "ENOTDIR"),
                (&format!("{who} fails without a path"), "EFAULT"),
                (&format!("{who} fails without a descriptor"), "EBADF"),
                (&format!("{who} fails without a buffer"), "EFAULT"),
                (
                    &format!("{who} fails with a buffer of the kernel's"),
                    "EFAULT",
                ),
            ]);
        }
        all.are(&[
            ("user behind a directory: closed", "EACCES"),
            ("user behind a directory: group", "ok sysfs"),
            ("jail without /sys", "ENOENT"),
            ("nested /mnt", "ok sysfs"),
            ("nested /sys", "ok tmpfs"),
        ]);
        all.all("root in a jail ", &["ok sysfs"]);
        // nosuid, nodev, noexec, relatime, and that there are flags: as mountinfo has them
        let flags = 2 | 4 | 8 | 0x1000 | 0x20;
        assert_eq!(
            all.get("figures"),
            format!(
                "({}, 4096, 0, 0, 0, 0, 0, 0, 0, 255, 4096, {flags}, 0, 0, 0, 0)",
                0x6265_6572
            ),
            "{name}"
        );
    }
}

/// `--statfs real`: the same filter and agent, and everybody gets the truth.
#[test]
fn the_truth_can_be_had() {
    for (_, container) in both() {
        let ask = "attempt('path', lambda: of('/sys'))\nattempt('fd', lambda: of_fd('/sys/class'))\n\
                   attempt('other', lambda: of('/proc'))";
        let all = Attempts::inside(&container.args(["--statfs", "real"]), &body(ask));
        all.are(&[("path", "ok fuse"), ("fd", "ok fuse"), ("other", "ok proc")]);
    }
}

/// A 32-bit program gets, call by call and byte by byte, what it gets on the host's own sysfs, but for
/// what belongs to the mount: the number of the file system, and the flags.
#[test]
fn a_32_bit_program_is_answered_in_its_own_layout() {
    let dir = tempfile::TempDir::new().expect("a directory");
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).expect("its mode");
    let program = dir.path().join("statfs32");
    let source = tests::binaries::repository("tests/attacks/statfs32.c");
    let flags = "-m32 -O1 -static -nostdlib -ffreestanding -fno-builtin -fno-pie -no-pie -fno-stack-protector";
    run(Command::new("gcc")
        .args(flags.split(' '))
        .arg("-o")
        .args([&program, &source]))
    .ok();
    let parse = |text: &str| -> Vec<(String, Vec<String>)> {
        let line = |l: &str| {
            let (name, words) = l.split_once('\t').expect("a line of the program");
            let mut words: Vec<String> = words.split_whitespace().map(String::from).collect();
            // f_fsid and f_flags, behind what the call returned
            let own: &[usize] = match name.contains("64") {
                true => &[13, 14, 17],
                false => &[8, 9, 12],
            };
            own.iter().for_each(|at| words[*at] = "-".into());
            (name.to_string(), words)
        };
        text.lines().map(line).collect()
    };
    let outside = parse(&run(&mut Command::new(&program)).ok().stdout);
    assert_eq!(outside.len(), 8, "{outside:?}");
    assert_eq!(outside[0].1[1], "62656572", "the host's /sys is a sysfs");
    for (name, container) in both() {
        let inside = container.run(&[&program]).ok();
        assert_eq!(parse(&inside.stdout), outside, "{name}");
        let real = container.args(["--statfs", "real"]).run(&[&program]).ok();
        for (call, words) in parse(&real.stdout).iter().take(4) {
            assert_eq!(words[1], "65735546", "{name} {call}");
        }
    }
}

/// What it is all for: libudev, unmodified and without the variable that turns its check off.
#[test]
fn udev_finds_the_devices_that_show() {
    let (shown, _hidden) = (Loop::add(790), Loop::add(791));
    let list = |container: Container| {
        let command = "env -u SYSTEMD_DEVICE_VERIFY_SYSFS udevadm info --export-db | grep loop";
        let command: Vec<&str> = command.split(' ').collect();
        let output = container.shows(&["loop790"]).run(&command).ok().stdout;
        let blocks = output
            .lines()
            .filter(|l| l.starts_with("P: ") && l.contains("/block/"));
        blocks.map(String::from).collect::<Vec<_>>()
    };
    for (name, container) in both() {
        assert_eq!(
            list(container),
            [format!("P: {}", shown.devpath())],
            "{name}"
        );
    }
    // against vacuity
    assert!(list(Container::new().args(["--statfs", "real"])).is_empty());
    // and with the variable, which is there by default, it needs nobody
    let output = Container::new()
        .args(["--statfs", "real"])
        .shows(&["loop790"])
        .run(&["udevadm", "info", "--export-db"]);
    assert!(output.ok().stdout.contains("/block/loop790\n"));
}

/// devns where another listener is around it, of which the kernel allows one: it says so, and the
/// environment variable is left for libudev.
#[test]
fn where_nobody_can_be_asked_the_rest_works() {
    let inside =
        "stat -f -c %T /sys; grep Seccomp: /proc/self/status; udevadm info --export-db | grep loop";
    let device = Loop::add(792);
    let container = Container::new().shows(&["loop792"]);
    let inner = container.command(&["sh", "-c", inside]);
    // a filter that allows everything, and its listener, open as long as devns runs
    let wrapper = "
program = ctypes.create_string_buffer(struct.pack('<HBBI', 6, 0, 0, 0x7fff0000), 8)
syscall(317, 1, 8, struct.pack('<HxxxxxxQ', 1, ctypes.addressof(program)))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(os.spawnvp(os.P_NOWAIT, sys.argv[1], sys.argv[1:]), 0)[1]))";
    let mut command = Command::new(tests::inside::PYTHON);
    command
        .args(["-c", &attacks::script(wrapper)])
        .arg(inner.get_program())
        .args(inner.get_args());
    let seen = run(&mut command).ok();
    assert!(seen.stdout.starts_with("fuseblk\nSeccomp:\t2\n"), "{seen}");
    assert!(seen.stdout.contains(&device.devpath()), "{seen}");
    assert!(
        seen.stderr.contains("devns: statfs says FUSE of /sys"),
        "{seen}"
    );
}
