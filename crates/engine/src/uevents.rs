//! Writes to `uevent` files: an event into the one container, never to the host.

use host::enumerate;
use kobject::{Devpath, synth};
use viewfs::{Error, Uevents};

use crate::engine::Engine;

impl Uevents for Engine {
    fn write(&self, devpath: &Devpath, text: &[u8]) -> Result<usize, Error> {
        let text = &text[..text.len().min(synth::MAX_WRITE)];
        // in a network namespace that others share it would reach them
        let injector = self.injector.as_ref().ok_or(Error::Unsupported)?;
        if !self.shows(devpath) {
            return Err(Error::NoDevice);
        }
        let Some(synthetic) = synth::parse(text).map_err(|e| Error::Host(e.errno()))? else {
            return Ok(0);
        };
        let device = enumerate::device(&self.sysfs, devpath).ok_or(Error::NoDevice)?;
        let event = synthetic
            .uevent(&device)
            .map_err(|e| Error::Host(e.errno()))?;
        match injector.send(&event) {
            Ok(()) => Ok(text.len()),
            // more than the kernel's buffer for one event holds, which it calls ENOMEM
            Err(e) if e.errno() == libc::EMSGSIZE => Err(Error::Host(libc::ENOMEM)),
            Err(e) => {
                log::error!("a uevent written by the container is lost: {e}");
                Err(Error::Broken)
            }
        }
    }
}
