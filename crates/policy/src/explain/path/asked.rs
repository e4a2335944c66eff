//! How the reason of a path is found: step by step as the view judges it, but remembering what decided.

use kobject::{Bytes, Device, Devpath};

use super::{Entry, PathReason};
use crate::{
    DeviceTable, FileAccess, Reason, Show, Sight, Verdict, View,
    explain::suggest,
    glob::{Glob, Globs},
};

/// What somebody asks about a path, and what the view says of it.
pub(super) struct Asked<'a> {
    pub view: &'a View,
    pub table: &'a DeviceTable,
    pub path: &'a Devpath,
    pub entry: &'a Entry,
    pub verdict: Verdict,
    pub shows: bool,
}

impl Asked<'_> {
    /// What is so without rules about paths, unless one of these makes the difference.
    pub fn reason(&self) -> PathReason {
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
        let mut shown = self.view.shown_below(self.path);
        shown.next().map(|(devpath, _)| devpath.clone())
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
    pub fn rule_that_shows(&self, reason: &PathReason) -> Option<String> {
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
