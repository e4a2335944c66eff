//! Rules by the device numbers that they name, which are ranges more often than not.

use kobject::{DevKind, Devnum};
use rustc_hash::FxHashMap;

use super::Order;
use crate::matcher::DevnumPattern;

/// Rules, each under a pattern of numbers.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    by_major: FxHashMap<(DevKind, u32), Minors>,
    /// Those with more than one major: few, and looked through one by one.
    wide: Vec<(DevnumPattern, Order)>,
}

/// Ranges of minors, by where they begin.
#[derive(Debug, Default)]
struct Minors(Vec<Range>);

#[derive(Clone, Copy, Debug)]
struct Range {
    first: u32,
    last: u32,
    order: Order,
    /// The greatest `last` of this one and of all that stand before it.
    reach: u32,
}

impl Numbers {
    pub fn is_empty(&self) -> bool {
        self.by_major.is_empty() && self.wide.is_empty()
    }

    pub fn add(&mut self, pattern: DevnumPattern, order: Order) {
        match pattern.major() {
            Some(major) => {
                let minors = self.by_major.entry((pattern.kind(), major)).or_default();
                minors.add(pattern.minors(), order);
            }
            None => self.wide.push((pattern, order)),
        }
    }

    pub fn find(&self, number: Devnum, found: &mut Vec<Order>) {
        if let Some(minors) = self.by_major.get(&(number.kind, number.major)) {
            minors.find(number.minor, found);
        }
        let wide = self.wide.iter();
        let matching = wide.filter(|(pattern, _)| pattern.matches(number));
        found.extend(matching.map(|(_, order)| *order));
    }
}

impl Minors {
    fn add(&mut self, (first, last): (u32, u32), order: Order) {
        let at = self.0.partition_point(|range| range.first <= first);
        let reach = at.checked_sub(1).map_or(0, |before| self.0[before].reach);
        let range = Range {
            first,
            last,
            order,
            reach: reach.max(last),
        };
        self.0.insert(at, range);
        for later in &mut self.0[at + 1..] {
            later.reach = later.reach.max(last);
        }
    }

    fn find(&self, minor: u32, found: &mut Vec<Order>) {
        let begun = self.0.partition_point(|range| range.first <= minor);
        for range in self.0[..begun].iter().rev() {
            if range.reach < minor {
                return;
            }
            if range.last >= minor {
                found.push(range.order);
            }
        }
    }
}
