//! pjdfstest, the POSIX suite that the BSDs and ZFS are held against, in its Rust version
//! (crates.io/crates/pjdfstest, BSD-2-Clause): on a tmpfs, which is the reference, and in a container's
//! /dev. The first test that needs it builds it, half a minute.
//!
//! All its areas are run: chmod, chown, ftruncate, link, mkdir, mkfifo, mknod, open, posix_fallocate,
//! rename, rmdir, symlink, truncate, unlink, utimensat. What it passes over by itself is `PASSED_OVER`.
//! A container has no `CAP_MKNOD`: there the cases that make a device node fail, as they do on a tmpfs in
//! the same container. What it has nothing of is in `dev_posix.rs`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use tests::mounted::Tmpfs;
use tests::{Container, Output, Running, run};

const VERSION: &str = "0.2.2";

/// Cases that a /dev is nothing for: it cannot be mounted anew (EROFS), nothing on it can be executed
/// (ETXTBSY), and a tmpfs sets no limit to links.
const PASSED_OVER: [&str; 3] = ["erofs", "etxtbsy", "link_count_max"];

/// What a container may not do: mount something.
const NOT_INSIDE: &str = "rmdir::ebusy";

/// Two users with groups of their own that every Debian has, for root to take the place of. The nap
/// has to be longer than a tick of the kernel's coarse clock, 10 ms at 100 Hz.
const CONFIG: &str = r#"
[features]
posix_fallocate = {}
rename_ctime = {}
utime_now = {}
utimensat = {}
[settings]
naptime = 0.012
[dummy_auth]
entries = [["daemon", "daemon"], ["bin", "bin"]]
"#;

/// The program, built if it is not there yet.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("pjdfstest-{VERSION}"));
        let program = root.join("bin/pjdfstest");
        if !program.exists() {
            let cargo = std::env::var_os("CARGO").unwrap_or("cargo".into());
            let mut command = Command::new(cargo);
            // not optimised: it is built once and runs for a second
            command.args(["install", "--debug", "--locked", "--quiet", "pjdfstest"]);
            command.args(["--version", VERSION, "--root"]).arg(&root);
            command.stdin(Stdio::null());
            Running::start(&mut command)
                .wait(Duration::from_secs(600))
                .ok();
        }
        std::fs::write(config(), CONFIG).expect("a configuration");
        program
    })
}

fn config() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("pjdfstest.toml")
}

/// Its arguments, to run in `dir`; `other` is another file system.
fn arguments(dir: &str, other: &str) -> Vec<String> {
    let program = program().to_string_lossy().into_owned();
    let config = config().to_string_lossy().into_owned();
    let all = [&program, "-c", &config, "-p", dir, "-s", other];
    all.map(String::from).to_vec()
}

/// What came of each case: `ok`, `FAILED` or `skipped`.
fn verdicts(output: &Output) -> BTreeMap<String, String> {
    let of = |line: &str| {
        let (name, verdict) = line.split_once(' ')?;
        let verdict = verdict.trim();
        let is_one = ["ok", "FAILED", "skipped"].contains(&verdict);
        (is_one && name.contains("::")).then(|| (name.to_string(), verdict.to_string()))
    };
    let all: BTreeMap<String, String> = output.stdout.lines().filter_map(of).collect();
    // as many as this version has: a line that is not understood is not a case that passed
    assert_eq!(all.len(), 398, "{output}");
    all
}

fn on_host(user: &[&str], dir: &Path) -> Output {
    let arguments = arguments(&dir.to_string_lossy(), "/var/tmp");
    let mut command = Command::new("setpriv");
    command.args(user).args(["env", "NO_COLOR=1"]);
    run(command.args(arguments))
}

fn inside(container: Container, dir: &str, other: &str) -> Output {
    container
        .args(["-e", "NO_COLOR=1"])
        .run(&arguments(dir, other))
}

fn is_passed_over(name: &str) -> bool {
    PASSED_OVER.iter().any(|what| name.contains(what))
}

/// Whether a case wants a device node made that takes `CAP_MKNOD`. A character device 0:0 does not:
/// the kernel takes it for an overlay's whiteout (vfs_mknod, fs/namei.c), and most cases make that.
fn wants_a_node(name: &str) -> bool {
    let others = [
        "mknod::device_files::char",
        "mknod::changed_times_success::char",
    ];
    name.ends_with("::block") || others.contains(&name)
}

/// That all passed but for what is passed over, and inside what a container may not.
#[track_caller]
fn as_wanted(output: &Output, is_inside: bool) {
    for (name, verdict) in verdicts(output) {
        let wanted = match () {
            () if is_passed_over(&name) => "skipped",
            () if is_inside && name == NOT_INSIDE => "skipped",
            () if is_inside && wants_a_node(&name) => "FAILED",
            () => "ok",
        };
        assert_eq!(verdict, wanted, "{name}: {output}");
    }
}

fn containers() -> [fn() -> Container; 2] {
    [Container::new, || Container::new().userns()]
}

#[test]
fn a_tmpfs_as_root() {
    let tmpfs = Tmpfs::new("mode=755");
    as_wanted(&on_host(&[], tmpfs.path()), false);
}

#[test]
fn a_tmpfs_as_a_user() {
    let tmpfs = Tmpfs::new("mode=1777");
    let user = ["--reuid", "1000", "--regid", "1000", "--clear-groups"];
    let all = verdicts(&on_host(&user, tmpfs.path()));
    // the rest wants to be root
    let passed = all.values().filter(|v| *v == "ok").count();
    assert!(passed > 150, "{passed}");
    assert!(!all.values().any(|v| v == "FAILED"), "{all:#?}");
}

/// The same ids, capabilities and system call filter as below, and nothing of ours beneath.
#[test]
fn a_tmpfs_in_containers() {
    for container in containers() {
        as_wanted(&inside(container(), "/dev/shm", "/run"), true);
    }
}

#[test]
fn dev_in_containers() {
    for container in containers() {
        as_wanted(&inside(container(), "/dev", "/run"), true);
    }
}
