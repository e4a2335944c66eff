//! What a container sees at a path of sysfs.

use kobject::Devpath;

use crate::{Decision, DeviceTable, Reason, Sight, policy::PathSay, view::View};

/// What may be done with a regular file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileAccess {
    /// Nothing: it is hidden.
    None,
    /// Reading.
    Read,
    /// Reading, and writing to the host's file.
    Write,
    /// Reading, and a write is an emulated uevent.
    Uevent,
}

/// What may show at a sysfs path if the host has there a directory, a regular file, a symlink.
///
/// A symlink shows only if its target does too: resolve the target lexically and judge it again, as a directory. A directory below
/// `/devices` that turns out to be a device (it has a `uevent` file) which is not in the table must not show either.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Verdict {
    /// A directory shows.
    pub dir: bool,
    /// A regular file shows, and how.
    pub file: FileAccess,
    /// A symlink shows, if its target does.
    pub link: bool,
}

impl Verdict {
    /// Nothing shows: answer ENOENT without asking the host.
    pub const HIDDEN: Verdict = Verdict {
        dir: false,
        file: FileAccess::None,
        link: false,
    };
    const DIR: Verdict = Verdict {
        dir: true,
        ..Verdict::HIDDEN
    };
    const FILE: Verdict = Verdict {
        file: FileAccess::Read,
        ..Verdict::HIDDEN
    };
    const ALL: Verdict = Verdict {
        dir: true,
        file: FileAccess::Read,
        link: true,
    };

    /// Whether nothing shows.
    pub fn is_hidden(&self) -> bool {
        *self == Verdict::HIDDEN
    }

    fn or(self, other: Verdict) -> Verdict {
        let file = if self.file == FileAccess::None {
            other.file
        } else {
            self.file
        };
        Verdict {
            dir: self.dir || other.dir,
            file,
            link: self.link || other.link,
        }
    }

    /// What belongs to a device: path rules can only take away.
    fn less(self, say: PathSay) -> Verdict {
        match say {
            PathSay::Hide { leads: false } => Verdict::HIDDEN,
            PathSay::Hide { leads: true } => Verdict {
                dir: self.dir,
                ..Verdict::HIDDEN
            },
            PathSay::Show | PathSay::Nothing { .. } => self,
        }
    }

    /// What belongs to no device: path rules can add too, at most `most`.
    fn with(self, say: PathSay, most: Verdict) -> Verdict {
        let way = Verdict {
            dir: most.dir,
            ..Verdict::HIDDEN
        };
        match say {
            PathSay::Show => self.or(most),
            PathSay::Hide { leads: false } => Verdict::HIDDEN,
            PathSay::Hide { leads: true } => way,
            PathSay::Nothing { leads: true } => self.or(way),
            PathSay::Nothing { leads: false } => self,
        }
    }
}

impl View {
    /// What may show at a sysfs path: "" or "/" for the root, "/class/block/loop0". What is no path (relative, with `..` or empty parts)
    /// is hidden. The path is not resolved: a name behind a symlink has to be asked for where the link leads.
    pub fn judge(&self, table: &DeviceTable, path: &[u8]) -> Verdict {
        if matches!(path, b"" | b"/") {
            return Verdict::DIR;
        }
        let Ok(path) = Devpath::parse(path) else {
            return Verdict::HIDDEN;
        };
        let say = self.policy.path_say(path.as_bytes());
        let parts: Vec<&[u8]> = path.as_bytes()[1..].split(|&byte| byte == b'/').collect();
        let link = Verdict {
            link: self.index.links_device(path.as_bytes()),
            ..Verdict::HIDDEN
        };
        match parts[..] {
            [b"block" | b"bus" | b"class" | b"dev" | b"devices" | b"module"]
            | [b"dev", b"block" | b"char"]
            | [b"class" | b"bus", _]
            | [b"bus", _, b"devices" | b"drivers"] => Verdict::DIR,
            [b"devices", ..] => self.judge_devices(table, &path, say),
            [b"block", _]
            | [b"class", _, _]
            | [b"dev", b"block" | b"char", _]
            | [b"bus", _, b"devices", _] => link.with(say, Verdict::FILE),
            [b"block" | b"class", ..]
            | [b"dev", b"block" | b"char", ..]
            | [b"bus", _, b"devices", ..] => Verdict::HIDDEN,
            [b"bus", bus, b"drivers", _, name, ..] if table.has_name(bus, name) => {
                match parts.len() {
                    5 => link.with(say, Verdict::FILE),
                    _ => Verdict::HIDDEN,
                }
            }
            [b"bus", bus, b"drivers", driver, ref below @ ..] => {
                let shown = self
                    .index
                    .in_closure(&[b"/bus/", bus, b"/drivers/", driver].concat());
                let own = match below {
                    [] => Verdict {
                        dir: shown,
                        ..Verdict::HIDDEN
                    },
                    [b"bind" | b"unbind" | b"new_id" | b"remove_id" | b"uevent"] => Verdict::HIDDEN,
                    [_] if shown => Verdict {
                        dir: false,
                        ..Verdict::ALL
                    },
                    _ => Verdict::HIDDEN,
                };
                own.with(say, Verdict::ALL)
            }
            [b"module", module, ref below @ ..] => {
                let shown = self.index.in_closure(&[b"/module/", module].concat());
                let own = match below {
                    [] => Verdict {
                        dir: shown,
                        ..Verdict::HIDDEN
                    },
                    [b"uevent"] => Verdict::HIDDEN,
                    _ if shown => Verdict::ALL,
                    _ => Verdict::HIDDEN,
                };
                own.with(say, Verdict::ALL)
            }
            _ => Verdict::HIDDEN.with(say, Verdict::ALL),
        }
    }

    fn judge_devices(&self, table: &DeviceTable, path: &Devpath, say: PathSay) -> Verdict {
        let way = Verdict {
            dir: self.index.is_on_way(path),
            ..Verdict::HIDDEN
        };
        let Some(device) = table.nearest(path.as_bytes()).map(|facts| &facts.device) else {
            return way.with(say, Verdict::ALL);
        };
        let Some((entry, sight)) = self
            .entries
            .get(&device.devpath)
            .and_then(|entry| Some((entry, entry.sight?)))
        else {
            return Verdict::HIDDEN;
        };
        let rel = path.relative_to(&device.devpath).unwrap_or_default();
        let own = match sight {
            _ if rel.is_empty() => Verdict::DIR,
            Sight::Rw | Sight::Ro => judge_inside(&entry.decision, sight, path, rel),
            Sight::Ancestor if !rel.contains(&b'/') => Verdict {
                dir: way.dir,
                ..Verdict::ALL
            },
            Sight::Ancestor | Sight::HiddenAncestor => way,
        };
        own.less(say)
    }
}

/// Inside a device that shows. The rule's globs are relative to this device, and to the one above that the rule matched: `leds/*/brightness`
/// of a keyboard's rule is `brightness` of the devices that its LEDs are.
fn judge_inside(decision: &Decision, sight: Sight, path: &Devpath, rel: &[u8]) -> Verdict {
    let from_matched = match &decision.reason {
        Reason::Rule {
            through: Some(above),
            ..
        } => path.relative_to(above),
        _ => None,
    };
    let says = |globs: &crate::glob::Globs| {
        globs.matches(rel) || from_matched.is_some_and(|rel| globs.matches(rel))
    };
    if says(&decision.says.sysfs.hide) {
        return Verdict::HIDDEN;
    }
    let file = match sight {
        Sight::Rw if rel == b"uevent" => FileAccess::Uevent,
        Sight::Rw if says(&decision.says.sysfs.write) => FileAccess::Write,
        _ => FileAccess::Read,
    };
    Verdict {
        file,
        ..Verdict::ALL
    }
}
