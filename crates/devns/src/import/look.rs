//! What a device that is there says besides its name.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use ::import::{Seen, SeenDevice};
use bstr::ByteSlice;
use cli::{Failure, Status};
use host::{Sysfs, enumerate, udevdb};
use kobject::{Device, Devpath};

/// What is at a host path; None: nothing, or nothing that may be looked at.
pub(super) fn at(path: &Path) -> Result<Option<Seen>, Failure> {
    if !path.starts_with("/dev") {
        return Ok(None);
    }
    let wrong = |what: String| Failure::new(Status::Usage, format!("{path:?} {what}"));
    let meta = match fs::metadata(path) {
        Ok(meta) => meta,
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(e) => {
            return Err(wrong(format!("cannot be looked at: {}", cli::reason(&e)))
                .mend("--elsewhere does without"));
        }
    };
    if meta.is_dir() {
        return Ok(Some(Seen::Directory));
    }
    let kind = match meta.file_type() {
        kind if kind.is_block_device() => "block",
        kind if kind.is_char_device() => "char",
        _ => {
            return Err(wrong(
                "is no device, and no directory of devices".to_owned(),
            ));
        }
    };
    let real = fs::canonicalize(path)
        .map_err(|e| wrong(format!("cannot be looked at: {}", cli::reason(&e))))?;
    let name = real.strip_prefix("/dev").unwrap_or(&real);
    let mut seen = SeenDevice {
        devname: name.to_string_lossy().into_owned(),
        node: Some((meta.mode() & 0o777, meta.uid(), meta.gid())),
        ..SeenDevice::default()
    };
    let (major, minor) = (
        nix::sys::stat::major(meta.rdev()),
        nix::sys::stat::minor(meta.rdev()),
    );
    let link = format!("/sys/dev/{kind}/{major}:{minor}");
    if let (Ok(dir), Ok(sysfs)) = (fs::canonicalize(link), Sysfs::at(Path::new("/sys"))) {
        let below = dir.strip_prefix("/sys").unwrap_or(&dir);
        let devpath = format!("/{}", below.display());
        if let Some(device) = device(&sysfs, devpath.as_bytes()) {
            describe(&sysfs, &device, &mut seen);
        }
    }
    Ok(Some(Seen::Device(seen)))
}

fn device(sysfs: &Sysfs, devpath: &[u8]) -> Option<Device> {
    enumerate::device(sysfs, &Devpath::parse(devpath).ok()?)
}

fn describe(sysfs: &Sysfs, device: &Device, seen: &mut SeenDevice) {
    let text = |bytes: &[u8]| bytes.to_str().ok().map(str::to_owned);
    if let Some(name) = device.devname().and_then(|name| text(name.as_bytes())) {
        seen.devname = name;
    }
    seen.subsystem = device.subsystem.as_deref().and_then(|name| text(name));
    seen.serial = udevdb::read(Path::new("/run"), device)
        .and_then(|said| said.properties.get(b"ID_SERIAL").and_then(text));
    let above = device.devpath.ancestors();
    let usb = above
        .filter_map(|above| self::device(sysfs, above.as_bytes()))
        .find(|above| above.devtype() == Some(b"usb_device"));
    seen.usb = usb.and_then(|usb| text(usb.devpath.as_bytes()));
}
