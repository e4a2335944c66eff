//! What was read of a device's attributes: those that rules ask for, no others.

use std::{collections::BTreeMap, sync::Arc};

use kobject::Bytes;

/// Attributes of one device by their path below its directory: `idVendor`, `queue/rotational`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes(BTreeMap<Arc<str>, Attribute>);

/// What an attribute said when it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attribute {
    /// Its text, less white space at the end, as udev(7) compares it.
    Said(Bytes),
    /// The device has no such attribute.
    Absent,
    /// It is there, but reading it failed; or nobody has read it. What is not known hides.
    Unknown,
}

impl Attributes {
    /// What is known of an attribute; [`Attribute::Unknown`] for one that was not read.
    pub fn get(&self, name: &str) -> &Attribute {
        self.0.get(name).unwrap_or(&Attribute::Unknown)
    }

    /// Whether somebody has tried to read it.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Notes what was read.
    pub fn insert(&mut self, name: Arc<str>, attribute: Attribute) {
        self.0.insert(name, attribute);
    }

    /// All that were read, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Attribute)> {
        self.0.iter().map(|(name, said)| (&**name, said))
    }
}

impl Attribute {
    /// The text that was read, as rules compare it.
    pub fn said(text: &[u8]) -> Attribute {
        Attribute::Said(text.trim_ascii_end().into())
    }
}
