//! A sysfs in memory, and CPUs that change when a test says so.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use bstr::BString;
use kobject::CpuSet;
use parking_lot::{Mutex, MutexGuard};
use viewfs::{Entry, Error, Kind, Lifetime, Reader, Source, Stat, Writer};

use super::{CpuView, Cpus};

#[derive(Clone, Debug)]
pub enum Item {
    Directory,
    File(String),
    Link(String),
}

/// A sysfs in memory that remembers what it was asked, and gives eight bytes a read.
#[derive(Clone, Default)]
pub struct Fake {
    items: Arc<BTreeMap<String, Item>>,
    asked: Arc<Mutex<Vec<String>>>,
}

struct Text(String);

impl Reader for Text {
    fn read(&self, offset: u64, size: usize) -> Result<Vec<u8>, Error> {
        let rest = self.0.as_bytes().iter().skip(offset as usize);
        Ok(rest.take(size.min(8)).copied().collect())
    }
}

impl Writer for Text {
    fn write(&self, _: u64, data: &[u8]) -> Result<usize, Error> {
        Ok(data.len())
    }
}

impl Fake {
    pub fn items(&self) -> &BTreeMap<String, Item> {
        &self.items
    }

    /// The paths that it was asked for.
    pub fn asked(&self) -> MutexGuard<'_, Vec<String>> {
        self.asked.lock()
    }

    fn get(&self, path: &[u8]) -> Result<&Item, Error> {
        let path = std::str::from_utf8(path).unwrap();
        self.asked().push(path.into());
        self.items().get(path).ok_or(Error::NotFound)
    }

    fn text(&self, path: &[u8]) -> Result<Text, Error> {
        match self.get(path)? {
            Item::File(text) => Ok(Text(text.clone())),
            _ => Err(Error::Denied),
        }
    }
}

fn kind(item: &Item) -> Kind {
    match item {
        Item::Directory => Kind::Directory,
        Item::File(_) => Kind::File,
        Item::Link(_) => Kind::Link,
    }
}

impl Source for Fake {
    fn stat(&self, path: &[u8]) -> Result<Stat, Error> {
        Ok(Stat {
            kind: kind(self.get(path)?),
            perm: 0o444,
            uid: 0,
            gid: 0,
            size: 4096,
            device: (0, 0),
            time: SystemTime::UNIX_EPOCH,
            lifetime: Lifetime::Short,
            identity: 0,
        })
    }

    fn list(&self, path: &[u8]) -> Result<Vec<Entry>, Error> {
        self.get(path)?;
        let top = format!("{}/", String::from_utf8_lossy(path));
        let below = self.items().iter().filter_map(|(path, item)| {
            let name = path.strip_prefix(&top).filter(|name| !name.contains('/'))?;
            Some(Entry {
                name: name.into(),
                kind: kind(item),
            })
        });
        Ok(below.collect())
    }

    fn readlink(&self, path: &[u8]) -> Result<BString, Error> {
        match self.get(path)? {
            Item::Link(target) => Ok(target.as_str().into()),
            _ => Err(Error::Invalid),
        }
    }

    fn exists(&self, path: &[u8]) -> bool {
        self.get(path).is_ok()
    }

    fn resolve(&self, path: &[u8], target: &[u8]) -> Option<BString> {
        host::sysfs::resolve(path, target)
    }

    fn open_read(&self, path: &[u8]) -> Result<Box<dyn Reader>, Error> {
        Ok(Box::new(self.text(path)?))
    }

    fn open_write(&self, path: &[u8]) -> Result<Box<dyn Writer>, Error> {
        Ok(Box::new(self.text(path)?))
    }
}

pub const CPUS: &str = "/devices/system/cpu";

/// 36 CPUs: 0 to 31 in node 0, the rest in node 1; two and two are a core, four and four have one
/// cpufreq policy, whose number is the highest of theirs.
pub fn host() -> Fake {
    let mut items = BTreeMap::new();
    let mut put = |path: &str, item: Item| {
        for (at, _) in path.match_indices('/') {
            items.entry(path[..at].into()).or_insert(Item::Directory);
        }
        items.insert(path.to_owned(), item);
    };
    let file = |text: String| Item::File(format!("{text}\n"));
    let link = |to: String| Item::Link(to);
    let of = |cpus: std::ops::Range<u32>| cpus.collect::<CpuSet>();
    for name in ["online", "present", "possible"] {
        put(&format!("{CPUS}/{name}"), file("0-35".into()));
    }
    put(&format!("{CPUS}/offline"), file("36-63".into()));
    put(&format!("{CPUS}/isolated"), file("2-5,34".into()));
    put(&format!("{CPUS}/nohz_full"), file(" (null)".into()));
    put(&format!("{CPUS}/kernel_max"), file("8191".into()));
    put(&format!("{CPUS}/cpufreq/boost"), file("1".into()));
    for cpu in 0..36 {
        let dir = format!("{CPUS}/cpu{cpu}");
        let (core, group) = (of(cpu & !1..(cpu & !1) + 2), of(cpu & !3..(cpu & !3) + 4));
        put(&format!("{dir}/uevent"), file(String::new()));
        put(&format!("{dir}/online"), file("1".into()));
        put(
            &format!("{dir}/topology/core_id"),
            file((cpu / 2).to_string()),
        );
        put(&format!("{dir}/topology/core_cpus"), file(core.mask(9)));
        put(
            &format!("{dir}/topology/core_cpus_list"),
            file(core.to_string()),
        );
        put(
            &format!("{dir}/topology/thread_siblings"),
            file(core.mask(9)),
        );
        put(
            &format!("{dir}/cache/index3/shared_cpu_map"),
            file(of(0..36).mask(9)),
        );
        put(
            &format!("{dir}/cache/index3/shared_cpu_list"),
            file("0-35".into()),
        );
        put(
            &format!("{dir}/cpufreq"),
            link(format!("../cpufreq/policy{}", cpu | 3)),
        );
        put(
            &format!("/bus/cpu/devices/cpu{cpu}"),
            link(format!("../../../devices/system/cpu/cpu{cpu}")),
        );
        let node = cpu / 32;
        let node = format!("/devices/system/node/node{node}");
        put(
            &format!("{node}/cpu{cpu}"),
            link(format!("../../cpu/cpu{cpu}")),
        );
        let policy = format!("{CPUS}/cpufreq/policy{}", cpu | 3);
        put(&format!("{policy}/related_cpus"), file(group.numbers()));
        put(&format!("{policy}/affected_cpus"), file(group.numbers()));
        put(
            &format!("{policy}/scaling_governor"),
            file("performance".into()),
        );
        put(
            &format!("/devices/system/clockevents/clockevent{cpu}/current_device"),
            file("lapic".into()),
        );
    }
    for (node, cpus) in [(0, of(0..32)), (1, of(32..36))] {
        put(
            &format!("/devices/system/node/node{node}/cpulist"),
            file(cpus.to_string()),
        );
        put(
            &format!("/devices/system/node/node{node}/cpumap"),
            file(cpus.mask(9)),
        );
    }
    Fake {
        items: Arc::new(items),
        asked: Arc::default(),
    }
}

/// CPUs that a test changes.
pub struct Fixed(Mutex<Arc<CpuSet>>);

impl Fixed {
    pub fn new(cpus: &str) -> Fixed {
        let fixed = Fixed(Mutex::default());
        fixed.set(cpus);
        fixed
    }

    pub fn set(&self, cpus: &str) {
        *self.0.lock() = Arc::new(CpuSet::parse_list(cpus.as_bytes()).unwrap());
    }
}

impl Cpus for Fixed {
    fn now(&self) -> Arc<CpuSet> {
        self.0.lock().clone()
    }
}

/// A view of [`host`] with these CPUs.
pub fn view(cpus: &str) -> (Fake, Arc<Fixed>, CpuView<Fake>) {
    let (fake, fixed) = (host(), Arc::new(Fixed::new(cpus)));
    let view = CpuView::new(fake.clone(), Some(fixed.clone()));
    (fake, fixed, view)
}
