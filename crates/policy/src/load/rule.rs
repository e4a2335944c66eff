//! One rule.

use std::sync::Arc;

use crate::{
    Ancestors, Events, OnRevoke, RuleRef, Show,
    glob::Globs,
    load::{Loader, Map, globs, lint},
    matcher::{Condition, Matcher},
    node::NodeSays,
    policy::{DeviceRule, PathRule, Rule},
    says::{Says, SysfsGlobs},
    yaml::{Node, Position},
};

pub(super) const RULE: [&str; 10] = [
    "name",
    "match",
    "path",
    "show",
    "scope",
    "sysfs",
    "node",
    "events",
    "ancestors",
    "on_revoke",
];
pub(super) const SYSFS: [&str; 2] = ["write", "hide"];
const ON_REVOKE: [(&str, OnRevoke); 2] = [("report", OnRevoke::Report), ("kill", OnRevoke::Kill)];
const EVENTS: [(&str, Events); 4] = [
    ("kernel", Events::Kernel),
    ("udev", Events::Udev),
    ("both", Events::Both),
    ("none", Events::None),
];
pub(crate) const ANCESTORS: [(&str, Ancestors); 2] = [
    ("files", Ancestors::Files),
    ("skeleton", Ancestors::Skeleton),
];
const SHOWS: [(&str, Show); 3] = [("rw", Show::Rw), ("ro", Show::Ro), ("hide", Show::Hide)];

/// A rule's name and where it stands.
pub(crate) type Name = (Arc<str>, Position);

impl Loader {
    /// The name of a rule, if it has a good one, and the rule itself if it is one.
    pub fn rule(&mut self, node: &Node, policy: &Arc<str>) -> Option<(Option<Name>, Option<Rule>)> {
        let before = self.errors;
        let map = self.keyed(node, "a rule", &RULE)?;
        // a wrong key may be the one that would be missed
        let is_whole = self.errors == before;
        let name: Option<Name> = map.get("name").and_then(|value| {
            self.name(value, "the rule's name")
                .map(|name| (name.into(), value.at))
        });
        let refer = Arc::new(RuleRef {
            policy: policy.clone(),
            rule: name.as_ref().map(|(name, _)| name.clone()),
            file: self.file(node.at),
            line: node.at.line,
        });
        let show = match map.get("show") {
            Some(value) => self
                .word(value, "`show`", &SHOWS)
                .map(|show| (show, value.at)),
            None => {
                self.error_if(
                    is_whole,
                    node.at,
                    "the rule does not say `show`",
                    "`show: rw`, `show: ro` or `show: hide`".to_owned(),
                );
                None
            }
        };
        let rule = match (map.get("match"), map.get("path")) {
            (Some(value), None) => self.device_rule(&map, value, refer, show),
            (None, Some(value)) => self.path_rule(&map, value, refer, show),
            (Some(_), Some(_)) => {
                let at = map.key("path").unwrap_or(node.at);
                self.error(
                    at,
                    "a rule has `match` or `path`, not both",
                    "two rules".to_owned(),
                );
                None
            }
            (None, None) => {
                self.error_if(
                    is_whole,
                    node.at,
                    "the rule does not say what it is about",
                    "`match` (devices) or `path` (what belongs to no device)".to_owned(),
                );
                None
            }
        };
        Some((name, rule))
    }

    fn device_rule(
        &mut self,
        map: &Map,
        value: &Node,
        refer: Arc<RuleRef>,
        show: Option<(Show, Position)>,
    ) -> Option<Rule> {
        let matcher = self.matcher(value, "`match`");
        let subtree = match map.get("scope") {
            Some(value) => self.word(value, "`scope`", &[("subtree", true), ("device", false)]),
            None => Some(true),
        };
        let sysfs = match map.get("sysfs") {
            Some(value) => self.sysfs(value, show),
            None => SysfsGlobs::default(),
        };
        let node = self.node_part(map, show);
        let events = match map.get("events") {
            Some(value) => self.word(value, "`events`", &EVENTS).unwrap_or_default(),
            None => Events::default(),
        };
        let ancestors = map
            .get("ancestors")
            .and_then(|value| self.word(value, "`ancestors`", &ANCESTORS));
        let matcher = matcher?;
        if names_net(&matcher) {
            self.error(
                value.at,
                "interfaces of the container's own network namespace always show, others never",
                "a match on devices other than network interfaces".to_owned(),
            );
        }
        let (show, _) = show?;
        if show == Show::Hide && hides_partitions(&matcher) {
            self.error(
                value.at,
                "a partition cannot be hidden: whoever may use the disk reads it anyway",
                "a rule that hides the disk".to_owned(),
            );
        }
        Some(Rule::Device(DeviceRule {
            refer,
            matcher: Arc::new(matcher),
            show,
            subtree: subtree?,
            says: Arc::new(Says {
                sysfs,
                node,
                events,
                ancestors,
            }),
        }))
    }

    fn node_part(&mut self, map: &Map, show: Option<(Show, Position)>) -> NodeSays {
        let mut node = match map.get("node") {
            Some(value) => self.node(value),
            None => NodeSays::default(),
        };
        if let Some(value) = map.get("on_revoke") {
            node.on_revoke = self
                .word(value, "`on_revoke`", &ON_REVOKE)
                .unwrap_or_default();
        }
        for (key, message) in [
            ("node", "a hidden device has no node"),
            ("on_revoke", "a hidden device is in nobody's hands"),
            ("events", "nothing is said of a hidden device"),
            ("ancestors", "nothing leads to a hidden device"),
        ] {
            if let (Some(at), Some((Show::Hide, _))) = (map.key(key), show) {
                self.error(at, message, "`show: rw` or `show: ro`".to_owned());
            }
        }
        node
    }

    fn path_rule(
        &mut self,
        map: &Map,
        value: &Node,
        refer: Arc<RuleRef>,
        show: Option<(Show, Position)>,
    ) -> Option<Rule> {
        let globs = self.globs(value, "`path`", globs::sysfs_path);
        for key in ["scope", "sysfs", "node", "events", "ancestors", "on_revoke"] {
            if let Some(at) = map.key(key) {
                self.error(
                    at,
                    format!("`{key}` says more about devices, a path rule is about none"),
                    format!("`match` beside `{key}`"),
                );
            }
        }
        let (show, at) = show?;
        if show == Show::Rw {
            self.error(
                at,
                "a path rule shows what belongs to no device",
                "`ro` or `hide`".to_owned(),
            );
        }
        Some(Rule::Path(PathRule { refer, globs, show }))
    }

    fn sysfs(&mut self, node: &Node, show: Option<(Show, Position)>) -> SysfsGlobs {
        let mut sysfs = SysfsGlobs::default();
        let Some(map) = self.keyed(node, "`sysfs`", &SYSFS) else {
            return sysfs;
        };
        for (key, at, value) in map.iter() {
            let globs: Globs = self.globs(value, &format!("`sysfs.{key}`"), globs::device_path);
            match (key, show) {
                ("write", Some((Show::Ro | Show::Hide, _))) => self.error(
                    at,
                    "only a device that shows `rw` has writable attributes",
                    "`show: rw`".to_owned(),
                ),
                ("hide", Some((Show::Hide, _))) => self.error(
                    at,
                    "a hidden device has no attributes to hide",
                    "`show: rw` or `show: ro`".to_owned(),
                ),
                ("write", _) => {
                    for (glob, at) in lint::written(&globs, value) {
                        self.look_at_write(glob, at);
                    }
                    sysfs.write = globs;
                }
                _ => sysfs.hide = globs,
            }
        }
        sysfs
    }
}

/// Whether the match is about network interfaces and nothing else: `net` among its subsystems, its own or an alternative's.
fn names_net(matcher: &Matcher) -> bool {
    matcher.0.iter().any(|condition| match condition {
        Condition::Subsystem(globs) => globs.0.iter().any(|glob| glob.pattern() == "net"),
        Condition::Parent(matchers) | Condition::Any(matchers) => matchers.iter().any(names_net),
        _ => false,
    })
}

/// Whether the match takes partitions and leaves their disks.
fn hides_partitions(matcher: &Matcher) -> bool {
    matcher.0.iter().any(|condition| match condition {
        Condition::Devtype(globs) => globs.matches(b"partition") && !globs.matches(b"disk"),
        Condition::Any(matchers) => matchers.iter().any(hides_partitions),
        _ => false,
    })
}

#[cfg(test)]
pub(super) const KEYS: [(&str, &[&str]); 2] = [("rule", &RULE), ("sysfs", &SYSFS)];
