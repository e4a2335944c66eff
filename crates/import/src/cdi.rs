//! CDI specifications, versions 0.3.0 to 1.x (SPEC.md of cncf-tags/container-device-interface).
//!
//! A device is a policy, `vendor.com/class=name`; what the specification says for all of its devices is one too, their base. A container
//! that gets several devices has a policy with all of them as bases.

mod edits;

use serde::Deserialize;
use serde_json::{Map as Object, Value as Json};

use crate::{
    ImportError, grants,
    text::{File, Policy, shown},
    wrong,
};
use edits::Edits;

/// A specification.
#[derive(Clone, Debug)]
pub(crate) struct Spec {
    file: String,
    kind: String,
    annotations: Object<String, Json>,
    edits: Edits,
    devices: Vec<Device>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    cdi_version: String,
    kind: String,
    #[serde(default)]
    annotations: Object<String, Json>,
    #[serde(default)]
    container_edits: Edits,
    #[serde(default)]
    devices: Vec<Device>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Device {
    name: String,
    #[serde(default)]
    annotations: Object<String, Json>,
    #[serde(default)]
    container_edits: Edits,
}

impl Spec {
    pub fn parse(file: &str, text: &str) -> Result<Spec, ImportError> {
        let bad = |message: String| wrong(file, message);
        let json: Json = match text.trim_start().starts_with('{') {
            true => serde_json::from_str(text).map_err(|e| bad(format!("no JSON: {e}")))?,
            false => serde_saphyr::from_str(text).map_err(|e| bad(format!("no YAML: {e}")))?,
        };
        let raw: Raw =
            serde_json::from_value(json).map_err(|e| bad(format!("no CDI specification: {e}")))?;
        let version = |text: &str| -> Option<(u32, u32)> {
            let mut parts = text.trim_start_matches('v').split('.');
            Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
        };
        match version(&raw.cdi_version) {
            Some((0, 3..) | (1, _)) => {}
            _ => {
                let version = shown(&raw.cdi_version);
                return Err(bad(format!(
                    "`cdiVersion: {version}` is not one of 0.3.0 to 1.x"
                )));
            }
        }
        if raw.kind.is_empty() || raw.devices.iter().any(|device| device.name.is_empty()) {
            return Err(bad("a `kind` or a device's `name` is empty".to_owned()));
        }
        if let Some(message) = raw
            .devices
            .iter()
            .map(|device| &device.container_edits)
            .chain([&raw.container_edits])
            .find_map(Edits::wrong)
        {
            return Err(bad(message));
        }
        Ok(Spec {
            file: file.to_owned(),
            kind: raw.kind,
            annotations: raw.annotations,
            edits: raw.container_edits,
            devices: raw.devices,
        })
    }

    /// A policy for what all devices have, if that is anything, and one for each device.
    pub fn policies(self, file: &mut File) {
        let common = !self.edits.is_empty() || !self.annotations.is_empty();
        let mut base = None;
        if common {
            let above = format!("{}: what each device of {} has", self.file, self.kind);
            let policy = self.policy(file, &self.kind, above, &self.annotations, &self.edits);
            file.push(policy);
            // the name that it got
            base = file.policies.last().map(|policy| vec![policy.name.clone()]);
        }
        for device in &self.devices {
            let name = format!("{}={}", self.kind, device.name);
            let above = format!("{}: {name}", self.file);
            let edits = &device.container_edits;
            let mut policy = self.policy(file, &name, above, &device.annotations, edits);
            policy.base.clone_from(&base);
            file.push(policy);
        }
    }

    fn policy(
        &self,
        file: &mut File,
        name: &str,
        above: String,
        annotations: &Object<String, Json>,
        edits: &Edits,
    ) -> Policy {
        let source = format!("{}: {name}", self.file);
        let mut policy = Policy {
            name: name.to_owned(),
            comments: vec![above],
            ..Policy::default()
        };
        for (key, value) in annotations {
            policy
                .comments
                .push(format!("annotation {key}: {}", edits::plain(value)));
        }
        let (granted, comments) = edits.grants(file, &source);
        policy.comments.extend(comments);
        grants::rules(file, &mut policy, &granted);
        policy
    }
}
