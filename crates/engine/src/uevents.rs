//! Writes to `uevent` files: an event into the one container, never to the host.

use host::enumerate;
use kobject::{Devpath, synth};
use policy::Udev;
use viewfs::{Error, Uevents};

use crate::engine::Engine;
use crate::event::{as_udev, numbered};

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
        let events = self.events(devpath);
        let known = self.scene.read().table.get(devpath).cloned();
        // who listens to udev hears what it would say of such an event; the host's does not get it
        if let Some(facts) = known.filter(|facts| events.of_udev() && facts.udev != Udev::Unknown) {
            let message = numbered(as_udev(&event, &facts), || self.uevent_seqnum());
            if let Err(e) = injector.send_udev(&message) {
                log::error!("a uevent written by the container is lost: {e}");
                return Err(Error::Broken);
            }
        }
        if !events.of_kernel() {
            return Ok(text.len());
        }
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
