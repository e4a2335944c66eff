//! What differs between two views of the same devices.

use std::collections::BTreeMap;

use kobject::Devpath;
use policy::{DeviceTable, OnRevoke, Owner, Policy, Show, Shown, View};
use serde_json::{Value, json};

use crate::whose::in_short;

/// One difference.
pub struct Change {
    pub kind: Kind,
    /// The node, or the devpath where there is none; of a policy what of it.
    pub name: String,
    /// None of what is about no device.
    pub devpath: Option<Devpath>,
    /// Of what appears or vanishes: how it shows, or showed.
    pub show: Option<Show>,
    /// What changes, or why it appears or vanishes.
    pub what: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Appears,
    Vanishes,
    Changes,
    /// The policy itself: rules about paths, limits, CPUs.
    Policy,
}

impl Change {
    pub fn json(&self) -> Value {
        json!({
            "change": match self.kind {
                Kind::Appears => "appears",
                Kind::Vanishes => "vanishes",
                Kind::Changes => "changes",
                Kind::Policy => "policy",
            },
            "name": self.name,
            "devpath": self.devpath.as_ref().map(ToString::to_string),
            "show": self.show.map(Show::as_str),
            "what": self.what,
        })
    }
}

/// The differences: of the policies, then of devices by their devpath.
pub fn between(table: &DeviceTable, old: &View, new: &View) -> Vec<Change> {
    let mut changes = of_policies(old.policy(), new.policy());
    let mut all: BTreeMap<&Devpath, (Option<&Shown>, Option<&Shown>)> = BTreeMap::new();
    for (devpath, shown) in old.shown() {
        all.entry(devpath).or_default().0 = Some(shown);
    }
    for (devpath, shown) in new.shown() {
        all.entry(devpath).or_default().1 = Some(shown);
    }
    for (devpath, (before, after)) in all {
        let reason = |view: &View| {
            let decision = view.decision(table, devpath);
            decision.map_or_else(String::new, |decision| in_short(&decision.reason))
        };
        let (kind, show, what) = match (before, after) {
            (Some(before), Some(after)) => {
                let mut what = of_shown(before, after);
                what.extend(of_sysfs(table, devpath, old, new));
                (Kind::Changes, None, what)
            }
            (None, Some(after)) => (Kind::Appears, Some(after.show), vec![reason(new)]),
            (Some(before), None) => (Kind::Vanishes, Some(before.show), vec![reason(new)]),
            (None, None) => continue,
        };
        if what.is_empty() {
            continue;
        }
        let shown = after.or(before);
        let node = shown.and_then(|shown| shown.devnum.and(shown.devname.as_ref()));
        changes.push(Change {
            kind,
            name: node.map_or_else(|| devpath.to_string(), |node| format!("/dev/{node}")),
            devpath: Some(devpath.clone()),
            show,
            what,
        });
    }
    changes
}

fn of_shown(before: &Shown, after: &Shown) -> Vec<String> {
    let mut what = Vec::new();
    let mut note = |name: &str, before: String, after: String| {
        if before != after {
            what.push(format!("{name} {before} -> {after}"));
        }
    };
    note("show", before.show.to_string(), after.show.to_string());
    let mode = |shown: &Shown| format!("{:04o}", fusefs_dev::perm(shown));
    if before.devnum.is_some() {
        note("mode", mode(before), mode(after));
        let owner = |owner: &Option<Owner>| {
            let owner = owner.as_ref().map(ToString::to_string);
            owner.unwrap_or_else(|| "root".into())
        };
        note("uid", owner(&before.uid), owner(&after.uid));
        note("gid", owner(&before.gid), owner(&after.gid));
    }
    let events = |shown: &Shown| shown.events.as_str().to_string();
    note("events", events(before), events(after));
    let on_revoke = |shown: &Shown| match shown.on_revoke {
        OnRevoke::Report => "report".to_string(),
        OnRevoke::Kill => "kill".to_string(),
    };
    note("on_revoke", on_revoke(before), on_revoke(after));
    let links = |shown: &Shown| -> Vec<String> {
        shown
            .links
            .iter()
            .map(|link| format!("link {link}"))
            .collect()
    };
    what.extend(lists(&links(before), &links(after)));
    what
}

/// What of its directory may be written, and what is hidden.
fn of_sysfs(table: &DeviceTable, devpath: &Devpath, old: &View, new: &View) -> Vec<String> {
    let says = |view: &View| -> Vec<String> {
        let Some(decision) = view.decision(table, devpath) else {
            return Vec::new();
        };
        let write = decision
            .writable()
            .map(|glob| format!("sysfs.write `{glob}`"));
        let hide = decision.hidden().map(|glob| format!("sysfs.hide `{glob}`"));
        write.chain(hide).collect()
    };
    lists(&says(old), &says(new))
}

fn of_policies(old: &Policy, new: &Policy) -> Vec<Change> {
    let paths = |policy: &Policy| -> Vec<String> {
        let rules = policy
            .path_rules()
            .flat_map(|(show, globs)| globs.map(move |glob| format!("{show} `{glob}`")));
        rules.collect()
    };
    let mut all = Vec::new();
    let (before, after) = (paths(old), paths(new));
    let mut what = lists(&before, &after);
    if what.is_empty() && before != after {
        what.push("their order".into());
    }
    all.push(("rules about paths", what));
    let cpus = (old.cpus() != new.cpus())
        .then(|| format!("{:?} -> {:?}", old.cpus(), new.cpus()).to_lowercase());
    all.push(("cpus", cpus.into_iter().collect()));
    let (before, after) = (old.limits(), new.limits());
    let mut limits = Vec::new();
    if before.inodes != after.inodes {
        limits.push(format!("inodes {} -> {}", before.inodes, after.inodes));
    }
    if before.bytes != after.bytes {
        limits.push(format!("bytes {} -> {}", before.bytes, after.bytes));
    }
    all.push(("limits", limits));
    let changes = all.into_iter().filter(|(_, what)| !what.is_empty());
    changes
        .map(|(name, what)| Change {
            kind: Kind::Policy,
            name: name.into(),
            devpath: None,
            show: None,
            what,
        })
        .collect()
}

/// `+` what only the second has, `-` what only the first has.
fn lists(before: &[String], after: &[String]) -> Vec<String> {
    let only = |here: &[String], there: &[String], sign: char| -> Vec<String> {
        let mut only: Vec<String> = here
            .iter()
            .filter(|item| !there.contains(item))
            .map(|item| format!("{sign} {item}"))
            .collect();
        only.dedup();
        only
    };
    let mut all = only(before, after, '-');
    all.extend(only(after, before, '+'));
    all
}
