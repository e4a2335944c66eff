//! The rules that came close.

use std::{cmp::Reverse, sync::Arc};

use kobject::Devpath;

use crate::{
    Decision, DeviceTable, Facts, Policy, Reason, RuleRef, Show,
    explain::trial::{FailedKey, Trial},
    policy::DeviceRule,
};

/// How many are told.
const MOST: usize = 5;

/// A rule that did not decide about a device, but came close.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseRule {
    /// Which.
    pub rule: Arc<RuleRef>,
    /// How it shows what it is about.
    pub show: Show,
    /// The device above with which it came so close; None: the device itself.
    pub above: Option<Devpath>,
    /// The keys that failed. Empty: all hold, but an earlier rule decided.
    pub failed: Vec<FailedKey>,
    /// How many keys held.
    pub held: usize,
}

/// The rules that came close, the closest first: those of which the fewest keys fail, of these the ones of which the most hold. For a
/// hidden device those that would show it, for another one those that come first or hold too.
pub(super) fn rules(
    policy: &Policy,
    table: &DeviceTable,
    facts: &Facts,
    decision: &Decision,
) -> Vec<CloseRule> {
    let has_no_say = matches!(
        decision.reason,
        Reason::OwnNamespace | Reason::OtherNamespace
    );
    if has_no_say {
        return Vec::new();
    }
    let mut close: Vec<(usize, CloseRule)> = Vec::new();
    for (order, rule) in policy.devices.iter().enumerate() {
        let is_deciding = order == decision.order;
        if is_deciding || decision.show == Show::Hide && rule.show == Show::Hide {
            continue;
        }
        let (above, trial) = nearest(rule, table, facts);
        let is_too_late = order > decision.order && decision.show != Show::Hide;
        // what has little in common is not close
        if trial.held > 0
            && trial.failures <= 2 * trial.held
            && !(is_too_late && trial.failures > 0)
        {
            let rule = CloseRule {
                rule: rule.refer.clone(),
                show: rule.show,
                above,
                failed: trial.failed,
                held: trial.held,
            };
            close.push((trial.failures, rule));
        }
    }
    close.sort_by_key(|(failures, rule)| (*failures, Reverse(rule.held)));
    close.truncate(MOST);
    close.into_iter().map(|(_, rule)| rule).collect()
}

/// How near a rule comes to the device, or to one above it where that counts; of two as near the lower one.
fn nearest(rule: &DeviceRule, table: &DeviceTable, facts: &Facts) -> (Option<Devpath>, Trial) {
    let mut best = (None, Trial::of(&rule.matcher, table, facts));
    if rule.subtree {
        for above in table.ancestors(&facts.device.devpath) {
            let trial = Trial::of(&rule.matcher, table, above);
            if trial.distance() < best.1.distance() {
                best = (Some(above.device.devpath.clone()), trial);
            }
        }
    }
    best
}
