//! One device, one policy: a decision.

use kobject::Devpath;

use crate::{
    Decision, DeviceTable, Facts, Policy, Reason, Show, Wanted,
    candidates::{Memory, Order},
    matcher::{Matcher, Truth},
    policy::DeviceRule,
    table::Slot,
};

/// Decides about `facts`, a device of the table. `disk` says what was decided about the disk above a partition. `memory` is of this policy
/// and this table.
pub(crate) fn decide(
    policy: &Policy,
    table: &DeviceTable,
    facts: &Facts,
    memory: &Memory,
    disk: impl FnOnce(&Facts) -> Option<Decision>,
) -> Decision {
    if facts.own {
        return Decision {
            ancestors: policy.ancestors(),
            ..Decision::plain(Show::Rw, Reason::OwnNamespace)
        };
    }
    let chain: Vec<(Slot, &Facts)> = table.chain_above(&facts.device.devpath).collect();
    let ancestors: Vec<&Facts> = chain.iter().map(|(_, facts)| *facts).collect();
    if is_of(facts, b"net") || ancestors.iter().any(|above| is_of(above, b"net")) {
        return Decision {
            hidden_by_name: true,
            ..Decision::plain(Show::Hide, Reason::OtherNamespace)
        };
    }
    let orders = policy
        .candidates
        .for_device(facts, chain.into_iter(), memory);
    let decision = by_rules(policy, table, facts, &ancestors, &orders);
    if decision.show == Show::Hide
        && let Some(above) = disk_of(facts, &ancestors)
        && let Some(of_disk) = disk(above).filter(|decision| decision.show == Show::Rw)
    {
        return through(of_disk, &above.device.devpath);
    }
    decision
}

/// The disk of a partition: who may use all of it reads the partition anyway.
fn disk_of<'a>(facts: &Facts, ancestors: &[&'a Facts]) -> Option<&'a Facts> {
    let is_partition = is_of(facts, b"block") && facts.device.devtype() == Some(b"partition");
    let above = ancestors.first().filter(|_| is_partition);
    above.copied().filter(|disk| is_of(disk, b"block"))
}

fn is_of(facts: &Facts, subsystem: &[u8]) -> bool {
    facts
        .device
        .subsystem
        .as_deref()
        .is_some_and(|name| name == subsystem)
}

fn by_rules(
    policy: &Policy,
    table: &DeviceTable,
    facts: &Facts,
    ancestors: &[&Facts],
    orders: &[Order],
) -> Decision {
    let mut waiting: Option<Reason> = None;
    let mut may_show = false;
    let mut hidden_by_name = false;
    let mut certain = Decision::plain(Show::Hide, Reason::Default);
    for order in orders.iter().map(|order| *order as usize) {
        let rule = &policy.devices[order];
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
            says: rule.says.clone(),
            ancestors: rule.says.ancestors.unwrap_or(policy.ancestors()),
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
    waits: Vec<Wanted>,
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
fn through(mut decision: Decision, above: &Devpath) -> Decision {
    if let Reason::Rule { through, .. } = &mut decision.reason {
        through.get_or_insert_with(|| above.clone());
    }
    decision
}

#[cfg(test)]
pub(crate) mod tests;
