//! Events that nobody sent, said as the kernel would say them.

use kobject::{Action, Device, Properties, Uevent};

/// The event `action` of `device`: ACTION, DEVPATH, SUBSYSTEM, then what its driver says, in the
/// order of `kobject_uevent_env` (lib/kobject_uevent.c).
pub(crate) fn made_up(action: Action, device: &Device) -> Uevent {
    let mut vars = Properties::new();
    vars.push(b"ACTION", action.as_str().as_bytes());
    vars.push(b"DEVPATH", device.devpath.as_bytes());
    if let Some(subsystem) = &device.subsystem {
        vars.push(b"SUBSYSTEM", subsystem);
    }
    for (key, value) in device.properties.iter() {
        vars.push(key, value);
    }
    Uevent {
        action,
        devpath: device.devpath.clone(),
        vars,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kobject::Devpath;

    #[test]
    fn reads_like_the_kernels() {
        let mut device = Device::new(Devpath::parse(b"/devices/virtual/block/loop3").unwrap());
        device.subsystem = Some("block".into());
        device.properties =
            Properties::parse_lines(b"MAJOR=7\nMINOR=3\nDEVNAME=loop3\nDEVTYPE=disk\n");
        assert_eq!(
            made_up(Action::Add, &device).to_bytes(),
            b"add@/devices/virtual/block/loop3\0ACTION=add\0DEVPATH=/devices/virtual/block/loop3\0\
              SUBSYSTEM=block\0MAJOR=7\0MINOR=3\0DEVNAME=loop3\0DEVTYPE=disk\0"
        );
    }
}
