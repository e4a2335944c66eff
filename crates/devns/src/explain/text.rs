//! The answer as an admin reads it: first what is, then why, then what to do.

use std::fmt::Write;

use kobject::Escaped;
use policy::{
    CloseRule, Events, Explanation, FailedKey, FileAccess, NoLink, OnRevoke, Owner,
    PathExplanation, PathReason, Reason, RuleRef, Show, Shown, Sight, Way,
};

use super::{Asked, Explained};
use crate::excerpt::{excerpt, way_to};

impl Asked {
    pub(super) fn text(&self, explained: &Explained) -> String {
        match explained {
            Explained::Device(device) => self.device(device),
            Explained::Path(path, device) => self.path(path, device.as_ref()),
        }
    }

    fn device(&self, device: &Explanation) -> String {
        let mut out = self.head(device);
        if let Reason::Rule { rule, .. } | Reason::Unknown { rule, .. } = &device.decision.reason {
            out += "\n";
            let decides = match device.decision.reason {
                Reason::Unknown { .. } => "waits",
                _ => "decides",
            };
            out += &self.excerpt(rule, &[], decides);
        }
        out += "\n";
        out += &self.meaning(device);
        out += &self.close(&device.close);
        out += &self.to_show(device.to_show.as_deref());
        out
    }

    /// The answer in one line.
    fn head(&self, device: &Explanation) -> String {
        let ink = self.ink;
        let policy = self.view.policy().name();
        let how = match device.decision.show {
            Show::Hide => format!("is {}", ink.red("hidden")),
            show => format!("shows {}", ink.green(show)),
        };
        let why = match (&device.way, &device.decision.reason) {
            (Some(Way::Disk(disk)), Reason::Rule { rule, .. }) => {
                format!("it is a partition of {disk}, which rule {rule} shows rw")
            }
            (_, reason) => reason.to_string(),
        };
        let name = ink.bold(self.name(device));
        format!("{name} {how} by policy `{policy}`: {why}\n")
    }

    /// `/dev/loop4 (b 7:4, /devices/virtual/block/loop4)`.
    fn name(&self, device: &Explanation) -> String {
        let devpath = &device.devpath;
        let facts = self.devices.table.get(devpath).map(|facts| &facts.device);
        let devnum = facts.and_then(|device| device.devnum());
        match (facts.and_then(|device| device.devname()), devnum) {
            (Some(devname), Some(devnum)) => format!("/dev/{devname} ({devnum}, {devpath})"),
            _ => devpath.to_string(),
        }
    }

    fn meaning(&self, device: &Explanation) -> String {
        let mut rows: Vec<(&str, String)> = Vec::new();
        match &device.shown {
            Some(shown) => self.shown(device, shown, &mut rows),
            None => {
                let sysfs = match device.sight {
                    Some(Sight::Ancestor) => {
                        "its name and its own files to read: it leads to what shows"
                    }
                    Some(_) => "its name, and nothing in it: it leads to what shows",
                    None => "not there",
                };
                let uevent = match device.uevent {
                    FileAccess::None => "none",
                    _ => "to read",
                };
                let rest = format!("node none, access none, uevent {uevent}, events none");
                return format!("  sysfs {sysfs}; {rest}\n");
            }
        }
        let mut out = String::new();
        for (name, text) in rows {
            let _ = writeln!(out, "  {}  {text}", self.ink.dim(format!("{name:7}")));
        }
        out
    }

    fn shown(&self, device: &Explanation, shown: &Shown, rows: &mut Vec<(&str, String)>) {
        rows.extend(device.way.as_ref().map(|way| ("through", through(way))));
        let refused: Vec<_> = self.refused(shown).collect();
        let no_node = refused.iter().find(|refusal| !refusal.is_link);
        rows.push(("node", node(shown, no_node.map(|refusal| &*refusal.why))));
        for (link, by) in links(shown) {
            let path = format!("/{link}");
            let refused = refused.iter().find(|r| r.is_link && r.path == path);
            rows.push(match (refused, no_node) {
                (Some(refusal), _) => ("link", format!("not /dev/{link}: {}", refusal.why)),
                (None, Some(_)) => ("link", format!("not /dev/{link}: there is no node")),
                (None, None) => ("link", format!("/dev/{link}, {by}")),
            });
        }
        for NoLink { link, why } in &shown.no_links {
            rows.push(("link", format!("not `{link}`: {why}")));
        }
        let access = match (shown.devnum, shown.show) {
            (None, _) => "none: it has no number".to_string(),
            (Some(devnum), Show::Rw) => format!("rwm: read, write, mknod of {devnum}"),
            (Some(devnum), _) => format!("r: read of {devnum}"),
        };
        rows.push(("access", access));
        rows.push(("sysfs", self.sysfs(device)));
        let uevent = match device.uevent {
            FileAccess::Uevent => "to read; a write is an event in the container alone",
            FileAccess::None => "hidden",
            FileAccess::Read | FileAccess::Write => "to read",
        };
        rows.push(("uevent", uevent.into()));
        rows.push(("events", events(device.decision.events()).into()));
        if shown.on_revoke == OnRevoke::Kill {
            let text = "when it is taken away from somebody who holds it, the container is killed";
            rows.push(("revoked", text.into()));
        }
    }

    fn sysfs(&self, device: &Explanation) -> String {
        let mut text = "attributes to read".to_string();
        if device.decision.show == Show::Rw && !device.writable.is_empty() {
            text += &format!(", {} to write", quoted(&device.writable));
        }
        for (glob, rule) in &device.hidden {
            text += &format!("; hidden `{}` (rule {rule})", Escaped(glob.as_bytes()));
        }
        text
    }

    fn path(&self, path: &PathExplanation, device: Option<&Explanation>) -> String {
        let ink = self.ink;
        let policy = self.view.policy().name();
        let how = match path.shows {
            true => ink.green("shows"),
            false => format!("is {}", ink.red("hidden")),
        };
        let access = match path.access {
            FileAccess::None => "",
            FileAccess::Read => " (to read)",
            FileAccess::Write => " (to read and write)",
            FileAccess::Uevent => " (to read; a write is an event in the container alone)",
        };
        let name = ink.bold(format!("/sys{}", path.path));
        let why = path.why();
        let mut out = format!("{name} {how} by policy `{policy}`{access}: {why}\n");
        if let Some(rule) = path.rule() {
            out += "\n";
            out += &self.excerpt(rule, &[], "decides");
        }
        if let Some(device) = device {
            out += "\n";
            out += &self.head(device);
            // of what is hidden as its device is
            if !path.shows && path.rule().is_none() {
                out += &self.close(&device.close);
            }
        }
        out += &self.to_show(path.to_show.as_deref());
        if let (PathReason::HiddenAttribute { rule, .. }, Some(_)) = (&path.reason, &path.to_show) {
            let _ = writeln!(
                out,
                "\nit decides then, so what rule {rule} says besides has to go into it"
            );
        }
        out
    }

    fn close(&self, close: &[CloseRule]) -> String {
        let mut out = String::new();
        for (index, rule) in close.iter().enumerate() {
            if index == 0 {
                let _ = writeln!(out, "\n{}", self.ink.bold("came close:"));
            }
            let above = rule
                .above
                .as_ref()
                .map(|above| format!(", of {above} above it"));
            let above = above.unwrap_or_default();
            let _ = writeln!(out, "  rule {}, {}{above}:", rule.rule, rule.show);
            if rule.failed.is_empty() {
                let _ = writeln!(out, "      all of it holds, but an earlier rule decides");
            }
            for line in rule.failed.iter().flat_map(FailedKey::lines) {
                let _ = writeln!(out, "      {}", self.ink.yellow(line));
            }
            if index == 0 {
                let keys = way_to(&rule.failed);
                let note = if keys.is_empty() {
                    "comes too late"
                } else {
                    "fails"
                };
                for line in self.excerpt(&rule.rule, &keys, note).lines() {
                    let _ = writeln!(out, "      {line}");
                }
            }
        }
        out
    }

    fn to_show(&self, rule: Option<&str>) -> String {
        let Some(rule) = rule else {
            return String::new();
        };
        let policy = self.view.policy().name();
        let spec = &self.whose.spec;
        let place = match spec.starts_with("builtin:") {
            true => format!("under `rules` of a policy of your own with `base: [{policy}]`"),
            false => format!("first under `rules` of policy `{policy}` in {spec}"),
        };
        let head = self.ink.bold("to show it,");
        let mut out = format!("\n{head} put this {place}:\n");
        for line in rule.lines() {
            let _ = writeln!(out, "  {line}");
        }
        out
    }

    fn excerpt(&self, rule: &RuleRef, keys: &[String], note: &str) -> String {
        match self.whose.text(rule) {
            Some(text) => excerpt(self.ink, &rule.file, text, rule.line, keys, note),
            None => String::new(),
        }
    }
}

fn through(way: &Way) -> String {
    match way {
        Way::Itself => "the device itself".into(),
        Way::Above(above) => format!("its ancestor {above}"),
        Way::Disk(disk) => format!("closure: partition of {disk}, a disk that is rw"),
    }
}

/// The node of a device; `refused` says why it has none.
fn node(shown: &Shown, refused: Option<&str>) -> String {
    let (Some(_), Some(devname)) = (shown.devnum, &shown.devname) else {
        return "none: the kernel gives it no node".into();
    };
    if devname.as_bytes() == b"ptmx" && refused.is_some() {
        return "none of the host's: /dev/ptmx leads to the container's own pts/ptmx".into();
    }
    if let Some(why) = refused {
        return format!("none at /dev/{devname}: {why}");
    }
    let owner = |owner: &Option<Owner>| match owner {
        Some(owner) => Escaped(owner.to_string().as_bytes()).to_string(),
        None => "root".into(),
    };
    let (uid, gid) = (owner(&shown.uid), owner(&shown.gid));
    let mode = fusefs_dev::perm(shown);
    format!("/dev/{devname}, mode {mode:04o}, owner {uid}:{gid}")
}

/// The links to a node, with who makes them.
pub(super) fn links(shown: &Shown) -> impl Iterator<Item = (&kobject::Devname, &'static str)> {
    let by_rule = shown.links.iter().map(|link| (link, "by its rule"));
    let by_udev = shown.host_links.iter();
    by_rule.chain(by_udev.map(|link| (link, "by the host's udev")))
}

fn events(events: Events) -> &'static str {
    match events {
        Events::Kernel => "the kernel's",
        Events::Udev => "udev's",
        Events::Both => "the kernel's and udev's",
        Events::None => "none: its rule says so",
    }
}

fn quoted(globs: &[String]) -> String {
    let globs = globs
        .iter()
        .map(|glob| format!("`{}`", Escaped(glob.as_bytes())));
    globs.collect::<Vec<_>>().join(", ")
}
