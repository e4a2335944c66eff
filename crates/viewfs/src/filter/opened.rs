//! Files that were opened: what shows is asked anew at each read and write.

use std::os::fd::BorrowedFd;
use std::sync::Arc;

use bstr::BString;
use kobject::Devpath;
use policy::FileAccess;

use super::Uevents;
use crate::Error;
use crate::scene::SharedScene;
use crate::tree::{Reader, Writer};

/// An open file, which is no more than what the view says of its path now.
pub(super) struct Granted<F> {
    pub file: F,
    pub path: BString,
    pub scene: SharedScene,
}

impl<F> Granted<F> {
    fn access(&self) -> FileAccess {
        let scene = self.scene.read();
        scene.view.judge(&scene.table, &self.path).file
    }
}

impl Reader for Granted<Box<dyn Reader>> {
    fn read(&self, offset: u64, size: usize) -> Result<Vec<u8>, Error> {
        match self.access() {
            FileAccess::None => Err(Error::NoDevice),
            FileAccess::Read | FileAccess::Write | FileAccess::Uevent => {
                self.file.read(offset, size)
            }
        }
    }

    fn polled(&self) -> Option<BorrowedFd<'_>> {
        self.file.polled()
    }
}

impl Writer for Granted<Box<dyn Writer>> {
    fn write(&self, offset: u64, data: &[u8]) -> Result<usize, Error> {
        match self.access() {
            FileAccess::None => Err(Error::NoDevice),
            FileAccess::Read | FileAccess::Uevent => Err(Error::Denied),
            FileAccess::Write => self.file.write(offset, data),
        }
    }
}

/// A `uevent` file that is open for writing.
pub(super) struct UeventFile {
    pub devpath: Devpath,
    pub uevents: Arc<dyn Uevents>,
}

impl Writer for UeventFile {
    /// The offset does not matter: every write is one event.
    fn write(&self, _offset: u64, data: &[u8]) -> Result<usize, Error> {
        self.uevents.write(&self.devpath, data)
    }
}
