//! The rule language once more, in the dumbest way: no indexes, no memory, everything computed from the list of devices each time.
//! It shares no code with the crate.

use std::rc::Rc;

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
    pub tags: Vec<String>,
    /// What its attributes say; None: reading fails. It has no others.
    pub attrs: Vec<(&'static str, Option<String>)>,
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

#[derive(Clone, Debug, PartialEq)]
pub enum Key {
    Subsystem(Vec<String>),
    Devtype(Vec<String>),
    Devname(Vec<String>),
    Devpath(Vec<String>),
    Driver(Vec<String>),
    /// Kind, then lowest and highest major, lowest and highest minor.
    Devnum(Vec<(char, u32, u32, u32, u32)>),
    Property(String, Vec<String>),
    Attr(String, Vec<String>),
    Tag(Vec<String>),
    Link(Vec<String>),
    Parent(Vec<Vec<Key>>),
    Not(Vec<Vec<Key>>),
    Any(Vec<Vec<Key>>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Show {
    Rw,
    Ro,
    Hide,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Any number: who edits the file finds the rule by it, wherever it stands.
    pub id: usize,
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
    pub events: Option<&'static str>,
    pub ancestors: Option<&'static str>,
}

/// A rule file: a policy `top` on another, `low`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct File {
    /// Those of `top`, then those of `low`.
    pub rules: Vec<Rule>,
    /// What `top` and `low` say of the devices above those that show.
    pub ancestors: [Option<&'static str>; 2],
    /// How many lines of comment there are before everything.
    pub comments: usize,
}

#[derive(Clone, Debug, PartialEq)]
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
    /// Whether the files of devices above show.
    pub files: bool,
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

pub struct Model {
    pub file: Rc<File>,
    pub devices: Vec<Dev>,
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

impl Model {
    pub fn new(file: &Rc<File>, devices: &[Dev]) -> Model {
        let mut model = Model {
            file: file.clone(),
            devices: devices.to_vec(),
            decided: Vec::new(),
            sights: Vec::new(),
        };
        model.decided = devices.iter().map(|dev| model.think(dev)).collect();
        model.sights = devices.iter().map(|dev| model.look(dev)).collect();
        model
    }

    fn place(&self, dev: &Dev) -> usize {
        let mut paths = self.devices.iter().map(|other| &other.path);
        paths.position(|other| *other == dev.path).unwrap()
    }

    pub fn decide(&self, dev: &Dev) -> &Decided {
        &self.decided[self.place(dev)]
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

    pub fn shows(&self, dev: &Dev) -> bool {
        self.decide(dev).show != Show::Hide
    }

    /// Whether the directory is above a device that shows.
    pub fn way(&self, path: &str) -> bool {
        self.devices
            .iter()
            .any(|dev| below(&dev.path, path) && self.shows(dev))
    }

    /// Whether one of those lets the files of the devices above it show.
    fn files(&self, path: &str) -> bool {
        self.devices
            .iter()
            .any(|dev| below(&dev.path, path) && self.shows(dev) && self.decide(dev).files)
    }

    pub fn sight(&self, dev: &Dev) -> Option<Sight> {
        self.sights[self.place(dev)]
    }

    fn look(&self, dev: &Dev) -> Option<Sight> {
        let decided = self.decide(dev);
        match decided.show {
            Show::Rw => Some(Sight::Rw),
            Show::Ro => Some(Sight::Ro),
            Show::Hide if !self.way(&dev.path) => None,
            Show::Hide if decided.by_name || !self.files(&dev.path) => Some(Sight::HiddenAncestor),
            Show::Hide => Some(Sight::Ancestor),
        }
    }
}
