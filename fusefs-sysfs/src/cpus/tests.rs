use std::collections::BTreeSet;

use kobject::Devpath;
use parking_lot::RwLock;
use policy::{DeviceTable, Rules, View};
use viewfs::{Filtered, Scene, Tree, Uevents};

use super::fixtures::{CPUS, Fixed, Item, host, view};
use super::*;

fn names(view: &impl Source, path: &str) -> Vec<String> {
    let entries = view.list(path.as_bytes()).unwrap();
    entries.iter().map(|e| e.name.to_string()).collect()
}

fn text(view: &impl Source, path: &str) -> String {
    let reader = view.open_read(path.as_bytes()).unwrap();
    String::from_utf8(whole(&*reader).unwrap()).unwrap()
}

#[test]
fn only_the_containers_cpus_are_there() {
    let (fake, _, view) = view("2-3,33");
    let dir = [
        "cpu2",
        "cpu3",
        "cpu33",
        "cpufreq",
        "isolated",
        "kernel_max",
        "nohz_full",
        "offline",
        "online",
        "possible",
        "present",
    ];
    assert_eq!(names(&view, CPUS), dir);
    assert_eq!(
        names(&view, "/devices/system/clockevents"),
        ["clockevent2", "clockevent3", "clockevent33"]
    );
    for path in [
        "cpu0",
        "cpu32",
        "cpu0/topology",
        "cpu0/topology/core_id",
        "cpu0/online",
        "cpu36",
        "cpufreq/policy7",
        "cpufreq/policy7/related_cpus",
    ] {
        let path = format!("{CPUS}/{path}");
        let path = path.as_bytes();
        fake.asked().clear();
        assert_eq!(view.stat(path), Err(Error::NotFound));
        assert_eq!(view.list(path), Err(Error::NotFound));
        assert_eq!(view.readlink(path), Err(Error::NotFound));
        assert!(!view.exists(path));
        assert_eq!(view.open_read(path).err(), Some(Error::NotFound));
        assert_eq!(view.open_write(path).err(), Some(Error::NotFound));
        // nothing was asked about it
        let asked = fake.asked();
        assert!(!asked.iter().any(|p| p.as_bytes() == path), "{asked:?}");
    }
    assert!(view.exists(format!("{CPUS}/cpu33/uevent").as_bytes()));
    assert_eq!(
        view.stat(format!("{CPUS}/cpu2").as_bytes()).unwrap().kind,
        Kind::Directory
    );
}

#[test]
fn links_to_other_cpus_are_not_there() {
    let (_, _, view) = view("2-3,33");
    for dir in [
        "/bus/cpu/devices",
        "/devices/system/node/node0",
        "/devices/system/node/node1",
    ] {
        for cpu in 0..36 {
            let path = format!("{dir}/cpu{cpu}");
            let there = host().exists(path.as_bytes()) && [2, 3, 33].contains(&cpu);
            assert_eq!(view.readlink(path.as_bytes()).is_ok(), there, "{path}");
            assert_eq!(view.stat(path.as_bytes()).is_ok(), there, "{path}");
        }
    }
    // its number is another's, but it is the policy of one of the container's
    let link = format!("{CPUS}/cpu33/cpufreq");
    assert_eq!(
        view.readlink(link.as_bytes()).unwrap(),
        "../cpufreq/policy35"
    );
}

#[test]
fn texts_name_only_the_containers_cpus() {
    let (_, _, view) = view("2-3,33");
    for (path, expected) in [
        ("cpu/online", "2-3,33\n"),
        ("cpu/present", "2-3,33\n"),
        ("cpu/possible", "2-3,33\n"),
        ("cpu/offline", "\n"),
        ("cpu/isolated", "2-3\n"),
        ("cpu/nohz_full", " (null)\n"),
        ("cpu/kernel_max", "8191\n"),
        ("cpu/cpu33/topology/core_id", "16\n"),
        ("cpu/cpu33/topology/core_cpus", "2,00000000\n"),
        ("cpu/cpu33/topology/core_cpus_list", "33\n"),
        ("cpu/cpu2/topology/thread_siblings", "0,0000000c\n"),
        ("cpu/cpu2/cache/index3/shared_cpu_map", "2,0000000c\n"),
        ("cpu/cpu2/cache/index3/shared_cpu_list", "2-3,33\n"),
        ("cpu/cpufreq/policy3/related_cpus", "2 3\n"),
        ("cpu/cpufreq/policy35/affected_cpus", "33\n"),
        ("cpu/cpufreq/policy35/scaling_governor", "performance\n"),
        ("node/node0/cpulist", "2-3\n"),
        ("node/node0/cpumap", "0,0000000c\n"),
        ("node/node1/cpumap", "2,00000000\n"),
    ] {
        assert_eq!(
            text(&view, &format!("/devices/system/{path}")),
            expected,
            "{path}"
        );
    }
    assert_eq!(
        names(&view, &format!("{CPUS}/cpufreq")),
        ["boost", "policy3", "policy35"]
    );
}

#[test]
fn a_text_is_read_from_anywhere() {
    let (_, _, view) = view("2-3,33");
    let file = view.open_read(format!("{CPUS}/online").as_bytes()).unwrap();
    for (offset, size, expected) in [
        (0, 3, "2-3"),
        (3, 100, ",33\n"),
        (6, 1, "\n"),
        (7, 100, ""),
        (u64::MAX, 1, ""),
        (0, 0, ""),
    ] {
        assert_eq!(
            file.read(offset, size).unwrap(),
            expected.as_bytes(),
            "{offset} {size}"
        );
    }
}

#[test]
fn a_change_shows_at_once_in_open_files_too() {
    let (_, fixed, view) = view("2-3");
    let open = |name: &str| view.open_read(format!("{CPUS}/{name}").as_bytes()).unwrap();
    let (online, id, governor) = (
        open("online"),
        open("cpu2/topology/core_id"),
        open("cpufreq/policy3/scaling_governor"),
    );
    let writer = view
        .open_write(format!("{CPUS}/cpu2/online").as_bytes())
        .unwrap();
    assert_eq!(writer.write(0, b"1"), Ok(1));
    fixed.set("3-4");
    assert_eq!(online.read(0, 100).unwrap(), b"3-4\n");
    assert_eq!(id.read(0, 100), Err(Error::NoDevice));
    assert_eq!(writer.write(0, b"1"), Err(Error::NoDevice));
    assert_eq!(governor.read(0, 8).unwrap(), b"performa");
    assert!(view.exists(format!("{CPUS}/cpu4").as_bytes()));
    fixed.set("4");
    assert_eq!(governor.read(0, 100), Err(Error::NoDevice));
    fixed.set("2");
    assert_eq!(id.read(0, 100).unwrap(), b"1\n");
}

#[test]
fn without_cpus_said_it_is_the_source() {
    let fake = host();
    let view = CpuView::new(fake.clone(), None);
    for (path, item) in fake.items() {
        let bytes = path.as_bytes();
        assert_eq!(view.stat(bytes).unwrap(), fake.stat(bytes).unwrap());
        match item {
            Item::Directory => assert_eq!(names(&view, path), names(&fake, path)),
            Item::File(expected) => {
                assert_eq!(
                    whole(&*view.open_read(bytes).unwrap()).unwrap(),
                    expected.as_bytes()
                );
            }
            Item::Link(target) => assert_eq!(view.readlink(bytes).unwrap(), target.as_str()),
        }
    }
}

#[test]
fn events_of_other_cpus_are_withheld() {
    let hides = hides(Arc::new(Fixed::new("1")));
    for (devpath, hidden) in [
        ("/devices/system/cpu/cpu0", true),
        ("/devices/system/cpu/cpu1", false),
        ("/devices/system/machinecheck/machinecheck0", true),
        ("/devices/system/node/node0", false),
        ("/devices/virtual/block/loop0", false),
    ] {
        let devpath = Devpath::parse(devpath.as_bytes()).unwrap();
        assert_eq!(hides(&devpath), hidden, "{devpath}");
    }
}

struct Nobody;

impl Uevents for Nobody {
    fn write(&self, _: &Devpath, _: &[u8]) -> Result<usize, Error> {
        Err(Error::Unsupported)
    }
}

/// Everything that a walk of the filtered view finds.
fn walk(tree: &impl Tree, path: &str, found: &mut BTreeSet<String>) {
    for entry in tree.list(path.as_bytes()).unwrap() {
        let child = format!("{path}/{}", entry.name);
        assert_eq!(
            tree.stat(child.as_bytes()).unwrap().kind,
            entry.kind,
            "{child}"
        );
        match entry.kind {
            Kind::Directory => walk(tree, &child, found),
            Kind::Link => assert!(tree.readlink(child.as_bytes()).is_ok(), "{child}"),
            _ => {}
        }
        found.insert(child);
    }
}

/// With the filter on top, what is found is what is found with all CPUs, less what has another's
/// number in its name.
#[test]
fn a_walk_finds_the_containers_cpus_and_all_else() {
    let policy = Rules::builtin("all").unwrap().policy("all").unwrap();
    let walked = |cpus: &str| {
        let (_, _, view) = view(cpus);
        let mut table = DeviceTable::new();
        for path in (0..36).map(|cpu| format!("{CPUS}/cpu{cpu}")) {
            let mut device = kobject::Device::new(Devpath::parse(path.as_bytes()).unwrap());
            device.subsystem = Some("cpu".into());
            table.insert(policy::Facts::new(device));
        }
        let mut view_of = View::new(policy.clone());
        view_of.refresh_all(&table);
        let scene = Arc::new(RwLock::new(Scene {
            table,
            view: view_of,
            generation: 0,
        }));
        let tree = Filtered::new(Arc::new(view), scene, Arc::new(Nobody), None, (0, 0));
        let mut found = BTreeSet::new();
        walk(&tree, "", &mut found);
        found
    };
    let all = walked("0-35");
    assert!(
        all.contains("/bus/cpu/devices/cpu35") && all.contains("/devices/system/node/node1/cpu32")
    );
    for cpus in ["0", "35", "2-3,33", "0-31", "1,3,5,7,9,11"] {
        let set = CpuSet::parse_list(cpus.as_bytes()).unwrap();
        let shows = |path: &String| {
            path.split('/').all(|part| {
                let of = |prefix| {
                    part.strip_prefix(prefix)
                        .and_then(|n| n.parse::<u32>().ok())
                };
                let one = of("cpu").or_else(|| of("clockevent"));
                let four = of("policy");
                one.is_none_or(|cpu| set.contains(cpu))
                    && four.is_none_or(|last| (last - 3..=last).any(|cpu| set.contains(cpu)))
            })
        };
        let expected: BTreeSet<String> = all.iter().filter(|path| shows(path)).cloned().collect();
        assert_eq!(walked(cpus), expected, "{cpus}");
    }
}
