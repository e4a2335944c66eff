//! The views of random rules on random devices, plugged, unplugged, changed and spoken of in random order, compared after every step with
//! a naive model.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicUsize, Ordering},
};

use kobject::{Device, Devpath, Properties, UdevSaid};
use policy::{
    DeviceTable, Facts, FileAccess, NoLink, NoLinkReason, OnRevoke, Owner, Reason, Rules, Shown,
    View, ViewChange,
};
use proptest::test_runner::{Config, TestRunner};

#[path = "model/devices.rs"]
mod devices;
#[path = "model/generate.rs"]
mod generate;
#[path = "model/globs.rs"]
mod globs;
#[path = "model/links.rs"]
mod links;
#[path = "model/naive.rs"]
mod naive;
#[path = "model/paths.rs"]
mod paths;

use devices::Random;
use naive::{Dev, Model, Rule, Why};

/// How many cases met what the test is about.
#[derive(Default)]
struct Met {
    shown: AtomicUsize,
    read_only: AtomicUsize,
    hidden: AtomicUsize,
    ancestor: AtomicUsize,
    hidden_ancestor: AtomicUsize,
    unknown: AtomicUsize,
    through: AtomicUsize,
    own: AtomicUsize,
    partition: AtomicUsize,
    vanished: AtomicUsize,
    appeared: AtomicUsize,
    altered: AtomicUsize,
    silent: AtomicUsize,
    moved_paths: AtomicUsize,
    writable: AtomicUsize,
    by_path: AtomicUsize,
    links: AtomicUsize,
    no_links: AtomicUsize,
}

fn devpath(text: &str) -> Devpath {
    Devpath::parse(text.as_bytes()).unwrap()
}

fn name_below_dev(text: &str) -> kobject::Devname {
    kobject::Devname::parse(text.as_bytes()).unwrap()
}

fn properties(list: &[(String, String)]) -> Properties {
    list.iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect()
}

fn facts(dev: &Dev) -> Facts {
    let bytes = |text: &Option<String>| text.as_deref().map(Into::into);
    Facts {
        device: Device {
            devpath: devpath(&dev.path),
            subsystem: bytes(&dev.subsystem),
            driver: bytes(&dev.driver),
            module: bytes(&dev.module),
            properties: properties(&dev.kernel),
        },
        udev: match &dev.udev {
            naive::Udev::Absent => policy::Udev::Absent,
            naive::Udev::Unknown => policy::Udev::Unknown,
            naive::Udev::Known(list) => policy::Udev::Known(UdevSaid {
                properties: properties(list),
                links: dev
                    .host_links
                    .iter()
                    .map(|link| name_below_dev(link))
                    .collect(),
                link_priority: dev.link_priority,
                ..UdevSaid::default()
            }),
        },
        attrs: Default::default(),
        own: dev.own,
    }
}

/// The links of a device by its rule, and those that come to nothing.
fn expected_links(dev: &Dev, rule: &Rule) -> (Vec<kobject::Devname>, Vec<NoLink>) {
    let (mut made, mut not) = (Vec::new(), Vec::new());
    for template in &rule.links {
        match links::expand(template, dev) {
            Ok(link) if made.contains(&name_below_dev(&link)) => {}
            Ok(link) => made.push(name_below_dev(&link)),
            Err((what, key)) => not.push(NoLink {
                link: (*template).into(),
                why: match what {
                    "absent" => NoLinkReason::Absent(key.as_str().into()),
                    "unknown" => NoLinkReason::Unknown(key.as_str().into()),
                    _ => NoLinkReason::NoName,
                },
            }),
        }
    }
    (made, not)
}

fn expected_shown(
    model: &Model,
    dev: &Dev,
    show: naive::Show,
    rule: Option<usize>,
    met: &Met,
) -> Shown {
    let devname = dev
        .get("DEVNAME")
        .and_then(|name| kobject::Devname::parse(name.as_bytes()).ok());
    let devnum = dev
        .devnum()
        .map(|(kind, major, minor)| format!("{kind} {major}:{minor}").parse().unwrap());
    let has_node = devnum.is_some() && devname.is_some();
    let said = has_node && matches!(dev.udev, naive::Udev::Known(_));
    let order = rule.map_or(usize::MAX, |index| {
        let devices = |rule: &&Rule| matches!(rule.about, naive::About::Devices { .. });
        model.rules[..index].iter().filter(devices).count()
    });
    let rule = rule.map(|index| &model.rules[index]);
    let (links, no_links) = match rule {
        Some(rule) if has_node => expected_links(dev, rule),
        _ => Default::default(),
    };
    met.links.fetch_add(links.len(), Ordering::Relaxed);
    met.no_links.fetch_add(no_links.len(), Ordering::Relaxed);
    Shown {
        devpath: devpath(&dev.path),
        show: if show == naive::Show::Rw {
            policy::Show::Rw
        } else {
            policy::Show::Ro
        },
        devnum,
        devname,
        devmode: dev
            .get("DEVMODE")
            .map(|mode| u32::from_str_radix(mode, 8).unwrap()),
        subsystem: dev.subsystem.as_deref().map(Into::into),
        own: dev.own,
        mode: rule.and_then(|rule| Some(u32::from_str_radix(rule.mode?, 8).unwrap())),
        uid: rule.and_then(|rule| Some(owner(rule.uid?))),
        gid: rule.and_then(|rule| Some(owner(rule.gid?))),
        links,
        no_links,
        host_links: if said {
            dev.host_links
                .iter()
                .map(|link| name_below_dev(link))
                .collect()
        } else {
            Vec::new()
        },
        link_priority: if said { dev.link_priority } else { 0 },
        order,
        arrival: dev.arrival,
        on_revoke: match rule.is_some_and(|rule| rule.kill) {
            true => OnRevoke::Kill,
            false => OnRevoke::Report,
        },
        events: policy::Events::default(),
    }
}

fn owner(text: &str) -> Owner {
    match text.parse() {
        Ok(id) => Owner::Id(id),
        Err(_) => Owner::Name(text.into()),
    }
}

fn verdict(view: &View, table: &DeviceTable, path: &str) -> naive::Verdict {
    let verdict = view.judge(table, path.as_bytes());
    let file = match verdict.file {
        FileAccess::None => 0,
        FileAccess::Read => 1,
        FileAccess::Write => 2,
        FileAccess::Uevent => 3,
    };
    (verdict.dir, file, verdict.link)
}

/// The view is what the model says, device by device.
fn same_devices(view: &View, table: &DeviceTable, model: &Model, met: &Met) {
    let shown: BTreeMap<Devpath, Shown> = view
        .shown()
        .map(|(devpath, shown)| (devpath.clone(), shown.clone()))
        .collect();
    let mut expected = BTreeMap::new();
    let mut waiting = BTreeSet::new();
    for dev in model.devices {
        let decided = model.decide(dev);
        let decision = view.decision(table, &devpath(&dev.path)).unwrap();
        let same_rule = |rule: &policy::RuleRef, index: usize| {
            let expected: &Rule = &model.rules[index];
            let name = expected.name.as_deref();
            assert_eq!(
                (&*rule.policy, rule.rule.as_deref(), &*rule.file, rule.line),
                (expected.policy, name, "test.yaml", expected.line),
                "{}",
                dev.path
            );
        };
        match (&decided.why, &decision.reason) {
            (Why::Default, Reason::Default) | (Why::Other, Reason::OtherNamespace) => {}
            (Why::Own, Reason::OwnNamespace) => count(&met.own),
            (
                Why::Rule { index, through },
                Reason::Rule {
                    rule,
                    through: actual,
                },
            ) => {
                same_rule(rule, *index);
                assert_eq!(
                    actual.as_ref().map(Devpath::to_string),
                    *through,
                    "{}",
                    dev.path
                );
                if through.is_some() {
                    count(&met.through);
                    if dev.get("DEVTYPE") == Some("partition") && decided.show == naive::Show::Rw {
                        count(&met.partition);
                    }
                }
            }
            (Why::Unknown { index, keys }, Reason::Unknown { rule, keys: actual }) => {
                same_rule(rule, *index);
                let actual: Vec<String> = actual.iter().map(ToString::to_string).collect();
                assert_eq!(actual, *keys, "{}", dev.path);
                waiting.insert(devpath(&dev.path));
                count(&met.unknown);
            }
            (expected, actual) => panic!("{}: {actual:?}, not {expected:?}", dev.path),
        }
        let show = match decision.show {
            policy::Show::Rw => naive::Show::Rw,
            policy::Show::Ro => naive::Show::Ro,
            policy::Show::Hide => naive::Show::Hide,
        };
        assert_eq!(show, decided.show, "{}", dev.path);
        if show != naive::Show::Hide {
            expected.insert(
                devpath(&dev.path),
                expected_shown(model, dev, show, decided.rule, met),
            );
        }
        let sight = view.sight(&devpath(&dev.path)).map(|sight| match sight {
            policy::Sight::Rw => naive::Sight::Rw,
            policy::Sight::Ro => naive::Sight::Ro,
            policy::Sight::Ancestor => naive::Sight::Ancestor,
            policy::Sight::HiddenAncestor => naive::Sight::HiddenAncestor,
        });
        assert_eq!(sight, model.sight(dev), "{}", dev.path);
        count(match sight {
            Some(naive::Sight::Rw) => &met.shown,
            Some(naive::Sight::Ro) => &met.read_only,
            Some(naive::Sight::Ancestor) => &met.ancestor,
            Some(naive::Sight::HiddenAncestor) => &met.hidden_ancestor,
            None => &met.hidden,
        });
    }
    assert_eq!(shown, expected);
    assert_eq!(view.waiting().cloned().collect::<BTreeSet<_>>(), waiting);
    for place in devices::places()
        .iter()
        .filter(|place| !model.devices.iter().any(|dev| dev.path == **place))
    {
        assert_eq!(
            (
                view.sight(&devpath(place)),
                view.decision(table, &devpath(place))
            ),
            (None, None),
            "{place}"
        );
    }
}

fn count(counter: &AtomicUsize) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// Adds a change to what was shown before; it must fit.
fn add_up(shown: &mut BTreeMap<Devpath, Shown>, change: &ViewChange, met: &Met) {
    for gone in &change.vanished {
        assert_eq!(shown.remove(&gone.devpath).as_ref(), Some(gone));
        count(&met.vanished);
    }
    for (before, after) in &change.altered {
        assert_eq!(before.devpath, after.devpath);
        assert_ne!(before, after);
        assert_eq!(
            shown.insert(after.devpath.clone(), after.clone()).as_ref(),
            Some(before)
        );
        count(&met.altered);
    }
    for new in &change.appeared {
        assert_eq!(shown.insert(new.devpath.clone(), new.clone()), None);
        count(&met.appeared);
    }
    for list in [
        change
            .vanished
            .iter()
            .map(|shown| &shown.devpath)
            .collect::<Vec<_>>(),
        change.appeared.iter().map(|shown| &shown.devpath).collect(),
    ] {
        assert!(list.is_sorted());
    }
    assert!(change.paths.is_sorted());
}

/// What a container finds at each path of a host with these devices: nothing, or a letter for what it is and how it may be used.
fn effective(model: &Model, paths: &[String]) -> BTreeMap<String, String> {
    let all = devices::places();
    let is_link = |path: &str| {
        ["/class/", "/block/", "/dev/block/", "/dev/char/"]
            .iter()
            .any(|top| path.starts_with(top))
            || path.matches('/').count() >= 4 && path.starts_with("/bus/")
    };
    let is_file = |path: &str| {
        ["/uevent", "/control", "/brightness"]
            .iter()
            .any(|end| path.ends_with(end))
    };
    let mut found = BTreeMap::new();
    for path in paths {
        let (dir, file, link) = model.verdict(path);
        // What is below a place is there while its device is.
        let place = all
            .iter()
            .filter(|place| path == *place || path.starts_with(&format!("{place}/")))
            .max_by_key(|place| place.len());
        let exists = place.is_none_or(|place| model.devices.iter().any(|dev| dev.path == *place));
        let is_dir = exists && !is_link(path) && !is_file(path);
        let target = model
            .devices
            .iter()
            .find(|dev| devices::links(dev).contains(path));
        if let Some(dev) = target {
            if link && model.verdict(&dev.path).0 {
                found.insert(path.clone(), format!("link to {}", dev.path));
            }
        } else if is_dir {
            if dir {
                found.insert(path.clone(), "dir".to_owned());
            }
        } else if exists && is_file(path) && file > 0 {
            found.insert(path.clone(), format!("file {file}"));
        }
    }
    found
}

/// Every path where something else is found now is among the change's, or below one that is.
fn paths_cover(
    before: &BTreeMap<String, String>,
    after: &BTreeMap<String, String>,
    change: &ViewChange,
    met: &Met,
) {
    let all: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for path in all
        .into_iter()
        .filter(|path| before.get(*path) != after.get(*path))
    {
        let covered = change.paths.iter().any(|changed| {
            let changed = std::str::from_utf8(changed).unwrap();
            path.strip_prefix(changed)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        assert!(
            covered,
            "{path} was {:?}, is {:?}, not in {:?}",
            before.get(path),
            after.get(path),
            change.paths
        );
        count(&met.moved_paths);
    }
}

fn run(seed: u64, rule_count: usize, place_count: usize, steps: usize, met: &Met) {
    let random = &mut Random(seed);
    let mut rules: Vec<Rule> = (0..rule_count)
        .map(|index| {
            generate::rule(
                random,
                if index < rule_count.div_ceil(2) {
                    "top"
                } else {
                    "low"
                },
                index,
            )
        })
        .collect();
    let text = generate::yaml(&mut rules);
    let parsed =
        Rules::parse("test.yaml", &text).unwrap_or_else(|errors| panic!("{errors}\n{text}"));
    let mut view = View::new(parsed.policy("top").unwrap());
    let mut table = DeviceTable::new();
    let mut devices: Vec<Dev> = Vec::new();
    let mut shown = BTreeMap::new();
    let mut arrived = 0;
    let mut come = |random: &mut Random, place| {
        arrived += 1;
        let mut dev = devices::device(random, place);
        dev.arrival = arrived;
        dev
    };

    let all = devices::places();
    let places: Vec<usize> = (0..place_count).map(|_| random.number(all.len())).collect();
    let check_paths = random.chance(8);
    let mut asked: Vec<Dev> = Vec::new();
    for step in 0..steps {
        let before = devices.clone();
        let place = *random.pick(&places);
        let at = devices.iter().position(|dev| dev.path == all[place]);
        // First most places are filled, then things happen.
        let refreshed = match (at, random.number(4)) {
            (None, _) => {
                devices.push(come(random, place));
                table.insert(facts(devices.last().unwrap()));
                Some(devpath(&all[place]))
            }
            (Some(at), 0) => {
                let gone = devices.remove(at);
                assert!(table.remove(&devpath(&gone.path)).is_some());
                Some(devpath(&gone.path))
            }
            (Some(at), 1) => {
                let arrival = devices[at].arrival;
                devices[at] = devices::device(random, place);
                devices[at].arrival = arrival;
                table.insert(facts(&devices[at]));
                Some(devpath(&devices[at].path))
            }
            (Some(at), 2) => {
                devices[at].udev = devices::udev(random);
                table.insert(facts(&devices[at]));
                Some(devpath(&devices[at].path))
            }
            _ => {
                // Several at once, as after lost events.
                for place in &places {
                    if random.chance(3) {
                        devices.retain(|dev| dev.path != all[*place]);
                        table.remove(&devpath(&all[*place]));
                    } else if random.chance(3) && !devices.iter().any(|dev| dev.path == all[*place])
                    {
                        devices.push(come(random, *place));
                        table.insert(facts(devices.last().unwrap()));
                    }
                }
                None
            }
        };
        asked.extend(devices.iter().cloned());
        let change = match &refreshed {
            Some(devpath) => view.refresh(&table, devpath),
            None => view.refresh_all(&table),
        };
        let model = Model::new(&rules, &devices);
        same_devices(&view, &table, &model, met);
        add_up(&mut shown, &change, met);
        assert_eq!(
            shown,
            view.shown()
                .map(|(devpath, shown)| (devpath.clone(), shown.clone()))
                .collect()
        );

        let old = Model::new(&rules, &before);
        let sighted = |model: &Model| model.devices.iter().any(|dev| model.sight(dev).is_some());
        if !sighted(&model) && !sighted(&old) {
            assert!(
                change.is_empty(),
                "hidden devices came and went: {change:?}"
            );
            count(&met.silent);
        }
        if check_paths {
            let places: Vec<String> = places.iter().map(|place| all[*place].clone()).collect();
            let paths = devices::paths(&places, &[&devices[..], &before].concat());
            paths_cover(
                &effective(&old, &paths),
                &effective(&model, &paths),
                &change,
                met,
            );
        }
        assert!(
            view.refresh_all(&table).is_empty(),
            "a second look at step {step} finds more"
        );
    }

    let model = Model::new(&rules, &devices);
    let places: Vec<String> = places.iter().map(|place| all[*place].clone()).collect();
    for path in devices::paths(&places, &asked) {
        let expected = if matches!(&*path, "relative" | "/a/../b" | "/class//x") {
            (false, 0, false)
        } else {
            model.verdict(&path)
        };
        assert_eq!(verdict(&view, &table, &path), expected, "{path}\n{text}");
        if expected.1 == 2 {
            count(&met.writable);
        }
        if path.starts_with("/kernel") && expected.1 == 1 {
            count(&met.by_path);
        }
    }
}

#[test]
fn views_are_what_the_model_says() {
    let met = &Met::default();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(move || {
                let config = Config {
                    cases: 5_000,
                    failure_persistence: None,
                    ..Config::default()
                };
                let choices = (proptest::num::u64::ANY, 1..8usize, 1..10usize, 1..8usize);
                let result =
                    TestRunner::new(config).run(&choices, |(seed, rules, places, steps)| {
                        run(seed, rules, places, steps, met);
                        Ok(())
                    });
                result.unwrap_or_else(|error| panic!("{error}"));
            });
        }
    });
    for (what, counter, least) in [
        ("rw", &met.shown, 8_000),
        ("ro", &met.read_only, 3_000),
        ("hidden", &met.hidden, 10_000),
        ("ancestors", &met.ancestor, 500),
        ("hidden ancestors", &met.hidden_ancestor, 100),
        ("unknown", &met.unknown, 1_000),
        ("through an ancestor", &met.through, 500),
        ("own", &met.own, 500),
        ("partitions with their disk", &met.partition, 40),
        ("vanished", &met.vanished, 1_000),
        ("appeared", &met.appeared, 5_000),
        ("altered", &met.altered, 100),
        ("silent plugs", &met.silent, 1_000),
        ("changed paths", &met.moved_paths, 5_000),
        ("writable files", &met.writable, 1_000),
        ("files by path", &met.by_path, 1_000),
        ("links", &met.links, 1_000),
        ("links that come to nothing", &met.no_links, 500),
    ] {
        let counter = counter.load(Ordering::Relaxed);
        println!("{what}: {counter}");
        assert!(counter >= least, "only {counter} times: {what}");
    }
}
