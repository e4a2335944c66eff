//! Whatever is wrong with the call or the host: one clear sentence with the mend, the exit status
//! that `--help` lists, and nothing mounted or left.

use std::fs;
use std::path::Path;
use std::process::Command;

use tests::mounted::binary;
use tests::{Container, Mountpoint, Output, binaries, run};

const BOTH: [&str; 2] = ["sysfs", "dev"];

/// Every binary, called with `policy` so that it would mount on `place`: the outputs with the
/// exit status that each should have, where `status` is that of the mounting ones.
#[track_caller]
fn each(policy: &str, place: &Path, status: i32) -> Vec<Output> {
    let mut all = vec![
        Container::new()
            .args(["--policy", policy])
            .sh("echo ran")
            .exits(125),
    ];
    for name in BOTH {
        let mut command = Command::new(binary(name));
        all.push(run(command.args(["--policy", policy]).arg(place)).exits(status));
        let mut command = Command::new(binary(name));
        all.push(run(command.args(["-f", "--policy", policy]).arg(place)).exits(status));
        let options = format!("policy={policy}");
        let mut command = Command::new(binary(name));
        all.push(run(command.arg("none").arg(place).args(["-o", &options])).exits(status));
    }
    for seen in &all {
        assert_eq!(seen.stdout, "", "{seen}");
    }
    all
}

#[test]
fn an_error_in_a_rule_file_is_shown_in_place() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("rules.yaml");
    let text = "version: 1\npolicies:\n  p:\n    rules:\n      - name: typo\n        match:\n          subsytem: block\n        show: rw\n";
    fs::write(&file, text).expect("a rule file");
    let place = Mountpoint::new();
    for seen in each(&file.to_string_lossy(), place.path(), 2) {
        for part in [
            // file, line, column; the line itself; what was expected; the nearest valid word
            format!("{}:7:11", file.display()),
            "          subsytem: block".into(),
            "subsystem".into(),
        ] {
            assert!(seen.stderr.contains(&part), "{part:?} is missing: {seen}");
        }
    }
    assert_eq!(place.mountinfo(), None);
}

#[test]
fn a_rule_file_that_cannot_be_read_is_named() {
    let dir = tempfile::tempdir().expect("a directory");
    let place = Mountpoint::new();
    let missing = dir.path().join("missing.yaml");
    let binary = dir.path().join("binary.yaml");
    fs::write(&binary, b"version: 1\n\xff\xfe").expect("a file");
    let fifo = dir.path().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::from_bits_truncate(0o600)).expect("a fifo");
    let cases = [
        (
            missing.as_path(),
            "cannot be read: no such file or directory",
        ),
        (dir.path(), "is not a regular file"),
        (fifo.as_path(), "is not a regular file"),
        (binary.as_path(), "is not text: byte 11 is no UTF-8"),
    ];
    for (path, text) in cases {
        for seen in each(&path.to_string_lossy(), place.path(), 2) {
            assert!(
                seen.stderr.contains(text) && seen.stderr.contains(&*path.to_string_lossy()),
                "{seen}"
            );
        }
    }
}

#[test]
fn a_policy_that_does_not_exist_is_said() {
    let place = Mountpoint::new();
    for seen in each("builtin:maximal", place.path(), 2) {
        let seen = seen.says("there is no built-in policy \"maximal\"");
        seen.says("the built-in policies are `minimal`, `all`, `storage`, ");
    }
    let example = binaries::repository("examples/loop.yaml");
    let container = Container::new()
        .policy(&example)
        .args(["--use", "loops"])
        .sh("true")
        .exits(125);
    container.says("loops").says("loop");
    for name in BOTH {
        let mut command = Command::new(binary(name));
        command
            .arg("--policy")
            .arg(&example)
            .args(["--use", "loops"])
            .arg(place.path());
        run(&mut command).exits(2).says("loops");
        assert_eq!(place.mountinfo(), None);
    }
}

#[test]
fn whoever_is_not_root_is_told_so() {
    // where the user can reach it
    let dir = tempfile::tempdir_in("/tmp").expect("a directory");
    let place = Mountpoint::new();
    let mode = std::os::unix::fs::PermissionsExt::from_mode;
    fs::set_permissions(dir.path(), mode(0o755)).expect("its mode");
    let as_user = |program: &Path, args: &[&str]| {
        let copy = dir.path().join(program.file_name().expect("a name"));
        fs::copy(program, &copy).expect("a copy");
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid", "1000", "--regid", "1000", "--clear-groups"])
            .arg(copy)
            .args(args);
        run(command.current_dir("/"))
    };
    let told = |seen: Output, name: &str| {
        seen.says(&format!("{name}: {name}"))
            .says("needs root")
            .says("run it with sudo")
    };
    let seen = as_user(&binaries::devns(), &["run", "--", "true"]).exits(125);
    seen.says("devns: devns run needs root; run it with sudo");
    for name in BOTH {
        let seen = as_user(&binary(name), &[&place.path().to_string_lossy()]).exits(3);
        told(seen, &format!("fusefs-{name}"));
    }
}

/// Run `command` on a host of which `script` has taken something away, in a mount namespace of
/// its own.
fn deprived(script: &str, program: &Path, args: &[&str]) -> Output {
    let all = format!("{script}; exec \"$0\" \"$@\"");
    run(Command::new("unshare")
        .args(["-m", "sh", "-euc", &all])
        .arg(program)
        .args(args))
}

#[test]
fn a_host_without_fuse_is_told_what_to_do() {
    let cases = [
        (
            "mount -t tmpfs tmpfs /dev; mknod /dev/null c 1 3",
            "/dev/fuse is not there; load the module with `modprobe fuse`",
        ),
        (
            "mount --bind -o nodev /dev /mnt; mount -o remount,bind,nodev /mnt; mount --bind /mnt/fuse /dev/fuse",
            "/dev/fuse cannot be opened",
        ),
    ];
    for (script, text) in cases {
        deprived(script, &binaries::devns(), &["run", "--", "true"])
            .exits(125)
            .says(text);
        let place = Mountpoint::new();
        for name in BOTH {
            deprived(
                script,
                &binary(name),
                &["-f", &place.path().to_string_lossy()],
            )
            .exits(4)
            .says(text);
            assert_eq!(place.mountinfo(), None);
        }
    }
}

#[test]
fn a_host_without_cgroups_is_told_so() {
    let script = "umount -Rl /sys/fs/cgroup";
    let seen = deprived(script, &binaries::devns(), &["run", "--", "true"]).exits(125);
    assert!(seen.stderr.contains("cgroup"), "{seen}");
}

#[test]
fn a_mountpoint_that_will_not_do_is_named() {
    let taken = Mountpoint::new();
    run(Command::new("mount")
        .args(["-t", "tmpfs", "tmpfs"])
        .arg(taken.path()))
    .ok();
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("file");
    fs::write(&file, "").expect("a file");
    let missing = dir.path().join("missing");
    let cases = [
        (
            taken.path(),
            "something is mounted at",
            "unmount it with `umount",
        ),
        (&file, "is not a directory", ""),
        (
            &missing,
            "no such file or directory",
            "make it with `mkdir -p",
        ),
    ];
    for name in BOTH {
        for (place, text, mend) in cases {
            for flags in [&[][..], &["-f"]] {
                let seen = run(Command::new(binary(name)).args(flags).arg(place)).exits(5);
                let seen = seen.says(text).says(mend);
                assert!(seen.stderr.contains(&*place.to_string_lossy()), "{seen}");
            }
        }
        run(&mut Command::new(binary(name))).exits(2);
        run(Command::new(binary(name)).args(["a", "b", "c"])).exits(2);
        run(Command::new(binary(name)).args(["--nonsense", "x"])).exits(2);
    }
}

#[test]
fn help_lists_the_exit_statuses() {
    let help = run(Command::new(binaries::devns()).args(["run", "--help"]))
        .ok()
        .stdout;
    for part in ["125", "126", "127", "128+N"] {
        assert!(help.contains(part), "{help}");
    }
    for name in BOTH {
        let help = run(Command::new(binary(name)).arg("--help")).ok().stdout;
        for line in [
            "0  success",
            "2  wrong use",
            "3  not root",
            "4  the host lacks",
            "5  the mountpoint",
        ] {
            assert!(help.contains(line), "{help}");
        }
    }
}
