//! The rule language once more, in the dumbest way: no indexes, no memory, everything computed from the list of devices each time.
//! It shares no code with the crate.

use std::collections::BTreeSet;

use crate::globs::any_glob;

/// A device with what is known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Dev {
    pub path: String,
    pub subsystem: Option<String>,
    pub driver: Option<String>,
    pub module: Option<String>,
    pub kernel: Vec<(String, String)>,
    pub udev: Udev,
    /// What udev said besides, if it has spoken.
    pub host_links: Vec<String>,
    pub link_priority: i32,
    pub own: bool,
    /// Which device it was, of all that came.
    pub arrival: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Udev {
    Absent,
    Unknown,
    Known(Vec<(String, String)>),
}

#[derive(Clone, Debug)]
pub enum Key {
    Subsystem(Vec<String>),
    Devtype(Vec<String>),
    Devname(Vec<String>),
    Devpath(Vec<String>),
    Driver(Vec<String>),
    /// Kind, then lowest and highest major, lowest and highest minor.
    Devnum(Vec<(char, u32, u32, u32, u32)>),
    Property(String, Vec<String>),
    Parent(Vec<Key>),
    Not(Vec<Key>),
    Any(Vec<Vec<Key>>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Show {
    Rw,
    Ro,
    Hide,
}

#[derive(Clone, Debug)]
pub struct Rule {
    pub policy: &'static str,
    pub name: Option<String>,
    pub line: u32,
    pub about: About,
    pub show: Show,
    pub write: Vec<String>,
    pub hide: Vec<String>,
    /// Octal digits.
    pub mode: Option<&'static str>,
    pub uid: Option<&'static str>,
    pub gid: Option<&'static str>,
    pub links: Vec<&'static str>,
    pub kill: bool,
}

#[derive(Clone, Debug)]
pub enum About {
    Devices { keys: Vec<Key>, subtree: bool },
    Paths(Vec<String>),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Why {
    Rule {
        index: usize,
        through: Option<String>,
    },
    Default,
    Own,
    Other,
    Unknown {
        index: usize,
        keys: Vec<String>,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub struct Decided {
    pub show: Show,
    pub why: Why,
    /// The rule whose `sysfs` part holds.
    pub rule: Option<usize>,
    pub by_name: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sight {
    Rw,
    Ro,
    Ancestor,
    HiddenAncestor,
}

/// Directory, file (0 none, 1 read, 2 write, 3 uevent), symlink.
pub type Verdict = (bool, u8, bool);

pub struct Model<'a> {
    pub rules: &'a [Rule],
    pub devices: &'a [Dev],
    /// Of each device, so that a question about a path does not decide about all of them anew.
    decided: Vec<Decided>,
    sights: Vec<Option<Sight>>,
}

pub fn below(path: &str, top: &str) -> bool {
    path.strip_prefix(top)
        .is_some_and(|rest| rest.starts_with('/'))
}

pub fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap()
}

impl Dev {
    pub fn get(&self, key: &str) -> Option<&str> {
        self.kernel
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }

    pub fn devnum(&self) -> Option<(char, u32, u32)> {
        let kind = if self.subsystem.as_deref() == Some("block") {
            'b'
        } else {
            'c'
        };
        Some((
            kind,
            self.get("MAJOR")?.parse().ok()?,
            self.get("MINOR")?.parse().ok()?,
        ))
    }

    pub fn is(&self, subsystem: &str) -> bool {
        self.subsystem.as_deref() == Some(subsystem)
    }
}

/// Three values: `None` is unknown. With what it waits for.
type Truth = (Option<bool>, BTreeSet<String>);

fn and(list: Vec<Truth>) -> Truth {
    if list.iter().any(|(truth, _)| *truth == Some(false)) {
        (Some(false), BTreeSet::new())
    } else if list.iter().all(|(truth, _)| *truth == Some(true)) {
        (Some(true), BTreeSet::new())
    } else {
        (
            None,
            list.into_iter()
                .filter(|(truth, _)| truth.is_none())
                .flat_map(|(_, keys)| keys)
                .collect(),
        )
    }
}

fn not((truth, keys): Truth) -> Truth {
    (truth.map(|truth| !truth), keys)
}

fn or(list: Vec<Truth>) -> Truth {
    not(and(list.into_iter().map(not).collect()))
}

impl<'a> Model<'a> {
    pub fn new(rules: &'a [Rule], devices: &'a [Dev]) -> Model<'a> {
        let mut model = Model {
            rules,
            devices,
            decided: Vec::new(),
            sights: Vec::new(),
        };
        model.decided = devices.iter().map(|dev| model.think(dev)).collect();
        model.sights = devices.iter().map(|dev| model.look(dev)).collect();
        model
    }

    pub fn decide(&self, dev: &Dev) -> Decided {
        let at = self
            .devices
            .iter()
            .position(|other| other.path == dev.path)
            .unwrap();
        self.decided[at].clone()
    }

    /// The devices above, nearest first.
    pub fn above(&self, dev: &Dev) -> Vec<&Dev> {
        let mut above: Vec<&Dev> = self
            .devices
            .iter()
            .filter(|other| below(&dev.path, &other.path))
            .collect();
        above.sort_by_key(|other| std::cmp::Reverse(other.path.len()));
        above
    }

    fn holds(&self, keys: &[Key], dev: &Dev) -> Truth {
        and(keys.iter().map(|key| self.key(key, dev)).collect())
    }

    fn key(&self, key: &Key, dev: &Dev) -> Truth {
        let known = |truth: bool| (Some(truth), BTreeSet::new());
        let text = |patterns: &[String], text: Option<&str>| {
            known(text.is_some_and(|text| any_glob(patterns, text)))
        };
        match key {
            Key::Subsystem(patterns) => text(patterns, dev.subsystem.as_deref()),
            Key::Devtype(patterns) => text(patterns, dev.get("DEVTYPE")),
            Key::Devname(patterns) => text(
                patterns,
                dev.get("DEVNAME").filter(|name| !name.starts_with('/')),
            ),
            Key::Devpath(patterns) => text(patterns, Some(&dev.path)),
            Key::Driver(patterns) => text(patterns, dev.driver.as_deref()),
            Key::Devnum(patterns) => known(dev.devnum().is_some_and(|(kind, major, minor)| {
                patterns.iter().any(|p| {
                    p.0 == kind && p.1 <= major && major <= p.2 && p.3 <= minor && minor <= p.4
                })
            })),
            Key::Property(name, patterns) => match (dev.get(name), &dev.udev) {
                (Some(value), _) => known(any_glob(patterns, value)),
                (None, Udev::Absent) => known(false),
                (None, Udev::Unknown) => (None, BTreeSet::from([name.clone()])),
                (None, Udev::Known(properties)) => text(
                    patterns,
                    properties
                        .iter()
                        .find(|(key, _)| key == name)
                        .map(|(_, value)| value.as_str()),
                ),
            },
            Key::Parent(keys) => {
                let mut devices = self.above(dev);
                devices.push(dev);
                or(devices
                    .into_iter()
                    .map(|dev| self.holds(keys, dev))
                    .collect())
            }
            Key::Not(keys) => not(self.holds(keys, dev)),
            Key::Any(list) => or(list.iter().map(|keys| self.holds(keys, dev)).collect()),
        }
    }

    fn think(&self, dev: &Dev) -> Decided {
        let plain = |show, why| Decided {
            show,
            why,
            rule: None,
            by_name: false,
        };
        if dev.own {
            return plain(Show::Rw, Why::Own);
        }
        let above = self.above(dev);
        if dev.is("net") || above.iter().any(|above| above.is("net")) {
            return Decided {
                by_name: true,
                ..plain(Show::Hide, Why::Other)
            };
        }
        let decided = self.by_rules(dev, &above);
        if decided.show == Show::Hide
            && dev.is("block")
            && dev.get("DEVTYPE") == Some("partition")
            && let Some(disk) = above.first().filter(|disk| disk.is("block"))
        {
            let mut of_disk = self.think(disk);
            if of_disk.show == Show::Rw {
                if let Why::Rule { through, .. } = &mut of_disk.why {
                    *through = Some(through.clone().unwrap_or(disk.path.clone()));
                }
                return of_disk;
            }
        }
        decided
    }

    fn by_rules(&self, dev: &Dev, above: &[&Dev]) -> Decided {
        // Every rule that is or may be about the device, up to the first that certainly is.
        let mut candidates = Vec::new();
        for (index, rule) in self.rules.iter().enumerate() {
            let About::Devices { keys, subtree } = &rule.about else {
                continue;
            };
            let itself = self.holds(keys, dev);
            let mut all = vec![itself.clone()];
            if *subtree {
                all.extend(above.iter().map(|above| self.holds(keys, above)));
            }
            let through = above
                .iter()
                .find(|above| *subtree && self.holds(keys, above).0 == Some(true))
                .map(|above| above.path.clone());
            let whole = or(all);
            let certain = whole.0 == Some(true);
            if whole.0 != Some(false) {
                candidates.push((index, rule.show, itself.0, through, whole));
            }
            if certain {
                break;
            }
        }
        let by_name = candidates
            .iter()
            .any(|(_, show, itself, ..)| *show == Show::Hide && *itself != Some(false));
        match candidates.first() {
            None => Decided {
                show: Show::Hide,
                why: Why::Default,
                rule: None,
                by_name: false,
            },
            Some((index, _, _, _, (None, keys)))
                if candidates.iter().any(|(_, show, ..)| *show != Show::Hide) =>
            {
                Decided {
                    show: Show::Hide,
                    why: Why::Unknown {
                        index: *index,
                        keys: keys.iter().cloned().collect(),
                    },
                    rule: None,
                    by_name,
                }
            }
            // all that is unknown would hide it too
            Some(_) if candidates.last().is_some_and(|last| last.4.0.is_none()) => Decided {
                show: Show::Hide,
                why: Why::Default,
                rule: None,
                by_name,
            },
            Some(_) => {
                let (index, show, itself, through, _) = candidates.last().unwrap();
                let through = if *itself == Some(true) {
                    None
                } else {
                    through.clone()
                };
                Decided {
                    show: *show,
                    why: Why::Rule {
                        index: *index,
                        through,
                    },
                    rule: Some(*index),
                    by_name,
                }
            }
        }
    }

    pub fn shows(&self, dev: &Dev) -> bool {
        let at = self
            .devices
            .iter()
            .position(|other| other.path == dev.path)
            .unwrap();
        self.decided[at].show != Show::Hide
    }

    /// Whether the directory is above a device that shows.
    pub fn way(&self, path: &str) -> bool {
        self.devices
            .iter()
            .any(|dev| below(&dev.path, path) && self.shows(dev))
    }

    pub fn sight(&self, dev: &Dev) -> Option<Sight> {
        let at = self
            .devices
            .iter()
            .position(|other| other.path == dev.path)
            .unwrap();
        self.sights[at]
    }

    fn look(&self, dev: &Dev) -> Option<Sight> {
        let decided = self.decide(dev);
        match decided.show {
            Show::Rw => Some(Sight::Rw),
            Show::Ro => Some(Sight::Ro),
            Show::Hide if !self.way(&dev.path) => None,
            Show::Hide if decided.by_name => Some(Sight::HiddenAncestor),
            Show::Hide => Some(Sight::Ancestor),
        }
    }
}
