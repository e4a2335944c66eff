//! The devices that a sysfs instance has, and the facts of each.

use bstr::{BString, ByteSlice};
use kobject::{Device, Devpath, Properties};
use sys::Result;

use crate::sysfs::{Directory, Kind, Sysfs, resolve};

/// Subsystems whose devices belong to one network namespace (their class has `ns_type`:
/// net/core/net-sysfs.c, drivers/net/tap.c, net/wireless/sysfs.c).
pub const NET_SUBSYSTEMS: [&str; 4] = ["net", "macvtap", "ipvtap", "ieee80211"];

/// Every device of the instance, parents before children.
///
/// A device is a directory below /devices that has a `uevent` file (`device_add`,
/// drivers/base/core.c, makes one for each).
pub fn devices(sysfs: &Sysfs) -> Result<Vec<Device>> {
    let mut found = Vec::new();
    below(sysfs, b"/devices", &mut found)?;
    Ok(found)
}

/// The devices in the directory `top` and below, `top` itself included when it is one. What
/// vanishes while we look is left out.
pub fn below(sysfs: &Sysfs, top: &[u8], found: &mut Vec<Device>) -> Result<()> {
    let names = match sysfs.list(top) {
        Err(e) if matches!(e.errno(), libc::ENOENT | libc::ENODEV) => return Ok(()),
        names => names?,
    };
    if names
        .iter()
        .any(|(name, kind)| name == "uevent" && *kind == Kind::File)
        && let Ok(devpath) = Devpath::parse(top)
        && let Some(device) = device(sysfs, &devpath)
    {
        found.push(device);
    }
    for (name, kind) in names {
        // what every device has and what holds no device; /devices/power is a device itself
        let is_group = name == "power" && top != b"/devices";
        if kind == Kind::Directory && !is_group {
            below(sysfs, &[top, b"/", name.as_slice()].concat(), found)?;
        }
    }
    Ok(())
}

/// The device at `devpath` with what sysfs says of it now; None when there is none.
pub fn device(sysfs: &Sysfs, devpath: &Devpath) -> Option<Device> {
    Some(Pinned::at(sysfs, devpath)?.device)
}

/// A device and its directory, held open: another one of the same name is another directory.
#[derive(Debug)]
pub struct Pinned {
    /// What was read through the directory.
    pub device: Device,
    dir: Directory,
}

impl Pinned {
    /// The device at `devpath`; None when there is none.
    pub fn at(sysfs: &Sysfs, devpath: &Devpath) -> Option<Pinned> {
        let dir = sysfs.directory(devpath.as_bytes()).ok()?;
        let device = read(sysfs, &dir, devpath)?;
        Some(Pinned { device, dir })
    }

    /// What an attribute of the device says: at most a page of text; None when it has no such attribute. `name` is a path below its
    /// directory, in which no link is followed.
    ///
    /// # Errors
    /// When it has one, but that cannot be read.
    pub fn attribute(&self, name: &str) -> Result<Option<Vec<u8>>> {
        const ABSENT: [i32; 4] = [libc::ENOENT, libc::ENOTDIR, libc::ELOOP, libc::EISDIR];
        match self.dir.read_below(name.as_bytes()) {
            Ok(text) => Ok(Some(text)),
            Err(e) if ABSENT.contains(&e.errno()) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Whether this very device is there still. If so its `remove` has not been sent yet: the kernel takes
    /// the `uevent` file away before (`device_del`, drivers/base/core.c).
    pub fn is_there(&self) -> bool {
        self.dir.exists(b"uevent")
    }
}

/// What `dir`, the directory of the device, says of it.
fn read(sysfs: &Sysfs, dir: &Directory, devpath: &Devpath) -> Option<Device> {
    let path = devpath.as_bytes();
    let text = match dir.read(b"uevent") {
        Ok(text) => text,
        Err(e) if matches!(e.errno(), libc::ENOENT | libc::ENODEV) => return None,
        // the file is there, but its driver fails: a device of which nothing more is known
        Err(_) => Vec::new(),
    };
    let link_of = |name: &[u8]| resolve(&[path, b"/", name].concat(), &dir.readlink(name).ok()?);
    let properties = unforged(&Properties::parse_lines(&text));
    let subsystem = link_of(b"subsystem").map(last);
    // one that the kernel is still making, or taking away: its event comes yet. Whether the number is a block device's, only
    // the subsystem says
    if subsystem.is_none() && properties.get(b"MAJOR").is_some() {
        return None;
    }
    let driver = link_of(b"driver");
    let module = driver
        .as_ref()
        .and_then(|driver| link(sysfs, driver, "module"));
    Some(Device {
        devpath: devpath.clone(),
        subsystem,
        driver: driver.map(last),
        module: module.map(last),
        properties,
    })
}

/// What a device may have forged with a newline in one of its strings, taken out of what its
/// `uevent` file says: a line that says again what was said before, and one that only udev says.
/// A uevent itself ends its values with NUL, and cannot be forged so.
fn unforged(said: &Properties) -> Properties {
    let mut kept = Properties::new();
    for (key, value) in said.iter() {
        if kept.get(key).is_none() && !key.starts_with(b"ID_") {
            kept.push(key, value);
        }
    }
    kept
}

fn link(sysfs: &Sysfs, dir: &[u8], name: &str) -> Option<BString> {
    let path = [dir, b"/", name.as_bytes()].concat();
    let target = sysfs.readlink(&path).ok()?;
    resolve(&path, &target)
}

fn last(path: BString) -> BString {
    path.rsplit_once_str("/")
        .map_or(path.clone(), |(_, name)| name.into())
}

/// Whether `device` belongs to a network namespace: an interface, or something below one, such
/// as a macvtap's `tapN`. `path` decides where the subsystem does not: such devices live in a
/// `net` directory.
pub fn is_net(device: &Device) -> bool {
    let by_subsystem = device
        .subsystem
        .as_ref()
        .is_some_and(|s| NET_SUBSYSTEMS.iter().any(|n| s == n));
    by_subsystem || is_net_path(&device.devpath)
}

/// As [`is_net`], for a devpath of which nothing else is known: `.../net/IFACE/...`.
pub fn is_net_path(devpath: &Devpath) -> bool {
    let parts: Vec<&[u8]> = devpath.as_bytes().split_str("/").collect();
    // "", "devices", ..., "net", "eth0": the class directory is never the last part
    let is_class = |part: &&[u8]| NET_SUBSYSTEMS.iter().any(|class| *part == class.as_bytes());
    parts.len() > 3 && parts[2..parts.len() - 1].iter().any(is_class)
}

/// The devices of the instance's own network namespace: its interfaces and what lies below them.
pub fn net_devices(sysfs: &Sysfs) -> Result<Vec<Device>> {
    let mut found = Vec::new();
    let mut tops: Vec<BString> = Vec::new();
    for class in NET_SUBSYSTEMS {
        let dir = format!("/class/{class}");
        let Ok(names) = sysfs.list(dir.as_bytes()) else {
            continue;
        };
        for (name, kind) in names {
            let path = [dir.as_bytes(), b"/", name.as_slice()].concat();
            if kind == Kind::Link
                && let Ok(target) = sysfs.readlink(&path)
                && let Some(top) = resolve(&path, &target)
            {
                tops.push(top);
            }
        }
    }
    tops.sort();
    let mut last: Option<BString> = None;
    for top in tops {
        // a tap below an interface that is listed itself comes with it
        let inside =
            |l: &BString| top.starts_with(l) && matches!(top.get(l.len()), None | Some(b'/'));
        if last.as_ref().is_some_and(inside) {
            continue;
        }
        below(sysfs, &top, &mut found)?;
        last = Some(top);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn this_host_has_devices() {
        let sysfs = Sysfs::mount(None).unwrap();
        let all = devices(&sysfs).unwrap();
        let null = all
            .iter()
            .find(|d| d.devpath.as_bytes() == b"/devices/virtual/mem/null")
            .unwrap();
        assert_eq!(null.subsystem.as_ref().unwrap(), "mem");
        assert_eq!(null.devnum().unwrap().to_string(), "c 1:3");
        let lo = net_devices(&sysfs).unwrap();
        assert!(lo.iter().any(|d| d.devpath.name() == b"lo" && is_net(d)));
    }

    #[test]
    fn a_device_cannot_say_what_udev_says() {
        let hostile =
            b"PRODUCT=3/1/1/1\nNAME=\"x\nID_INPUT_JOYSTICK=1\nPRODUCT=3/dead/beef/1\"\nEV=3\n";
        let kept = unforged(&Properties::parse_lines(hostile));
        assert_eq!(kept.get(b"ID_INPUT_JOYSTICK"), None);
        assert_eq!(kept.get(b"PRODUCT"), Some(&b"3/1/1/1"[..]));
        assert_eq!(kept.get(b"EV"), Some(&b"3"[..]));
    }

    #[test]
    fn another_device_of_the_same_name_is_not_the_one_that_was_pinned() {
        let top = tempfile::tempdir().unwrap();
        let dir = top.path().join("devices/x");
        let make = || {
            std::fs::create_dir_all(&dir).unwrap();
            std::fs::write(dir.join("uevent"), "MAJOR=7\nMINOR=3\n").unwrap();
        };
        make();
        let sysfs = Sysfs::at(top.path()).unwrap();
        let devpath = Devpath::parse(b"/devices/x").unwrap();
        // as the kernel makes it: then comes the link
        assert!(Pinned::at(&sysfs, &devpath).is_none());
        let link = || symlink("../../class/block", dir.join("subsystem")).unwrap();
        link();
        let pinned = Pinned::at(&sysfs, &devpath).unwrap();
        assert!(pinned.is_there());
        std::fs::remove_dir_all(&dir).unwrap();
        make();
        link();
        assert!(!pinned.is_there());
        let now = Pinned::at(&sysfs, &devpath).unwrap();
        assert!(now.is_there() && now.device == pinned.device);
    }

    #[test]
    fn attributes_are_files_of_the_device_and_nothing_else() {
        let top = tempfile::tempdir().unwrap();
        let dir = top.path().join("devices/x");
        std::fs::create_dir_all(dir.join("queue")).unwrap();
        std::fs::write(dir.join("uevent"), "").unwrap();
        std::fs::write(dir.join("queue/rotational"), "1\n").unwrap();
        std::fs::write(dir.join("long"), [b'x'; 5000]).unwrap();
        std::fs::write(top.path().join("secret"), "no").unwrap();
        symlink("../../secret", dir.join("link")).unwrap();
        symlink("queue", dir.join("to-queue")).unwrap();
        nix::unistd::mkfifo(&dir.join("fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        let sysfs = Sysfs::at(top.path()).unwrap();
        let pinned = Pinned::at(&sysfs, &Devpath::parse(b"/devices/x").unwrap()).unwrap();
        let said = |name: &str| pinned.attribute(name).unwrap();
        assert_eq!(said("queue/rotational"), Some(b"1\n".to_vec()));
        assert_eq!(said("long").unwrap().len(), 4096);
        for absent in [
            "none",
            "none/none",
            "uevent/x",
            "queue",
            "link",
            "to-queue/rotational",
            "fifo",
        ] {
            assert_eq!(said(absent), None, "{absent}");
        }
        for beyond in ["../../secret", "/secret", "queue/../../../secret"] {
            assert!(pinned.attribute(beyond).is_err(), "{beyond}");
        }
        // the device's own directory, whatever is at its place now
        std::fs::rename(&dir, top.path().join("devices/y")).unwrap();
        std::fs::create_dir_all(dir.join("queue")).unwrap();
        std::fs::write(dir.join("queue/rotational"), "0\n").unwrap();
        assert_eq!(said("queue/rotational"), Some(b"1\n".to_vec()));
    }

    #[test]
    fn the_class_directory_is_not_an_interface() {
        let net = |p: &str| is_net_path(&Devpath::parse(p.as_bytes()).unwrap());
        assert!(net("/devices/virtual/net/lo"));
        assert!(net("/devices/virtual/net/mv0/tap7"));
        assert!(!net("/devices/virtual/net"));
        assert!(!net("/devices/virtual/misc/net"));
        assert!(!net("/devices/virtual/block/loop0"));
    }
}
