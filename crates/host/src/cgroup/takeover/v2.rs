//! Programs of cgroup v2.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::sys::statfs::{CGROUP2_SUPER_MAGIC, statfs};
use sys::bpf::{self, ALLOW_MULTI, ALLOW_OVERRIDE, DeviceMap};

use crate::cgroup::v2::key;
use crate::cgroup::{Access, Range, failed, named};

/// How often the programs may change while we take over.
const TURNS: usize = 8;

/// Our program, and whose place it has.
#[derive(Debug)]
pub(super) struct Gate {
    dir: PathBuf,
    map: DeviceMap,
    program: OwnedFd,
    id: u32,
    held: Option<Held>,
    told: BTreeSet<String>,
}

/// A cgroup in which our program is.
#[derive(Debug)]
struct Held {
    file: File,
    inode: u64,
    /// The flags of its programs.
    flags: u32,
    /// What is to be attached again.
    theirs: Vec<OwnedFd>,
    /// What is attached by links and has to stay.
    linked: BTreeSet<u32>,
}

impl Gate {
    pub(super) fn new(dir: PathBuf) -> io::Result<Gate> {
        let load = || -> sys::Result<_> {
            let map = DeviceMap::create()?;
            let program = bpf::load(&bpf::device_program(map.as_fd()))?;
            let id = bpf::id_of(program.as_fd())?;
            Ok((map, program, id))
        };
        let (map, program, id) = load().map_err(named)?;
        Ok(Gate {
            dir,
            map,
            program,
            id,
            held: None,
            told: BTreeSet::new(),
        })
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn grant(&self, range: Range, access: Access) -> io::Result<()> {
        self.map.set(key(range), access.bits()).map_err(named)
    }

    pub(super) fn revoke(&self, range: Range) -> io::Result<()> {
        self.map.remove(key(range)).map(drop).map_err(named)
    }

    pub(super) fn look(&mut self) -> io::Result<Vec<String>> {
        let mut notes = Vec::new();
        let file = match File::open(&self.dir) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                self.held = None;
                let dir = self.dir.display();
                self.tell(
                    &mut notes,
                    format!("there is no cgroup {dir} now; it is taken over once it is there"),
                );
                return Ok(notes);
            }
            file => file.map_err(|e| failed(format!("open({:?})", self.dir), e))?,
        };
        let inode = file.metadata()?.ino();
        if self.held.as_ref().is_none_or(|held| held.inode != inode) {
            self.held = Some(Held {
                file,
                inode,
                flags: ALLOW_MULTI,
                theirs: Vec::new(),
                linked: BTreeSet::new(),
            });
        }
        let Some(held) = &mut self.held else {
            return Ok(notes);
        };
        let mut is_new = false;
        for _ in 0..TURNS {
            let attached = match bpf::query(held.file.as_fd()) {
                // since it was opened: the next look says so
                Err(_) if held.is_removed() => return Ok(notes),
                attached => attached.map_err(named)?,
            };
            let others = |id: &&u32| **id != self.id && !held.linked.contains(*id);
            let theirs: Vec<u32> = attached.ids.iter().filter(others).copied().collect();
            if attached.ids.contains(&self.id) && theirs.is_empty() {
                if is_new {
                    self.look_around(&mut notes)?;
                }
                return Ok(notes);
            }
            is_new = true;
            held.take(&attached, &theirs, (self.id, &self.program))
                .map_err(named)?;
        }
        Err(io::Error::other(format!(
            "the device programs of {:?} are changed all the time",
            self.dir
        )))
    }

    /// What else decides.
    fn look_around(&mut self, notes: &mut Vec<String>) -> io::Result<()> {
        let Some(held) = &self.held else {
            return Ok(());
        };
        let dir = self.dir.display();
        let mut found = Vec::new();
        if !held.linked.is_empty() {
            found.push(format!(
                "{dir} has a device program that a link of its owner keeps there: what it denies stays denied"
            ));
        }
        if held.flags & ALLOW_OVERRIDE != 0 {
            found.push(format!(
                "the device program of {dir} was attached with `override`: cgroups below it that have \
                 programs of their own are not behind ours"
            ));
        }
        let effective = bpf::query_effective(held.file.as_fd()).map_err(named)?;
        for above in self.dir.ancestors().skip(1).take_while(|dir| is_v2(dir)) {
            let ids = bpf::query(File::open(above)?.as_fd()).map_err(named)?.ids;
            if ids.iter().any(|id| effective.contains(id)) {
                found.push(format!(
                    "the cgroup {} above {dir} has a device program of its own: what it denies stays denied",
                    above.display()
                ));
            }
        }
        for note in found {
            self.tell(notes, note);
        }
        Ok(())
    }

    fn tell(&mut self, notes: &mut Vec<String>, note: String) {
        if self.told.insert(note.clone()) {
            notes.push(note);
        }
    }

    pub(super) fn restore(&mut self) -> io::Result<()> {
        match &mut self.held {
            Some(held) => match held.restore(self.id, &self.program) {
                // a runtime removes it with its container, and the gate went with it
                Err(_) if held.is_removed() => Ok(()),
                done => done.map_err(named),
            },
            None => Ok(()),
        }
    }
}

impl Held {
    /// The directory was removed; bpf(2) then has ENOENT for its descriptor.
    fn is_removed(&self) -> bool {
        let gone = |e: sys::Error| [libc::ENOENT, libc::ENODEV].contains(&e.errno());
        bpf::query(self.file.as_fd()).is_err_and(gone)
    }

    /// Put ours in the place of `theirs`, which are attached, and remember them.
    fn take(
        &mut self,
        attached: &bpf::Attached,
        theirs: &[u32],
        (id, ours): (u32, &OwnedFd),
    ) -> sys::Result<()> {
        let (cgroup, ours) = (self.file.as_fd(), ours.as_fd());
        let mut programs = Vec::new();
        for id in theirs {
            match bpf::program(*id) {
                Ok(program) => programs.push((*id, program)),
                // its owner was faster
                Err(e) if e.errno() == libc::ENOENT => {}
                Err(e) => return Err(e),
            }
        }
        if !attached.ids.is_empty() {
            self.flags = attached.flags & (ALLOW_MULTI | ALLOW_OVERRIDE);
        }
        let mut has_ours = attached.ids.contains(&id);
        if self.flags & ALLOW_MULTI == 0 {
            // there is one at the most, and ours takes its place
            bpf::attach_as(cgroup, ours, self.flags)?;
        } else {
            for (id, program) in &programs {
                let done = match has_ours {
                    true => bpf::detach(cgroup, program.as_fd()),
                    false => bpf::replace(cgroup, ours, program.as_fd()),
                };
                match done {
                    Ok(()) => has_ours = true,
                    // gone meanwhile, or a link's
                    Err(e) if e.errno() == libc::ENOENT => {
                        if bpf::query(cgroup)?.ids.contains(id) {
                            self.linked.insert(*id);
                        }
                    }
                    Err(e) => return Err(e),
                }
            }
            if !has_ours {
                bpf::attach_as(cgroup, ours, ALLOW_MULTI)?;
            }
        }
        programs.retain(|(id, _)| !self.linked.contains(id));
        // what came last is what its owner wants
        if !programs.is_empty() {
            self.theirs = programs.into_iter().map(|(_, program)| program).collect();
        }
        Ok(())
    }

    /// First beside ours, then instead of it: never is anything allowed that neither allows.
    fn restore(&mut self, id: u32, ours: &OwnedFd) -> sys::Result<()> {
        let (cgroup, ours) = (self.file.as_fd(), ours.as_fd());
        let attached = bpf::query(cgroup)?;
        if !attached.ids.contains(&id) {
            return Ok(());
        }
        // who has put up another besides, means that one
        let has_others = attached
            .ids
            .iter()
            .any(|other| *other != id && !self.linked.contains(other));
        let theirs = std::mem::take(&mut self.theirs);
        match theirs.split_first() {
            Some((first, rest)) if !has_others => {
                if self.flags & ALLOW_MULTI == 0 {
                    return bpf::attach_as(cgroup, first.as_fd(), self.flags);
                }
                for program in rest {
                    bpf::attach_as(cgroup, program.as_fd(), ALLOW_MULTI)?;
                }
                bpf::replace(cgroup, first.as_fd(), ours)
            }
            _ => bpf::detach(cgroup, ours),
        }
    }
}

fn is_v2(dir: &Path) -> bool {
    statfs(dir).is_ok_and(|found| found.filesystem_type() == CGROUP2_SUPER_MAGIC)
}
