//! `fusefs-sysfs` and `fusefs-dev` as commands: every way to start them, every way they end.
//!
//! Loop devices 140 to 145 are this file's.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;
use tests::mounted::{binary, foreground, foreground_with};
use tests::{Loop, Mountpoint, binaries, eventually, run};

const LIMIT: Duration = Duration::from_secs(10);
const BOTH: [&str; 2] = ["sysfs", "dev"];

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).expect("a listing").flatten();
    let mut names: Vec<String> = entries
        .map(|e| e.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn example() -> PathBuf {
    for number in [3, 5] {
        match sys::loopdev::add(number) {
            Err(e) if e.errno() != libc::EEXIST => panic!("{e}"),
            _ => {}
        }
    }
    binaries::repository("examples/loop.yaml")
        .canonicalize()
        .expect("the example")
}

#[track_caller]
fn shows_the_example(name: &str, place: &Mountpoint) {
    match name {
        "sysfs" => assert_eq!(names(&place.join("class/block")), ["loop3", "loop5"]),
        _ => {
            let found = names(place.path());
            assert!(
                found.contains(&"loop3".into()) && found.contains(&"null".into()),
                "{found:?}"
            );
            assert!(!found.contains(&"loop0".into()), "{found:?}");
            fs::File::open(place.join("loop3")).expect("the node opens");
            fs::File::open(place.join("zero")).expect("the node opens");
        }
    }
    let line = place.mountinfo().expect("a mount");
    assert!(
        line.contains("default_permissions") && line.contains("allow_other"),
        "{line}"
    );
    assert!(line.contains("nosuid") && line.contains("noexec"), "{line}");
    assert_eq!(line.contains("nodev"), name == "sysfs", "{line}");
    assert!(line.contains(&format!(" - fuse.fusefs-{name} ")), "{line}");
}

/// Its end: exit status 0, no mount, no process.
#[track_caller]
fn ended(place: &Mountpoint, running: tests::Running) {
    running.wait(LIMIT).ok();
    gone(place);
}

#[track_caller]
fn gone(place: &Mountpoint) {
    assert_eq!(place.mountinfo(), None);
    eventually("its processes end", LIMIT, || place.servers().is_empty());
    assert!(names(place.path()).is_empty());
}

#[test]
fn a_signal_unmounts() {
    for name in BOTH {
        for signal in [Signal::SIGTERM, Signal::SIGINT] {
            let place = Mountpoint::new();
            let running = foreground(name, &example(), &place);
            shows_the_example(name, &place);
            running.signal(signal);
            ended(&place, running);
        }
    }
}

/// A hangup too, where there are no rules that could be read again.
#[test]
fn a_hangup_unmounts_a_built_in_policy() {
    for name in BOTH {
        let place = Mountpoint::new();
        let running = foreground(name, Path::new("builtin:minimal"), &place);
        running.signal(Signal::SIGHUP);
        ended(&place, running);
    }
}

/// Also when somebody is in there.
#[test]
fn a_signal_unmounts_what_is_in_use() {
    for name in BOTH {
        let place = Mountpoint::new();
        let running = foreground(name, &example(), &place);
        let inside = fs::File::open(place.path()).expect("an open directory");
        running.signal(Signal::SIGTERM);
        running.wait(LIMIT).ok();
        assert_eq!(place.mountinfo(), None);
        drop(inside);
        gone(&place);
    }
}

#[test]
fn an_unmount_ends_the_process() {
    for name in BOTH {
        let place = Mountpoint::new();
        let running = foreground(name, &example(), &place);
        run(Command::new("umount").arg(place.path())).ok();
        ended(&place, running);
    }
}

#[test]
fn without_f_it_goes_to_the_background_once_it_is_mounted() {
    for name in BOTH {
        let place = Mountpoint::new();
        let mut command = Command::new(binary(name));
        let seen = run(command.arg("--policy").arg(example()).arg(place.path())).ok();
        assert_eq!((seen.stdout.as_str(), seen.stderr.as_str()), ("", ""));
        shows_the_example(name, &place);
        assert!(!place.servers().is_empty());
        run(Command::new("umount").arg(place.path())).ok();
        gone(&place);
    }
}

/// The form in which mount(8) calls it, by hand: SOURCE MOUNTPOINT -o OPTIONS.
#[test]
fn options_come_as_mount_gives_them() {
    for name in BOTH {
        let place = Mountpoint::new();
        let options = format!(
            "rw,nosuid,policy={},use=loop,noatime,x-systemd.automount",
            example().display()
        );
        run(Command::new(binary(name))
            .arg("none")
            .arg(place.path())
            .args(["-o", &options]))
        .ok();
        shows_the_example(name, &place);
        run(Command::new("umount").arg(place.path())).ok();
        gone(&place);
        let wrong = run(Command::new(binary(name))
            .arg("none")
            .arg(place.path())
            .args(["-o", "colour=red"]));
        wrong.exits(2).says("unknown mount option \"colour=red\"");
        assert_eq!(place.mountinfo(), None);
    }
}

/// The ids that the root of a container has on the host, in words and as mount(8) says it: in /dev what no
/// rule gives to somebody else is root's, and a rule's numbers are counted from there; in /sys what it may write.
#[test]
fn what_is_the_containers_roots_says_so() {
    let device = Loop::add(143);
    let rules = tempfile::NamedTempFile::with_suffix(".yaml").expect("a file");
    let text = "version: 1\npolicies:\n  test:\n    rules:\n      - match: { devname: loop143 }\n        show: rw\n        node: { uid: 5, gid: 6, link: disk }\n";
    fs::write(rules.path(), text).expect("rules");
    let words = ["--uid", "100000", "--gid", "200000"];
    let options = ["-o", "gid=200000,uid=100000"];
    for (name, args) in BOTH
        .into_iter()
        .flat_map(|n| [(n, &words[..]), (n, &options)])
    {
        let place = Mountpoint::new();
        let server = foreground_with(name, rules.path(), &place, |command| {
            command.args(args);
        });
        let ids = |path: &str| {
            let stat = fs::symlink_metadata(place.join(path)).expect(path);
            (stat.uid(), stat.gid())
        };
        let (roots, others) = match name {
            "dev" => (
                ["", "null", "disk", "pts", "fd"].as_slice(),
                Some("loop143"),
            ),
            _ => (["devices/virtual/block/loop143/uevent"].as_slice(), None),
        };
        for path in roots {
            assert_eq!(ids(path), (100_000, 200_000), "{name} {args:?} {path}");
        }
        assert!(others.is_none_or(|path| ids(path) == (100_005, 200_006)));
        server.signal(Signal::SIGTERM);
        ended(&place, server);
    }
    let place = Mountpoint::new();
    for name in BOTH {
        for id in ["4294967295", "-1", "root", ""] {
            let mut command = Command::new(binary(name));
            let option = format!("uid={id}");
            let seen = run(command.arg("none").arg(place.path()).args(["-o", &option]));
            seen.exits(2).says("not an id of the host");
        }
    }
    assert_eq!(place.mountinfo(), None);
    drop(device);
}

/// mount(8) runs its helper without PATH, so that the program must be where a shell looks then:
/// it is, in a mount namespace of the test's own.
#[test]
fn mount_8_mounts_it() {
    for name in BOTH {
        let place = Mountpoint::new();
        let script = "
            mount -t tmpfs tmpfs /usr/local/bin
            cp \"$1\" /usr/local/bin
            mount -t \"fuse.$2\" none \"$3\" -o \"policy=$4,use=loop\"
            grep -F \" $3 \" /proc/self/mountinfo
            ls -1 \"$3\" \"$3/class/block\" 2>/dev/null || true
            pidof \"$2\" >/dev/null
            umount \"$3\"
            # plain, as mount(8) has it: minimal
            mount -t \"fuse.$2\" none \"$3\"
            umount \"$3\"";
        let mut command = Command::new("unshare");
        command
            .args(["-m", "sh", "-euc", script, "sh"])
            .arg(binary(name))
            .arg(format!("fusefs-{name}"));
        let seen = run(command.arg(place.path()).arg(example())).ok();
        let line = seen.lines()[0];
        assert!(
            line.contains(&format!("fuse.fusefs-{name} ")) && line.contains("default_permissions"),
            "{seen}"
        );
        assert!(
            seen.stdout.contains("\nloop3\n") && !seen.stdout.contains("loop0"),
            "{seen}"
        );
        eventually("its processes end", LIMIT, || place.servers().is_empty());
    }
}

#[test]
fn what_is_plugged_shows() {
    let rules = tempfile::NamedTempFile::with_suffix(".yaml").expect("a file");
    fs::write(rules.path(), tests::container::show_block(&["loop140"])).expect("rules");
    let (sysfs, dev) = (Mountpoint::new(), Mountpoint::new());
    let servers = [
        foreground("sysfs", rules.path(), &sysfs),
        foreground("dev", rules.path(), &dev),
    ];
    assert!(names(&sysfs.join("class/block")).is_empty());
    let (wanted, hidden) = (Loop::add(140), Loop::add(141));
    eventually("it shows", LIMIT, || {
        sysfs.join("class/block/loop140/dev").exists() && dev.join("loop140").exists()
    });
    assert_eq!(names(&sysfs.join("class/block")), ["loop140"]);
    assert!(!dev.join("loop141").exists() && !sysfs.join("block/loop141").exists());
    assert!(
        fs::metadata(dev.join("loop140"))
            .expect("the node")
            .file_type()
            .is_block_device()
    );
    fs::File::open(dev.join("loop140")).expect("the node opens");
    // there is nobody to deliver an event to
    let write = fs::write(sysfs.join("block/loop140/uevent"), "add").expect_err("a refusal");
    assert_eq!(write.raw_os_error(), Some(libc::EOPNOTSUPP));
    wanted.remove();
    drop(hidden);
    eventually("it goes", LIMIT, || {
        !sysfs.join("block/loop140").exists() && !dev.join("loop140").exists()
    });
    for (server, place) in servers.into_iter().zip([&sysfs, &dev]) {
        server.signal(Signal::SIGTERM);
        ended(place, server);
    }
}

/// `default_permissions` is no empty word: a user gets what the modes say.
#[test]
fn a_user_gets_what_the_modes_say() {
    let mut device = Loop::add(142);
    device.fill(b"secret content");
    let rules = tempfile::NamedTempFile::with_suffix(".yaml").expect("a file");
    fs::write(rules.path(), tests::container::show_block(&["loop142"])).expect("rules");
    let dev = Mountpoint::new();
    let server = foreground("dev", rules.path(), &dev);
    let as_user = |script: &str| {
        let mut command = Command::new("setpriv");
        command.args([
            "--reuid",
            "1000",
            "--regid",
            "1000",
            "--clear-groups",
            "sh",
            "-c",
            script,
        ]);
        run(command.current_dir(dev.path()))
    };
    assert_ne!(as_user("head -c1 loop142").code(), Some(0));
    assert_eq!(as_user("head -c1 zero | wc -c").ok().stdout.trim(), "1");
    assert_eq!(fs::read(dev.join("loop142")).map(|b| b.len()).ok(), Some(0));
    server.signal(Signal::SIGTERM);
    ended(&dev, server);
}

#[test]
fn modes_are_not_those_of_the_callers_umask() {
    for (name, mode) in [("sysfs", 0o555), ("dev", 0o755)] {
        let place = Mountpoint::new();
        let mut command = Command::new("sh");
        command.args(["-c", "umask 077; exec \"$@\"", "sh"]);
        let command = command.arg(binary(name)).arg(place.path());
        run(command.args(["--policy", "builtin:minimal"])).ok();
        let root = fs::metadata(place.path()).expect("its root");
        assert_eq!(root.mode() & 0o7777, mode, "{name}");
        run(Command::new("umount").arg(place.path())).ok();
        gone(&place);
    }
}
