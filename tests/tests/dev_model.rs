//! Random changes by two threads, in a container's /dev and on a tmpfs: the same answers, the same tree
//! at the end. The model is `tests::model`.

use std::process::Command;

use tests::binaries::directory;
use tests::mounted::Tmpfs;
use tests::{Container, Output, run};

/// Of each kind.
const SEQUENCES: &str = "300";

fn program() -> String {
    let path = directory().join("dev-model");
    assert!(
        path.is_file(),
        "{path:?} is not built: run `cargo xtask test`"
    );
    path.to_string_lossy().into_owned()
}

fn on_host(dir: &Tmpfs, reference: &Tmpfs) -> Output {
    let mut command = Command::new(program());
    command.arg(dir.path()).arg(reference.path());
    run(command.arg(SEQUENCES))
}

const EQUAL: &str = "300 sequences in turn, as many at once: equal\n";

#[test]
fn a_tmpfs_is_as_another() {
    let (a, b) = (Tmpfs::new("mode=755"), Tmpfs::new("mode=755"));
    assert_eq!(on_host(&a, &b).ok().stdout, EQUAL);
}

#[test]
fn a_tmpfs_in_containers_is_as_another() {
    for container in [Container::new(), Container::new().userns()] {
        let seen = container
            .run(&[&program(), "/dev/shm", "/run", SEQUENCES])
            .ok();
        assert_eq!(seen.stdout, EQUAL);
    }
}

/// Against vacuity: a file system that is full too early is found, by a short sequence.
#[test]
fn a_difference_is_found() {
    // its root, the top and the directory of both leave room for four names. User attributes take of it too, a KiB
    // like an inode (measured on 6.18, since 6.6 says mm/shmem.c): one of 4,000 bytes leaves no room for a second name
    let (small, large) = (Tmpfs::new("mode=755,nr_inodes=7"), Tmpfs::new("mode=755"));
    let output = on_host(&small, &large).exits(1);
    assert!(output.stdout.contains("in turn: "), "{output}");
    assert!(output.stdout.contains("ENOSPC"), "{output}");
    let first = output
        .stdout
        .lines()
        .filter(|l| l.starts_with("  thread "))
        .count();
    assert!((2..=10).contains(&first), "{output}");
}

#[test]
fn dev_is_as_a_tmpfs() {
    for container in [Container::new(), Container::new().userns()] {
        let seen = container
            .run(&[&program(), "/dev", "/dev/shm", SEQUENCES])
            .ok();
        assert_eq!(seen.stdout, EQUAL);
    }
}
