//! What devices, images and command lines say is hostile (requirement 7). That of devices' names is at
//! unit level too: kobject (devname, devpath, uevent, escape) and fusefs-dev (entries).

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use kobject::{Device, Devname, Devpath, Properties, UdevMessage, Uevent};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use tests::{Container, Rootfs, leftovers, run};

const SOON: Duration = Duration::from_secs(8);

/// Names of devices that no kernel should give, some of which a device can bring about all the same.
const NAMES: &[&[u8]] = &[
    b"../../null",
    b"/etc/passwd",
    b"..",
    b".",
    b"",
    b"a//b",
    b"a/",
    b"a/../../../etc/cron.d/x",
    b"x\ny",
    b"x\0y",
    b"\x1b[2J",
    b"\x7f",
    b"a\x01",
    b"null/../../x",
];

/// Defence: `Devname::parse`.
#[test]
fn no_name_of_a_device_leaves_dev() {
    for name in NAMES {
        assert!(
            Devname::parse(name).is_err(),
            "{:?}",
            String::from_utf8_lossy(name)
        );
        // nor does it by way of a uevent file, where a newline in a value begins another line
        let mut device = Device::new(Devpath::parse(b"/devices/virtual/x/y").expect("a devpath"));
        device.properties =
            Properties::parse_lines(&[b"MAJOR=240\nMINOR=1\nDEVNAME=", *name, b"\n"].concat());
        let devname = device.devname();
        let inside = devname
            .as_ref()
            .is_none_or(|d| d.parts().all(|p| p != b".." && p != b"." && !p.is_empty()));
        assert!(inside, "{devname:?}");
    }
}

/// Defences: `Uevent::parse`, `UdevMessage::parse`: whatever a socket brings, it is read or refused.
#[test]
fn no_message_is_read_out_of_bounds() {
    let head = b"libudev\0\xfe\xed\xca\xfe\x28\0\0\0\x28\0\0\0";
    let tails: [&[u8]; 7] = [
        b"",
        b"\xff\xff\xff\xff",
        b"\x10\0\0\0",
        &[0xff; 24],
        &[0; 24],
        &[0x7f; 200],
        b"ACTION=add",
    ];
    for tail in tails {
        let _ = UdevMessage::parse(&[head, tail].concat());
        let _ = UdevMessage::parse(tail);
        let _ = Uevent::parse(tail);
    }
    for path in [
        "/devices/../x",
        "/devices//x",
        "devices/x",
        "/devices/x/.",
        "",
    ] {
        let text = format!("add@{path}\0ACTION=add\0DEVPATH={path}\0SUBSYSTEM=block\0");
        assert!(Uevent::parse(text.as_bytes()).is_err(), "{path:?}");
    }
}

/// Defence: the check of the name in run/options.rs: it becomes a directory of /run and of cgroups.
#[test]
fn names_of_containers_are_plain() {
    let long = "x".repeat(49);
    for name in [
        "..",
        ".",
        "",
        "a/b",
        "../x",
        "/x",
        "_x",
        "-x",
        ".x",
        "a b",
        "a\nb",
        "é",
        "a\u{1b}[2J",
        "*",
        &long,
    ] {
        let mut command = Command::new(tests::binaries::devns());
        command
            .arg("run")
            .arg(format!("--name={name}"))
            .args(["--", "true"]);
        let output = run(&mut command).exits(125);
        assert!(
            output.stderr.contains("no name for a container"),
            "{name:?}: {output}"
        );
        // what it says is no control character of the attacker's
        assert!(!output.stderr.contains('\u{1b}'), "{output}");
        let mut left = fs::read_dir("/run/devns").into_iter().flatten().flatten();
        let of_it = format!("{name}-");
        assert!(
            !left.any(|d| d.file_name().to_string_lossy().starts_with(&of_it)),
            "it left its state: {output}"
        );
    }
    for label in ["x", ""] {
        Container::new()
            .args(["--label", label])
            .sh("true")
            .exits(125)
            .says("is not K=V");
    }
    for label in ["a=b=c", "a=\n", "=", "*=*", "{=}"] {
        Container::new().args(["--label", label]).sh("true").ok();
    }
}

/// Defence: `rules::load` of the cli crate looks before it reads: regular files, of a bounded size.
#[test]
fn rule_files_are_regular_bounded_and_text() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = |name: &str| dir.path().join(name);
    mkfifo(&path("fifo"), Mode::from_bits_truncate(0o600)).expect("a fifo");
    symlink("fifo", path("link")).expect("a link");
    fs::create_dir(path("directory")).expect("a directory");
    fs::File::create(path("huge"))
        .and_then(|f| f.set_len(100 << 30))
        .expect("a sparse file");
    fs::write(path("binary"), [0xff, 0xfe, 0, 1, 2]).expect("a file");
    fs::write(path("nul"), "version: 1\0\n").expect("a file");
    fs::write(path("empty"), "").expect("a file");
    fs::write(path("deep"), "[".repeat(3000)).expect("a file");
    fs::write(path("bomb"), bomb()).expect("a file");
    let places = [
        "fifo",
        "link",
        "directory",
        "huge",
        "binary",
        "nul",
        "empty",
        "deep",
        "bomb",
        "missing",
    ];
    let own = places.map(path);
    for file in own
        .iter()
        .map(|p| p.as_path())
        .chain(["/dev/zero", "/dev/null", "/proc/self/mem", "/"].map(Path::new))
    {
        let begun = Instant::now();
        let output = Container::new()
            .policy(file)
            .limit(SOON)
            .sh("true")
            .exits(125);
        assert!(
            begun.elapsed() < SOON / 2,
            "{file:?} took {:?}",
            begun.elapsed()
        );
        assert!(
            output.stderr.starts_with("devns: ") && output.stderr.len() < 4000,
            "{file:?}: {output}"
        );
        assert!(!output.stderr.contains("panicked"), "{file:?}: {output}");
    }
}

/// Aliases of aliases: a kilobyte that would be a gigabyte.
fn bomb() -> String {
    let mut text = String::from("version: 1\na0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for n in 1..10 {
        let before = vec![format!("*a{}", n - 1); 9].join(", ");
        text += &format!("a{n}: &a{n} [{before}]\n");
    }
    text
}

/// Defence: `put` in run/rootfs.rs opens the places beneath the root and through no link; without it
/// the mounts go where the image's link leads on the host.
#[test]
fn images_do_not_lead_mounts_elsewhere() {
    let bait = tempfile::tempdir().expect("a directory");
    for place in ["proc", "sys", "dev", "run"] {
        for userns in [false, true] {
            for kind in if userns {
                &["absolute"][..]
            } else {
                &["absolute", "relative", "fifo"]
            } {
                let root = Rootfs::new();
                let path = root.path(place);
                fs::remove_dir(&path).expect("its place");
                match *kind {
                    "absolute" => symlink(bait.path(), &path).expect("a link"),
                    "relative" => symlink(format!("../../..{}", bait.path().display()), &path)
                        .expect("a link"),
                    _ => mkfifo(&path, Mode::from_bits_truncate(0o666)).expect("a fifo"),
                }
                let name = tests::unique("image");
                let container = Container::new().name(&name).root(root.dir()).limit(SOON);
                let container = if userns {
                    container.userns()
                } else {
                    container
                };
                let output = container.run(&["/bin/busybox", "true"]).exits(125);
                assert!(
                    output.stderr.contains("no directory"),
                    "/{place} is a {kind}: {output}"
                );
                assert_eq!(
                    fs::read_dir(bait.path()).expect("the bait").count(),
                    0,
                    "{output}"
                );
                assert!(
                    leftovers::of(&name, 0).is_empty(),
                    "{:#?}",
                    leftovers::of(&name, 0)
                );
            }
        }
    }
}

/// An image that brings its own files and links in /dev and /proc: what counts is
/// what is mounted there.
#[test]
fn what_an_image_has_in_these_places_is_covered() {
    for userns in [false, true] {
        let root = Rootfs::new();
        for place in ["proc", "sys", "dev", "run"] {
            fs::write(root.path(place).join("planted"), "").expect("a file");
        }
        symlink("/etc", root.path("dev/pts")).expect("a link");
        symlink("/etc", root.path("dev/shm")).expect("a link");
        fs::create_dir(root.path("proc/sys")).expect("a directory");
        let container = Container::new().root(root.dir());
        let container = if userns {
            container.userns()
        } else {
            container
        };
        let script = "for d in proc sys dev run; do test ! -e /$d/planted || echo planted $d; done; \
            ls /dev/pts/ptmx /proc/sys/kernel/hostname";
        let output = container.run(&["/bin/busybox", "sh", "-c", script]).ok();
        assert!(!output.stdout.contains("planted"), "{output}");
        assert!(
            output.stdout.contains("/dev/pts/ptmx") && output.stdout.contains("hostname"),
            "{output}"
        );
    }
}

/// Neither an image nor a root that is no directory is waited for.
#[test]
fn roots_are_directories() {
    let dir = tempfile::tempdir().expect("a directory");
    mkfifo(&dir.path().join("fifo"), Mode::from_bits_truncate(0o600)).expect("a fifo");
    fs::write(dir.path().join("file"), "").expect("a file");
    symlink("nowhere", dir.path().join("link")).expect("a link");
    for name in ["fifo", "file", "link", "missing"] {
        let container = Container::new().root(dir.path().join(name)).limit(SOON);
        container
            .run(&["true"])
            .exits(125)
            .says("is not a directory");
    }
}
