//! What the crate is told of a device, and what it should say of one that shows.

use kobject::{Device, Devname, Devpath, Properties, UdevSaid};
use policy::{Attribute, Events, Facts, NoLink, NoLinkReason, OnRevoke, Owner, Shown};

use crate::{
    links,
    naive::{About, Dev, Model, Rule, Show, Udev},
};

pub fn devpath(text: &str) -> Devpath {
    Devpath::parse(text.as_bytes()).unwrap()
}

fn name_below_dev(text: &str) -> Devname {
    Devname::parse(text.as_bytes()).unwrap()
}

fn properties(list: &[(String, String)]) -> Properties {
    list.iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect()
}

/// What is known of a device before any attribute is read.
pub fn facts(dev: &Dev) -> Facts {
    let bytes = |text: &Option<String>| text.as_deref().map(Into::into);
    Facts {
        device: Device {
            devpath: devpath(&dev.path),
            subsystem: bytes(&dev.subsystem),
            driver: bytes(&dev.driver),
            module: bytes(&dev.module),
            properties: properties(&dev.kernel),
        },
        udev: match &dev.udev {
            Udev::Absent => policy::Udev::Absent,
            Udev::Unknown => policy::Udev::Unknown,
            Udev::Known(list) => policy::Udev::Known(UdevSaid {
                properties: properties(list),
                links: host_links(dev),
                link_priority: dev.link_priority,
                tags: dev.tags.iter().map(|tag| tag.as_str().into()).collect(),
            }),
        },
        attrs: Default::default(),
        own: dev.own,
    }
}

/// What reading an attribute gives.
pub fn attribute(dev: &Dev, name: &str) -> Attribute {
    match dev.attrs.iter().find(|(other, _)| *other == name) {
        None => Attribute::Absent,
        Some((_, None)) => Attribute::Unknown,
        Some((_, Some(value))) => Attribute::said(format!("{value}\n").as_bytes()),
    }
}

fn host_links(dev: &Dev) -> Vec<Devname> {
    let links = dev.host_links.iter();
    links.map(|link| name_below_dev(link)).collect()
}

/// The links of a device by its rule, and those that come to nothing.
fn links_of_rule(dev: &Dev, rule: &Rule) -> (Vec<Devname>, Vec<NoLink>) {
    let (mut made, mut not) = (Vec::new(), Vec::new());
    for template in &rule.links {
        match links::expand(template, dev) {
            Ok(link) if made.contains(&name_below_dev(&link)) => {}
            Ok(link) => made.push(name_below_dev(&link)),
            Err((what, key)) => not.push(NoLink {
                link: (*template).into(),
                why: match what {
                    "absent" => NoLinkReason::Absent(key.as_str().into()),
                    "unknown" => NoLinkReason::Unknown(key.as_str().into()),
                    _ => NoLinkReason::NoName,
                },
            }),
        }
    }
    (made, not)
}

/// A device that the model shows.
pub fn shown(model: &Model, dev: &Dev) -> Option<Shown> {
    let decided = model.decide(dev);
    let show = match decided.show {
        Show::Rw => policy::Show::Rw,
        Show::Ro => policy::Show::Ro,
        Show::Hide => return None,
    };
    let devname = dev
        .get("DEVNAME")
        .and_then(|name| Devname::parse(name.as_bytes()).ok());
    let devnum = dev
        .devnum()
        .map(|(kind, major, minor)| format!("{kind} {major}:{minor}").parse().unwrap());
    let has_node = devnum.is_some() && devname.is_some();
    let said = has_node && matches!(dev.udev, Udev::Known(_));
    let order = decided.rule.map_or(usize::MAX, |index| {
        let devices = |rule: &&Rule| matches!(rule.about, About::Devices { .. });
        model.file.rules[..index].iter().filter(devices).count()
    });
    let rule = decided.rule.map(|index| &model.file.rules[index]);
    let (links, no_links) = match rule {
        Some(rule) if has_node => links_of_rule(dev, rule),
        _ => Default::default(),
    };
    Some(Shown {
        devpath: devpath(&dev.path),
        show,
        devnum,
        devname,
        devmode: dev
            .get("DEVMODE")
            .map(|mode| u32::from_str_radix(mode, 8).unwrap()),
        subsystem: dev.subsystem.as_deref().map(Into::into),
        own: dev.own,
        events: match rule.and_then(|rule| rule.events) {
            Some("udev") => Events::Udev,
            Some("both") => Events::Both,
            Some("none") => Events::None,
            _ => Events::Kernel,
        },
        mode: rule.and_then(|rule| Some(u32::from_str_radix(rule.mode?, 8).unwrap())),
        uid: rule.and_then(|rule| Some(owner(rule.uid?))),
        gid: rule.and_then(|rule| Some(owner(rule.gid?))),
        links,
        no_links,
        host_links: if said { host_links(dev) } else { Vec::new() },
        link_priority: if said { dev.link_priority } else { 0 },
        order,
        arrival: dev.arrival,
        on_revoke: match rule.is_some_and(|rule| rule.kill) {
            true => OnRevoke::Kill,
            false => OnRevoke::Report,
        },
    })
}

fn owner(text: &str) -> Owner {
    match text.parse() {
        Ok(id) => Owner::Id(id),
        Err(_) => Owner::Name(text.into()),
    }
}
