//! Why a device, or a path of sysfs, shows as it does: for whoever asks "why can it not see this?".
//!
//! Nothing is decided here. [`View`] and the decision behind it say what is; this says which rule it was, what it means, which rules came
//! close and what in them failed, and which rule would show what is hidden.

mod close;
mod path;
mod suggest;
mod trial;

use std::sync::Arc;

use kobject::Devpath;

pub use close::CloseRule;
pub use path::{Entry, PathExplanation, PathReason, explain_path};
pub use trial::{FailedKey, Is};

use crate::{
    Decision, DeviceTable, Facts, FileAccess, Policy, Reason, RuleRef, Show, Shown, Sight, View,
    candidates::Memory, decide::decide,
};

/// Why one device shows as it does, and what that means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Which device.
    pub devpath: Devpath,
    /// What was decided, and why.
    pub decision: Decision,
    /// How the deciding rule came to be about it; None without one.
    pub way: Option<Way>,
    /// How its directory shows; None: not at all.
    pub sight: Option<Sight>,
    /// Node, number and links of a device that shows.
    pub shown: Option<Shown>,
    /// What may be done with its `uevent` file.
    pub uevent: FileAccess,
    /// Globs of attributes that may be written, of the deciding rule.
    pub writable: Vec<String>,
    /// Globs of what is hidden in its directory though it shows, each with its rule.
    pub hidden: Vec<(String, Arc<RuleRef>)>,
    /// The rules that came close, the closest first.
    pub close: Vec<CloseRule>,
    /// A rule that shows a hidden device, as YAML to be put first under `rules`; None where it shows, or no rule can.
    pub to_show: Option<String>,
}

/// How a rule came to be about a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// It matches the device itself.
    Itself,
    /// It matches this device above it.
    Above(Devpath),
    /// The device is a partition of this disk, which shows rw: whoever may use the disk reads it anyway.
    Disk(Devpath),
}

/// Explains a device of the table.
pub fn explain(view: &View, table: &DeviceTable, facts: &Facts) -> Explanation {
    let policy = view.policy();
    let devpath = &facts.device.devpath;
    let (decision, way) = decided(policy, table, facts);
    let shown = (decision.show != Show::Hide).then(|| {
        let arrival = table.arrival(devpath).unwrap_or_default();
        Shown::new(facts, &decision, arrival)
    });
    let uevent = devpath.join(b"uevent").map_or(FileAccess::None, |path| {
        view.judge(table, path.as_bytes()).file
    });
    let to_show = match decision.show {
        Show::Hide => suggest::rule(table, facts, Show::Rw),
        Show::Rw | Show::Ro => None,
    };
    Explanation {
        devpath: devpath.clone(),
        way,
        sight: view.sight(devpath),
        shown,
        uevent,
        writable: decision.writable().map(str::to_owned).collect(),
        hidden: hidden(policy, devpath, &decision),
        close: close::rules(policy, table, facts, &decision),
        to_show,
        decision,
    }
}

/// The decision about a device, without what a view remembers of others.
fn decided(policy: &Policy, table: &DeviceTable, facts: &Facts) -> (Decision, Option<Way>) {
    let memory = Memory::default();
    let alone = |facts: &Facts| decide(policy, table, facts, &memory, |_| None);
    let by_rules = alone(facts);
    let decision = decide(policy, table, facts, &memory, |disk| Some(alone(disk)));
    let way = match &decision.reason {
        Reason::Rule { .. } if by_rules.show != decision.show => {
            let disk = table.ancestors(&facts.device.devpath).next();
            disk.map(|disk| Way::Disk(disk.device.devpath.clone()))
        }
        Reason::Rule {
            through: Some(above),
            ..
        } => Some(Way::Above(above.clone())),
        Reason::Rule { through: None, .. } => Some(Way::Itself),
        _ => None,
    };
    (decision, way)
}

/// What is hidden inside a device that shows: by its rule, and by rules about paths that may lie in it.
fn hidden(policy: &Policy, devpath: &Devpath, decision: &Decision) -> Vec<(String, Arc<RuleRef>)> {
    let Reason::Rule { rule, .. } = &decision.reason else {
        return Vec::new();
    };
    if decision.show == Show::Hide {
        return Vec::new();
    }
    let own = decision.hidden();
    let own = own.map(|glob| (glob.to_owned(), rule.clone()));
    let of_paths = policy
        .paths
        .iter()
        .filter(|rule| rule.show == Show::Hide)
        .flat_map(|rule| rule.globs.0.iter().map(move |glob| (glob, rule)))
        .filter(|(glob, _)| glob.leads_through(devpath.as_bytes()))
        .map(|(glob, rule)| (glob.pattern().to_owned(), rule.refer.clone()));
    own.chain(of_paths).collect()
}

#[cfg(test)]
mod tests;
