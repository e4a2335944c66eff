//! Needs root, `unshare` and `ip`.

use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use host::Monitor;
use host::monitor::Message;

/// A process in a user and a network namespace of its own, ended when this is dropped.
struct Owner(Child);

impl Owner {
    /// Its root is the host's `outside`.
    fn new(outside: u32) -> Owner {
        let child = Command::new("unshare")
            .args(["--user", "--net", "sleep", "60"])
            .spawn()
            .unwrap();
        let owner = Owner(child);
        let ours = fs::read_link("/proc/self/ns/net").unwrap();
        soon(|| fs::read_link(owner.proc("ns/net")).is_ok_and(|theirs| theirs != ours));
        for map in ["uid_map", "gid_map"] {
            fs::write(owner.proc(map), format!("0 {outside} 65536")).unwrap();
        }
        owner
    }

    fn proc(&self, name: &str) -> String {
        format!("/proc/{}/{name}", self.0.id())
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn soon(mut holds: impl FnMut() -> bool) -> bool {
    let until = Instant::now() + Duration::from_secs(5);
    loop {
        match holds() {
            true => return true,
            false if Instant::now() > until => return false,
            false => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}

fn hears_an_interface(outside: u32) -> bool {
    let owner = Owner::new(outside);
    let net = OwnedFd::from(fs::File::open(owner.proc("ns/net")).unwrap());
    let monitor = Monitor::open(Some(net.as_fd()), false, 1 << 16).unwrap();
    let status = Command::new("nsenter")
        .arg(format!("--net={}", owner.proc("ns/net")))
        .args(["ip", "link", "add", "mo0", "type", "veth", "peer", "mo1"])
        .status()
        .unwrap();
    assert!(status.success());
    let is_it = |m: Message| matches!(m, Message::Kernel(e) if e.devpath.name() == b"mo0");
    soon(|| monitor.receive().unwrap().is_some_and(is_it))
}

/// The kernel speaks with the credentials of whoever is root over the namespace.
#[test]
fn the_kernel_is_heard_whoever_owns_the_namespace() {
    assert!(hears_an_interface(0), "by the host's root");
    assert!(hears_an_interface(300_000_000), "by another");
}
