//! A device number that is another device's by now: a grant dies with the device it was given for.
//!
//! Loop devices 780 to 789 are this file's. The policy shows one very disk, by the number that the kernel
//! gives each only once (DISKSEQ); the next one of the same name and number is hidden.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tests::{Container, Loop, Running, sh};

/// One block: the rest of a file is none.
const SECRET: [u8; 512] = {
    let mut block = [b'.'; 512];
    let mut at = 0;
    while at < 6 {
        block[at] = b"secret"[at];
        at += 1;
    }
    block
};

/// Opens a device through a descriptor of its node, which stays when its name goes, again and again; says
/// what comes of it whenever that changes.
const SPIN: &str = "
import os, sys
node = os.open(sys.argv[1], os.O_PATH)
path = '/proc/self/fd/%d' % node
last = None
while True:
    try:
        fd = os.open(path, os.O_RDONLY)
        now = 'wrong' if os.read(fd, 6) == b'secret' else 'opens'
        os.close(fd)
    except OSError:
        # by the gate, by the file system whose name is gone, or by the kernel as there is no device
        now = 'refused'
    if now != last:
        print('now', now, flush=True)
    last = now
";

struct Scene {
    container: Running,
    device: Option<Loop>,
    number: u32,
}

/// A container with a shown disk that it opens all the time.
#[track_caller]
fn spinning(gate: &str, number: u32) -> Scene {
    let device = Loop::add(number);
    let text = std::fs::read_to_string(device.syspath().join("diskseq")).expect("its number");
    let rules = format!(
        "version: 1\npolicies:\n  test:\n    rules:\n      - match: {{ subsystem: block, devname: loop{number}, property: {{ DISKSEQ: \"{}\" }} }}\n        show: rw\n",
        text.trim()
    );
    let node = format!("/dev/loop{number}");
    let container = Container::new().gate(gate).rules(&rules);
    let mut container = container.start(&["python3", "-c", SPIN, &node]);
    container.expect("now opens");
    Scene {
        container,
        device: Some(device),
        number,
    }
}

impl Scene {
    /// Pull the disk and plug another one of its number, with a content that nobody inside may read.
    fn swap(&mut self) {
        self.device.take().expect("the first").remove();
        // who opens a loop device that is gone makes one, so it may be there
        match sys::loopdev::add(self.number) {
            Err(e) if e.errno() != libc::EEXIST => panic!("{e}"),
            _ => {}
        }
        // the container is ended before it, also when what follows fails: it would make the device once more
        let other = self.device.insert(Loop::adopt(self.number));
        other.fill(&SECRET);
    }

    /// From now on it is refused, for a second at least.
    #[track_caller]
    fn is_refused_for_good(&mut self) {
        let rest = self.container.rest(Duration::from_secs(1));
        assert!(rest.is_empty(), "{rest:?}\n{}", self.container.so_far());
    }
}

/// As long as the server cannot read, the window is open: that is known. As soon as it reads, it is shut, and
/// stays so.
fn a_grant_dies_once_the_server_reads(gate: &str, number: u32) {
    let mut s = spinning(gate, number);
    s.container.signal(Signal::SIGSTOP);
    s.swap();
    s.container.expect("now wrong");
    let began = Instant::now();
    s.container.signal(Signal::SIGCONT);
    s.container.expect("now refused");
    let took = began.elapsed();
    eprintln!("{gate}: the server goes on, and {took:?} later the number is refused");
    assert!(took < Duration::from_secs(1), "{took:?}");
    s.is_refused_for_good();
}

#[test]
fn a_grant_dies_once_the_server_reads_v1() {
    a_grant_dies_once_the_server_reads("v1", 780);
}

#[test]
fn a_grant_dies_once_the_server_reads_v2() {
    a_grant_dies_once_the_server_reads("v2", 781);
}

/// The same behind two thousand other events, which take a quarter of a second if each has its turn: what
/// takes access away is read first.
#[test]
fn a_grant_dies_ahead_of_what_came_before() {
    let mut s = spinning("v2", 782);
    s.container.signal(Signal::SIGSTOP);
    sh(
        "for i in $(seq 1000); do echo change > /sys/class/mem/null/uevent; echo change > /sys/class/mem/zero/uevent; done",
    );
    s.swap();
    s.container.expect("now wrong");
    let began = Instant::now();
    s.container.signal(Signal::SIGCONT);
    s.container.expect("now refused");
    let took = began.elapsed();
    eprintln!("behind 2000 events: refused {took:?} after the server goes on");
    assert!(took < Duration::from_millis(120), "{took:?}");
    s.is_refused_for_good();
}

/// A server that runs: how long the wrong device opens, if it does at all.
#[test]
fn the_window_of_a_running_server() {
    let mut seen = 0;
    for _ in 0..5 {
        let mut s = spinning("v2", 783);
        s.swap();
        // it has read the `remove` long since
        std::thread::sleep(Duration::from_millis(300));
        s.container.rest(Duration::from_millis(100));
        s.is_refused_for_good();
        let said = s.container.so_far();
        let last = said.lines().rfind(|line| line.starts_with("now "));
        assert_eq!(last, Some("now refused"), "{said}");
        // an open after the first refusal was one of the other device
        seen += usize::from(said.matches("now opens").count() > 1 || said.contains("now wrong"));
    }
    eprintln!("the window was seen in {seen} of 5 swaps");
}
