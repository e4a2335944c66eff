//! What the end-to-end tests share: the binaries under test, containers, devices to plug and
//! pull, a listener on the host, and a look at what was left behind.
//!
//! Everything here panics with a sentence when it cannot do its part: a test never skips. Names
//! and numbers are each test's own, so that tests may run side by side: a loop device has a
//! number from 100 on that no other test uses, everything else is named after the process.

pub mod binaries;
pub mod by_hand;
pub mod container;
pub mod cpuset;
pub mod foreign;
pub mod heard;
pub mod hotplug;
pub mod inside;
pub mod leftovers;
pub mod listener;
pub mod model;
pub mod mounted;
pub mod output;
pub mod posix;
pub mod probe;
pub mod processes;
pub mod recorded;
pub mod rootfs;
pub mod running;
pub mod shell;
pub mod tools;
pub mod tree;
pub mod udev_host;

pub use by_hand::ByHand;
pub use container::Container;
pub use cpuset::Cpuset;
pub use foreign::Foreign;
pub use heard::Heard;
pub use hotplug::{Loop, Macvtap, Veth, Zram};
pub use leftovers::Leftovers;
pub use listener::Listener;
pub use mounted::Mountpoint;
pub use output::{Output, run, sh};
pub use probe::Probe;
pub use recorded::Recorded;
pub use rootfs::Rootfs;
pub use running::Running;
pub use shell::Shell;
pub use tree::Walker;
pub use udev_host::UdevHost;

use std::sync::atomic::{AtomicU32, Ordering};

/// A name that no other test uses: short enough for an interface, and for a container.
pub fn unique(prefix: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!(
        "{prefix}{}x{}",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    )
}

/// Ask `check` until it is true.
///
/// # Panics
/// When it is not within `limit`.
pub fn eventually(what: &str, limit: std::time::Duration, mut check: impl FnMut() -> bool) {
    let until = std::time::Instant::now() + limit;
    while !check() {
        assert!(
            std::time::Instant::now() < until,
            "not within {limit:?}: {what}"
        );
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}
