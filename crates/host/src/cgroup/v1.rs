//! The gate of cgroup v1: `devices.allow` and `devices.deny` (security/device_cgroup.c).
//!
//! A v1 cgroup that denies by default holds a list of entries `c 1:3 rw`. A request passes if any one
//! entry covers all of it. `allow` adds accesses to the entry with these very numbers, or a new one;
//! `deny` takes accesses from the entry with these very numbers and leaves wider ones alone.

pub(super) mod table;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use self::table::{Change, Table};
use super::{Access, Range, failed};

/// The two files of a cgroup, and what was written to them.
#[derive(Debug)]
pub(super) struct Gate {
    dir: PathBuf,
    allow: File,
    deny: File,
    /// Held over the writes: the kernel's list must be the one in here.
    table: Mutex<Table>,
}

impl Gate {
    /// Makes the empty cgroup `dir` deny everything.
    pub(super) fn put_up(dir: &Path) -> io::Result<Gate> {
        let open = |name: &str| {
            let path = dir.join(name);
            let file = File::options().write(true).open(&path);
            file.map_err(|e| failed(format!("open({path:?})"), e))
        };
        let gate = Gate {
            dir: dir.to_owned(),
            allow: open("devices.allow")?,
            deny: open("devices.deny")?,
            table: Mutex::default(),
        };
        gate.write(false, "a")?;
        let list = dir.join("devices.list");
        let left = fs::read_to_string(&list).map_err(|e| failed(format!("read({list:?})"), e))?;
        match left.trim() {
            "" => Ok(gate),
            left => Err(io::Error::other(format!(
                "write({:?}, \"a\"): {left:?} is still allowed",
                dir.join("devices.deny")
            ))),
        }
    }

    pub(super) fn grant(&self, range: Range, access: Access) -> io::Result<()> {
        let mut table = self.table.lock();
        let cut_before = table.cut(range);
        let before = table.want(range, Some(access));
        if let Err(e) = self.sync(&mut table) {
            table.want(range, before);
            // what this cannot put back, the next change will
            let _ = self.sync(&mut table);
            return Err(e);
        }
        let cut = table.cut(range);
        if let Some((wanted, left)) = cut.filter(|_| cut != cut_before) {
            let all = Range {
                minor: None,
                ..range
            };
            log::warn!(
                "cgroup v1 cannot except a device from its major: {all} has \"{left}\" instead of \"{wanted}\""
            );
        }
        Ok(())
    }

    pub(super) fn revoke(&self, range: Range) -> io::Result<()> {
        let mut table = self.table.lock();
        // not taken back on an error: the next change tries again
        table.want(range, None);
        match self.sync(&mut table) {
            // the cgroup was removed, so nobody is in it
            Err(_) if !self.dir.exists() => Ok(()),
            done => done,
        }
    }

    fn sync(&self, table: &mut Table) -> io::Result<()> {
        for change in table.changes() {
            let Change {
                allow,
                range,
                access,
            } = change;
            self.write(allow, &format!("{range} {access}"))?;
            table.applied(change);
        }
        Ok(())
    }

    /// One entry in one write(2), as the kernel wants it.
    fn write(&self, allow: bool, entry: &str) -> io::Result<()> {
        let (mut file, name) = match allow {
            true => (&self.allow, "devices.allow"),
            false => (&self.deny, "devices.deny"),
        };
        file.write_all(entry.as_bytes())
            .map_err(|e| failed(format!("write({:?}, {entry:?})", self.dir.join(name)), e))
    }
}

#[cfg(test)]
mod tests;
