//! What a container gets from whoever starts it: streams, keys, ids, a terminal, the binary of devns
//! itself (requirement 3).
//!
//! Loop devices 510 to 519 are this file's.

#[path = "../attacks/mod.rs"]
mod attacks;

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use attacks::{Attempts, both};
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use tests::{Container, Loop, Output, binaries, eventually, run, unique};

fn body() -> String {
    attacks::script(include_str!("../attacks/start.py"))
}

/// Defence: `streams::make_safe` (without it, "fchmod" of the host's own /dev/null succeeds for a
/// container without a user namespace, and its mode is changed for everybody).
#[test]
fn the_hosts_dev_null_is_used_and_not_owned() {
    for (name, container) in both() {
        let mut command = container.command(&["python3", "-c", &body()]);
        let null = || {
            Stdio::from(
                File::options()
                    .read(true)
                    .write(true)
                    .open("/dev/null")
                    .expect("/dev/null"),
            )
        };
        // stdout is a pipe for the answers
        let mut inside = command
            .stdin(null())
            .stderr(null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("devns");
        let mut said = String::new();
        inside
            .stdout
            .take()
            .expect("a pipe")
            .read_to_string(&mut said)
            .expect("answers");
        assert!(inside.wait().expect("its end").success(), "{name}: {said}");
        for wanted in [
            "fchmod 0\tEROFS",
            "fchmod 2\tEROFS",
            "kind 0\tok 20000 103",
            "write to null\tok",
            "read from null\tok 0",
        ] {
            assert!(
                said.contains(&format!("{wanted}\n")),
                "{name}: lacks {wanted:?}: {said}"
            );
        }
    }
}

/// Defence: `streams::make_safe` (without it, `/proc/self/fd/0/..` leads out of any root).
#[test]
fn a_directory_is_not_handed_over() {
    for (at, redirect) in ["0</", "1</", "2</"].into_iter().enumerate() {
        let inner = Container::new().command(&["ls", &format!("/proc/self/fd/{at}/")]);
        let mut command = Command::new("bash");
        command.args(["-c", &format!("exec 3>&2; exec \"$@\" {redirect}"), "-"]);
        command.arg(inner.get_program()).args(inner.get_args());
        let output = run(&mut command).exits(125);
        // what stderr is, cannot be said there
        if at != 2 {
            output.says("is a directory");
        }
    }
}

/// Start `devns run` with a session keyring that has a key, and one in the user's.
fn with_keys(container: &Container) -> Output {
    let inner = container.command(&["python3", "-c", &body()]);
    let script = format!(
        "{}\nsyscall(NR['keyctl'], 1, 0)\nfor ring in (-3, -4):\n    syscall(NR['add_key'], b'user', b'devns-attack', b'secret', 6, ring)\n\
         print('own', result(lambda: syscall(NR['keyctl'], 10, -3, b'user', b'devns-attack', 0) and None), flush=True)\n\
         pid = os.fork()\nif pid == 0:\n    os.execv(sys.argv[1], sys.argv[1:])\nos.waitpid(pid, 0)\n\
         # the user's keyring is the machine's\nsyscall(NR['keyctl'], 9, syscall(NR['keyctl'], 10, -4, b'user', b'devns-attack', 0), -4)\n",
        attacks::script("")
    );
    let mut command = Command::new("/usr/bin/python3");
    command
        .args(["-c", &script])
        .arg(inner.get_program())
        .args(inner.get_args());
    run(&mut command)
}

/// Defences: `sys::keyring::join_new_session` of `restrict` in run/stage.rs (without it, "key of the
/// session" is found in a user namespace), and `deny_keyrings` (without it, the one of the user is found
/// where the container has no user namespace).
#[test]
fn the_callers_keys_are_out_of_reach() {
    for (name, container) in both() {
        let output = with_keys(&container);
        assert!(
            output.stdout.contains("own ok"),
            "against vacuity: the key is there: {output}"
        );
        let all = Attempts::of(output);
        let (found, made) = if name == "plain" {
            ("EPERM", "EPERM")
        } else {
            ("ENOKEY", "ok")
        };
        all.are(&[
            ("key of the session", found),
            ("key of the user", found),
            ("new key of the session", made),
            ("new key of the user", made),
        ]);
    }
}

/// Defences: `Streams` (without it, the caller's terminal is there as stdout and stderr: its keys can
/// be read, its output stopped) and `setsid` in run/stage.rs (without it, it is /dev/tty too).
#[test]
fn the_callers_terminal_cannot_be_typed_into() {
    for init in [false, true] {
        for (name, container) in both() {
            // stdin is no terminal, so it gets none of its own
            let container = if init {
                container.arg("--init")
            } else {
                container
            };
            let inner = container.command(&["python3", "-c", &body()]);
            let script = "import os, pty, sys\npid, master = pty.fork()\nif pid == 0:\n    \
                os.dup2(os.open('/dev/null', os.O_RDONLY), 0)\n    os.execv(sys.argv[1], sys.argv[1:])\n\
                text = b''\ntry:\n    while chunk := os.read(master, 4096):\n        text += chunk\nexcept OSError:\n    pass\n\
                os.waitpid(pid, 0)\nprint(text.decode().replace('\\r', ''))";
            let mut command = Command::new("/usr/bin/python3");
            command
                .args(["-c", script])
                .arg(inner.get_program())
                .args(inner.get_args());
            let all = Attempts::of(run(&mut command));
            // outside it is a terminal, inside a pipe
            assert!(
                all.get("kind 1").starts_with("ok 10000 ")
                    && all.get("kind 2").starts_with("ok 10000 "),
                "{name}: {}",
                all.output
            );
            all.are(&[
                ("/dev/tty", "ENXIO"),
                ("TIOCSTI 1", "ENOTTY"),
                ("TIOCSTI 2", "ENOTTY"),
                ("TIOCSCTTY 1", "ENOTTY"),
            ]);
        }
    }
}

/// Defence: `State::create`, which gives each container a range of its own.
#[test]
fn no_two_containers_share_an_id() {
    let start = || {
        let mut one = Container::new()
            .userns()
            .start(&["sh", "-c", "cat /proc/self/uid_map; cat"]);
        let line = one
            .line(Duration::from_secs(10), |l| {
                l.trim_start().starts_with("0 ")
            })
            .expect("a map");
        let numbers: Vec<u64> = line
            .split_whitespace()
            .map(|n| n.parse().expect("a number"))
            .collect();
        (one, numbers[1]..numbers[1] + numbers[2])
    };
    let all = [start(), start(), start()];
    for (at, (_, range)) in all.iter().enumerate() {
        assert!(
            range.start >= 100_000 && range.end - range.start == 65_536,
            "{range:?}"
        );
        for (_, other) in &all[at + 1..] {
            assert!(
                range.end <= other.start || other.end <= range.start,
                "{range:?} and {other:?}"
            );
        }
    }
}

/// Defence: `sealed::run_from_copy`: what a container's first process runs from until it is the command
/// is a copy in memory that nobody can write (CVE-2019-5736).
#[test]
fn the_binary_of_devns_cannot_be_written() {
    let before = std::fs::read(binaries::devns()).expect("the binary");
    for container in [Container::new(), Container::new().arg("--init")] {
        let mut running = container.start(&["sh", "-c", "echo ready; cat"]);
        running.expect("ready");
        let exe = format!("/proc/{}/exe", running.pid());
        let link = std::fs::read_link(&exe).expect("its link");
        assert!(
            link.to_string_lossy().starts_with("/memfd:"),
            "it runs from {link:?}"
        );
        let file = File::open(&exe).expect("the copy");
        let seals = fcntl(&file, FcntlArg::F_GET_SEALS).expect("seals");
        let all = SealFlag::F_SEAL_WRITE
            | SealFlag::F_SEAL_SEAL
            | SealFlag::F_SEAL_GROW
            | SealFlag::F_SEAL_SHRINK;
        assert_eq!(SealFlag::from_bits_truncate(seals) & all, all);
    }
    // a command that is the container's first process again, through /proc
    let script = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(script.path(), "#!/proc/self/exe\n").expect("a script");
    let path = script.into_temp_path();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("its mode");
    let output = Container::new()
        .limit(Duration::from_secs(10))
        .run(&[path.as_os_str()]);
    assert!(output.code().is_some_and(|code| code != 0), "{output}");
    assert_eq!(
        before,
        std::fs::read(binaries::devns()).expect("the binary")
    );
}

const FLOOD: &str = r#"
print("flooding", flush=True)
s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 15)
s.bind((0, 0))
s.setblocking(False)
FALSE = b"\0".join([b"add@/devices/virtual/net/no", b"ACTION=add", b"DEVPATH=/devices/virtual/net/no", b"SUBSYSTEM=net", b""])
FORGED = struct.pack("<IHHIIi", 36, 2, 0, 0, 0, 0) + bytes(16)
sent = {}
until = time.time() + 6
while time.time() < until:
    sockets = [l.split() for l in open("/proc/net/netlink").read().splitlines()[1:]]
    ports = [int(f[2]) for f in sockets if f[1] == "15" and int(f[2]) not in (0, s.getsockname()[0])]
    for _ in range(200):
        for port in ports:
            r = "socket " + result(lambda: s.sendto(FORGED, (port, 0)) and None)
            sent[r] = sent.get(r, 0) + 1
        for group in (1, 2):
            r = "event " + result(lambda: s.sendto(FALSE, (0, group)) and None)
            sent[r] = sent.get(r, 0) + 1
print("sent", sent, flush=True)
"#;

/// A container that may send to the sockets of its network namespace sends devns false answers and false
/// events as fast as it can: what the host plugs and pulls still is carried through.
///
/// Defence: `connect` in host::inject (without it, what the container sends fills the socket that the
/// kernel's answers come to: "an event is lost", or an answer is waited for without an end). The bounds of
/// `Monitor::receive` and `hear_own` are for floods faster than a script's.
#[test]
fn false_netlink_messages_hold_up_nothing() {
    let name = unique("flood");
    let container = Container::new()
        .name(&name)
        .shows(&["loop510", "loop511"])
        .gate("v1");
    let container = container.args(["--cap-add", "NET_ADMIN"]).log("error");
    let mut inside = container.start(&["python3", "-c", &attacks::script(FLOOD)]);
    inside.expect("flooding");
    let first = inside.first_process();
    std::thread::sleep(Duration::from_millis(500));
    for number in [510, 511, 510, 511] {
        let device = Loop::add(number);
        let node = format!("/proc/{first}/root/dev/{}", device.name());
        eventually("the node is there", Duration::from_secs(1), || {
            Path::new(&node).exists()
        });
        device.remove();
        eventually("access is revoked", Duration::from_secs(1), || {
            !granted(&name, number)
        });
    }
    let sent = inside
        .line(Duration::from_secs(15), |l| l.starts_with("sent"))
        .unwrap_or_default();
    // against vacuity: something was tried, and let out
    assert!(
        sent.contains("socket") && sent.contains("event ok"),
        "{sent}: {}",
        inside.so_far()
    );
    let ended = inside.wait(Duration::from_secs(10)).ok();
    assert!(!ended.stderr.contains("is lost"), "{ended}");
}

/// Whether the gate of container `name` has an entry for loop device `number`.
fn granted(name: &str, number: u32) -> bool {
    let dirs = std::fs::read_dir("/sys/fs/cgroup/devices/devns")
        .into_iter()
        .flatten()
        .flatten();
    let mut own = dirs.filter(|d| d.file_name().to_string_lossy().starts_with(name));
    let entry = format!("b 7:{number} ");
    own.any(|d| {
        std::fs::read_to_string(d.path().join("devices.list"))
            .is_ok_and(|list| list.contains(&entry))
    })
}
