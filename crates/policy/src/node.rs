//! What a rule says of the nodes of its devices, and of the links to them.

use std::{fmt, sync::Arc};

use kobject::Devname;

use crate::{Facts, OnRevoke, Udev, template::Template};

/// Whose a node is, as the rule says it: in the container's own terms.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Owner {
    /// A number of the container's.
    Id(u32),
    /// A name of the container's own /etc/passwd or /etc/group.
    Name(Arc<str>),
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Owner::Id(id) => id.fmt(f),
            Owner::Name(name) => name.fmt(f),
        }
    }
}

/// The `node` and `on_revoke` parts of a rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct NodeSays {
    /// Permission bits, at most 0777.
    pub mode: Option<u32>,
    pub uid: Option<Owner>,
    pub gid: Option<Owner>,
    pub links: Vec<Template>,
    pub on_revoke: OnRevoke,
}

/// A link of a rule that a device does not get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoLink {
    /// The link as the rule has it.
    pub link: Arc<str>,
    /// Why.
    pub why: NoLinkReason,
}

/// Why a device does not get a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoLinkReason {
    /// The device has no such property.
    Absent(Arc<str>),
    /// Only the host's udev could have said the property, and it has not spoken yet.
    Unknown(Arc<str>),
    /// With the device's values it is no name below /dev: a part of it is empty, `.`, `..` or too long.
    NoName,
}

impl fmt::Display for NoLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no link `{}`: {}", self.link, self.why)
    }
}

impl fmt::Display for NoLinkReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoLinkReason::Absent(key) => write!(f, "the device has no property {key}"),
            NoLinkReason::Unknown(key) => write!(f, "udev has not said {key} yet"),
            NoLinkReason::NoName => {
                f.write_str("with the device's values it is no name below /dev")
            }
        }
    }
}

impl NodeSays {
    /// The links of a device, each once, in the rule's order; and those that it does not get.
    pub fn links_of(&self, facts: &Facts) -> (Vec<Devname>, Vec<NoLink>) {
        let (mut links, mut not) = (Vec::new(), Vec::new());
        let name = facts.device.name();
        let said = |key: &str| match facts.property(key) {
            Property::Said(value) => Ok(value),
            Property::Absent => Err(NoLinkReason::Absent(key.into())),
            Property::Unknown => Err(NoLinkReason::Unknown(key.into())),
        };
        for template in &self.links {
            let link = template
                .expand(name, said)
                .and_then(|link| Devname::parse(&link).map_err(|_| NoLinkReason::NoName));
            match link {
                Ok(link) if links.contains(&link) => {}
                Ok(link) => links.push(link),
                Err(why) => not.push(NoLink {
                    link: template.text().clone(),
                    why,
                }),
            }
        }
        (links, not)
    }
}

/// What is known of one property.
pub(crate) enum Property<'a> {
    Said(&'a [u8]),
    Absent,
    /// Only udev could say it, and it has not spoken yet.
    Unknown,
}

impl Facts {
    /// What the kernel says of a property, else what udev says.
    pub(crate) fn property(&self, key: &str) -> Property<'_> {
        match (self.device.properties.get(key.as_bytes()), &self.udev) {
            (Some(value), _) => Property::Said(value),
            (None, Udev::Unknown) => Property::Unknown,
            (None, Udev::Absent) => Property::Absent,
            (None, Udev::Known(said)) => match said.properties.get(key.as_bytes()) {
                Some(value) => Property::Said(value),
                None => Property::Absent,
            },
        }
    }
}
