//! Whether the view is what the model says, and has said what changed.

use std::collections::{BTreeMap, BTreeSet};

use kobject::Devpath;
use policy::{FileAccess, Reason, RuleRef, Shown, ViewChange};

use crate::{
    asked,
    met::{Count, Met},
    naive::{self, Dev, Model, Rule, Why},
    places,
    shown::{self, devpath},
    world::World,
};

pub type ShownMap = BTreeMap<Devpath, Shown>;

/// The view is what the model says, device by device. Gives what shows.
pub fn same_devices(world: &World, model: &Model, count: &mut Count) -> ShownMap {
    let (view, table) = (&world.view, &world.table);
    let mut expected = BTreeMap::new();
    let mut waiting = BTreeSet::new();
    for dev in &model.devices {
        let path = devpath(&dev.path);
        if same_decision(world, model, dev, count) {
            waiting.insert(path.clone());
        }
        if let Some(shown) = shown::shown(model, dev) {
            if !shown.links.is_empty() {
                count.met(Met::Links);
            }
            if !shown.no_links.is_empty() {
                count.met(Met::NoLinks);
            }
            expected.insert(path.clone(), shown);
        }
        let sight = view.sight(&path).map(|sight| match sight {
            policy::Sight::Rw => naive::Sight::Rw,
            policy::Sight::Ro => naive::Sight::Ro,
            policy::Sight::Ancestor => naive::Sight::Ancestor,
            policy::Sight::HiddenAncestor => naive::Sight::HiddenAncestor,
        });
        assert_eq!(sight, model.sight(dev), "{path}");
        count.met(match sight {
            Some(naive::Sight::Rw) => Met::Rw,
            Some(naive::Sight::Ro) => Met::Ro,
            Some(naive::Sight::Ancestor) => Met::Ancestor,
            Some(naive::Sight::HiddenAncestor) if model.decide(dev).by_name => Met::HiddenAncestor,
            Some(naive::Sight::HiddenAncestor) => Met::Skeleton,
            None => Met::Hidden,
        });
    }
    let shown: ShownMap = view
        .shown()
        .map(|(devpath, shown)| (devpath.clone(), shown.clone()))
        .collect();
    assert_eq!(shown, expected);
    assert!(view.waiting().eq(&waiting), "waiting: {waiting:?}");
    for place in places::all() {
        if !model.devices.iter().any(|dev| dev.path == place) {
            let path = devpath(&place);
            let seen = (view.sight(&path), view.decision(table, &path));
            assert_eq!(seen, (None, None), "{place}");
        }
    }
    expected
}

/// The decision about a device is the model's; whether it waits for udev.
fn same_decision(world: &World, model: &Model, dev: &Dev, count: &mut Count) -> bool {
    let path = &dev.path;
    let decided = model.decide(dev);
    let decision = world.view.decision(&world.table, &devpath(path)).unwrap();
    let same_rule = |rule: &RuleRef, index: usize| {
        let expected: &Rule = &model.file.rules[index];
        let name = expected.name.as_deref();
        assert_eq!(
            (&*rule.policy, rule.rule.as_deref(), &*rule.file, rule.line),
            (expected.policy, name, "test.yaml", expected.line),
            "{path}"
        );
    };
    let mut waits = false;
    match (&decided.why, &decision.reason) {
        (Why::Default, Reason::Default) | (Why::Other, Reason::OtherNamespace) => {}
        (Why::Own, Reason::OwnNamespace) => count.met(Met::Own),
        (
            Why::Rule { index, through },
            Reason::Rule {
                rule,
                through: actual,
            },
        ) => {
            same_rule(rule, *index);
            let actual = actual.as_ref().map(Devpath::to_string);
            assert_eq!(actual, *through, "{path}");
            if through.is_some() {
                count.met(Met::Through);
                if dev.get("DEVTYPE") == Some("partition") && decided.show == naive::Show::Rw {
                    count.met(Met::Partition);
                }
            }
        }
        (Why::Unknown { index, keys }, Reason::Unknown { rule, keys: actual }) => {
            same_rule(rule, *index);
            assert!(actual.is_sorted());
            let mut actual: Vec<String> = actual.iter().map(ToString::to_string).collect();
            actual.sort();
            assert_eq!(actual, *keys, "{path}");
            let attribute = |key: &String| key.starts_with("attribute ");
            waits = !keys.iter().all(attribute);
            count.met(Met::Unknown);
            if keys.iter().any(attribute) {
                count.met(Met::UnknownAttribute);
            }
            if keys.iter().any(|key| key.starts_with("its ")) {
                count.met(Met::UnknownTagOrLink);
            }
        }
        (expected, actual) => panic!("{path}: {actual:?}, not {expected:?}"),
    }
    let show = match decision.show {
        policy::Show::Rw => naive::Show::Rw,
        policy::Show::Ro => naive::Show::Ro,
        policy::Show::Hide => naive::Show::Hide,
    };
    assert_eq!(show, decided.show, "{path}");
    let rule = decided.rule.map(|index| &model.file.rules[index]);
    let events = rule.and_then(|rule| rule.events).unwrap_or("kernel");
    assert_eq!(decision.events().as_str(), events, "{path}");
    if events != "kernel" {
        count.met(Met::Events);
    }
    if show != naive::Show::Hide {
        let ancestors = if decided.files { "files" } else { "skeleton" };
        assert_eq!(decision.ancestors().as_str(), ancestors, "{path}");
    }
    waits
}

/// The change is the difference, and each list is in order: that is what the container will be told.
pub fn same_change(
    before: &ShownMap,
    after: &ShownMap,
    change: &ViewChange,
    what: Situations,
    count: &mut Count,
) {
    let lacks = |map: &ShownMap, shown: &Shown| !map.contains_key(&shown.devpath);
    let vanished = before.values().filter(|shown| lacks(after, shown));
    let appeared = after.values().filter(|shown| lacks(before, shown));
    let altered = after.values().filter_map(|shown| {
        let before = before.get(&shown.devpath)?;
        (before != shown).then_some((before, shown))
    });
    assert!(change.vanished.iter().eq(vanished), "vanished: {change:#?}");
    assert!(change.appeared.iter().eq(appeared), "appeared: {change:#?}");
    let says = change.altered.iter().map(|(before, after)| (before, after));
    assert!(says.eq(altered), "altered: {change:#?}");
    assert!(change.paths.is_sorted_by(|a, b| a < b));
    for (list, situation) in [
        (change.vanished.len(), what.vanished),
        (change.appeared.len(), what.appeared),
        (change.altered.len(), what.altered),
    ] {
        (0..list).for_each(|_| count.met(situation));
    }
}

/// What a change counts as.
#[derive(Clone, Copy)]
pub struct Situations {
    pub vanished: Met,
    pub appeared: Met,
    pub altered: Met,
    pub paths: Met,
}

/// What may be done at a path is what the model says.
pub fn same_verdict(world: &World, model: &Model, path: &str, count: &mut Count) {
    let verdict = world.view.judge(&world.table, path.as_bytes());
    let file = match verdict.file {
        FileAccess::None => 0,
        FileAccess::Read => 1,
        FileAccess::Write => 2,
        FileAccess::Uevent => 3,
    };
    let expected = model.verdict(path);
    assert_eq!((verdict.dir, file, verdict.link), expected, "{path}");
    if expected.1 == 2 {
        count.met(Met::Writable);
    }
    if path.starts_with("/kernel") && expected.1 == 1 {
        count.met(Met::ByPath);
    }
}

/// What a container finds at each path: nothing, or what it is and how it may be used. `all` are the devices that there are or were.
fn effective(model: &Model, all: &[&Dev], paths: &[String]) -> BTreeMap<String, String> {
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
            .map(|dev| &dev.path)
            .filter(|place| path == *place || naive::below(path, place))
            .max_by_key(|place| place.len());
        let exists = place.is_none_or(|place| model.devices.iter().any(|dev| dev.path == *place));
        let is_dir = exists && !is_link(path) && !is_file(path);
        let mut devices = model.devices.iter();
        let target = devices.find(|dev| asked::links(dev).contains(path));
        let what = match target {
            Some(dev) if link && model.verdict(&dev.path).0 => format!("link to {}", dev.path),
            Some(_) => continue,
            None if is_dir && dir => "dir".to_owned(),
            None if exists && is_file(path) && file > 0 => format!("file {file}"),
            None => continue,
        };
        found.insert(path.clone(), what);
    }
    found
}

/// Every path where something else is found now is among the change's, or below one that is.
pub fn paths_cover(
    before: &Model,
    after: &Model,
    change: &ViewChange,
    what: Situations,
    count: &mut Count,
) {
    let all: Vec<&Dev> = before.devices.iter().chain(&after.devices).collect();
    let paths = asked::paths(&all);
    let was = effective(before, &all, &paths);
    let is = effective(after, &all, &paths);
    for path in paths.iter().filter(|path| was.get(*path) != is.get(*path)) {
        let covered = change.paths.iter().any(|changed| {
            let changed = std::str::from_utf8(changed).unwrap();
            path == changed || naive::below(path, changed)
        });
        assert!(
            covered,
            "{path} was {:?}, is {:?}, not in {:?}",
            was.get(path),
            is.get(path),
            change.paths
        );
        count.met(what.paths);
    }
}
