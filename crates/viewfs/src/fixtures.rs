//! A fake source and a small host, for tests.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::SystemTime;

use bstr::{BString, ByteSlice};
use kobject::{Device, Devpath, Properties};
use parking_lot::{Mutex, RwLock};
use policy::{DeviceTable, Facts, Rules, View};

use crate::Error;
use crate::filter::Uevents;
use crate::scene::{Scene, SharedScene};
use crate::source::Source;
use crate::tree::{Entry, Kind, Lifetime, Reader, Stat, Writer};

/// A tree in memory that remembers what it was asked.
#[derive(Default)]
pub struct Fake {
    pub files: Mutex<BTreeMap<BString, Item>>,
    pub asked: Mutex<Vec<BString>>,
    pub written: Mutex<Vec<BString>>,
    /// How often each object was replaced by another of the same name.
    renewed: Mutex<BTreeMap<BString, u64>>,
}

#[derive(Clone, Debug)]
pub enum Item {
    Directory,
    File(&'static str),
    Link(&'static str),
}

impl Fake {
    pub fn put(&self, path: &str, item: Item) {
        let mut files = self.files.lock();
        for (at, _) in path.match_indices('/') {
            files.entry(path[..at].into()).or_insert(Item::Directory);
        }
        files.insert(path.into(), item);
    }

    pub fn take(&self, path: &str) {
        let below = format!("{path}/");
        self.files
            .lock()
            .retain(|p, _| p != path && !p.starts_with(below.as_bytes()));
    }

    /// Another object has the name from now on.
    pub fn renew(&self, path: &str) {
        *self.renewed.lock().entry(path.into()).or_default() += 1;
    }

    fn get(&self, path: &[u8]) -> Result<Item, Error> {
        self.asked.lock().push(path.into());
        self.files
            .lock()
            .get(path.as_bstr())
            .cloned()
            .ok_or(Error::NotFound)
    }
}

impl Source for Arc<Fake> {
    fn stat(&self, path: &[u8]) -> Result<Stat, Error> {
        let (kind, perm) = match self.get(path)? {
            Item::Directory => (Kind::Directory, 0o755),
            Item::File(_) => (Kind::File, 0o644),
            Item::Link(_) => (Kind::Link, 0o777),
        };
        Ok(Stat {
            kind,
            perm,
            uid: 0,
            gid: 0,
            size: 4096,
            device: (0, 0),
            time: SystemTime::UNIX_EPOCH,
            lifetime: Lifetime::Short,
            identity: 1 + self
                .renewed
                .lock()
                .get(path.as_bstr())
                .copied()
                .unwrap_or_default(),
        })
    }

    fn list(&self, path: &[u8]) -> Result<Vec<Entry>, Error> {
        self.get(path)?;
        let top = [path, b"/"].concat();
        let files = self.files.lock();
        let below = files
            .iter()
            .filter_map(|(p, item)| Some((p.strip_prefix(&top[..])?, item)));
        Ok(below
            .filter(|(name, _)| !name.contains(&b'/'))
            .map(|(name, item)| Entry {
                name: name.into(),
                kind: match item {
                    Item::Directory => Kind::Directory,
                    Item::File(_) => Kind::File,
                    Item::Link(_) => Kind::Link,
                },
            })
            .collect())
    }

    fn readlink(&self, path: &[u8]) -> Result<BString, Error> {
        match self.get(path)? {
            Item::Link(target) => Ok(target.into()),
            _ => Err(Error::Invalid),
        }
    }

    fn exists(&self, path: &[u8]) -> bool {
        self.get(path).is_ok()
    }

    fn is_same_for_all(&self, _: &[u8], stat: &Stat) -> bool {
        stat.perm & 0o444 == 0o444
    }

    fn open_for_all(&self, _: &[u8]) -> Result<OwnedFd, Error> {
        let null = std::fs::File::open("/dev/null").map_err(|_| Error::Broken)?;
        Ok(null.into())
    }

    /// Links of the fake are absolute.
    fn resolve(&self, _: &[u8], target: &[u8]) -> Option<BString> {
        Some(target.into())
    }

    fn open_read(&self, path: &[u8]) -> Result<Box<dyn Reader>, Error> {
        match self.get(path)? {
            Item::File(text) => Ok(Box::new(Text(text))),
            _ => Err(Error::Denied),
        }
    }

    fn open_write(&self, path: &[u8]) -> Result<Box<dyn Writer>, Error> {
        self.get(path)?;
        Ok(Box::new(Log(self.clone(), path.into())))
    }
}

struct Text(&'static str);

impl Reader for Text {
    fn read(&self, offset: u64, size: usize) -> Result<Vec<u8>, Error> {
        let from = (offset as usize).min(self.0.len());
        Ok(self.0.as_bytes()[from..]
            .iter()
            .take(size)
            .copied()
            .collect())
    }
}

struct Log(Arc<Fake>, BString);

impl Writer for Log {
    fn write(&self, _: u64, data: &[u8]) -> Result<usize, Error> {
        self.0
            .written
            .lock()
            .push([&self.1, &b"="[..], data].concat().into());
        Ok(data.len())
    }
}

/// Keeps what was written to `uevent` files.
#[derive(Default)]
pub struct Events(pub Mutex<Vec<(Devpath, BString)>>);

impl Uevents for Events {
    fn write(&self, devpath: &Devpath, text: &[u8]) -> Result<usize, Error> {
        self.0.lock().push((devpath.clone(), text.into()));
        Ok(text.len())
    }
}

/// A disk, its partition, a hidden disk, all on a bus device; a driver; a class attribute.
pub fn host() -> Arc<Fake> {
    let fake = Arc::new(Fake::default());
    let top = "/devices/pci0/usb1";
    for (path, item) in [
        ("/devices/pci0/uevent", Item::File("")),
        ("/devices/pci0/vendor", Item::File("0x1234\n")),
        ("/devices/pci0/power/control", Item::File("auto\n")),
        (
            "/class/block/sda",
            Item::Link("/devices/pci0/usb1/block/sda"),
        ),
        (
            "/class/block/sdb",
            Item::Link("/devices/pci0/usb1/block/sdb"),
        ),
        (
            "/class/block/extra",
            Item::File("an attribute of the class"),
        ),
        ("/bus/usb/devices/usb1", Item::Link("/devices/pci0/usb1")),
        (
            "/bus/usb/drivers/storage/usb1",
            Item::Link("/devices/pci0/usb1"),
        ),
        ("/bus/usb/drivers/storage/bind", Item::File("")),
        ("/module/usb_storage/version", Item::File("1\n")),
        ("/kernel/notes", Item::File("secret")),
    ] {
        fake.put(path, item);
    }
    for (path, item) in [
        ("uevent", Item::File("DRIVER=storage\n")),
        ("serial", Item::File("LAB1\n")),
        (
            "block/sda/uevent",
            Item::File("MAJOR=8\nMINOR=0\nDEVNAME=sda\nDEVTYPE=disk\n"),
        ),
        ("block/sda/ro", Item::File("0\n")),
        ("block/sda/queue/scheduler", Item::File("none\n")),
        ("block/sda/queue/nr_requests", Item::File("64\n")),
        ("block/sda/bdi", Item::Link("/devices/virtual/bdi/8:0")),
        ("block/sda/subsystem", Item::Link("/class/block")),
        (
            "block/sda/sda1/uevent",
            Item::File("MAJOR=8\nMINOR=1\nDEVNAME=sda1\nDEVTYPE=partition\n"),
        ),
        ("block/sda/sda1/start", Item::File("2048\n")),
        (
            "block/sdb/uevent",
            Item::File("MAJOR=8\nMINOR=16\nDEVNAME=sdb\nDEVTYPE=disk\n"),
        ),
        ("block/sdb/ro", Item::File("0\n")),
    ] {
        fake.put(&format!("{top}/{path}"), item);
    }
    fake
}

fn device(path: &str, subsystem: &str, driver: Option<&str>, uevent: &str) -> Facts {
    let mut device = Device::new(Devpath::parse(path.as_bytes()).unwrap());
    device.subsystem = (!subsystem.is_empty()).then(|| subsystem.into());
    device.driver = driver.map(Into::into);
    device.properties = Properties::parse_lines(uevent.as_bytes());
    Facts::new(device)
}

/// The devices of [`host`].
pub fn facts() -> Vec<Facts> {
    let disk = |n: u32, name: &str, devtype: &str| {
        format!("MAJOR=8\nMINOR={n}\nDEVNAME={name}\nDEVTYPE={devtype}\n")
    };
    let block = "/devices/pci0/usb1/block";
    vec![
        device("/devices/pci0", "", None, ""),
        device(
            "/devices/pci0/usb1",
            "usb",
            Some("storage"),
            "DRIVER=storage\n",
        ),
        device(
            &format!("{block}/sda"),
            "block",
            None,
            &disk(0, "sda", "disk"),
        ),
        device(
            &format!("{block}/sda/sda1"),
            "block",
            None,
            &disk(1, "sda1", "partition"),
        ),
        device(
            &format!("{block}/sdb"),
            "block",
            None,
            &disk(16, "sdb", "disk"),
        ),
    ]
}

/// A scene of `facts` under the one policy of `rules`.
pub fn scene(rules: &str, facts: Vec<Facts>) -> SharedScene {
    let text = format!("version: 1\npolicies:\n  p:\n    base: []\n    rules:\n{rules}");
    let policy = Rules::parse("test.yaml", &text)
        .unwrap()
        .policy("p")
        .unwrap();
    let mut table = DeviceTable::new();
    for facts in facts {
        table.insert(facts);
    }
    let mut view = View::new(policy);
    view.refresh_all(&table);
    Arc::new(RwLock::new(Scene {
        table,
        view,
        generation: 0,
    }))
}
