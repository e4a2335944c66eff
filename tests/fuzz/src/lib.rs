//! What the targets share.

pub mod host;
pub mod naive;

use std::time::Duration;

use kobject::{Device, Devpath, Properties};
use policy::{DeviceTable, Facts};
use rustix::time::{ClockId, clock_gettime};

/// How long an input may keep the processor. Whatever else the machine does, does not count.
pub struct Patience {
    began: Duration,
    most: Duration,
}

impl Patience {
    /// Begin with this input: 2 s for a few kilobytes, instrumented; more for more, below the ten at which libFuzzer gives up.
    pub fn with(data: &[u8]) -> Patience {
        Patience {
            began: spent(),
            most: Duration::from_secs(if data.len() > 4096 { 8 } else { 2 }),
        }
    }

    /// Panics when it has taken too long.
    pub fn check(&self) {
        let took = spent() - self.began;
        assert!(took < self.most, "{took:?}");
    }
}

/// What this thread has had of the processor.
fn spent() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// A device at `devpath`, which must be one, with this `uevent` file.
pub fn device(devpath: &str, subsystem: &str, uevent: &str) -> Device {
    let mut device = Device::new(Devpath::parse(devpath.as_bytes()).expect("a devpath"));
    device.subsystem = Some(subsystem.into());
    device.properties = Properties::parse_lines(uevent.as_bytes());
    device
}

/// A table of these devices, of which udev has said nothing and never will.
pub fn table(devices: impl IntoIterator<Item = Device>) -> DeviceTable {
    let mut table = DeviceTable::new();
    for device in devices {
        table.insert(Facts::new(device));
    }
    table
}

/// Whether the path lies where sysfs has devices and links to them, where path rules only hide, or is
/// a directory that always shows.
pub fn belongs_to_devices(path: &str) -> bool {
    path == "/module"
        || ["/class", "/bus", "/block", "/dev", "/devices"]
            .iter()
            .any(|top| {
                path.strip_prefix(top)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            })
}
