//! Changed rules reach a container that runs: by a signal, and as soon as they are saved. An error changes
//! nothing. Loop devices 880 to 889 and 910 are this file's.

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;
use tempfile::TempDir;
use tests::container::show_block;
use tests::mounted::foreground_with;
use tests::{Container, Heard, Loop, Mountpoint, Running, Shell, eventually, unique};

const LIMIT: Duration = Duration::from_secs(10);

/// A rule file in a directory of its own.
struct File(TempDir);

impl File {
    fn new(text: &str) -> File {
        let file = File(TempDir::new().expect("a directory"));
        file.save(text);
        file
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("rules.yaml")
    }

    /// As editors save: another file takes its place.
    fn save(&self, text: &str) {
        let new = self.0.path().join(".rules.yaml.new");
        fs::write(&new, text).expect("a rule file");
        fs::rename(&new, self.path()).expect("a rename");
    }
}

/// What is written down of the container of this name.
#[track_caller]
fn record(name: &str) -> Value {
    let mut found = None;
    eventually("its rules are written down", LIMIT, || {
        let entries = fs::read_dir("/run/devns").into_iter().flatten().flatten();
        let its = entries
            .filter(|e| {
                e.file_name()
                    .to_string_lossy()
                    .starts_with(&format!("{name}-"))
            })
            .find_map(|e| fs::read_to_string(e.path().join("rules.json")).ok());
        found = its.and_then(|text| serde_json::from_str(&text).ok());
        found.is_some()
    });
    found.unwrap_or_default()
}

/// That new rules were not taken, for this reason.
#[track_caller]
fn refused(running: &mut Running, why: &str) {
    let line = running.expect_error("rules.yaml: not reloaded, the rules stay as they were:");
    if !line.contains(why) {
        running.expect_error(why);
    }
}

#[test]
fn a_signal_has_the_rules_read_again() {
    let (first, both, second) = (Loop::add(880), Loop::add(881), Loop::add(882));
    let file = File::new(&show_block(&["loop880", "loop881"]));
    let name = unique("reload");
    let container = Container::new().name(&name).policy(file.path());
    let mut heard = Heard::start(&container.log("warn,audit=info,reload=info"));
    let written = record(&name);
    assert_eq!(written["pid"], heard.running.first_process());
    assert_eq!(
        (&written["policy"], &written["use"]),
        (&"test".into(), &Value::Null)
    );
    let text = show_block(&["loop881", "loop882"]);
    file.save(&text);
    heard.running.signal(Signal::SIGHUP);
    let remove = heard.expect(&format!("remove@{}", first.devpath()));
    assert_eq!(remove["node"], "ENOENT", "{remove}");
    assert_eq!(remove["sysfs"], "ENOENT", "{remove}");
    let add = heard.expect(&format!("add@{}", second.devpath()));
    assert_eq!(
        (&add["node"], &add["sysfs"]),
        (&"ok".into(), &"ok".into()),
        "{add}"
    );
    let log = |running: &mut Running, text: &str| running.expect_error(text);
    log(
        &mut heard.running,
        &format!(
            "audit: revoke b 7:880 rw {}: no rule matches it",
            first.devpath()
        ),
    );
    let rule = format!("rule test/ours ({}:5) matches it", file.path().display());
    log(
        &mut heard.running,
        &format!("audit: grant b 7:882 rw {}: {rule}", second.devpath()),
    );
    log(
        &mut heard.running,
        "rules.yaml: reloaded: 1 device more, 1 less",
    );
    assert_eq!(record(&name)["sources"][0]["text"], text);
    let of_both = |head: &&str| head.ends_with(&both.devpath());
    assert_eq!(
        heard.heads().into_iter().find(of_both),
        None,
        "nothing has happened to it"
    );
}

#[test]
fn an_error_changes_nothing_and_is_said() {
    let (shown, other) = (Loop::add(883), Loop::add(884));
    let good = show_block(&["loop883"]);
    let file = File::new(&good);
    let name = unique("reload");
    let container = Container::new().name(&name).policy(file.path());
    let mut inside = Shell::start(&container);
    inside.says("ls /sys/class/block", "loop883");
    let wrong = show_block(&["loop884"]).replace("subsystem", "subsytem");
    let limits = good.replace("    rules:", "    cpus: cgroup\n    rules:");
    let none = "version: 1\npolicies:\n  a: { rules: [] }\n  b: { rules: [] }\n";
    for (text, said) in [
        (&wrong[..], "`subsystem`"),
        (
            &limits,
            "`cpus: cgroup`, and what runs has `cpus: host`, which cannot change meanwhile",
        ),
        (none, "nothing says which policy to use"),
        ("", "says nothing"),
    ] {
        file.save(text);
        inside.0.signal(Signal::SIGHUP);
        refused(&mut inside.0, said);
        assert_eq!(inside.ask("ls /sys/class/block"), "loop883");
    }
    fs::remove_file(file.path()).expect("a removal");
    inside.0.signal(Signal::SIGHUP);
    refused(&mut inside.0, "cannot be read: no such file or directory");
    assert_eq!(record(&name)["sources"][0]["text"], good);
    file.save(&show_block(&["loop884"]));
    inside.0.signal(Signal::SIGHUP);
    inside.says("ls /sys/class/block", "loop884");
    assert_eq!(inside.ask("head -c0 /dev/loop884 && echo opens"), "opens");
    drop((shown, other));
}

#[test]
fn what_is_saved_is_taken_however_it_is_saved() {
    let _devices = [Loop::add(885), Loop::add(886)];
    let [first, second] = [885, 886].map(|n| show_block(&[&format!("loop{n}")]));
    let file = File::new(&first);
    let container = Container::new().policy(file.path()).arg("--watch");
    let mut inside = Shell::start(&container);
    let mut shows = |number: u32| inside.says("ls /sys/class/block", &format!("loop{number}"));
    shows(885);
    file.save(&second);
    shows(886);
    // in place
    fs::write(file.path(), &first).expect("a rule file");
    shows(885);
    // the old one is moved away first, as vim does it
    let backup = file.0.path().join("rules.yaml~");
    fs::rename(file.path(), &backup).expect("a rename");
    fs::write(file.path(), &second).expect("a rule file");
    shows(886);
    // by a link in the way, as configurations of clusters are changed
    let versions = file.0.path().join("versions");
    for (name, text) in [("1", &second), ("2", &first)] {
        fs::create_dir_all(versions.join(name)).expect("a directory");
        fs::write(versions.join(name).join("rules.yaml"), text).expect("a rule file");
    }
    let point = |to: &str, at: &Path| {
        let new = file.0.path().join(".link");
        symlink(to, &new).expect("a link");
        fs::rename(&new, at).expect("a rename");
    };
    point("versions/1", &file.0.path().join("now"));
    point("now/rules.yaml", &file.path());
    std::thread::sleep(Duration::from_millis(300));
    point("versions/2", &file.0.path().join("now"));
    shows(885);
    // an error is said, and what comes after it is taken
    file.save("version: 2\n");
    inside
        .0
        .expect_error("not reloaded, the rules stay as they were");
    file.save(&second);
    inside.says("ls /sys/class/block", "loop886");
    // what somebody else does in that directory is nothing to speak of
    let lines = inside.0.so_far().matches("reloaded").count();
    for n in 0..20 {
        fs::write(file.0.path().join(format!("other{n}")), "x").expect("a file");
    }
    std::thread::sleep(Duration::from_millis(400));
    assert_eq!(inside.0.so_far().matches("reloaded").count(), lines);
}

/// A directory with nothing in it, or none at all, is looked at as well, and so is a file that was wrong.
#[test]
fn what_comes_to_be_included_is_taken() {
    let _device = Loop::add(910);
    let others = "containers: [{ match: { name: another }, policy: minimal }]\n";
    let file = File::new(&format!("version: 1\ninclude: \"conf.d/*.yaml\"\n{others}"));
    let mut inside = Shell::start(&Container::new().policy(file.path()).arg("--watch"));
    inside.says("ls /sys/class/block", "");
    let late = file.0.path().join("conf.d/late.yaml");
    fs::create_dir_all(late.with_file_name("empty")).expect("directories");
    std::thread::sleep(Duration::from_millis(300));
    fs::write(&late, "version: 2\n").expect("a rule file");
    inside
        .0
        .expect_error("not reloaded, the rules stay as they were");
    let binding = "containers: [{ match: { name: \"**\" }, policy: test }]\n";
    fs::write(&late, show_block(&["loop910"]) + binding).expect("a rule file");
    inside.says("ls /sys/class/block", "loop910");
    fs::remove_file(&late).expect("it is there");
    inside.says("ls /sys/class/block", "");
}

#[test]
fn nodes_owners_limits_and_the_binding_follow() {
    let device = Loop::add(887);
    let rules = |policy: &str, limits: &str, says: &str| {
        format!(
            "version: 1\ncontainers:\n  - match: {{ name: \"bound*\" }}\n    policy: {policy}\npolicies:\n  \
             a:\n    rules: [{{ match: {{ devname: loop887 }}, show: ro }}]\n  b:\n{limits}    rules:\n      \
             - match: {{ devname: loop887 }}\n        show: rw\n        {says}\n"
        )
    };
    let file = File::new(&rules("a", "", ""));
    let container = Container::new().name(&unique("bound")).policy(file.path());
    let mut heard = Heard::start(&container);
    let at = format!("/proc/{}/root/dev", heard.running.first_process());
    let stat = || {
        use std::os::unix::fs::MetadataExt;
        let meta = fs::metadata(format!("{at}/loop887")).expect("the node");
        format!("{:o} {}:{}", meta.mode() & 0o777, meta.uid(), meta.gid())
    };
    assert_eq!(stat(), "400 0:0");
    let path = device.devpath();
    let reload = |heard: &mut Heard, text: &str| {
        file.save(text);
        heard.running.signal(Signal::SIGHUP);
        heard.running.expect_error("rules.yaml: reloaded: ");
    };
    // another way to open it: another device, to whoever has it open
    reload(&mut heard, &rules("b", "", ""));
    heard.expect(&format!("remove@{path}"));
    heard.expect(&format!("add@{path}"));
    assert_eq!(stat(), "600 0:0");
    reload(
        &mut heard,
        &rules("b", "", "node: { mode: \"0660\", gid: games, link: mine }"),
    );
    heard.expect(&format!("change@{path}"));
    assert_eq!(stat(), "660 0:60");
    assert!(fs::symlink_metadata(format!("{at}/mine")).is_ok());
    // what it has made may be more than new rules let it have: then they are refused
    for name in ["x", "y", "z"] {
        fs::write(format!("{at}/{name}"), [b'x'; 100_000]).expect("room");
    }
    file.save(&rules("b", "    limits: { inodes: 2 }\n", ""));
    heard.running.signal(Signal::SIGHUP);
    refused(
        &mut heard.running,
        "limits: { inodes: 2, bytes: 16777216 }: the container holds more than that",
    );
    assert_eq!(stat(), "660 0:60", "nothing has changed");
    reload(
        &mut heard,
        &rules("b", "    limits: { inodes: 4, bytes: 512K }\n", ""),
    );
    assert_eq!(stat(), "600 0:0");
    fs::write(format!("{at}/4"), "").expect("the last that there is room for");
    let full = fs::write(format!("{at}/5"), "").expect_err("no room");
    assert_eq!(full.raw_os_error(), Some(libc::ENOSPC));
    let full = fs::write(format!("{at}/4"), [b'x'; 300_000]).expect_err("no room");
    assert_eq!(full.raw_os_error(), Some(libc::ENOSPC));
    reload(&mut heard, &rules("b", "", ""));
    fs::write(format!("{at}/5"), [b'x'; 300_000]).expect("room again");
}

/// From a terminal that is gone it is a hangup, from anybody else a request.
#[test]
fn a_hangup_is_passed_on_and_a_request_is_not() {
    let _device = Loop::add(888);
    let file = File::new(&show_block(&[]).replace("[]", "loop889"));
    let pty = nix::pty::openpty(None, None).expect("a terminal");
    // or devns itself would keep it from hanging up
    let close = nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::FD_CLOEXEC);
    nix::fcntl::fcntl(&pty.master, close).expect("a flag");
    let inner = Container::new().policy(file.path()).command(&[
        "sh",
        "-c",
        "trap 'exit 7' HUP; echo ready; while :; do ls /sys/class/block; sleep 0.05; done",
    ]);
    let mut command = Command::new("setsid");
    command
        .arg("-c")
        .arg(inner.get_program())
        .args(inner.get_args());
    let child = command
        .stdin(Stdio::from(pty.slave.try_clone().expect("a copy")))
        .stdout(Stdio::from(pty.slave))
        .stderr(Stdio::null())
        .spawn();
    let mut child = child.expect("devns");
    let screen = Screen(pty.master);
    screen.shows("ready");
    file.save(&show_block(&["loop888"]));
    // setsid(1) has become devns
    let pid = nix::unistd::Pid::from_raw(child.id() as i32);
    nix::sys::signal::kill(pid, Signal::SIGHUP).expect("a signal");
    screen.shows("loop888");
    drop(screen);
    eventually("it ends", LIMIT, || {
        child.try_wait().is_ok_and(|status| status.is_some())
    });
    let status = child.wait().expect("a status");
    assert_eq!(status.code(), Some(7), "{status}");
}

/// What a terminal shows; it hangs up when this is dropped.
struct Screen(OwnedFd);

impl Screen {
    #[track_caller]
    fn shows(&self, text: &str) {
        let mut seen = String::new();
        eventually(text, LIMIT, || {
            let mut buffer = [0; 4096];
            let n = nix::unistd::read(&self.0, &mut buffer).unwrap_or(0);
            seen += &String::from_utf8_lossy(&buffer[..n]);
            seen.contains(text)
        });
    }
}

#[test]
fn a_mount_takes_new_rules_too() {
    let _devices = [Loop::add(880 + 9)];
    for (name, file_of) in [("sysfs", "class/block/loop889"), ("dev", "loop889")] {
        let file = File::new(&show_block(&["loop0x"]));
        let place = Mountpoint::new();
        let mut running = foreground_with(name, &file.path(), &place, |command| {
            command.arg("--watch");
        });
        let is_there = || fs::symlink_metadata(place.join(file_of)).is_ok();
        assert!(!is_there());
        file.save(&show_block(&["loop889"]));
        eventually("it shows", LIMIT, is_there);
        running.expect_error("rules.yaml: reloaded: 1 device more");
        file.save(&show_block(&["loop0x"]));
        running.signal(Signal::SIGHUP);
        eventually("it does not show", LIMIT, || !is_there());
        file.save("nonsense");
        running.signal(Signal::SIGHUP);
        running.expect_error("rules.yaml: not reloaded, the rules stay as they were");
        running.signal(Signal::SIGTERM);
        running.wait(LIMIT).ok();
    }
}

#[test]
fn there_is_nothing_to_watch_of_a_built_in_policy() {
    let seen = Container::new()
        .policy("builtin:minimal")
        .arg("--watch")
        .run(&["true"]);
    seen.exits(125)
        .says("--watch needs a rule file, and builtin:minimal is none");
}
