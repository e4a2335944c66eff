//! Why a path of sysfs shows as it does: an attribute, a link, a driver, what belongs to no device.

use std::sync::Arc;

use kobject::{Bytes, Device, Devpath};

use crate::{
    DeviceTable, FileAccess, Reason, RuleRef, Show, Sight, Verdict, View,
    explain::suggest,
    glob::{Glob, Globs},
};

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

struct Asked<'a> {
    view: &'a View,
    table: &'a DeviceTable,
    path: &'a Devpath,
    entry: &'a Entry,
    verdict: Verdict,
    shows: bool,
}

impl Asked<'_> {
    /// What is so without rules about paths, unless one of these makes the difference.
    fn reason(&self) -> PathReason {
        let (own, own_shows) = self.own();
        let is_nothing = matches!(own, PathReason::Default | PathReason::DrivesNothing);
        let rule = match (own_shows, self.shows) {
            (true, false) => self.path_rule(Show::Hide),
            (false, true) => self.path_rule(Show::Ro),
            (false, false) if is_nothing => self.path_rule(Show::Hide),
            _ => None,
        };
        rule.unwrap_or(own)
    }

    /// The rule about paths that decides, if it says so; for `ro` also one that may show something below.
    fn path_rule(&self, show: Show) -> Option<PathReason> {
        let path = self.path.as_bytes();
        for rule in &self.view.policy().paths {
            if let Some(glob) = matching(&rule.globs, &[path]) {
                return (rule.show == show).then(|| PathReason::Rule {
                    rule: rule.refer.clone(),
                    show,
                    glob: glob.pattern().to_owned(),
                });
            }
            let may_lead = rule.show == Show::Ro && show == Show::Ro;
            if may_lead && rule.globs.0.iter().any(|glob| glob.leads_through(path)) {
                return Some(PathReason::LeadsToRule(rule.refer.clone()));
            }
        }
        None
    }

    /// What is so without rules about paths, and whether the path shows then.
    fn own(&self) -> (PathReason, bool) {
        let parts: Vec<&[u8]> = self.path.as_bytes()[1..].split(|&b| b == b'/').collect();
        match parts[..] {
            [b"block" | b"bus" | b"class" | b"dev" | b"devices" | b"module"]
            | [b"dev", b"block" | b"char"]
            | [b"class" | b"bus", _]
            | [b"bus", _, b"devices" | b"drivers"] => return (PathReason::Always, true),
            [b"devices", ..] => return self.below_devices(),
            _ => {}
        }
        let is_listed = matches!(
            parts[..],
            [b"block" | b"class" | b"dev", ..] | [b"bus", _, b"devices", _]
        );
        if let Entry::Link(target) = self.entry {
            let is_device = target
                .as_ref()
                .is_some_and(|target| self.table.contains(target));
            if self.verdict.link || is_listed || is_device {
                return (PathReason::Target(target.clone()), self.target_shows());
            }
        }
        match parts[..] {
            [
                b"bus",
                _,
                b"drivers",
                _,
                b"bind" | b"unbind" | b"new_id" | b"remove_id" | b"uevent",
            ]
            | [b"module", _, b"uevent"] => (PathReason::Control, false),
            [b"bus", bus, b"drivers", driver, ..] => {
                self.drives(|device| is(&device.subsystem, bus) && is(&device.driver, driver))
            }
            [b"module", module, ..] => self.drives(|device| is(&device.module, module)),
            _ => (PathReason::Default, false),
        }
    }

    fn below_devices(&self) -> (PathReason, bool) {
        let path = self.path;
        let is_directory = *self.entry == Entry::Directory;
        let way = self.way();
        let Some(facts) = self.table.nearest(path.as_bytes()) else {
            return match way {
                Some(to) => (PathReason::LeadsTo(to), is_directory),
                None => (PathReason::Default, false),
            };
        };
        let device = facts.device.devpath.clone();
        let Some(sight) = self.view.sight(&device) else {
            return (PathReason::HiddenDevice(device), false);
        };
        if *path == device {
            return match sight {
                Sight::Rw | Sight::Ro => (PathReason::Device(device), true),
                Sight::Ancestor | Sight::HiddenAncestor => (PathReason::OnTheWay(device), true),
            };
        }
        let reason = match sight {
            Sight::Rw | Sight::Ro => self.inside(&device),
            Sight::Ancestor if !is_directory && path.parent().as_ref() == Some(&device) => None,
            Sight::Ancestor | Sight::HiddenAncestor => {
                return match way {
                    Some(to) if is_directory => (PathReason::LeadsTo(to), true),
                    _ => (PathReason::OnlyOnTheWay(device), false),
                };
            }
        };
        match (reason, self.entry) {
            (Some(reason), _) => {
                let hides = matches!(reason, PathReason::HiddenAttribute { .. });
                (reason, !hides)
            }
            (None, Entry::Link(target)) => {
                (PathReason::Target(target.clone()), self.target_shows())
            }
            (None, _) if sight == Sight::Ancestor => (PathReason::OnTheWay(device), true),
            (None, _) => (PathReason::Device(device), true),
        }
    }

    /// The glob of the deciding rule that says more of what is inside of a device that shows.
    fn inside(&self, device: &Devpath) -> Option<PathReason> {
        let decision = self.view.decision(self.table, device)?;
        let Reason::Rule { rule, through } = &decision.reason else {
            return None;
        };
        let mut names = vec![self.path.relative_to(device)?];
        names.extend(
            through
                .as_ref()
                .and_then(|above| self.path.relative_to(above)),
        );
        let (device, rule) = (device.clone(), rule.clone());
        if let Some(glob) = matching(&decision.says.sysfs.hide, &names) {
            let glob = glob.pattern().to_owned();
            return Some(PathReason::HiddenAttribute { device, glob, rule });
        }
        if self.verdict.file != FileAccess::Write || *self.entry != Entry::File {
            return None;
        }
        let glob = matching(&decision.says.sysfs.write, &names)?;
        let glob = glob.pattern().to_owned();
        Some(PathReason::Writable { device, glob, rule })
    }

    /// Whether what the link leads to shows.
    fn target_shows(&self) -> bool {
        let shows = |target: &Devpath| self.view.judge(self.table, target.as_bytes()).dir;
        matches!(self.entry, Entry::Link(Some(target)) if shows(target))
    }

    /// The first device that shows at the path or below it.
    fn way(&self) -> Option<Devpath> {
        let mut shown = self.view.shown().map(|(devpath, _)| devpath);
        shown.find(|devpath| devpath.is_within(self.path)).cloned()
    }

    /// The first device that shows of those `by` is true of.
    fn drives(&self, by: impl Fn(&Device) -> bool) -> (PathReason, bool) {
        let mut shown = self.view.shown().map(|(devpath, _)| devpath);
        let is_one = |devpath: &&Devpath| {
            let facts = self.table.get(devpath);
            facts.is_some_and(|facts| by(&facts.device))
        };
        match shown.find(is_one) {
            Some(device) => (PathReason::Drives(device.clone()), true),
            None => (PathReason::DrivesNothing, false),
        }
    }

    /// With rules about the path itself and where it leads, where such would stay in the way.
    fn rule_that_shows(&self, reason: &PathReason) -> Option<String> {
        let mut rules = self.rule_against(reason)?;
        let target = match self.entry {
            Entry::Link(target) => target.as_ref(),
            Entry::Directory | Entry::File => None,
        };
        for path in [Some(self.path), target].into_iter().flatten() {
            let said = self.view.policy().path_rule(path.as_bytes());
            if let (Some((_, Show::Hide)), Some(rule)) = (said, suggest::path_rule(path.as_bytes()))
                && rule != rules
            {
                rules += &rule;
            }
        }
        Some(rules)
    }

    fn rule_against(&self, reason: &PathReason) -> Option<String> {
        let of_device = |devpath: &Devpath, show: Show| {
            let facts = self.table.nearest(devpath.as_bytes())?;
            suggest::rule(self.table, facts, show)
        };
        match reason {
            PathReason::HiddenDevice(device) | PathReason::OnlyOnTheWay(device) => {
                of_device(device, Show::Ro)
            }
            PathReason::HiddenAttribute { device, .. } => {
                let decision = self.view.decision(self.table, device)?;
                of_device(device, decision.show)
            }
            PathReason::Target(Some(target)) => match self.table.nearest(target.as_bytes()) {
                Some(facts) => suggest::rule(self.table, facts, Show::Rw),
                None => suggest::path_rule(target.as_bytes()),
            },
            PathReason::DrivesNothing | PathReason::Rule { .. } | PathReason::Default => {
                suggest::path_rule(self.path.as_bytes())
            }
            _ => None,
        }
    }
}

fn is(name: &Option<Bytes>, wanted: &[u8]) -> bool {
    name.as_deref()
        .is_some_and(|name| name.as_slice() == wanted)
}

/// The first glob that matches one of the names.
fn matching<'a>(globs: &'a Globs, names: &[&[u8]]) -> Option<&'a Glob> {
    let matches = |glob: &&Glob| names.iter().any(|name| glob.matches(name));
    globs.0.iter().find(matches)
}
