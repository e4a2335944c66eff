//! `containerEdits`.

use kobject::{DevKind, Devnum};
use serde::Deserialize;
use serde_json::{Map as Object, Value as Json};

use crate::{
    access::Access,
    grants::{Grant, What},
    name,
    text::{File, Map, Value},
};

/// What a specification does to a container. What is not about nodes stays as it is, to be named in comments.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Edits {
    #[serde(default)]
    device_nodes: Vec<DeviceNode>,
    #[serde(flatten)]
    rest: Object<String, Json>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeviceNode {
    /// Inside.
    path: String,
    /// Where it differs from `path`.
    #[serde(default)]
    host_path: String,
    /// b, c, u (as c) or p.
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    major: u32,
    #[serde(default)]
    minor: u32,
    #[serde(default)]
    file_mode: Option<u32>,
    #[serde(default)]
    permissions: String,
    #[serde(default)]
    uid: Option<u32>,
    #[serde(default)]
    gid: Option<u32>,
}

impl Edits {
    pub fn is_empty(&self) -> bool {
        self.device_nodes.is_empty() && self.rest.is_empty()
    }

    /// What no runtime would take.
    pub fn wrong(&self) -> Option<String> {
        self.device_nodes.iter().find_map(|node| {
            let path = crate::text::shown(&node.path);
            if !node.path.starts_with('/') {
                return Some(format!("the path `{path}` of a device node is not absolute"));
            }
            if !node.permissions.is_empty() && Access::parse(&node.permissions).is_none() {
                let letters = crate::text::shown(&node.permissions);
                return Some(format!("the permissions `{letters}` of {path} are not of the letters r, w and m, each once"));
            }
            if !matches!(node.kind.as_str(), "" | "b" | "c" | "u" | "p") {
                let kind = crate::text::shown(&node.kind);
                return Some(format!("the type `{kind}` of {path} is not b, c, u or p"));
            }
            None
        })
    }

    /// What it gives, and comments for all else.
    pub fn grants(&self, file: &mut File, source: &str) -> (Vec<Grant>, Vec<String>) {
        let (mut granted, mut comments) = (Vec::new(), Vec::new());
        for node in &self.device_nodes {
            match node.grant(file, source) {
                Ok(grant) => granted.push(grant),
                Err(text) => {
                    let comment = file.note(source, format!("{}: {text}", node.path));
                    comments.push(comment);
                }
            }
        }
        for (key, value) in &self.rest {
            let items: Vec<&Json> = match value {
                Json::Array(items) => items.iter().collect(),
                other => vec![other],
            };
            for item in items {
                let text = plain(item);
                let text = match key.as_str() {
                    "env" => format!("env: `devns run -e {text}` sets it, rules do not"),
                    "mounts" => {
                        let (host, inside) =
                            (field(item, "hostPath"), field(item, "containerPath"));
                        format!("mount, not a rule's: {host} at {inside}")
                    }
                    "hooks" => {
                        let (name, path) = (field(item, "hookName"), field(item, "path"));
                        format!("hook, not a rule's: {name} {path}")
                    }
                    "additionalGids" => {
                        format!(
                            "additional gid {text}: `node: {{ gid: {text} }}` in a rule gives it a node"
                        )
                    }
                    other => format!("{other}, not a rule's: {text}"),
                };
                comments.push(file.note(source, text));
            }
        }
        (granted, comments)
    }
}

impl DeviceNode {
    fn grant(&self, file: &mut File, source: &str) -> Result<Grant, String> {
        if self.kind == "p" {
            return Err("a fifo, which is no device".to_owned());
        }
        let inside = name::below_dev(&self.path);
        let host = match self.host_path.is_empty() {
            true => inside.clone(),
            false => name::below_dev(&self.host_path),
        };
        let mut comments = vec![format!("device node {}", self.described())];
        // as the runtimes' library has it, a type and a major number say which device it is (fillMissingInfo, pkg/cdi)
        let kind = match self.kind.as_str() {
            "b" => Some(DevKind::Block),
            "" => None,
            _ => Some(DevKind::Char),
        };
        let (major, minor) = (self.major, self.minor);
        let number = kind
            .filter(|_| major != 0)
            .map(|kind| Devnum { kind, major, minor });
        let what = match (number, &host) {
            (Some(number), _) => What::Number(number.to_string()),
            (None, Some(host)) => What::named(host),
            (None, None) => return Err("the device is not below /dev".to_owned()),
        };
        if inside.is_none() {
            let text = format!(
                "{} is not below /dev, so the device has its own name only",
                self.path
            );
            comments.push(file.note(source, text));
        }
        let mut node: Map = Vec::new();
        if let Some(mode) = self.file_mode {
            node.push(("mode", Value::Word(format!("{:04o}", mode & 0o777))));
        }
        node.extend(self.uid.map(|uid| ("uid", Value::Number(uid))));
        node.extend(self.gid.map(|gid| ("gid", Value::Number(gid))));
        Ok(Grant {
            source: source.to_owned(),
            comments,
            what,
            access: match self.permissions.as_str() {
                "" => Access::ALL,
                letters => Access::parse(letters).unwrap_or_default(),
            },
            name: self.path.clone(),
            link: inside.filter(|inside| Some(inside) != host.as_ref()),
            node,
        })
    }

    /// As a line of text.
    fn described(&self) -> String {
        let mut text = self.path.clone();
        if !self.host_path.is_empty() && self.host_path != self.path {
            text.push_str(&format!(", on the host {}", self.host_path));
        }
        if self.major != 0 {
            text.push_str(&format!(", {} {}:{}", self.kind, self.major, self.minor));
        }
        if !self.permissions.is_empty() {
            text.push_str(&format!(", {}", self.permissions));
        }
        text
    }
}

fn field(value: &Json, key: &str) -> String {
    value.get(key).map(plain).unwrap_or_default()
}

/// A value on one line: a string as it is.
pub(super) fn plain(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}
