//! The operations on /sys that are measured, as a worker does them.

use std::fs::{self, File, OpenOptions};
use std::hint::black_box;
use std::io::Read;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::measure::Measured;
use super::system::Kind;
use crate::say::{output, run};

/// A small attribute that everybody may read, and the only one that lxcfs has too.
const ATTRIBUTE: &str = "/sys/devices/system/cpu/online";

/// Every machine has it, and it never changes.
const LINK: &str = "/sys/class/mem/null";

/// Whether /dev/null may be suspended at run time. It cannot be, so it is all the same to it.
const WRITABLE: &str = "/sys/devices/virtual/mem/null/power/control";

/// What `WRITABLE` says on a machine where nobody has written to it.
pub const USUAL: &str = "auto";

/// What else it can say.
pub const OTHER: &str = "on";

/// What is done to /sys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// lstat of one path.
    Stat,
    /// readlink of one path.
    Readlink,
    /// Open, read to the end of the page and close.
    OpenReadClose,
    /// Read from offset 0 of a descriptor that stays open.
    Pread,
    /// Write what it says already at offset 0 of a descriptor that stays open.
    Write,
    /// List one directory.
    Readdir,
    /// lstat of everything, once it has all been seen.
    WarmWalk,
    /// lstat of everything, whatever has been seen.
    FirstWalk,
    /// lsblk(8).
    Lsblk,
    /// `udevadm info --export-db`.
    Udevadm,
}

impl Operation {
    /// All of them.
    pub const ALL: [Operation; 10] = [
        Operation::Stat,
        Operation::Readlink,
        Operation::OpenReadClose,
        Operation::Pread,
        Operation::Write,
        Operation::Readdir,
        Operation::WarmWalk,
        Operation::FirstWalk,
        Operation::Lsblk,
        Operation::Udevadm,
    ];

    /// How long it takes beside the others, for everybody to have as many rounds.
    pub fn shares(self) -> f64 {
        match self {
            Operation::WarmWalk => 6.0,
            Operation::FirstWalk => 8.0,
            Operation::Udevadm => 3.0,
            _ => 1.0,
        }
    }

    /// Do it `times` times; microseconds for each. What is named cached or warm has been done
    /// before the clock starts.
    pub fn time(self, times: u32, directory: &str) -> Result<f64> {
        let mut page = [0; 4096];
        let mut go: Box<dyn FnMut() -> Result<()>> = match self {
            Operation::Stat => Box::new(|| {
                black_box(fs::symlink_metadata(ATTRIBUTE).context(ATTRIBUTE)?);
                Ok(())
            }),
            Operation::Readlink => Box::new(|| {
                black_box(fs::read_link(LINK).context(LINK)?);
                Ok(())
            }),
            Operation::OpenReadClose => Box::new(move || {
                let mut file = File::open(ATTRIBUTE).context(ATTRIBUTE)?;
                black_box(file.read(&mut page).context(ATTRIBUTE)?);
                Ok(())
            }),
            Operation::Pread => {
                let file = File::open(ATTRIBUTE).context(ATTRIBUTE)?;
                Box::new(move || {
                    black_box(file.read_at(&mut page, 0).context(ATTRIBUTE)?);
                    Ok(())
                })
            }
            Operation::Write => {
                let file = open_writable()?;
                Box::new(move || {
                    black_box(file.write_at(USUAL.as_bytes(), 0).context(WRITABLE)?);
                    Ok(())
                })
            }
            Operation::Readdir => Box::new(|| {
                black_box(fs::read_dir(directory).context("readdir")?.count());
                Ok(())
            }),
            Operation::WarmWalk | Operation::FirstWalk => Box::new(|| {
                let mut count = 0;
                walk(|_, _| count += 1);
                black_box(count);
                Ok(())
            }),
            Operation::Lsblk => Box::new(|| run(lsblk().stdout(Stdio::null()))),
            Operation::Udevadm => Box::new(|| run(udevadm().stdout(Stdio::null()))),
        };
        let before = match self {
            Operation::FirstWalk => 0,
            _ if self.is_long() => 1,
            _ => 20,
        };
        for _ in 0..before {
            go()?;
        }
        let began = Instant::now();
        for _ in 0..times {
            go()?;
        }
        Ok(began.elapsed().as_secs_f64() * 1e6 / f64::from(times))
    }

    /// Do it once and tell what it gave, for a comparison with native.
    pub fn answer(self, directory: &str) -> Result<Value> {
        Ok(match self {
            Operation::Stat => {
                let meta = fs::symlink_metadata(ATTRIBUTE).context(ATTRIBUTE)?;
                // not the size, which sysfs does not know and lxcfs does
                json!([meta.mode(), meta.uid(), meta.gid()])
            }
            Operation::Readlink => json!(fs::read_link(LINK).context(LINK)?),
            Operation::OpenReadClose => json!(fs::read_to_string(ATTRIBUTE).context(ATTRIBUTE)?),
            Operation::Pread => {
                let file = File::open(ATTRIBUTE).context(ATTRIBUTE)?;
                let twice = [read_at(&file)?, read_at(&file)?];
                json!(twice)
            }
            Operation::Write => json!(open_writable()?.write_at(USUAL.as_bytes(), 0)?),
            Operation::Readdir => {
                let mut names = Vec::new();
                for entry in fs::read_dir(directory).context("readdir")? {
                    names.push(entry?.file_name().to_string_lossy().into_owned());
                }
                names.sort();
                json!(names)
            }
            Operation::WarmWalk | Operation::FirstWalk => {
                let mut all = Vec::new();
                walk(|path, meta| all.push(format!("{path} {:o}", meta.mode())));
                all.sort();
                json!(all)
            }
            Operation::Lsblk => json!(output(&mut lsblk())?),
            Operation::Udevadm => json!(output(&mut udevadm())?),
        })
    }
}

impl Measured for Operation {
    fn name(self) -> &'static str {
        match self {
            Operation::Stat => "cached stat",
            Operation::Readlink => "readlink",
            Operation::OpenReadClose => "open+read+close",
            Operation::Pread => "pread on an open fd",
            Operation::Write => "write",
            Operation::Readdir => "readdir",
            Operation::WarmWalk => "warm walk",
            Operation::FirstWalk => "first walk",
            Operation::Lsblk => "lsblk",
            Operation::Udevadm => "udevadm info --export-db",
        }
    }

    fn base(self) -> Kind {
        Kind::Native
    }

    fn target(self) -> Option<f64> {
        match self {
            Operation::Stat | Operation::Readlink | Operation::Readdir => Some(0.8),
            Operation::WarmWalk => Some(1.0),
            Operation::Pread => Some(1.3),
            Operation::OpenReadClose => Some(3.5),
            Operation::FirstWalk => Some(3.0),
            Operation::Write | Operation::Lsblk | Operation::Udevadm => None,
        }
    }

    fn is_long(self) -> bool {
        matches!(
            self,
            Operation::WarmWalk | Operation::FirstWalk | Operation::Lsblk | Operation::Udevadm
        )
    }
}

/// The attribute that can be written, open to be read.
pub fn hold() -> Result<File> {
    File::open(WRITABLE).context(WRITABLE)
}

/// What an open attribute says now.
pub fn read_at(file: &File) -> Result<String> {
    let mut page = [0; 4096];
    let n = file.read_at(&mut page, 0).context("pread")?;
    Ok(String::from_utf8_lossy(&page[..n]).trim_end().to_string())
}

/// Make the attribute that can be written say `value`.
pub fn set(value: &str) -> Result<()> {
    let n = open_writable()?.write_at(value.as_bytes(), 0);
    n.map(drop).context(WRITABLE)
}

/// What the attribute that is written said before, and says again when this is dropped.
pub struct Before(String);

impl Before {
    /// Look.
    pub fn look() -> Result<Before> {
        Ok(Before(read_at(&hold()?)?))
    }
}

impl Drop for Before {
    fn drop(&mut self) {
        if let Err(e) = set(&self.0) {
            eprintln!("xtask: {WRITABLE} no longer says {}: {e:#}", self.0);
        }
    }
}

fn open_writable() -> Result<File> {
    OpenOptions::new()
        .write(true)
        .open(WRITABLE)
        .context(WRITABLE)
}

/// lstat of everything below /sys.
fn walk(mut each: impl FnMut(&str, &fs::Metadata)) {
    let mut directories = vec![std::path::PathBuf::from("/sys")];
    while let Some(dir) = directories.pop() {
        // what is gone meanwhile is not counted
        let Ok(entries) = fs::read_dir(&dir) else {
            continue;
        };
        for entry in entries.flatten() {
            let Ok(meta) = entry.metadata() else {
                continue;
            };
            let path = entry.path();
            each(&path.to_string_lossy(), &meta);
            if meta.is_dir() {
                directories.push(path);
            }
        }
    }
}

fn lsblk() -> Command {
    Command::new("lsblk")
}

/// It believes a /sys only if statfs(2) says sysfs, which no FUSE can; a container's `devns run` tells
/// it not to ask in the same way.
fn udevadm() -> Command {
    let mut command = Command::new("udevadm");
    command
        .args(["info", "--export-db"])
        .env("SYSTEMD_DEVICE_VERIFY_SYSFS", "0");
    command
}
