//! The number of the last uevent that the container heard.

use std::sync::Arc;

use host::Sysfs;
use host::monitor::{Message, Monitor};
use parking_lot::Mutex;

/// What `/sys/kernel/uevent_seqnum` says inside: the kernel's count as of the last event that reached the
/// container. The kernel numbers events for the whole machine, so a gap between two tells that there were
/// others; here it shows only with the next event, not before.
pub(crate) struct Seqnum {
    sysfs: Arc<Sysfs>,
    state: Mutex<State>,
}

struct State {
    /// Hears what the container hears; None: it hears nothing.
    monitor: Option<Monitor>,
    last: u64,
}

impl Seqnum {
    /// Count what `monitor` hears, from the kernel's count of now on.
    pub(crate) fn new(monitor: Option<Monitor>, sysfs: Arc<Sysfs>) -> Seqnum {
        let last = kernels(&sysfs).unwrap_or_default();
        Seqnum {
            sysfs,
            state: Mutex::new(State { monitor, last }),
        }
    }

    /// The number now.
    pub(crate) fn now(&self) -> u64 {
        let mut state = self.state.lock();
        let State { monitor, last } = &mut *state;
        let mut lost = false;
        while let Some(Ok(Some(message))) = monitor.as_ref().map(Monitor::receive) {
            match message {
                Message::Kernel(event) => *last = event.seqnum().unwrap_or(*last).max(*last),
                Message::Overrun => lost = true,
                Message::Udev(_) | Message::Noise => {}
            }
        }
        if lost {
            // the last one is not known, but it is no later than this
            *last = kernels(&self.sysfs).unwrap_or(*last);
        }
        *last
    }
}

fn kernels(sysfs: &Sysfs) -> Option<u64> {
    let text = sysfs.read(b"/kernel/uevent_seqnum").ok()?;
    String::from_utf8_lossy(&text).trim().parse().ok()
}
