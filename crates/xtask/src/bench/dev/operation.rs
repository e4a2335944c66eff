//! The operations on /dev that are measured, as a worker does them.

use std::fs::{self, File, OpenOptions};
use std::hint::black_box;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use nix::sys::statfs::statfs;
use serde_json::{Value, json};

use super::super::measure::Measured;
use super::super::system::Kind;
use super::place::{NODE, VIEW};

/// What is made and removed: nobody else has such names.
const OWN: &str = "/run/view/devns-bench";

/// The other name of it.
const OTHER: &str = "/run/view/devns-bench-other";

const PAGE: usize = 4096;

/// What is done to /dev.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Open a node and close it.
    OpenClose,
    /// Read 4 KiB of a node that stays open.
    Read,
    /// lstat of a node.
    Stat,
    /// List /dev.
    Readdir,
    /// Make a file and remove it.
    Create,
    /// Write 4 KiB to a file of one's own that stays open, and read them.
    WriteRead,
    /// Make a directory and remove it.
    Mkdir,
    /// Give a file another name, in turn.
    Rename,
}

impl Operation {
    /// All of them.
    pub const ALL: [Operation; 8] = [
        Operation::OpenClose,
        Operation::Read,
        Operation::Stat,
        Operation::Readdir,
        Operation::Create,
        Operation::WriteRead,
        Operation::Mkdir,
        Operation::Rename,
    ];

    /// Who does it. What writes is not done to the host's /dev; a tmpfs opens nodes as the host's
    /// devtmpfs does, which is one.
    pub fn is_for(self, kind: Kind) -> bool {
        match self {
            Operation::OpenClose | Operation::Read => kind != Kind::Tmpfs,
            Operation::Stat => true,
            _ => [Kind::Devns, Kind::Tmpfs].contains(&kind),
        }
    }

    /// Whether it makes something: looking for what may be left of it would be a request.
    fn makes(self) -> bool {
        !matches!(
            self,
            Operation::OpenClose | Operation::Read | Operation::Stat | Operation::Readdir
        )
    }

    /// Do it `times` times; microseconds for each.
    pub fn time(self, times: u32) -> Result<f64> {
        let mut page = [0; PAGE];
        let _own = self.makes().then(|| Own);
        let mut renamed = false;
        let mut go: Box<dyn FnMut() -> Result<()>> = match self {
            Operation::OpenClose => Box::new(|| {
                black_box(File::open(NODE).context(NODE)?);
                Ok(())
            }),
            Operation::Read => {
                let file = File::open(NODE).context(NODE)?;
                Box::new(move || {
                    black_box(file.read_at(&mut page, 0).context(NODE)?);
                    Ok(())
                })
            }
            Operation::Stat => Box::new(|| {
                black_box(fs::symlink_metadata(NODE).context(NODE)?);
                Ok(())
            }),
            Operation::Readdir => Box::new(|| {
                black_box(fs::read_dir(VIEW).context(VIEW)?.count());
                Ok(())
            }),
            Operation::Create => Box::new(|| {
                drop(File::create_new(OWN).context("create")?);
                fs::remove_file(OWN).context("unlink")
            }),
            Operation::WriteRead => {
                let file = own()?;
                Box::new(move || {
                    file.write_all_at(&page, 0).context("pwrite")?;
                    file.read_exact_at(&mut page, 0).context("pread")
                })
            }
            Operation::Mkdir => Box::new(|| {
                fs::create_dir(OWN).context("mkdir")?;
                fs::remove_dir(OWN).context("rmdir")
            }),
            Operation::Rename => {
                own()?;
                Box::new(move || {
                    let (from, to) = if renamed { (OTHER, OWN) } else { (OWN, OTHER) };
                    renamed = !renamed;
                    fs::rename(from, to).context("rename")
                })
            }
        };
        for _ in 0..20 {
            go()?;
        }
        let began = Instant::now();
        for _ in 0..times {
            go()?;
        }
        Ok(began.elapsed().as_secs_f64() * 1e6 / f64::from(times))
    }

    /// Do it once and tell what it gave, for a comparison.
    pub fn answer(self) -> Result<Value> {
        let _own = self.makes().then(|| Own);
        let node = |meta: fs::Metadata| json!([meta.mode() & 0o170_000, meta.rdev()]);
        Ok(match self {
            Operation::OpenClose => node(File::open(NODE)?.metadata()?),
            Operation::Read => {
                let mut page = [1; PAGE];
                let n = File::open(NODE)?.read_at(&mut page, 0).context(NODE)?;
                json!([n, page.iter().all(|b| *b == 0)])
            }
            Operation::Stat => node(fs::symlink_metadata(NODE).context(NODE)?),
            Operation::Readdir => json!(names()?),
            Operation::Create => {
                drop(File::create_new(OWN).context("create")?);
                let was = names()?.contains(&name_of(OWN));
                fs::remove_file(OWN).context("unlink")?;
                json!([was, names()?.contains(&name_of(OWN))])
            }
            Operation::WriteRead => {
                let file = own()?;
                let page: Vec<u8> = (0..PAGE).map(|n| n as u8).collect();
                file.write_all_at(&page, 0).context("pwrite")?;
                json!(fs::read(OWN)? == page)
            }
            Operation::Mkdir => {
                fs::create_dir(OWN).context("mkdir")?;
                let is = fs::symlink_metadata(OWN)?.is_dir();
                fs::remove_dir(OWN).context("rmdir")?;
                json!([is, fs::symlink_metadata(OWN).is_err()])
            }
            Operation::Rename => {
                let before = own()?.metadata()?.ino();
                fs::rename(OWN, OTHER).context("rename")?;
                json!(before == fs::symlink_metadata(OTHER)?.ino())
            }
        })
    }
}

impl Measured for Operation {
    fn name(self) -> &'static str {
        match self {
            Operation::OpenClose => "open+close of a node",
            Operation::Read => "4 KiB read of an open node",
            Operation::Stat => "cached stat of a node",
            Operation::Readdir => "readdir of /dev",
            Operation::Create => "create+unlink",
            Operation::WriteRead => "write+read of 4 KiB, own file",
            Operation::Mkdir => "mkdir+rmdir",
            Operation::Rename => "rename",
        }
    }

    fn base(self) -> Kind {
        match self {
            Operation::OpenClose | Operation::Read => Kind::Native,
            _ => Kind::Tmpfs,
        }
    }

    fn target(self) -> Option<f64> {
        match self {
            Operation::OpenClose => Some(1.3),
            // 1.0, and what two systems of one kind differ by
            Operation::Read => Some(1.05),
            Operation::Stat => Some(1.2),
            Operation::Readdir => None,
            _ => Some(15.0),
        }
    }

    fn is_long(self) -> bool {
        false
    }
}

/// Do what one line asks for.
pub fn answer(line: &str) -> Result<Value> {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    match word {
        "hello" => Ok(json!("hello")),
        "time" => {
            let (times, name) = rest.split_once(' ').context("time N OPERATION")?;
            let times = times.parse().context("time N OPERATION")?;
            Ok(json!(named(name)?.time(times)?))
        }
        "answer" => named(rest)?.answer(),
        "names" => Ok(json!(names()?)),
        "make" => make(rest),
        "statfs" => {
            // the kernel keeps no answer of it: each is a request
            for _ in 0..rest.parse().context("statfs N")? {
                black_box(statfs(VIEW).context("statfs")?);
            }
            Ok(Value::Null)
        }
        _ => bail!("what is {word:?}?"),
    }
}

fn named(name: &str) -> Result<Operation> {
    let found = Operation::ALL.into_iter().find(|o| o.name() == name);
    found.with_context(|| format!("no operation is named {name:?}"))
}

fn names() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(VIEW).context(VIEW)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// Empty files of these names, a JSON list, for those that are not there.
fn make(list: &str) -> Result<Value> {
    let list: Vec<String> = serde_json::from_str(list).context("make NAMES")?;
    for name in list {
        ensure!(!name.contains('/'), "{name:?} is no name");
        let path = format!("{VIEW}/{name}");
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .with_context(|| path)?;
    }
    Ok(Value::Null)
}

fn own() -> Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(true);
    options.open(OWN).context("create")
}

fn name_of(path: &str) -> String {
    path.rsplit('/').next().unwrap_or_default().to_string()
}

/// What an operation makes, gone when this is dropped.
struct Own;

impl Drop for Own {
    fn drop(&mut self) {
        for path in [OWN, OTHER] {
            if fs::remove_file(path).is_err() {
                let _ = fs::remove_dir(path);
            }
        }
    }
}
