//! What the host's udev has written down of a device (`/run/udev/data`, sd-device(3)).

use std::path::Path;

use kobject::{DevKind, Device, Properties};

/// Whether the host has udev: its control socket is there, as libudev checks it.
pub fn present(run: &Path) -> bool {
    run.join("udev/control").exists()
}

/// The name of the device's file in the database: `b7:0`, `c1:3`, `n2`, `+usb:1-1`
/// (`device_get_device_id`, src/libsystemd/sd-device of systemd). None for a device without
/// subsystem.
pub fn id(device: &Device) -> Option<String> {
    if let Some(devnum) = device.devnum() {
        let kind = match devnum.kind {
            DevKind::Block => 'b',
            DevKind::Char => 'c',
        };
        return Some(format!("{kind}{}:{}", devnum.major, devnum.minor));
    }
    if let Some(index) = device.properties.get(b"IFINDEX") {
        return Some(format!("n{}", String::from_utf8_lossy(index)));
    }
    let subsystem = String::from_utf8(device.subsystem.as_ref()?.to_vec()).ok()?;
    let name = String::from_utf8(device.devpath.name().to_vec()).ok()?;
    // a driver carries its bus: +drivers:usb:hub; there are none among devices
    Some(format!("+{subsystem}:{name}"))
}

/// The properties that udev has written down, None when it has not spoken of the device yet.
pub fn read(run: &Path, device: &Device) -> Option<Properties> {
    let id = id(device)?;
    if id.contains('/') {
        return None;
    }
    let text = std::fs::read(run.join("udev/data").join(id)).ok()?;
    Some(parse(&text))
}

/// The `E:` lines of a database file.
pub fn parse(text: &[u8]) -> Properties {
    let mut properties = Properties::new();
    let lines = text.split(|b| *b == b'\n');
    for line in lines.filter_map(|line| line.strip_prefix(b"E:")) {
        if let Some(at) = line.iter().position(|b| *b == b'=') {
            properties.push(&line[..at], &line[at + 1..]);
        }
    }
    properties
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_properties_are_taken() {
        let p = parse(b"S:disk/by-id/x\nI:123\nE:ID_FS_TYPE=ext4\nE:EMPTY=\nG:systemd\nV:1\n");
        assert_eq!(p.get(b"ID_FS_TYPE"), Some(&b"ext4"[..]));
        assert_eq!(p.get(b"S"), None);
    }
}
