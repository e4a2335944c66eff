//! Devices that a test plugs into the host, and pulls when it lets go of them.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tempfile::NamedTempFile;

use crate::{eventually, sh, unique};

/// A loop device of the host.
#[derive(Debug)]
pub struct Loop {
    number: u32,
    /// What it is attached to.
    file: Option<NamedTempFile>,
}

impl Loop {
    /// Plug loop device `number`, which is from 100 on and the calling test's own.
    ///
    /// # Panics
    /// When it is there already, or cannot be made.
    #[track_caller]
    pub fn add(number: u32) -> Loop {
        assert!(
            number >= 100,
            "loop devices below 100 may be the machine's own"
        );
        if let Err(e) = sys::loopdev::add(number) {
            panic!("loop{number} cannot be plugged: {e}");
        }
        Loop { number, file: None }
    }

    /// Loop device `number`, which somebody else has made or is making, and which is the calling test's own.
    ///
    /// # Panics
    /// When its node does not come.
    #[track_caller]
    pub fn adopt(number: u32) -> Loop {
        let device = Loop { number, file: None };
        // its number is taken before its node is made (`loop_add`, drivers/block/loop.c)
        let node = PathBuf::from(format!("/dev/loop{number}"));
        eventually("its node is there", Duration::from_secs(5), || {
            node.exists()
        });
        device
    }

    /// Attach a file with this content to it.
    ///
    /// # Panics
    /// When that fails.
    #[track_caller]
    pub fn fill(&mut self, content: &[u8]) {
        let file = NamedTempFile::new().expect("a temporary file");
        std::fs::write(file.path(), content).expect("its content");
        sh(&format!(
            "losetup /dev/loop{} {}",
            self.number,
            file.path().display()
        ));
        self.file = Some(file);
    }

    /// Detach the file, whoever has attached one: a container may have.
    pub fn empty(&mut self) {
        if self.syspath().join("loop/backing_file").exists() {
            sh(&format!("losetup -d /dev/loop{} || true", self.number));
        }
        self.file = None;
    }

    /// Pull it, and be sure that it is gone.
    ///
    /// # Panics
    /// When somebody keeps it open.
    #[track_caller]
    pub fn remove(mut self) {
        self.empty();
        if let Err(e) = self.pull() {
            panic!("{e}");
        }
        std::mem::forget(self);
    }

    /// `loopN`.
    pub fn name(&self) -> String {
        format!("loop{}", self.number)
    }

    /// `/devices/virtual/block/loopN`.
    pub fn devpath(&self) -> String {
        format!("/devices/virtual/block/loop{}", self.number)
    }

    /// Its directory in the host's own /sys.
    pub fn syspath(&self) -> PathBuf {
        Path::new("/sys").join(self.devpath().trim_start_matches('/'))
    }

    fn pull(&self) -> sys::Result<()> {
        let until = Instant::now() + Duration::from_secs(5);
        loop {
            match sys::loopdev::remove(self.number) {
                // whoever looked at it has it open for a moment
                Err(e) if e.errno() == libc::EBUSY && Instant::now() < until => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                done => return done,
            }
        }
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        self.empty();
        if let Err(e) = self.pull() {
            eprintln!("loop{} stays: {e}", self.number);
        }
    }
}

/// A compressed RAM disk of the host.
#[derive(Debug)]
pub struct Zram {
    number: u32,
}

impl Zram {
    /// Plug one; the kernel chooses the number.
    ///
    /// # Panics
    /// When the kernel has no zram.
    #[track_caller]
    pub fn hot_add() -> Zram {
        let path = "/sys/class/zram-control/hot_add";
        // reading is what adds
        let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("read({path:?}): {e}"));
        Zram {
            number: text.trim().parse().expect("a number"),
        }
    }

    /// `zramN`.
    pub fn name(&self) -> String {
        format!("zram{}", self.number)
    }
}

impl Drop for Zram {
    fn drop(&mut self) {
        let remove = || {
            std::fs::write(
                "/sys/class/zram-control/hot_remove",
                self.number.to_string(),
            )
        };
        let until = Instant::now() + Duration::from_secs(5);
        while let Err(e) = remove() {
            if Instant::now() > until {
                eprintln!("zram{} stays: {e}", self.number);
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// A pair of Ethernet interfaces.
#[derive(Debug)]
pub struct Veth {
    /// The name of one end.
    pub name: String,
    /// The name of the other.
    pub peer: String,
}

impl Veth {
    /// Plug one into the host's network namespace.
    ///
    /// # Panics
    /// When it cannot be made.
    #[track_caller]
    pub fn add() -> Veth {
        let (name, peer) = (unique("va"), unique("vb"));
        sh(&format!("ip link add {name} type veth peer name {peer}"));
        Veth { name, peer }
    }

    /// Move the end `peer` into the network namespace of process `pid`.
    ///
    /// # Panics
    /// When it does not go.
    #[track_caller]
    pub fn give(&self, pid: i32) {
        sh(&format!("ip link set {} netns {pid}", self.peer));
    }
}

impl Drop for Veth {
    fn drop(&mut self) {
        // both ends go; there may be none left, when a namespace took one along
        let link = format!("ip link del {} 2>/dev/null || true", self.name);
        sh(&link);
    }
}

/// A macvtap, whose interface brings a character device `/dev/tapN` along, over a veth.
#[derive(Debug)]
pub struct Macvtap {
    /// The name of the interface.
    pub name: String,
    below: Veth,
}

impl Macvtap {
    /// Plug one into the host's network namespace.
    ///
    /// # Panics
    /// When it cannot be made.
    #[track_caller]
    pub fn add() -> Macvtap {
        let below = Veth::add();
        let name = unique("mv");
        sh(&format!(
            "ip link add link {} name {name} type macvtap",
            below.name
        ));
        Macvtap { name, below }
    }

    /// `tapN`, while it is in the host's network namespace.
    ///
    /// # Panics
    /// When it is not.
    #[track_caller]
    pub fn tap(&self) -> String {
        let index = std::fs::read_to_string(format!("/sys/class/net/{}/ifindex", self.name));
        format!("tap{}", index.expect("its index").trim())
    }

    /// Move it into the network namespace of process `pid`.
    ///
    /// # Panics
    /// When it does not go.
    #[track_caller]
    pub fn give(&self, pid: i32) {
        sh(&format!("ip link set {} netns {pid}", self.name));
    }

    /// The interface that it is over.
    pub fn lower(&self) -> &str {
        &self.below.name
    }
}
