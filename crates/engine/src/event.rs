//! Events that nobody sent, said as the kernel, or udev, would say them.

use kobject::{Action, Bytes, Device, Devpath, Properties, UdevMessage, UdevSaid, Uevent};
use policy::{Facts, Udev};

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

/// What udev says of an event once it has processed it. Of one that nobody sent it has no number yet.
pub(crate) fn as_udev(event: &Uevent, facts: &Facts) -> UdevMessage {
    let mut vars = Properties::from_iter([("UDEV_DATABASE_VERSION", "1")]);
    for (key, value) in event.vars.iter() {
        match key {
            b"DEVNAME" => vars.push(key, &[b"/dev/", value].concat()),
            key => vars.push(key, value),
        }
    }
    if let Udev::Known(said) = &facts.udev {
        for (key, value) in said.properties.iter() {
            if vars.get(key).is_none() && !is_of_message(key) {
                vars.push(key, value);
            }
        }
        if !said.tags.is_empty() {
            let tags: Vec<&[u8]> = said.tags.iter().map(|tag| tag.as_slice()).collect();
            let tags = [b":", tags.join(&b':').as_slice(), b":"].concat();
            vars.push(b"TAGS", &tags);
            vars.push(b"CURRENT_TAGS", &tags);
        }
        set_links(&mut vars, said);
    }
    UdevMessage {
        action: event.action,
        devpath: event.devpath.clone(),
        vars,
    }
}

/// With a number, as its listeners take it: without one of the kernel's they drop a message (`device_verify`, sd-device-monitor of
/// systemd).
pub(crate) fn numbered(mut message: UdevMessage, number: impl FnOnce() -> u64) -> UdevMessage {
    if message.get(b"SEQNUM").is_none() {
        let number = number().max(1).to_string();
        message.vars.push(b"SEQNUM", number.as_bytes());
    }
    message
}

/// What udev has said, as a message about `action`: `said` is of that message, and names what shows.
pub(crate) fn passed_on(action: Action, devpath: &Devpath, said: &UdevSaid) -> UdevMessage {
    let mut vars = said.properties.clone();
    vars.insert(b"ACTION", action.as_str().as_bytes());
    if action != Action::Move {
        vars.remove(b"DEVPATH_OLD");
    }
    set_links(&mut vars, said);
    UdevMessage {
        action,
        devpath: devpath.clone(),
        vars,
    }
}

/// What is said of one message, and not of the device.
fn is_of_message(key: &[u8]) -> bool {
    let known = [
        &b"ACTION"[..],
        b"DEVPATH",
        b"DEVPATH_OLD",
        b"SEQNUM",
        b"TAGS",
        b"CURRENT_TAGS",
    ];
    known.contains(&key) || key.starts_with(b"SYNTH_")
}

/// The links that there are inside: a name that is none below /dev has been left out.
fn set_links(vars: &mut Properties, said: &UdevSaid) {
    let links = said.links.iter();
    let links: Vec<Bytes> = links
        .map(|link| [b"/dev/", link.as_bytes()].concat().into())
        .collect();
    match links.is_empty() {
        true => drop(vars.remove(b"DEVLINKS")),
        false => vars.insert(b"DEVLINKS", &bstr::join(" ", links)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    fn known(said: UdevSaid) -> Facts {
        let mut device = Device::new(Devpath::parse(b"/devices/virtual/block/loop3").unwrap());
        device.subsystem = Some("block".into());
        device.properties = Properties::parse_lines(b"MAJOR=7\nMINOR=3\nDEVNAME=loop3\n");
        Facts {
            udev: Udev::Known(said),
            ..Facts::new(device)
        }
    }

    #[test]
    fn reads_like_udevs() {
        let said = UdevSaid {
            // of a message of before
            properties: Properties::from_iter([
                ("ACTION", "add"),
                ("SEQNUM", "12"),
                ("DEVLINKS", "/dev/../x /dev/a /dev/b/c"),
                ("ID_X", "y"),
                ("TAGS", ":old:"),
            ]),
            links: ["a", "b/c"]
                .map(|link| kobject::Devname::parse(link.as_bytes()).unwrap())
                .into(),
            tags: ["seat".into(), "uaccess".into()].into(),
            ..UdevSaid::default()
        };
        let facts = known(said.clone());
        let message = as_udev(&made_up(Action::Remove, &facts.device), &facts);
        let message = numbered(message, || 99);
        let text: Vec<String> = message
            .vars
            .iter()
            .map(|(key, value)| format!("{}={}", key.escape_ascii(), value.escape_ascii()))
            .collect();
        assert_eq!(
            text,
            [
                "UDEV_DATABASE_VERSION=1",
                "ACTION=remove",
                "DEVPATH=/devices/virtual/block/loop3",
                "SUBSYSTEM=block",
                "MAJOR=7",
                "MINOR=3",
                "DEVNAME=/dev/loop3",
                "DEVLINKS=/dev/a /dev/b/c",
                "ID_X=y",
                "TAGS=:seat:uaccess:",
                "CURRENT_TAGS=:seat:uaccess:",
                "SEQNUM=99",
            ]
        );
        let passed = passed_on(Action::Add, &facts.device.devpath, &said);
        assert_eq!(passed.get(b"DEVLINKS"), Some(&b"/dev/a /dev/b/c"[..]));
        assert_eq!(passed.get(b"SEQNUM"), Some(&b"12"[..]));
    }
}
