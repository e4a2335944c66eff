//! A container's /dev as a file system: what is given, and what the container put beside it.
//!
//! Given are the nodes, links and directories that the view has; they come and go with the devices. The container's own
//! entries are in a tmpfs ([`Own`]) under the same paths. Where both have a name, a node, a directory or a
//! standard link that is given shows, and the container's entry again once it goes; over any other link that
//! is given the container's entry shows.

mod attributes;
mod bounds;
mod files;
mod given;
mod listing;
mod made;
mod make;
mod remove;
mod state;
mod unsure;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bstr::BString;
use parking_lot::Mutex;
use policy::{Limits, Shown};
use viewfs::{
    Attributes, Caller, Error, Maker, Missed, Name, New, Outdated, Replace, Room, SharedScene,
    Store, Wanted,
};

use crate::entries::{Entries, Owners, entries};
use crate::numbers::Body;
use crate::own::{Own, host};
use files::Handles;
use state::State;

/// The /dev of one container.
pub struct DevFs {
    scene: SharedScene,
    missed: Arc<dyn Missed>,
    owners: Owners,
    own: Own,
    /// The scene is locked after it; while it is held, nobody is asked for anything.
    state: Mutex<State>,
    /// Locked by itself only.
    handles: Mutex<Handles>,
    /// When it was last said that the container has filled its /dev. Locked by itself or last.
    told_full: Mutex<Option<Instant>>,
}

/// How often that is said.
const TELL: Duration = Duration::from_secs(60);

impl DevFs {
    /// The devices of `scene`, for a container with these owners; it may put so much beside them as its policy says.
    ///
    /// # Errors
    /// When the kernel gives no tmpfs.
    pub fn new(scene: SharedScene, missed: Arc<dyn Missed>, owners: Owners) -> sys::Result<DevFs> {
        DevFs::make_with(scene, missed, owners, false)
    }

    /// The same for a container with a terminal: `console` in it is an empty file to mount that on.
    ///
    /// # Errors
    /// When the kernel gives no tmpfs.
    pub fn with_console(
        scene: SharedScene,
        missed: Arc<dyn Missed>,
        owners: Owners,
    ) -> sys::Result<DevFs> {
        DevFs::make_with(scene, missed, owners, true)
    }

    fn make_with(
        scene: SharedScene,
        missed: Arc<dyn Missed>,
        owners: Owners,
        console: bool,
    ) -> sys::Result<DevFs> {
        let limits = scene.read().view.policy().limits();
        let own = Own::new(limits, owners.root(), console)?;
        let state = State::new(owners.root(), &own)?;
        Ok(DevFs {
            scene,
            missed,
            owners,
            own,
            state: Mutex::new(state),
            handles: Mutex::default(),
            told_full: Mutex::default(),
        })
    }

    /// Other limits for what the container puts into it.
    ///
    /// # Errors
    /// When it holds more than that already: then they are as they were.
    pub fn set_limits(&self, limits: Limits) -> sys::Result<()> {
        self.own.set_limits(limits)
    }

    /// The state as the view is now.
    fn now(&self) -> parking_lot::MutexGuard<'_, State> {
        let mut state = self.state.lock();
        let changed = {
            let scene = self.scene.read();
            let is_new = state.generation != Some(scene.generation);
            is_new.then(|| scene.view.policy().clone())
        };
        if changed.is_some_and(|policy| policy.names_owners()) {
            // reads files, which nobody who waits for the scene should wait for
            self.owners.look();
        }
        let scene = self.scene.read();
        if state.generation != Some(scene.generation) {
            let shown: Vec<&Shown> = scene.view.shown().map(|(_, shown)| shown).collect();
            let given: Entries = entries(shown.iter().copied(), &self.owners);
            let generation = scene.generation;
            let before = state.take_up(given, &shown, generation);
            drop(scene);
            state.settle(&before);
        }
        state
    }

    /// What a failure of the tmpfs means; told, if it is full.
    fn failed(&self, errno: rustix::io::Errno) -> Error {
        if errno == rustix::io::Errno::NOSPC {
            self.tell_full();
        }
        host(errno)
    }

    fn tell_full(&self) {
        let mut told = self.told_full.lock();
        if told.is_none_or(|when: Instant| when.elapsed() > TELL) {
            *told = Some(Instant::now());
            let Limits { inodes, bytes } = self.own.limits();
            log::warn!(
                "the container has used up what it may put into its /dev: {inodes} inodes or {bytes} \
                 bytes (`limits` of its policy)"
            );
        }
    }
}

impl Store for DevFs {
    fn look_up(&self, parent: u64, name: &[u8]) -> Result<Attributes, Error> {
        if name.len() > 255 {
            return Err(Error::NameTooLong);
        }
        let find = || {
            let mut state = self.now();
            state.unsure.looked_up(parent, name);
            let found = state.find(parent, name)?;
            state.tell(found)
        };
        match find() {
            // a macvtap's node, of which the kernel has told the container already
            Err(Error::NotFound) if is_of_macvtap(name) => {
                match self.missed.missed(&[b"/class/macvtap/", name].concat()) {
                    true => find(),
                    false => Err(Error::NotFound),
                }
            }
            found => found,
        }
    }

    fn forget(&self, number: u64, count: u64) {
        self.state.lock().numbers.forget(number, count);
    }

    fn attributes(&self, number: u64) -> Result<Attributes, Error> {
        self.now().attributes(number)
    }

    fn change(&self, number: u64, wanted: &Wanted) -> Result<Attributes, Error> {
        self.change_attributes(number, wanted)
    }

    fn readlink(&self, number: u64) -> Result<BString, Error> {
        self.now().readlink(number)
    }

    fn make(&self, parent: u64, name: &[u8], new: &New, by: Maker) -> Result<Attributes, Error> {
        self.make_new(parent, name, new, by)
    }

    fn create(
        &self,
        parent: u64,
        name: &[u8],
        flags: i32,
        by: Maker,
    ) -> Result<(Attributes, u64), Error> {
        self.create_file(parent, name, flags, by)
    }

    fn link(&self, number: u64, parent: u64, name: &[u8]) -> Result<Attributes, Error> {
        self.make_link(number, parent, name)
    }

    fn unlink(&self, parent: u64, name: &[u8]) -> Result<(), Error> {
        self.now().unlink(parent, name)
    }

    fn rmdir(&self, parent: u64, name: &[u8]) -> Result<(), Error> {
        self.now().rmdir(parent, name)
    }

    fn rename(&self, from: (u64, &[u8]), to: (u64, &[u8]), how: Replace) -> Result<(), Error> {
        self.rename_to(from, to, how)
    }

    fn open(&self, number: u64, flags: i32) -> Result<u64, Error> {
        self.open_file(number, flags)
    }

    fn read(&self, handle: u64, offset: u64, size: usize) -> Result<Vec<u8>, Error> {
        self.read_file(handle, offset, size)
    }

    fn write(&self, handle: u64, offset: u64, data: &[u8]) -> Result<usize, Error> {
        self.write_file(handle, offset, data)
    }

    fn allocate(&self, handle: u64, mode: i32, offset: u64, length: u64) -> Result<(), Error> {
        self.allocate_file(handle, mode, offset, length)
    }

    fn seek(&self, handle: u64, offset: u64, whence: i32) -> Result<u64, Error> {
        self.seek_file(handle, offset, whence)
    }

    fn close(&self, handle: u64) {
        // dropped after the lock
        let closed = self.handles.lock().close(handle);
        drop(closed);
    }

    fn open_directory(&self, number: u64) -> Result<u64, Error> {
        match self.now().numbers.body(number)? {
            Body::Directory { .. } => {}
            Body::Given { .. } | Body::Own(_) => return Err(Error::NotDirectory),
        }
        self.open_listing(number)
    }

    fn list(&self, handle: u64, anew: bool) -> Result<Arc<Vec<Name>>, Error> {
        self.list_names(handle, anew)
    }

    fn room(&self) -> Result<Room, Error> {
        let room = self.own.room().map_err(host)?;
        let taken = room.f_files - room.f_ffree;
        // without what is ours of it
        let needed = room
            .f_files
            .saturating_sub(self.own.limits().inodes)
            .min(taken);
        Ok(Room {
            block: room.f_bsize as u32,
            blocks: room.f_blocks,
            free: room.f_bfree,
            inodes: room.f_files - needed,
            free_inodes: room.f_ffree,
        })
    }

    fn get_xattr(&self, number: u64, name: &[u8]) -> Result<Vec<u8>, Error> {
        self.now().get_xattr(number, name)
    }

    fn list_xattr(&self, number: u64) -> Result<Vec<u8>, Error> {
        self.now().list_xattr(number)
    }

    fn set_xattr(
        &self,
        number: u64,
        name: &[u8],
        value: &[u8],
        flags: i32,
        by: Caller,
    ) -> Result<(), Error> {
        self.set_extended(number, name, value, flags, by)
    }

    fn remove_xattr(&self, number: u64, name: &[u8]) -> Result<(), Error> {
        self.now().remove_xattr(number, name)
    }

    fn outdated(&self, paths: &[BString]) -> Vec<Outdated> {
        self.now().outdated(paths)
    }

    fn lost(&self) -> Vec<u64> {
        self.now().numbers.take_lost()
    }
}

/// The kernel calls a macvtap's node `tap` and the number of its interface (`drivers/net/macvtap.c`).
fn is_of_macvtap(name: &[u8]) -> bool {
    name.strip_prefix(b"tap")
        .is_some_and(|n| !n.is_empty() && n.iter().all(u8::is_ascii_digit))
}

#[cfg(test)]
mod tests;
