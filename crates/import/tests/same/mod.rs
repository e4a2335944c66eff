//! Devices, and what a view of them has in /dev.

use std::collections::BTreeMap;

use kobject::{Device, Devpath, Properties};
use policy::{DeviceTable, Facts, Rules, Show, View};

/// A device node: its name below /dev, its subsystem, its number.
#[derive(Clone, Debug)]
pub struct Node {
    pub name: String,
    pub subsystem: &'static str,
    pub major: u32,
    pub minor: u32,
}

/// What a container has of a device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Has {
    pub write: bool,
    pub mode: Option<u32>,
    pub uid: Option<String>,
    pub gid: Option<String>,
    pub links: Vec<String>,
}

pub fn table(nodes: &[Node]) -> DeviceTable {
    let mut table = DeviceTable::new();
    for (index, node) in nodes.iter().enumerate() {
        let kernel_name = node.name.rsplit('/').next().unwrap_or_default();
        let devpath = format!("/devices/virtual/test/{index}/{kernel_name}");
        let mut device = Device::new(Devpath::parse(devpath.as_bytes()).unwrap());
        device.subsystem = Some(node.subsystem.into());
        let mut properties = Properties::new();
        for (key, value) in [
            ("MAJOR", node.major.to_string()),
            ("MINOR", node.minor.to_string()),
            ("DEVNAME", node.name.clone()),
        ] {
            properties.insert(key.as_bytes(), value.as_bytes());
        }
        device.properties = properties;
        table.insert(Facts::new(device));
    }
    table
}

/// What a policy shows, by the names of the nodes.
pub fn shown(rules: &str, policy: &str, table: &DeviceTable) -> BTreeMap<String, Has> {
    let parsed = match Rules::parse("imported", rules) {
        Ok(parsed) => parsed,
        Err(e) => panic!("{e}\n{rules}"),
    };
    assert_eq!(policy::format("imported", rules).as_deref(), Ok(rules));
    let mut view = View::new(parsed.policy(policy).unwrap());
    view.refresh_all(table);
    view.shown()
        .map(|(_, shown)| {
            let name = shown.devname.as_ref().unwrap().to_string();
            let has = Has {
                write: shown.show == Show::Rw,
                mode: shown.mode,
                uid: shown.uid.as_ref().map(ToString::to_string),
                gid: shown.gid.as_ref().map(ToString::to_string),
                links: shown.links.iter().map(ToString::to_string).collect(),
            };
            (name, has)
        })
        .collect()
}
