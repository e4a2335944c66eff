//! What a writable directory of Linux does, tried on a tmpfs, which is the reference, and in a
//! container's /dev: as root, as a user, in a user namespace. The cases are in `tests::posix`.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use tests::binaries::directory;
use tests::mounted::Tmpfs;
use tests::posix::cases;
use tests::{Container, Output, run};

/// A user that is not root, and whom no test is.
const USER: &str = "1000";

/// What `posix` says of each case: `ok`, `skip`, or what failed.
fn report(output: &Output) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut lines = output.stdout.lines().peekable();
    while let Some(line) = lines.next() {
        let Some((state, rest)) = line.split_once(" - ") else {
            continue;
        };
        let (name, note) = rest.split_once(" # ").unwrap_or((rest, ""));
        let verdict = match (state.starts_with("ok "), note) {
            (true, "") => "ok".to_string(),
            (true, _) => "skip".to_string(),
            (false, _) => lines.peek().unwrap_or(&"").trim().to_string(),
        };
        all.insert(name.to_string(), verdict);
    }
    all
}

/// That every case was tried and passed; as a user, but for those that only root can try.
#[track_caller]
fn all_pass(output: &Output, root: bool) {
    let report = report(output);
    assert_eq!(report.len(), cases().count(), "{output}");
    for case in cases() {
        let wanted = if case.root && !root { "skip" } else { "ok" };
        assert_eq!(report[case.name], wanted, "{}: {output}", case.name);
    }
    assert_eq!(output.code(), Some(0), "{output}");
}

fn posix() -> std::path::PathBuf {
    let path = directory().join("posix");
    assert!(
        path.is_file(),
        "{path:?} is not built: run `cargo xtask test`"
    );
    path
}

fn on_host(uid: Option<&str>, dir: &Path) -> Output {
    let mut command = Command::new(posix());
    command.args(uid.iter().flat_map(|uid| ["--uid", uid]));
    run(command.arg(dir))
}

fn inside(container: &Container, uid: Option<&str>, dir: &str) -> Output {
    let program = posix().to_string_lossy().into_owned();
    let mut command = vec![program.as_str()];
    command.extend(uid.iter().flat_map(|uid| ["--uid", uid]));
    command.push(dir);
    container.run(&command)
}

fn containers() -> [Container; 2] {
    [Container::new(), Container::new().userns()]
}

#[test]
fn a_tmpfs_as_root() {
    let tmpfs = Tmpfs::new("mode=755");
    all_pass(&on_host(None, tmpfs.path()), true);
}

#[test]
fn a_tmpfs_as_a_user() {
    let tmpfs = Tmpfs::new("mode=1777");
    all_pass(&on_host(Some(USER), tmpfs.path()), false);
}

/// The same ids, capabilities and system call filter as below, and nothing of ours beneath.
#[test]
fn a_tmpfs_in_containers() {
    for container in containers() {
        all_pass(&inside(&container, None, "/dev/shm"), true);
        all_pass(&inside(&container, Some(USER), "/dev/shm"), false);
    }
}

/// Against vacuity: what a file system lacks is found, and nothing else.
#[test]
fn a_ramfs_fails_what_it_lacks() {
    let ramfs = Tmpfs::ramfs();
    let report = report(&on_host(None, ramfs.path()).exits(1));
    for (name, verdict) in report {
        let area = name.split("::").next().unwrap_or_default();
        match area {
            "acls" => assert!(verdict.contains("EOPNOTSUPP"), "{name}: {verdict}"),
            "directories" | "links" | "locks" | "names" | "owners" | "renames" | "unnamed" => {
                assert_eq!(verdict, "ok", "{name}");
            }
            _ => {}
        }
    }
}

#[test]
fn a_tree_that_cannot_be_written_fails_everything() {
    let tmpfs = Tmpfs::new("mode=755,ro");
    let output = on_host(None, tmpfs.path()).exits(1);
    let report = report(&output);
    assert_eq!(report.len(), cases().count());
    assert!(report.values().all(|v| v != "ok"), "{output}");
}

#[test]
fn a_full_tmpfs() {
    let tmpfs = Tmpfs::new("mode=755,size=1m,nr_inodes=200");
    let output = run(Command::new(posix()).arg("--fill").arg(tmpfs.path())).ok();
    // the root and the directory that it is tried in are inodes too
    assert_eq!(output.stdout, "room for 198 inodes and 1048576 bytes\n");
}

#[test]
fn dev_as_root() {
    for container in containers() {
        all_pass(&inside(&container, None, "/dev"), true);
    }
}

#[test]
fn dev_as_a_user() {
    for container in containers() {
        // /dev itself is root's
        let script = format!(
            "mkdir /dev/own && chown {USER} /dev/own && exec {} --uid {USER} /dev/own",
            posix().display()
        );
        all_pass(&container.sh(&script), false);
    }
}

#[test]
fn dev_that_is_full() {
    for container in containers() {
        let command = [posix().into_os_string(), "--fill".into(), "/dev".into()];
        let output = container.run(&command).ok();
        assert!(output.stdout.starts_with("room for "), "{output}");
    }
}
