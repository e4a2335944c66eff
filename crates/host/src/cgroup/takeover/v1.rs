//! The list of cgroup v1: `devices.list` is changed entry by entry, and put back so.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::cgroup::v1::table::Table;
use crate::cgroup::{Access, Range, failed};

/// What we want in the list of a cgroup, and what was in it before.
#[derive(Debug)]
pub(super) struct Gate {
    dir: PathBuf,
    wanted: Table,
    held: Option<Held>,
    told: BTreeSet<String>,
    notes: Vec<String>,
}

#[derive(Debug)]
struct Held {
    inode: u64,
    before: List,
    /// As we left it.
    ours: BTreeMap<String, Access>,
}

/// What `devices.list` says.
#[derive(Clone, Debug, PartialEq, Eq)]
enum List {
    /// Everything; what is excepted from that, the kernel does not say.
    All,
    /// By range, as the kernel writes it: `c 1:3`, `b *:*`.
    Entries(BTreeMap<String, Access>),
}

impl List {
    fn parse(text: &str) -> List {
        if text.starts_with('a') {
            return List::All;
        }
        let mut entries = BTreeMap::new();
        for (range, letters) in text.lines().filter_map(|line| line.rsplit_once(' ')) {
            let all = letters.chars().fold(Access::NONE, |all, c| {
                all | match c {
                    'r' => Access::READ,
                    'w' => Access::WRITE,
                    'm' => Access::MKNOD,
                    _ => Access::NONE,
                }
            });
            let entry: &mut Access = entries.entry(range.to_owned()).or_default();
            *entry = *entry | all;
        }
        List::Entries(entries)
    }
}

impl Gate {
    pub(super) fn new(dir: PathBuf) -> Gate {
        Gate {
            dir,
            wanted: Table::default(),
            held: None,
            told: BTreeSet::new(),
            notes: Vec::new(),
        }
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn want(&mut self, range: Range, access: Option<Access>) -> io::Result<()> {
        // what somebody else has changed meanwhile has to be told from what we change now
        if self.held.is_some() {
            self.take_over()?;
        }
        self.wanted.want(range, access);
        match self.held {
            Some(_) => self.write_ours(),
            None => Ok(()),
        }
    }

    pub(super) fn look(&mut self) -> io::Result<Vec<String>> {
        self.take_over()?;
        Ok(std::mem::take(&mut self.notes))
    }

    fn take_over(&mut self) -> io::Result<()> {
        let Some((inode, list)) = self.read()? else {
            self.held = None;
            let dir = self.dir.display();
            self.tell(format!(
                "there is no cgroup {dir} now; it is taken over once it is there"
            ));
            return Ok(());
        };
        let held = self.held.as_mut().filter(|held| held.inode == inode);
        match (held, list) {
            (Some(held), List::Entries(now)) if now == held.ours => return Ok(()),
            (Some(held), List::Entries(now)) => {
                let stay = |(range, access): (&String, &Access)| {
                    now.get(range).is_some_and(|now| now.contains(*access))
                };
                match &mut held.before {
                    // something was added to what we made of it
                    List::Entries(before) if held.ours.iter().all(stay) => {
                        for (range, access) in &now {
                            let ours = held.ours.get(range).copied().unwrap_or_default();
                            let entry = before.entry(range.clone()).or_default();
                            *entry = *entry | (*access - ours);
                        }
                        before.retain(|_, access| !access.is_empty());
                    }
                    // it was written anew
                    before => *before = List::Entries(now),
                }
            }
            (Some(held), List::All) => held.before = List::All,
            (None, before) => {
                let ours = BTreeMap::new();
                self.held = Some(Held {
                    inode,
                    before,
                    ours,
                });
            }
        }
        self.write_ours()
    }

    /// Make the list what is wanted.
    fn write_ours(&mut self) -> io::Result<()> {
        let goal = self.wanted.goal().into_iter();
        let goal: BTreeMap<String, Access> = goal
            .filter(|(_, access)| !access.is_empty())
            .map(|(range, access)| (range.to_string(), access))
            .collect();
        self.write(&goal)?;
        match (self.read()?, &mut self.held) {
            (Some((_, List::Entries(now))), Some(held)) => held.ours = now,
            (Some((_, List::All)), _) => {
                return Err(io::Error::other(format!(
                    "{:?} still allows every device",
                    self.dir
                )));
            }
            _ => {}
        }
        Ok(())
    }

    /// First what takes away, then what gives.
    fn write(&mut self, goal: &BTreeMap<String, Access>) -> io::Result<()> {
        let now = match self.read()? {
            Some((_, List::Entries(now))) => now,
            Some((_, List::All)) => {
                self.say("devices.deny", "a")
                    .map_err(|e| nested(&self.dir, e))?;
                BTreeMap::new()
            }
            None => return Ok(()),
        };
        for (range, access) in &now {
            let surplus = *access - goal.get(range).copied().unwrap_or_default();
            if !surplus.is_empty() {
                self.say("devices.deny", &format!("{range} {surplus}"))?;
            }
        }
        for (range, access) in goal {
            let missing = *access - now.get(range).copied().unwrap_or_default();
            if !missing.is_empty() {
                self.allow(range, missing)?;
            }
        }
        Ok(())
    }

    /// As much of `access` as the cgroup above has.
    fn allow(&mut self, range: &str, access: Access) -> io::Result<()> {
        let refused = |e: &io::Error| e.kind() == io::ErrorKind::PermissionDenied;
        match self.say("devices.allow", &format!("{range} {access}")) {
            Err(e) if refused(&e) => {}
            done => return done,
        }
        let mut denied = Access::NONE;
        for one in [Access::READ, Access::WRITE, Access::MKNOD] {
            if access.contains(one) {
                match self.say("devices.allow", &format!("{range} {one}")) {
                    Err(e) if refused(&e) => denied = denied | one,
                    done => done?,
                }
            }
        }
        if !denied.is_empty() {
            let (dir, above) = (&self.dir, self.dir.parent().unwrap_or(&self.dir));
            self.tell(format!(
                "{} cannot be allowed `{range} {denied}`: the cgroup {} above does not have it",
                dir.display(),
                above.display()
            ));
        }
        Ok(())
    }

    pub(super) fn restore(&mut self) -> io::Result<()> {
        let Some(held) = self.held.take() else {
            return Ok(());
        };
        match (self.read()?, &held.before) {
            (Some((inode, List::Entries(_))), before) if inode == held.inode => match before {
                List::All => self
                    .say("devices.allow", "a")
                    .map_err(|e| nested(&self.dir, e)),
                List::Entries(before) => self.write(before),
            },
            // removed, or its owner's again
            _ => Ok(()),
        }
    }

    /// The inode of the cgroup and its list; none if there is no such cgroup.
    fn read(&self) -> io::Result<Option<(u64, List)>> {
        let path = self.dir.join("devices.list");
        let gone = |e: &io::Error| matches!(e.raw_os_error(), Some(libc::ENOENT | libc::ENODEV));
        let read = || Ok((fs::metadata(&self.dir)?.ino(), fs::read_to_string(&path)?));
        match read() {
            Ok((inode, text)) => Ok(Some((inode, List::parse(&text)))),
            Err(e) if gone(&e) => Ok(None),
            Err(e) => Err(failed(format!("read({path:?})"), e)),
        }
    }

    /// One entry in one write(2), as the kernel wants it.
    fn say(&self, name: &str, entry: &str) -> io::Result<()> {
        let path = self.dir.join(name);
        let written = File::options()
            .write(true)
            .open(&path)
            .and_then(|mut file| file.write_all(entry.as_bytes()));
        match written {
            Err(e) if matches!(e.raw_os_error(), Some(libc::ENOENT | libc::ENODEV)) => Ok(()),
            done => done.map_err(|e| failed(format!("write({path:?}, {entry:?})"), e)),
        }
    }

    fn tell(&mut self, note: String) {
        if self.told.insert(note.clone()) {
            self.notes.push(note);
        }
    }
}

/// "everything" can be said, and taken back, only as long as no cgroup is nested in this one.
fn nested(dir: &Path, error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::InvalidInput => io::Error::new(
            error.kind(),
            format!(
                "{error}: {dir:?} allows every device and has cgroups below it, which cgroup v1 does not let \
                 one change; take it over before there are any"
            ),
        ),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_as_the_kernel_writes_it() {
        assert_eq!(List::parse("a *:* rwm\n"), List::All);
        let List::Entries(entries) = List::parse("c *:* m\nc 1:3 rwm\nc 136:* rw\n") else {
            panic!("entries");
        };
        assert_eq!(entries["c *:*"], Access::MKNOD);
        assert_eq!(entries["c 1:3"], Access::ALL);
        assert_eq!(entries["c 136:*"], Access::READ | Access::WRITE);
        assert_eq!(List::parse(""), List::Entries(BTreeMap::new()));
    }
}
