//! One device, one policy: a decision.

use kobject::Devpath;

use crate::{
    Decision, DeviceTable, Facts, Policy, Reason, Show,
    matcher::{Matcher, Truth},
    policy::DeviceRule,
};

/// Decides about `facts`, a device of the table. `above` says what was decided about a device above it.
pub(crate) fn decide<'a>(
    policy: &Policy,
    table: &DeviceTable,
    facts: &Facts,
    above: impl Fn(&Devpath) -> Option<&'a Decision>,
) -> Decision {
    if facts.own {
        return Decision::plain(Show::Rw, Reason::OwnNamespace);
    }
    let ancestors: Vec<&Facts> = table.ancestors(&facts.device.devpath).collect();
    if is_of(facts, b"net") || ancestors.iter().any(|above| is_of(above, b"net")) {
        return Decision {
            hidden_by_name: true,
            ..Decision::plain(Show::Hide, Reason::OtherNamespace)
        };
    }
    let decision = by_rules(policy, table, facts, &ancestors);
    if decision.show == Show::Hide
        && is_of(facts, b"block")
        && facts.device.devtype() == Some(b"partition")
        && let Some(disk) = ancestors.first().filter(|disk| is_of(disk, b"block"))
        && let Some(of_disk) =
            above(&disk.device.devpath).filter(|decision| decision.show == Show::Rw)
    {
        return through(of_disk, &disk.device.devpath);
    }
    decision
}

fn is_of(facts: &Facts, subsystem: &[u8]) -> bool {
    facts
        .device
        .subsystem
        .as_deref()
        .is_some_and(|name| name == subsystem)
}

fn by_rules(policy: &Policy, table: &DeviceTable, facts: &Facts, ancestors: &[&Facts]) -> Decision {
    let mut waiting: Option<Reason> = None;
    let mut may_show = false;
    let mut hidden_by_name = false;
    let mut certain = Decision::plain(Show::Hide, Reason::Default);
    for (order, rule) in policy.devices.iter().enumerate() {
        let candidate = Candidate::of(rule, table, facts, ancestors);
        if candidate.truth == Truth::False {
            continue;
        }
        hidden_by_name |= rule.show == Show::Hide && candidate.itself != Truth::False;
        may_show |= rule.show != Show::Hide;
        if candidate.truth == Truth::Unknown {
            waiting.get_or_insert_with(|| Reason::Unknown {
                rule: rule.refer.clone(),
                keys: candidate.waits,
            });
            continue;
        }
        certain = Decision {
            show: rule.show,
            reason: Reason::Rule {
                rule: rule.refer.clone(),
                through: candidate.through,
            },
            sysfs: rule.sysfs.clone(),
            node: rule.node.clone(),
            order,
            hidden_by_name: false,
        };
        break;
    }
    // Where every way leads to hiding, the decision does not depend on what is unknown.
    let decision = match waiting.filter(|_| may_show) {
        Some(reason) => Decision::plain(Show::Hide, reason),
        None => certain,
    };
    Decision {
        hidden_by_name,
        ..decision
    }
}

/// Whether a rule is about a device.
struct Candidate {
    truth: Truth,
    /// Whether it matches the device itself.
    itself: Truth,
    /// Else the nearest device above that it matches.
    through: Option<Devpath>,
    /// What an unknown answer waits for, sorted.
    waits: Vec<String>,
}

impl Candidate {
    fn of(
        rule: &DeviceRule,
        table: &DeviceTable,
        facts: &Facts,
        ancestors: &[&Facts],
    ) -> Candidate {
        let matcher: &Matcher = &rule.matcher;
        let mut waits = Vec::new();
        let itself = matcher.eval(table, facts, &mut waits);
        let mut candidate = Candidate {
            truth: itself,
            itself,
            through: None,
            waits,
        };
        if itself != Truth::True && rule.subtree {
            for above in ancestors {
                let truth = matcher.eval(table, above, &mut candidate.waits);
                candidate.truth = candidate.truth.max(truth);
                if truth == Truth::True {
                    candidate.through = Some(above.device.devpath.clone());
                    break;
                }
            }
        }
        candidate.waits.sort();
        candidate.waits.dedup();
        candidate
    }
}

/// The same decision for a device below the one that it is about.
fn through(decision: &Decision, above: &Devpath) -> Decision {
    let mut decision = decision.clone();
    if let Reason::Rule { through, .. } = &mut decision.reason {
        through.get_or_insert_with(|| above.clone());
    }
    decision
}

#[cfg(test)]
pub(crate) mod tests;
