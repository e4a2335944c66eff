//! A policy, compiled.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    Ancestors, Decision, DeviceTable, Facts, Owner, RuleRef, Show,
    candidates::{Candidates, Memory},
    decide::decide,
    glob::Globs,
    matcher::Matcher,
    says::Says,
};

/// A compiled policy: its own rules, then its bases', in the order in which they are tried.
#[derive(Debug)]
pub struct Policy {
    name: Arc<str>,
    cpus: Cpus,
    limits: Limits,
    ancestors: Ancestors,
    pub(crate) devices: Vec<DeviceRule>,
    /// Which of them may be about a device.
    pub(crate) candidates: Candidates,
    /// The matches among them that ask for attributes.
    asking: Vec<Arc<Matcher>>,
    pub(crate) paths: Vec<PathRule>,
}

/// Which processors `/sys/devices/system/cpu` has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Cpus {
    /// All of the host's.
    #[default]
    Host,
    /// Those of the container's cpuset cgroup.
    Cgroup,
}

/// What the container may make of its own in /dev.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Limits {
    /// How many files, directories, links and the like; 0: none of its own.
    pub inodes: u64,
    /// What all of them may hold, in bytes; 0: nothing.
    pub bytes: u64,
}

impl Default for Limits {
    /// 4096 entries, 16 MiB.
    fn default() -> Limits {
        Limits {
            inodes: 4096,
            bytes: 16 << 20,
        }
    }
}

/// One rule as it was read.
#[derive(Clone, Debug)]
pub(crate) enum Rule {
    Device(DeviceRule),
    Path(PathRule),
}

/// A rule with `match`.
#[derive(Clone, Debug)]
pub(crate) struct DeviceRule {
    pub refer: Arc<RuleRef>,
    pub matcher: Arc<Matcher>,
    pub show: Show,
    /// Whether it holds for what is below a matching device too.
    pub subtree: bool,
    pub says: Arc<Says>,
}

impl DeviceRule {
    /// Whether it decides just as another does, wherever they stand.
    pub fn says_the_same(&self, other: &DeviceRule) -> bool {
        Arc::ptr_eq(&self.matcher, &other.matcher)
            && Arc::ptr_eq(&self.says, &other.says)
            && (self.show, self.subtree) == (other.show, other.subtree)
            || self.show == other.show
                && self.subtree == other.subtree
                && self.says == other.says
                && self.matcher == other.matcher
    }
}

/// A rule with `path`: `show` is ro or hide.
#[derive(Clone, Debug)]
pub(crate) struct PathRule {
    pub refer: Arc<RuleRef>,
    pub globs: Globs,
    pub show: Show,
}

impl PathRule {
    /// Whether it says just what another does, wherever they stand.
    pub fn says_the_same(&self, other: &PathRule) -> bool {
        self.globs == other.globs && self.show == other.show
    }
}

/// What the path rules say of one path: the first that matches counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PathSay {
    /// `ro`.
    Show,
    /// `hide`. `leads`: a `ro` rule before it could match something below the path, so that a directory must stay.
    Hide { leads: bool },
    /// None matches. `leads`: a `ro` rule could match something below the path.
    Nothing { leads: bool },
}

impl Policy {
    pub(crate) fn new(
        name: Arc<str>,
        cpus: Cpus,
        limits: Limits,
        ancestors: Ancestors,
        rules: impl IntoIterator<Item = Rule>,
    ) -> Policy {
        let mut policy = Policy {
            name,
            cpus,
            limits,
            ancestors,
            devices: Vec::new(),
            candidates: Candidates::default(),
            asking: Vec::new(),
            paths: Vec::new(),
        };
        for rule in rules {
            match rule {
                Rule::Device(rule) => policy.devices.push(rule),
                Rule::Path(rule) => policy.paths.push(rule),
            }
        }
        policy.candidates = Candidates::of(&policy.devices);
        policy.asking = policy
            .devices
            .iter()
            .map(|rule| &rule.matcher)
            .filter(|matcher| matcher.asks_for_attributes())
            .cloned()
            .collect();
        policy
    }

    /// Its name in the rules file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Which processors show: what the policy says, else what the first of its bases says that does, else the host's.
    pub fn cpus(&self) -> Cpus {
        self.cpus
    }

    /// What the container may make of its own in /dev: each what the policy says, else what the first of its bases says that does, else
    /// the default.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// What shows of the devices above those that show, where their rule does not say: what the policy says, else what the first of its
    /// bases says that does, else their files.
    pub fn ancestors(&self) -> Ancestors {
        self.ancestors
    }

    /// Decides about a device of the table.
    pub fn decide(&self, table: &DeviceTable, facts: &Facts) -> Decision {
        decide(self, table, facts, &Memory::default(), |disk| {
            Some(self.decide(table, disk))
        })
    }

    /// The attributes that rules ask for of this device, if the rest of the match may hold for it: to be read at `add`, `change`, `bind`
    /// and `move`, and put into [`Facts::attrs`](crate::Facts::attrs). No others have to be: reading one runs a driver's code.
    pub fn wanted_attributes(&self, facts: &Facts) -> BTreeSet<Arc<str>> {
        let mut wanted = BTreeSet::new();
        for matcher in &self.asking {
            matcher.wanted_attributes(facts, &mut wanted);
        }
        wanted
    }

    /// Whether a rule names an owner of nodes, so that the container's /etc/passwd and /etc/group have to be read.
    pub fn names_owners(&self) -> bool {
        self.devices.iter().any(|rule| {
            [&rule.says.node.uid, &rule.says.node.gid]
                .iter()
                .any(|owner| matches!(owner, Some(Owner::Name(_))))
        })
    }

    /// The first path rule that matches a sysfs path, and what it says: `ro` or `hide`.
    pub fn path_rule(&self, path: &[u8]) -> Option<(&Arc<RuleRef>, Show)> {
        self.paths
            .iter()
            .find(|rule| rule.globs.matches(path))
            .map(|rule| (&rule.refer, rule.show))
    }

    /// The rules about paths in their order: how they show what their globs match.
    pub fn path_rules(&self) -> impl Iterator<Item = (Show, impl Iterator<Item = &str>)> {
        self.paths
            .iter()
            .map(|rule| (rule.show, rule.globs.patterns()))
    }

    pub(crate) fn path_say(&self, path: &[u8]) -> PathSay {
        let mut leads = false;
        for rule in &self.paths {
            let hides = rule.show == Show::Hide;
            if rule.globs.matches(path) {
                return if hides {
                    PathSay::Hide { leads }
                } else {
                    PathSay::Show
                };
            }
            leads |= !hides && rule.globs.0.iter().any(|glob| glob.leads_through(path));
        }
        PathSay::Nothing { leads }
    }
}
