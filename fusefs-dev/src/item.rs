//! What is asked of something that is given.

use crate::entries::Item;

impl Item {
    /// Whether both are the same thing, whatever its mode and owner are.
    pub fn is_same(&self, other: &Item) -> bool {
        match (self, other) {
            (Item::Directory, Item::Directory) => true,
            (
                Item::Link {
                    target: a,
                    of: b,
                    arrival: c,
                },
                Item::Link {
                    target: d,
                    of: e,
                    arrival: f,
                },
            ) => (a, b, c) == (d, e, f),
            (
                Item::Node {
                    kind: a,
                    device: b,
                    devpath: c,
                    arrival: g,
                    ..
                },
                Item::Node {
                    kind: d,
                    device: e,
                    devpath: f,
                    arrival: h,
                    ..
                },
            ) => (a, b, c, g) == (d, e, f, h),
            _ => false,
        }
    }

    /// Whether the container has no say in it: a link to a device it may replace and remove.
    pub fn is_fixed(&self) -> bool {
        !matches!(self, Item::Link { of: Some(_), .. })
    }
}
