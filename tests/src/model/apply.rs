//! Doing what a sequence says.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{
    DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt, PermissionsExt, symlink,
};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::stat::Mode;
use rustix::fs::{CWD, RenameFlags, XattrFlags, renameat_with, setxattr};

use super::operation::{Name, Operation};
use super::{SHARED, snapshot};

/// Who does it: one thread, with the names of one and a file that is open.
pub struct Client {
    top: PathBuf,
    who: usize,
    held: Option<File>,
}

impl Client {
    /// Below `top`, with the names of thread `who`.
    pub fn new(top: &Path, who: usize) -> Client {
        Client {
            top: top.to_path_buf(),
            who,
            held: None,
        }
    }

    fn parts(&self, parts: &[u8]) -> PathBuf {
        let part = |n: &u8| format!("{}{}", char::from(b'a' + n), self.who);
        parts.iter().map(part).collect()
    }

    fn path(&self, (shared, parts): &Name) -> PathBuf {
        let top = match shared {
            true => self.top.join(SHARED),
            false => self.top.clone(),
        };
        top.join(self.parts(parts))
    }

    /// Do one thing; what came of it, the errno if it failed.
    pub fn apply(&mut self, operation: &Operation) -> String {
        match self.attempt(operation) {
            Ok(answer) => answer,
            Err(e) => format!(
                "{:?}",
                Errno::from_raw(e.raw_os_error().unwrap_or_default())
            ),
        }
    }

    fn attempt(&mut self, operation: &Operation) -> std::io::Result<String> {
        let done = Ok("done".to_string());
        match operation {
            Operation::Hold(name) => {
                let mut options = OpenOptions::new();
                options.read(true).write(true).create(true).truncate(false);
                // a fifo would wait for nobody: it is open at both ends
                let file = options.mode(0o600).open(self.path(name))?;
                self.held = file.metadata()?.is_file().then_some(file);
            }
            Operation::Create(name, mode) => {
                let mut options = OpenOptions::new();
                options.write(true).create_new(true).mode(*mode);
                options.open(self.path(name))?;
            }
            Operation::Write(name, offset, length) => {
                let file = writable(&self.path(name))?;
                file.write_all_at(&content(*length), u64::from(*offset))?;
            }
            Operation::Append(name, length) => {
                let file = writable(&self.path(name))?;
                file.write_all_at(&content(*length), file.metadata()?.len())?;
            }
            Operation::Truncate(name, length) => {
                nix::unistd::truncate(&self.path(name), i64::from(*length))?;
            }
            Operation::Mkdir(name, mode) => {
                fs::DirBuilder::new().mode(*mode).create(self.path(name))?;
            }
            Operation::Fifo(name) => {
                nix::unistd::mkfifo(&self.path(name), Mode::S_IRUSR | Mode::S_IWUSR)?;
            }
            Operation::Unlink(name) => fs::remove_file(self.path(name))?,
            Operation::Rmdir(name) => fs::remove_dir(self.path(name))?,
            Operation::Rename(from, to, flags) => {
                let flags = RenameFlags::from_bits_retain(*flags);
                renameat_with(CWD, self.path(from), CWD, self.path(to), flags)?;
            }
            Operation::Link(from, to) => fs::hard_link(self.path(from), self.path(to))?,
            Operation::Symlink(target, name) => symlink(self.parts(target), self.path(name))?,
            Operation::Chmod(name, mode) => {
                let permissions = fs::Permissions::from_mode(*mode);
                fs::set_permissions(self.path(name), permissions)?;
            }
            Operation::Attribute(name, which, length) => {
                let name = (self.path(name), format!("user.{which}"));
                let value = content((*length).min(1000));
                setxattr(name.0, name.1, &value, XattrFlags::empty())?;
            }
            Operation::Read(name) => {
                let file = nonblocking().read(true).open(self.path(name))?;
                return snapshot::content(&file);
            }
            Operation::List(name) => return snapshot::names(&self.path(name)),
            Operation::Stat(name) => {
                return Ok(snapshot::facts(
                    &fs::symlink_metadata(self.path(name))?,
                    None,
                ));
            }
            Operation::Readlink(name) => {
                let target = fs::read_link(self.path(name))?;
                return Ok(target.to_string_lossy().into_owned());
            }
            Operation::HeldWrite(offset, length) => {
                if let Some(file) = &self.held {
                    file.write_all_at(&content(*length), u64::from(*offset))?;
                }
            }
            Operation::HeldTruncate(length) => {
                if let Some(file) = &self.held {
                    file.set_len(u64::from(*length))?;
                }
            }
            Operation::HeldLook => {
                if let Some(file) = &self.held {
                    let meta = file.metadata()?;
                    let facts = format!("{:o} {} {}", meta.mode(), meta.nlink(), meta.len());
                    return Ok(format!("{facts} {}", snapshot::content(file)?));
                }
            }
        }
        done
    }
}

/// Where a fifo is, nobody is waited for.
fn nonblocking() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.custom_flags(libc::O_NONBLOCK);
    options
}

fn writable(path: &Path) -> std::io::Result<File> {
    nonblocking().write(true).open(path)
}

fn content(length: u16) -> Vec<u8> {
    (0..length).map(|n| (n % 250 + 1) as u8).collect()
}
