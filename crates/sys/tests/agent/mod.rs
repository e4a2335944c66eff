//! A child process that opens and makes device nodes when told to, to be put into a cgroup.
//!
//! It is this same test binary, run again with one test selected: [`serve`]. A thread would not do:
//! cgroups take whole processes. Its answers are errnos, so that a gate's EPERM is told from the
//! ENXIO of a device without a driver.

use std::env;
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use nix::sys::stat::{Mode, SFlag, makedev, mknod};

const MARK: &str = "DEVNS_TEST_AGENT";

/// The child; killed when dropped.
pub struct Agent {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

#[allow(dead_code)] // not every test binary asks everything
impl Agent {
    /// Starts one, in the cgroups of the caller.
    pub fn spawn() -> Agent {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "agent::serve", "--nocapture", "--test-threads=1"])
            .env(MARK, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut agent = Agent {
            child,
            stdin,
            stdout,
        };
        // moved before it is up, its start would meet the gate
        assert_eq!(agent.ask("ready"), 0);
        agent
    }

    /// Its pid.
    pub fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    /// Opens `path` for "r", "w" or "rw" and closes it again: 0 or the errno.
    pub fn open(&mut self, mode: &str, path: &Path) -> i32 {
        self.ask(&format!("{mode} {}", path.display()))
    }

    /// The same in a child of its own.
    pub fn open_in_child(&mut self, mode: &str, path: &Path) -> i32 {
        self.ask(&format!("fork-{mode} {}", path.display()))
    }

    /// Makes a device node of kind "b" or "c" at `path` and removes it again: 0 or the errno.
    pub fn mknod(&mut self, kind: &str, major: u32, minor: u32, path: &Path) -> i32 {
        self.ask(&format!("mknod-{kind}-{major}-{minor} {}", path.display()))
    }

    /// True once it is dead.
    pub fn is_dead(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    fn ask(&mut self, request: &str) -> i32 {
        writeln!(self.stdin, "{request}").unwrap();
        let mut line = String::new();
        loop {
            line.clear();
            assert_ne!(
                self.stdout.read_line(&mut line).unwrap(),
                0,
                "agent died at {request}"
            );
            // libtest prints as well, and not always whole lines
            if let Some((_, errno)) = line.trim_end().split_once("errno=") {
                return errno.parse().unwrap();
            }
        }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Makes the node of a test: kind "b" or "c". What a gate says about it is a matter of its numbers.
#[allow(dead_code)]
pub fn node(dir: &Path, kind: &str, major: u32, minor: u32) -> std::path::PathBuf {
    let path = dir.join(format!("{kind}{major}.{minor}"));
    make(kind, major, minor, &path).unwrap();
    path
}

fn make(kind: &str, major: u32, minor: u32, path: &Path) -> nix::Result<()> {
    let kind = if kind == "b" {
        SFlag::S_IFBLK
    } else {
        SFlag::S_IFCHR
    };
    mknod(
        path,
        kind,
        Mode::from_bits_truncate(0o600),
        makedev(major.into(), minor.into()),
    )
}

/// The child's side; no test of its own.
#[test]
fn serve() {
    if env::var_os(MARK).is_none() {
        return;
    }
    for request in std::io::stdin().lines() {
        println!("\nerrno={}", answer(&request.unwrap()));
    }
}

fn answer(request: &str) -> i32 {
    let (what, path) = request.split_once(' ').unwrap_or((request, ""));
    let parts: Vec<&str> = what.split('-').collect();
    match parts[..] {
        ["ready"] => 0,
        [mode @ ("r" | "w" | "rw")] => open(mode, path),
        ["fork", mode] => {
            // a child that knows nothing of cgroups: head(1) opens for reading, tee(1) for writing
            let (program, args): (_, &[&str]) = match mode {
                "r" => ("head", &["-c", "1"]),
                _ => ("tee", &[]),
            };
            let done = Command::new(program)
                .args(args)
                .arg(path)
                .env("LC_ALL", "C")
                .stdin(Stdio::piped())
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&done.stderr);
            match (
                done.status.success(),
                said.contains("Operation not permitted"),
            ) {
                (true, _) => 0,
                (false, true) => libc::EPERM,
                (false, false) => panic!("{program} {path}: {said}"),
            }
        }
        ["mknod", kind, major, minor] => {
            let made = make(
                kind,
                major.parse().unwrap(),
                minor.parse().unwrap(),
                Path::new(path),
            );
            let _ = std::fs::remove_file(path);
            made.map_or_else(|e| e as i32, |()| 0)
        }
        _ => panic!("unknown request {request}"),
    }
}

fn open(mode: &str, path: &str) -> i32 {
    let opened = OpenOptions::new()
        .read(mode.contains('r'))
        .write(mode.contains('w'))
        .open(path);
    opened.map_or_else(|e| e.raw_os_error().unwrap(), |_| 0)
}
