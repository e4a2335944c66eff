//! What a decision has to know and does not.

use std::{fmt, sync::Arc};

/// A fact that a rule asks for and that is not known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wanted {
    /// A property that only udev could say.
    Property(Arc<str>),
    /// udev's tags.
    Tag,
    /// udev's links.
    Link,
    /// An attribute that could not be read.
    Attr(Arc<str>),
}

impl Wanted {
    /// Whether it comes when udev speaks.
    pub fn is_of_udev(&self) -> bool {
        !matches!(self, Wanted::Attr(_))
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Wanted::Property(key) => f.write_str(key),
            Wanted::Tag => f.write_str("its tags"),
            Wanted::Link => f.write_str("its links"),
            Wanted::Attr(name) => write!(f, "attribute {name}"),
        }
    }
}
