//! Why a path of sysfs shows as it does: an attribute, a link, a driver, what belongs to no device.

mod asked;

use std::sync::Arc;

use kobject::Devpath;

use crate::{DeviceTable, FileAccess, RuleRef, Show, View};
use asked::Asked;

/// What the host has at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A directory.
    Directory,
    /// A regular file.
    File,
    /// A link that leads to this path of sysfs, resolved by names alone; None: out of it.
    Link(Option<Devpath>),
}

/// Why a path shows as it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathExplanation {
    /// The path.
    pub path: Devpath,
    /// Whether it shows.
    pub shows: bool,
    /// What may be done with it, if it is a file.
    pub access: FileAccess,
    /// Why.
    pub reason: PathReason,
    /// A rule that shows it, as YAML to be put first under `rules`; None where it shows, or no rule can.
    pub to_show: Option<String>,
}

/// What it was that decided about a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathReason {
    /// Every container has this directory.
    Always,
    /// It is this device's directory, or inside of it, and shows as that does.
    Device(Devpath),
    /// This glob of the rule, under `sysfs.write`, lets it be written.
    Writable {
        /// The device that it belongs to.
        device: Devpath,
        /// The glob.
        glob: String,
        /// The rule.
        rule: Arc<RuleRef>,
    },
    /// This glob of the rule, under `sysfs.hide`, hides it.
    HiddenAttribute {
        /// The device that it belongs to.
        device: Devpath,
        /// The glob.
        glob: String,
        /// The rule.
        rule: Arc<RuleRef>,
    },
    /// It is the directory of this device, or a file of its own, and the device is on the way to one that shows.
    OnTheWay(Devpath),
    /// The device is only on the way to one that shows, and of such a device this does not show.
    OnlyOnTheWay(Devpath),
    /// The directory leads to this device, which shows.
    LeadsTo(Devpath),
    /// It is inside of this device, which is hidden; or it is its directory.
    HiddenDevice(Devpath),
    /// The link leads there, and shows exactly when that does; None: out of sysfs.
    Target(Option<Devpath>),
    /// It is the driver, or the driver's module, of this device, which shows.
    Drives(Devpath),
    /// It is a driver or a module of no device that shows.
    DrivesNothing,
    /// `bind`, `unbind`, `new_id`, `remove_id` and `uevent` of drivers and modules never show.
    Control,
    /// This glob of a rule about paths decides.
    Rule {
        /// The rule.
        rule: Arc<RuleRef>,
        /// How it shows what it is about.
        show: Show,
        /// The glob.
        glob: String,
    },
    /// A rule shows what may be below this directory.
    LeadsToRule(Arc<RuleRef>),
    /// It belongs to no device, and no rule is about it.
    Default,
}

/// Explains a path of sysfs at which the host has `entry`. Links on the way have been resolved.
pub fn explain_path(
    view: &View,
    table: &DeviceTable,
    path: &Devpath,
    entry: &Entry,
) -> PathExplanation {
    let verdict = view.judge(table, path.as_bytes());
    let (shows, access) = match entry {
        Entry::Directory => (verdict.dir, FileAccess::None),
        Entry::File => (verdict.file != FileAccess::None, verdict.file),
        Entry::Link(target) => {
            let leads = |target: &Devpath| view.judge(table, target.as_bytes()).dir;
            let shows = verdict.link && target.as_ref().is_some_and(leads);
            (shows, FileAccess::None)
        }
    };
    let asked = Asked {
        view,
        table,
        path,
        entry,
        verdict,
        shows,
    };
    let reason = asked.reason();
    let to_show = match shows {
        true => None,
        false => asked.rule_that_shows(&reason),
    };
    PathExplanation {
        path: path.clone(),
        shows,
        access,
        reason,
        to_show,
    }
}

impl PathExplanation {
    /// Why, as the end of a sentence about the path.
    pub fn why(&self) -> String {
        match &self.reason {
            PathReason::Always => "every container has it".to_owned(),
            PathReason::Device(device) => format!("it belongs to {device}, which shows"),
            PathReason::Writable { glob, rule, .. } => {
                format!("`sysfs.write` of rule {rule} has `{glob}`")
            }
            PathReason::HiddenAttribute { glob, rule, .. } => {
                format!("`sysfs.hide` of rule {rule} has `{glob}`")
            }
            PathReason::OnTheWay(device) => {
                format!("it belongs to {device}, which is hidden, but leads to what shows")
            }
            PathReason::OnlyOnTheWay(device) => {
                format!("it belongs to {device}, which is hidden, and only leads to what shows")
            }
            PathReason::LeadsTo(device) => format!("it leads to {device}, which shows"),
            PathReason::HiddenDevice(device) => format!("it belongs to {device}, which is hidden"),
            PathReason::Target(None) => "it leads out of sysfs".to_owned(),
            PathReason::Target(Some(target)) => {
                let how = if self.shows { "shows" } else { "is hidden" };
                format!("it leads to {target}, which {how}")
            }
            PathReason::Drives(device) => format!("it drives {device}, which shows"),
            PathReason::DrivesNothing => "it drives no device that shows".to_owned(),
            PathReason::Control => "what binds devices to drivers never shows".to_owned(),
            PathReason::Rule { rule, show, glob } => {
                let does = if *show == Show::Hide {
                    "hides"
                } else {
                    "shows"
                };
                format!("rule {rule} {does} `{glob}`")
            }
            PathReason::LeadsToRule(rule) => format!("it leads to what rule {rule} shows"),
            PathReason::Default => "it belongs to no device, and no rule is about it".to_owned(),
        }
    }

    /// The rule that decided, if it was one.
    pub fn rule(&self) -> Option<&Arc<RuleRef>> {
        match &self.reason {
            PathReason::Writable { rule, .. }
            | PathReason::HiddenAttribute { rule, .. }
            | PathReason::Rule { rule, .. }
            | PathReason::LeadsToRule(rule) => Some(rule),
            _ => None,
        }
    }

    /// The device that it belongs to, or leads to, if that is why.
    pub fn device(&self) -> Option<&Devpath> {
        match &self.reason {
            PathReason::Device(device)
            | PathReason::Writable { device, .. }
            | PathReason::HiddenAttribute { device, .. }
            | PathReason::OnTheWay(device)
            | PathReason::OnlyOnTheWay(device)
            | PathReason::LeadsTo(device)
            | PathReason::HiddenDevice(device)
            | PathReason::Drives(device) => Some(device),
            PathReason::Target(target) => target.as_ref(),
            _ => None,
        }
    }
}
