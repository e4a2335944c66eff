//! Programs that use libudev and libusb, as everybody's do: a program in C and one in Python enumerate the
//! same devices, those that show, and hear of those that come. The environment variable that would help
//! libudev is taken away.
//!
//! Loop devices 835 to 839 are this file's.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;
use tests::tools::{same, two_disks_and_a_terminal, unhelped};
use tests::{Container, Loop, inside, run};

/// A program in C, in a directory that the container's root can look into.
struct Program {
    dir: TempDir,
}

impl Program {
    /// From `tests/src/inside/NAME.c`.
    #[track_caller]
    fn compile(name: &str, library: &str) -> Program {
        let dir = TempDir::new().expect("a directory");
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).expect("its mode");
        let program = Program { dir };
        let source = tests::binaries::repository(&format!("tests/src/inside/{name}.c"));
        let mut gcc = Command::new("gcc");
        gcc.args(["-O1", "-Wall", "-Werror", "-o"])
            .arg(program.path())
            .arg(source)
            .arg(library);
        run(&mut gcc).ok();
        program
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("program")
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[test]
fn both_enumerate_what_shows() {
    let program = Program::compile("devices", "-ludev");
    let program = text(&program.path());
    let disks = [835, 836, 837].map(Loop::add);
    let (containers, by_hand) = two_disks_and_a_terminal([&disks[0], &disks[1]]);
    let user = ["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups"];
    for (name, container) in containers {
        for who in [&[][..], &user[..]] {
            let list = |words: &[&str]| -> BTreeSet<String> {
                let words = unhelped(&[who, words].concat());
                let lines = container.run(&words).ok();
                let paths = lines.stdout.lines().filter_map(|l| l.split(' ').next());
                paths.map(String::from).collect()
            };
            let expected = || -> BTreeSet<String> {
                let devices = by_hand.devices().into_iter();
                devices.map(|d| format!("/sys{d}")).collect()
            };
            let python = ["python3", "-c", inside::DEVICES, "list"];
            same(&format!("{name} {who:?}: C"), expected, || {
                list(&[&program])
            });
            same(&format!("{name} {who:?}: Python"), expected, || {
                list(&python)
            });
            // a subsystem alone, and what its devices say of themselves
            let blocks = container.run(&unhelped(&[who, &[&program, "block"]].concat()));
            let expected = [835, 836].map(|n| format!("/sys/devices/virtual/block/loop{n} 7:{n}"));
            assert_eq!(blocks.ok().lines(), expected, "{name} {who:?}");
        }
    }
    // against vacuity: on the host the same program finds the third disk too, and more
    // (and may meet one that somebody else pulls)
    let native = run(&mut Command::new(&program));
    assert!(native.stdout.contains("/block/loop837 7:837\n"), "{native}");
}

/// On a machine without USB, or where none of it shows, there are no devices, and that is no error. What
/// libusb reads where there are some, it asks statfs of first.
#[test]
fn libusb_finds_sysfs_no_devices_and_no_fault() {
    let program = Program::compile("usb", "-lusb-1.0");
    let path = text(&program.path());
    let ask = |container: Container| {
        let container = container.args(["-e", "LIBUSB_DEBUG=4"]);
        let seen = container.run(&unhelped(&[&path])).ok();
        assert_eq!(seen.lines(), ["0 0"], "{seen}");
        assert!(!seen.stderr.contains("libusb: error"), "{seen}");
        seen
    };
    for container in [Container::new(), Container::new().userns()] {
        ask(container).says("sysfs is available");
    }
    // against vacuity
    ask(Container::new().args(["--statfs", "real"])).says("sysfs not mounted");
}

#[test]
fn a_monitor_hears_of_the_device_that_shows() {
    for container in [Container::new(), Container::new().userns()] {
        let container = container.shows(&["loop838"]);
        let command = unhelped(&["python3", "-c", inside::DEVICES, "monitor"]);
        let mut monitor = container.start(&command);
        monitor.expect("ready");
        let hidden = Loop::add(839);
        let device = Loop::add(838);
        let path = device.devpath();
        let add = monitor.line(Duration::from_secs(5), |_| true);
        let expected = format!("add {path} /dev/loop838 7:838");
        assert_eq!(add, Some(expected), "{}", monitor.so_far());
        hidden.remove();
        device.remove();
        let gone = format!("remove {path} /dev/loop838 none");
        let mut rest = monitor.rest(Duration::from_secs(1));
        assert_eq!(rest.pop(), Some(gone), "{}", monitor.so_far());
        // a disk without content may be said to change before it goes
        let change = format!("change {path} ");
        assert!(rest.iter().all(|l| l.starts_with(&change)), "{rest:?}");
    }
}
