//! What an admin names: a device, by one of its many names, or a path of sysfs.

use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use bstr::{BString, ByteSlice};
use host::sysfs::resolve;
use kobject::{DevKind, Devnum, Devpath};
use policy::{Entry, Udev, View};

use super::Devices;
use crate::failure::{Failure, Status};

/// What somebody asks about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A device.
    Device(Devpath),
    /// Another path of sysfs, and what is there.
    Path(Devpath, Entry),
}

/// As many links a path may lead through (`MAXSYMLINKS`, include/linux/namei.h).
const MOST_LINKS: usize = 40;

const MEND: &str = "name it as in /dev, by its path below /sys, or by its number, such as b 7:3";

impl Devices {
    /// What `text` names: a number (`c 4:64`), a path of sysfs with or without `/sys`, a name below /dev: the kernel's, one of udev's
    /// links, one of those that `view` has by its rules.
    pub fn find(&self, text: &str, view: &View) -> Result<Target, Failure> {
        let wrong = |message: String| Failure::new(Status::Usage, message).mend(MEND);
        if let Ok(devnum) = text.parse() {
            let found = self.of_number(devnum);
            return found
                .ok_or_else(|| wrong(format!("there is no device with the number {devnum}")));
        }
        let below_sys = text.strip_prefix("/sys");
        let below_sys = below_sys.filter(|rest| matches!(rest.as_bytes(), [] | [b'/', ..]));
        if let Some(path) = below_sys.or_else(|| is_of_sysfs(text).then_some(text)) {
            let found = self.of_path(path);
            return found.map_err(|why| wrong(format!("{text:?}: {why}")));
        }
        let name = match text.strip_prefix("/dev/") {
            Some(name) => name,
            None if !text.starts_with('/') => text,
            None => {
                let message = format!("{text:?} is neither below /dev nor below /sys");
                return Err(wrong(message));
            }
        };
        let name = name.trim_end_matches('/');
        self.of_name(name, view)
            .ok_or_else(|| wrong(format!("there is no device \"/dev/{name}\"")))
    }

    fn of_number(&self, devnum: Devnum) -> Option<Target> {
        let mut all = self.table.iter();
        let facts = all.find(|facts| facts.device.devnum() == Some(devnum))?;
        Some(Target::Device(facts.device.devpath.clone()))
    }

    fn of_name(&self, name: &str, view: &View) -> Option<Target> {
        let name_bytes = name.as_bytes();
        if let Some(found) = self.of_devname(name_bytes) {
            return Some(found);
        }
        let mut all = self.table.iter();
        let by_udev = all.find(|facts| match &facts.udev {
            Udev::Known(said) => said.links.iter().any(|link| link.as_bytes() == name_bytes),
            Udev::Absent | Udev::Unknown => false,
        });
        if let Some(facts) = by_udev {
            return Some(Target::Device(facts.device.devpath.clone()));
        }
        let mut shown = view.shown();
        let by_rule = shown.find(|(_, shown)| {
            let mut links = shown.links.iter();
            links.any(|link| link.as_bytes() == name_bytes)
        });
        if let Some((devpath, _)) = by_rule {
            return Some(Target::Device(devpath.clone()));
        }
        match self.is_here {
            true => self.of_number(number(&self.dev.join(name))?),
            false => self.of_devname(&link_in(&self.dev, name)?),
        }
    }

    /// The device whose node the kernel calls so.
    fn of_devname(&self, name: &[u8]) -> Option<Target> {
        let mut all = self.table.iter();
        let facts = all.find(|facts| {
            let devname = facts.device.devname();
            devname.is_some_and(|devname| devname.as_bytes() == name)
        })?;
        Some(Target::Device(facts.device.devpath.clone()))
    }

    /// What is at a path of sysfs. Links on the way are followed, one at its end is what is asked about.
    fn of_path(&self, path: &str) -> Result<Target, String> {
        let path = path.trim_end_matches('/');
        if path.is_empty() {
            return Err("it is the root of sysfs, which every container has".into());
        }
        let mut path = Devpath::parse(path.as_bytes()).map_err(|e| e.to_string())?;
        for _ in 0..MOST_LINKS {
            let Some((link, rest)) = self.link_on(&path) else {
                break;
            };
            let target = self.target(&link);
            let target = target.ok_or("a link on the way leads out of sysfs")?;
            path = target.join(&rest).map_err(|e| e.to_string())?;
        }
        let stat = self.sysfs.stat(path.as_bytes());
        let stat = stat.map_err(|_| "nothing is there".to_string())?;
        let entry = match stat.st_mode & libc::S_IFMT {
            libc::S_IFDIR if self.table.contains(&path) => return Ok(Target::Device(path)),
            libc::S_IFDIR => Entry::Directory,
            libc::S_IFLNK => Entry::Link(self.target(&path)),
            _ => Entry::File,
        };
        Ok(Target::Path(path, entry))
    }

    /// The first link on the way to `path`, not itself, and what comes after it.
    fn link_on(&self, path: &Devpath) -> Option<(Devpath, Vec<u8>)> {
        let mut above: Vec<Devpath> = path.ancestors().collect();
        above.reverse();
        let is_link = |at: &Devpath| self.sysfs.readlink(at.as_bytes()).is_ok();
        let link = above.into_iter().find(is_link)?;
        let rest = path.relative_to(&link)?.to_vec();
        Some((link, rest))
    }

    fn target(&self, link: &Devpath) -> Option<Devpath> {
        let text = self.sysfs.readlink(link.as_bytes()).ok()?;
        Devpath::parse(&resolve(link.as_bytes(), &text)?).ok()
    }
}

/// Whether it names a path of sysfs without `/sys`. `/dev` is the one with the nodes.
fn is_of_sysfs(text: &str) -> bool {
    let mut parts = text.split('/');
    let is_top = |top| top != "dev" && Devpath::TOPS.contains(&top);
    parts.next() == Some("") && parts.next().is_some_and(is_top)
}

/// The number of the node that a path leads to.
fn number(path: &Path) -> Option<Devnum> {
    let meta = std::fs::metadata(path).ok()?;
    let kind = match meta.file_type() {
        kind if kind.is_block_device() => DevKind::Block,
        kind if kind.is_char_device() => DevKind::Char,
        _ => return None,
    };
    Some(Devnum {
        kind,
        major: u32::try_from(nix::sys::stat::major(meta.rdev())).ok()?,
        minor: u32::try_from(nix::sys::stat::minor(meta.rdev())).ok()?,
    })
}

/// Where a link of a recorded /dev leads, as a name below it.
fn link_in(dev: &Path, name: &str) -> Option<BString> {
    let target = std::fs::read_link(dev.join(name)).ok()?;
    let target = target.as_os_str().as_encoded_bytes();
    let target = target.strip_prefix(b"/dev").unwrap_or(target);
    let path = resolve(format!("/{name}").as_bytes(), target)?;
    Some(path.trim_start_with(|c| c == '/').into())
}
