//! What a v1 list must hold to mean what was granted, and the writes that lead there. Pure.

use std::collections::BTreeMap;

use super::super::{Access, Range};

/// What was granted, and what the kernel's list holds.
#[derive(Debug, Default)]
pub(in crate::cgroup) struct Table {
    /// By v2's meaning: an exact entry hides that of its major; an empty one counts.
    wanted: BTreeMap<Range, Access>,
    /// Entry by entry; none is empty.
    held: BTreeMap<Range, Access>,
}

/// One write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// To `devices.allow`, else to `devices.deny`.
    pub(super) allow: bool,
    pub(super) range: Range,
    pub(super) access: Access,
}

impl Table {
    /// Grants `access` for `range`, or nothing any more; returns what was there.
    pub(in crate::cgroup) fn want(
        &mut self,
        range: Range,
        access: Option<Access>,
    ) -> Option<Access> {
        match access {
            Some(access) => self.wanted.insert(range, access),
            None => self.wanted.remove(&range),
        }
    }

    /// What the kernel's list has to hold to mean what was granted; entries may be empty.
    pub(in crate::cgroup) fn goal(&self) -> BTreeMap<Range, Access> {
        let entries = self.wanted.iter();
        entries
            .map(|(range, access)| (*range, self.entry(*range, *access)))
            .collect()
    }

    /// The writes from what is held to what is wanted: first all that takes away, so that nothing is
    /// granted in between that is not before or after.
    pub(super) fn changes(&self) -> Vec<Change> {
        let goal = self.goal();
        let differ = |allow, from: &BTreeMap<Range, Access>, to: &BTreeMap<Range, Access>| {
            let change = |(range, access): (&Range, &Access)| Change {
                allow,
                range: *range,
                access: *access - to.get(range).copied().unwrap_or_default(),
            };
            let all: Vec<Change> = from.iter().map(change).collect();
            all.into_iter().filter(|change| !change.access.is_empty())
        };
        differ(false, &self.held, &goal)
            .chain(differ(true, &goal, &self.held))
            .collect()
    }

    /// `change` was written.
    pub(super) fn applied(&mut self, change: Change) {
        let held = self.held.entry(change.range).or_default();
        *held = match change.allow {
            true => *held | change.access,
            false => *held - change.access,
        };
        if held.is_empty() {
            self.held.remove(&change.range);
        }
    }

    /// Of the major of `range`: what was granted and what is left of it, if that is less.
    pub(super) fn cut(&self, range: Range) -> Option<(Access, Access)> {
        let all = Range {
            minor: None,
            ..range
        };
        let wanted = *self.wanted.get(&all)?;
        let left = self.entry(all, wanted);
        (left != wanted).then_some((wanted, left))
    }

    /// What the list must hold for `range`. An entry for a whole major passes every request that it
    /// covers, so it must not cover what one of its devices was not granted.
    fn entry(&self, range: Range, access: Access) -> Access {
        if range.minor.is_some() {
            return access;
        }
        // None sorts before every minor: the exact entries of the major follow it
        self.wanted
            .range(range..)
            .skip(1)
            .take_while(|(exact, _)| (exact.kind, exact.major) == (range.kind, range.major))
            .fold(access, |left, (_, exact)| left & *exact)
    }
}

#[cfg(test)]
mod tests;
