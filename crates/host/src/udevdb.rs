//! What the host's udev has written down of a device (`/run/udev/data`, sd-device(3)).

use std::path::Path;

use kobject::{Bytes, DevKind, Device, Devname, UdevMessage, UdevSaid};

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

/// What udev has written down, None when it has not spoken of the device yet.
pub fn read(run: &Path, device: &Device) -> Option<UdevSaid> {
    let id = id(device)?;
    if id.contains('/') {
        return None;
    }
    let text = std::fs::read(run.join("udev/data").join(id)).ok()?;
    Some(parse(&text, device))
}

/// What udev says in a message to its listeners. The priority of links is written down only; it is that of the device that has the
/// number now, and decides between links of devices that show, no more.
pub fn of_message(run: &Path, device: &Device, message: UdevMessage) -> UdevSaid {
    let all = message.get(b"DEVLINKS").unwrap_or_default();
    let paths = all.split(|b| *b == b' ').filter(|path| !path.is_empty());
    let links: Vec<Devname> = paths
        .filter_map(|path| link(device, path.strip_prefix(b"/dev/").unwrap_or(path)))
        .collect();
    let link_priority = match links.is_empty() {
        true => 0,
        false => read(run, device).map_or(0, |said| said.link_priority),
    };
    // what is older than systemd 247 says `TAGS` only
    let tags = message
        .get(b"CURRENT_TAGS")
        .or_else(|| message.get(b"TAGS"));
    let tags = tags.unwrap_or_default().split(|b| *b == b':');
    UdevSaid {
        tags: tags
            .filter(|tag| !tag.is_empty())
            .map(Bytes::from)
            .collect(),
        properties: message.vars,
        links,
        link_priority,
    }
}

/// A database file: its `E:`, `I:`, `S:`, `L:` lines, and its tags: `Q:` lines where there are such (`V:1`, since systemd 247), else `G:`.
pub fn parse(text: &[u8], device: &Device) -> UdevSaid {
    let mut said = UdevSaid::default();
    let is_current = text.split(|b| *b == b'\n').any(|line| line == b"V:1");
    for line in text.split(|b| *b == b'\n') {
        match line {
            [b'E', b':', line @ ..] => {
                if let Some(at) = line.iter().position(|b| *b == b'=') {
                    said.properties.push(&line[..at], &line[at + 1..]);
                }
            }
            // as udev's messages have it: since when it knows the device
            [b'I', b':', since @ ..] => said.properties.push(b"USEC_INITIALIZED", since),
            [b'S', b':', name @ ..] => said.links.extend(link(device, name)),
            [b'L', b':', number @ ..] => {
                let number = std::str::from_utf8(number).ok();
                said.link_priority = number.and_then(|n| n.parse().ok()).unwrap_or(0);
            }
            [b'Q', b':', tag @ ..] if is_current => drop(said.tags.insert(tag.into())),
            [b'G', b':', tag @ ..] if !is_current => drop(said.tags.insert(tag.into())),
            _ => {}
        }
    }
    said
}

/// A link's name below /dev, if it can be one: it was made of what devices say of themselves.
fn link(device: &Device, name: &[u8]) -> Option<Devname> {
    Devname::parse(name)
        .inspect_err(|e| {
            let name = kobject::Escaped(name);
            log::warn!("{}: udev's link `{name}` is left out: {e}", device.devpath);
        })
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use kobject::Properties;

    #[test]
    fn properties_and_links_are_taken() {
        let said = parse(
            b"S:disk/by-id/x\nI:123\nL:-7\nE:ID_FS_TYPE=ext4\nE:EMPTY=\nG:systemd\nS:y\nV:1\n",
            &device(),
        );
        assert_eq!(said.properties.get(b"ID_FS_TYPE"), Some(&b"ext4"[..]));
        assert_eq!(said.properties.get(b"USEC_INITIALIZED"), Some(&b"123"[..]));
        assert_eq!(said.properties.len(), 3);
        assert_eq!(names(&said), ["disk/by-id/x", "y"]);
        assert_eq!(said.link_priority, -7);
        assert!(said.tags.is_empty());
        let said = parse(b"G:seat\nG:uaccess\nQ:seat\nV:1\n", &device());
        assert_eq!(said.tags, ["seat".into()].into());
        let said = parse(b"G:seat\nG:uaccess\n", &device());
        assert_eq!(said.tags, ["seat".into(), "uaccess".into()].into());
        let hostile = b"L:x\nS:../../null\nS:/etc/passwd\nS:\nS:a//b\nS:a\x1bb\nS:a/../b\nS:ok\nS";
        let said = parse(hostile, &device());
        assert_eq!((names(&said), said.link_priority), (vec!["ok".into()], 0));
    }

    #[test]
    fn a_message_has_the_links_by_their_full_names() {
        let run = tempfile::tempdir().unwrap();
        let says = |text: &str| UdevMessage {
            action: kobject::Action::Add,
            devpath: device().devpath,
            vars: Properties::from_iter([("DEVLINKS", text)]),
        };
        let text = "/dev/disk/by-id/x /dev/../null  /dev//y /dev/z relative";
        let said = of_message(run.path(), &device(), says(text));
        assert_eq!(names(&said), ["disk/by-id/x", "z", "relative"]);
        assert_eq!(said.link_priority, 0);
        std::fs::create_dir_all(run.path().join("udev/data")).unwrap();
        std::fs::write(run.path().join("udev/data/b7:3"), "L:10\nS:old\n").unwrap();
        let said = of_message(run.path(), &device(), says("/dev/z"));
        assert_eq!((names(&said), said.link_priority), (vec!["z".into()], 10));
    }

    fn device() -> Device {
        let devpath = kobject::Devpath::parse(b"/devices/virtual/block/loop3").unwrap();
        Device {
            subsystem: Some("block".into()),
            properties: Properties::from_iter([("MAJOR", "7"), ("MINOR", "3")]),
            ..Device::new(devpath)
        }
    }

    fn names(said: &UdevSaid) -> Vec<String> {
        said.links.iter().map(ToString::to_string).collect()
    }
}
