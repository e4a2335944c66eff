//! The same answer for programs.

use kobject::{Bytes, Escaped};
use policy::{
    CloseRule, Explanation, FailedKey, FileAccess, Is, OnRevoke, PathExplanation, Reason, Show,
    Shown, Sight, Wanted, Way,
};
use serde_json::{Value, json};

use super::text::links;
use super::{Asked, Explained};
use crate::whose::rule_json;

impl Asked {
    pub(super) fn json(&self, all: &[(&str, Explained)]) -> Value {
        let explained = |(target, one): &(&str, Explained)| {
            let mut value = match one {
                Explained::Device(device) => self.device_json(device),
                Explained::Path(path, device) => self.path_json(path, device.as_ref()),
            };
            value["target"] = json!(target);
            value
        };
        json!({
            "policy": self.view.policy().name(),
            "rules": self.whose.spec,
            "targets": all.iter().map(explained).collect::<Vec<_>>(),
        })
    }

    fn device_json(&self, device: &Explanation) -> Value {
        let facts = self.devices.table.get(&device.devpath);
        let facts = facts.map(|facts| &facts.device);
        let devnum = facts.and_then(|facts| facts.devnum());
        let devname = facts.and_then(|facts| facts.devname());
        let (rule, waits) = match &device.decision.reason {
            Reason::Rule { rule, .. } => (Some(rule_json(rule)), &[][..]),
            Reason::Unknown { rule, keys } => (Some(rule_json(rule)), &keys[..]),
            _ => (None, &[][..]),
        };
        let hidden = device
            .hidden
            .iter()
            .map(|(glob, rule)| json!({ "glob": glob, "rule": rule_json(rule) }));
        let shown = device.shown.as_ref();
        json!({
            "kind": "device",
            "devpath": device.devpath.to_string(),
            "devname": devname.map(|name| name.to_string()),
            "devnum": devnum.map(|number| number.to_string()),
            "shows": device.decision.show != Show::Hide,
            "show": device.decision.show.as_str(),
            "reason": device.decision.reason.to_string(),
            "rule": rule,
            "waits": waits.iter().map(Wanted::to_string).collect::<Vec<_>>(),
            "through": device.way.as_ref().map(|way| match way {
                Way::Itself => json!({ "what": "itself" }),
                Way::Above(above) => json!({ "what": "ancestor", "devpath": above.to_string() }),
                Way::Disk(disk) => json!({ "what": "disk", "devpath": disk.to_string() }),
            }),
            "node": shown.and_then(|shown| self.node_json(shown)),
            "links": shown.map(|shown| self.links_json(shown)).unwrap_or_default(),
            "access": shown.filter(|shown| shown.devnum.is_some()).map(|shown| match shown.show {
                Show::Rw => "rwm",
                Show::Ro | Show::Hide => "r",
            }),
            "sysfs": device.sight.map(|sight| match sight {
                Sight::Rw | Sight::Ro => "all",
                Sight::Ancestor => "files",
                Sight::HiddenAncestor => "name",
            }),
            "writable": device.writable,
            "hidden": hidden.collect::<Vec<_>>(),
            "uevent": access(device.uevent),
            "events": shown.map(|_| device.decision.events().as_str()),
            "on_revoke": shown.map(|shown| match shown.on_revoke {
                OnRevoke::Report => "report",
                OnRevoke::Kill => "kill",
            }),
            "close": device.close.iter().map(close).collect::<Vec<_>>(),
            "to_show": device.to_show,
        })
    }

    fn node_json(&self, shown: &Shown) -> Option<Value> {
        let (_, devname) = (shown.devnum?, shown.devname.as_ref()?);
        let refused = self.refused(shown).find(|refusal| !refusal.is_link);
        Some(json!({
            "path": format!("/dev/{devname}"),
            "mode": format!("{:04o}", fusefs_dev::perm(shown)),
            "uid": shown.uid.as_ref().map(ToString::to_string),
            "gid": shown.gid.as_ref().map(ToString::to_string),
            "refused": refused.map(|refusal| &refusal.why),
        }))
    }

    fn links_json(&self, shown: &Shown) -> Vec<Value> {
        let made = links(shown).map(|(link, by)| {
            let path = format!("/{link}");
            let refused = self.refused(shown).find(|r| r.is_link && r.path == path);
            let by = if by.contains("udev") { "udev" } else { "rule" };
            let link = link.to_string();
            json!({ "name": link, "by": by, "refused": refused.map(|r| &r.why) })
        });
        let not = shown
            .no_links
            .iter()
            .map(|not| json!({ "name": &*not.link, "by": "rule", "refused": not.why.to_string() }));
        made.chain(not).collect()
    }

    fn path_json(&self, path: &PathExplanation, device: Option<&Explanation>) -> Value {
        json!({
            "kind": "path",
            "path": path.path.to_string(),
            "shows": path.shows,
            "file": access(path.access),
            "reason": path.why(),
            "rule": path.rule().map(|rule| rule_json(rule)),
            "device": device.map(|device| self.device_json(device)),
            "to_show": path.to_show,
        })
    }
}

fn access(access: FileAccess) -> Option<&'static str> {
    match access {
        FileAccess::None => None,
        FileAccess::Read => Some("read"),
        FileAccess::Write => Some("write"),
        FileAccess::Uevent => Some("uevent"),
    }
}

fn close(close: &CloseRule) -> Value {
    json!({
        "rule": rule_json(&close.rule),
        "show": close.show.as_str(),
        "above": close.above.as_ref().map(ToString::to_string),
        "held": close.held,
        "failed": close.failed.iter().map(failed).collect::<Vec<_>>(),
    })
}

fn failed(key: &FailedKey) -> Value {
    let mut value = json!({ "key": key.key, "wants": key.wants });
    let (what, is) = match &key.is {
        Is::Nothing => ("has", json!([])),
        Is::Said(values) => {
            let text = |value: &Bytes| Escaped(value).to_string();
            ("has", json!(values.iter().map(text).collect::<Vec<_>>()))
        }
        Is::Unknown(waits) => {
            let waits: Vec<String> = waits.iter().map(Wanted::to_string).collect();
            ("waits", json!(waits))
        }
        Is::Excluded => ("excluded", json!(true)),
        Is::Nearest {
            devpath,
            failed: of,
        } => {
            let of: Vec<Value> = of.iter().map(failed).collect();
            (
                "nearest",
                json!({ "devpath": devpath.to_string(), "failed": of }),
            )
        }
        Is::Alternative {
            number,
            of: count,
            failed: of,
        } => {
            let of: Vec<Value> = of.iter().map(failed).collect();
            (
                "nearest",
                json!({ "number": number, "of": count, "failed": of }),
            )
        }
    };
    value[what] = is;
    value
}
