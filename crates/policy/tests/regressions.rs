//! What the comparison with the naive model has found, as small as it got.

use kobject::{Device, Devpath};
use policy::{Ancestors, Attribute, DeviceTable, Facts, Policy, Rules, Sight, View};
use std::sync::Arc;

fn policy(text: &str) -> Arc<Policy> {
    let text = format!("version: 1\npolicies: {{ p: {{ base: [], {text} }} }}\n");
    let rules = Rules::parse("r", &text).unwrap_or_else(|errors| panic!("{errors}"));
    rules.policy("p").unwrap()
}

fn path(text: &str) -> Devpath {
    Devpath::parse(text.as_bytes()).unwrap()
}

fn facts(devpath: &str, subsystem: &str) -> Facts {
    let mut device = Device::new(path(devpath));
    device.subsystem = Some(subsystem.into());
    Facts::new(device)
}

#[test]
fn regression_own_interfaces_have_the_policys_ancestors() {
    let mut table = DeviceTable::new();
    table.insert(facts("/devices/pci0", "pci"));
    table.insert(Facts {
        own: true,
        ..facts("/devices/pci0/net/eth0", "net")
    });
    let mut view = View::new(policy("ancestors: skeleton"));
    view.refresh_all(&table);
    let own = view.decision(&table, &path("/devices/pci0/net/eth0"));
    assert_eq!(own.unwrap().ancestors(), Ancestors::Skeleton);
    let above = view.sight(&path("/devices/pci0"));
    assert_eq!(above, Some(Sight::HiddenAncestor));
}

#[test]
fn regression_directories_on_the_way_to_a_path_come_and_go_with_its_rule() {
    let table = DeviceTable::new();
    let with = policy("rules: [{ path: /firmware/a/b, show: ro }]");
    let without = policy("rules: []");
    let mut view = View::new(without.clone());
    for policy in [with, without] {
        let shows = |view: &View| view.judge(&table, b"/firmware").dir;
        let before = shows(&view);
        let change = view.set_policy(policy, &table);
        assert_ne!(shows(&view), before);
        let paths: Vec<String> = change.paths.iter().map(ToString::to_string).collect();
        assert_eq!(paths, ["/firmware", "/firmware/a", "/firmware/a/b"]);
    }
}

#[test]
fn regression_attributes_are_wanted_for_a_parent_within_any() {
    let within = "rules: [{ match: { subsystem: block, any: [{ parent: { attr: { serial: A } } }] }, show: rw }]";
    let policy = policy(within);
    let mut usb = facts("/devices/usb1", "usb");
    let wanted = policy.wanted_attributes(&usb);
    assert_eq!(
        wanted.iter().map(|name| &**name).collect::<Vec<_>>(),
        ["serial"]
    );
    let mut table = DeviceTable::new();
    usb.attrs.insert("serial".into(), Attribute::said(b"A\n"));
    table.insert(usb);
    let mut disk = facts("/devices/usb1/block/sda", "block");
    for name in policy.wanted_attributes(&disk) {
        disk.attrs.insert(name, Attribute::Absent);
    }
    table.insert(disk);
    let mut view = View::new(policy);
    view.refresh_all(&table);
    let sight = view.sight(&path("/devices/usb1/block/sda"));
    assert_eq!(sight, Some(Sight::Rw));
}

#[test]
fn regression_links_go_with_a_directory_that_a_path_rule_takes_away() {
    let mut table = DeviceTable::new();
    table.insert(facts("/devices/system/cpu/cpu0", "cpu"));
    let show = "{ match: { subsystem: cpu }, show: ro }";
    let mut view = View::new(policy(&format!("rules: [{show}]")));
    view.refresh_all(&table);
    let hide = format!("rules: [{show}, {{ path: /devices/system/**, show: hide }}]");
    let change = view.set_policy(policy(&hide), &table);
    let paths: Vec<String> = change.paths.iter().map(ToString::to_string).collect();
    assert_eq!(
        paths,
        [
            "/bus/cpu/devices/cpu0",
            "/class/cpu/cpu0",
            "/devices/system"
        ]
    );
}
