//! Whether one match holds wherever another does.
//!
//! All of it compares the three values of both for every device at once: `a` is covered by `b` if `a` is nowhere more true than `b`, with
//! false below unknown below true. AND is the least of several and OR the greatest, so what holds for the parts holds for the whole, and
//! `not` turns it around. What is not found here may hold all the same.

use crate::{
    glob::{Globs, Steps},
    matcher::{Condition, Matcher},
    policy::DeviceRule,
};

/// Conditions that must all hold.
pub(super) type All<'m> = Vec<&'m Condition>;

pub(super) struct Covers<'s> {
    pub steps: &'s mut Steps,
}

impl Covers<'_> {
    /// Whether the rule `by` is about each device that a rule of this match and scope is about.
    pub fn rule(&mut self, all: &All, subtree: bool, by: &DeviceRule) -> bool {
        if (by.subtree || !subtree) && self.matcher(all, &by.matcher) {
            return true;
        }
        // a device above that the one asks for is a device that the other takes, with what is below it
        by.subtree
            && all.iter().any(|condition| match condition {
                Condition::Parent(above) => above
                    .iter()
                    .all(|matcher| self.matcher(&parts(matcher), &by.matcher)),
                _ => false,
            })
    }

    fn matcher(&mut self, all: &All, by: &Matcher) -> bool {
        by.0.iter().all(|condition| self.implies(all, condition))
    }

    fn implies(&mut self, all: &All, by: &Condition) -> bool {
        if !self.steps.take(1) {
            return false;
        }
        let of_its_own = match by {
            Condition::Devpath(globs) => globs.0.iter().any(|glob| {
                // every devpath begins with a slash
                matches!(glob.pattern(), "**" | "/**")
            }),
            // the device itself is one of those that `parent` asks
            Condition::Any(matchers) | Condition::Parent(matchers) => {
                matchers.iter().any(|matcher| self.matcher(all, matcher))
            }
            Condition::Not(matchers) => matchers.iter().all(|matcher| self.rules_out(all, matcher)),
            _ => false,
        };
        of_its_own || all.iter().any(|condition| self.condition(condition, by))
    }

    fn condition(&mut self, condition: &Condition, by: &Condition) -> bool {
        match (condition, by) {
            (Condition::Tag(a), Condition::Tag(b)) | (Condition::Link(a), Condition::Link(b)) => {
                a.within(b, self.steps)
            }
            (Condition::Devnum(a), Condition::Devnum(b)) => a.iter().all(|one| {
                b.iter()
                    .any(|other| self.steps.take(1) && one.within(other))
            }),
            (Condition::Any(matchers), by) => matchers
                .iter()
                .all(|matcher| self.implies(&parts(matcher), by)),
            (Condition::Parent(a), Condition::Parent(b)) => a.iter().all(|matcher| {
                let all = parts(matcher);
                b.iter().any(|by| self.matcher(&all, by))
            }),
            (condition, by) => {
                of_one_text(condition, by).is_some_and(|(a, b)| a.within(b, self.steps))
            }
        }
    }

    /// Whether `matcher` fails wherever all of these hold.
    fn rules_out(&mut self, all: &All, matcher: &Matcher) -> bool {
        let its = parts(matcher);
        all.iter().any(|condition| match condition {
            Condition::Not(matchers) => matchers.iter().any(|by| self.matcher(&its, by)),
            condition => its.iter().any(|other| self.apart(condition, other)),
        })
    }

    /// Whether at most one of the two can hold.
    fn apart(&mut self, one: &Condition, other: &Condition) -> bool {
        of_one_text(one, other).is_some_and(|(a, b)| a.apart(b, self.steps))
    }
}

/// What two conditions want of the same text. Tags and links are many: one may match here and another there.
fn of_one_text<'c>(one: &'c Condition, other: &'c Condition) -> Option<(&'c Globs, &'c Globs)> {
    match (one, other) {
        (Condition::Subsystem(a), Condition::Subsystem(b))
        | (Condition::Devtype(a), Condition::Devtype(b))
        | (Condition::Devname(a), Condition::Devname(b))
        | (Condition::Devpath(a), Condition::Devpath(b))
        | (Condition::Driver(a), Condition::Driver(b)) => Some((a, b)),
        (
            Condition::Property { key: one, globs: a },
            Condition::Property {
                key: other,
                globs: b,
            },
        )
        | (
            Condition::Attr {
                name: one,
                globs: a,
            },
            Condition::Attr {
                name: other,
                globs: b,
            },
        ) if one == other => Some((a, b)),
        _ => None,
    }
}

/// The conditions of a matcher.
pub(super) fn parts(matcher: &Matcher) -> All<'_> {
    matcher.0.iter().collect()
}
