//! Whether a system gives the data that sysfs has: who does not is not measured.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use serde_json::Value;

use super::measure::Measured;
use super::operation::{OTHER, Operation, USUAL};
use super::system::{Kind, System};

/// Devices come and go: what differs once may be the same a moment later.
const ATTEMPTS: u32 = 3;

/// What part of a walk may differ, for the same reason.
const TOLERANCE: f64 = 0.01;

/// Why `theirs` gives wrong data to `operation`; none if it does not.
///
/// An error is about native, which must be able to do everything.
pub fn fault(
    operation: Operation,
    native: &mut System,
    theirs: &mut System,
) -> Result<Option<String>> {
    let mut why = None;
    // lxcfs has no devices
    let attempts = if theirs.kind == Kind::Lxcfs {
        1
    } else {
        ATTEMPTS
    };
    for _ in 0..attempts {
        let request = format!("answer {}", operation.name());
        let right = native.worker.ask(&request).context("native")?;
        why = match theirs.worker.ask(&request) {
            Ok(answer) => difference(operation, &right, &answer),
            Err(e) => Some(format!("{e:#}")),
        };
        if why.is_none() {
            break;
        }
    }
    if why.is_some() || theirs.kind == Kind::Lxcfs {
        // lxcfs has nothing that can be changed without harm
        return Ok(why);
    }
    let stale = match operation {
        Operation::Pread | Operation::OpenReadClose => change_beneath(operation, native, theirs),
        Operation::Write => change_through(native, theirs),
        _ => return Ok(None),
    };
    native
        .worker
        .ask(&format!("set {USUAL}"))
        .context("native")?;
    stale
}

fn difference(operation: Operation, right: &Value, answer: &Value) -> Option<String> {
    if right == answer {
        return None;
    }
    match operation {
        Operation::WarmWalk | Operation::FirstWalk => {
            let (right, answer) = (names(right), names(answer));
            let differ = right.symmetric_difference(&answer).count();
            let most = right.len() as f64 * TOLERANCE;
            (differ as f64 > most).then(|| {
                format!(
                    "{differ} of {} entries are not as native has them",
                    right.union(&answer).count()
                )
            })
        }
        _ => Some("the answer is not native's".into()),
    }
}

fn names(list: &Value) -> BTreeSet<&str> {
    let items = list.as_array().into_iter().flatten();
    items.filter_map(Value::as_str).collect()
}

/// Change an attribute where sysfs is, and look through the other system.
fn change_beneath(
    operation: Operation,
    native: &mut System,
    theirs: &mut System,
) -> Result<Option<String>> {
    let look = match operation {
        Operation::Pread => "again",
        _ => "read",
    };
    native
        .worker
        .ask(&format!("set {USUAL}"))
        .context("native")?;
    let before = theirs.worker.ask("hold");
    native
        .worker
        .ask(&format!("set {OTHER}"))
        .context("native")?;
    let after = theirs.worker.ask(look);
    Ok(match (before, after) {
        (Ok(before), Ok(after)) if before == USUAL && after == OTHER => None,
        (Ok(_), Ok(after)) => Some(format!("stale: {after}, when it is {OTHER}")),
        (Err(e), _) | (_, Err(e)) => Some(format!("{e:#}")),
    })
}

/// Change an attribute through the other system, and look where sysfs is.
fn change_through(native: &mut System, theirs: &mut System) -> Result<Option<String>> {
    if let Err(e) = theirs.worker.ask(&format!("set {OTHER}")) {
        return Ok(Some(format!("{e:#}")));
    }
    let now = native.worker.ask("read").context("native")?;
    Ok((now != OTHER).then(|| format!("what was written is not there: it is {now}")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_walk_may_differ_by_a_device_and_not_by_a_tree() {
        let right: Vec<String> = (0..1000).map(|n| format!("/sys/{n} 40755")).collect();
        let (most, half) = (&right[..995], &right[..500]);
        let walk = Operation::WarmWalk;
        assert_eq!(difference(walk, &json!(right), &json!(most)), None);
        let why = difference(walk, &json!(right), &json!(half)).unwrap();
        assert_eq!(why, "500 of 1000 entries are not as native has them");
    }

    #[test]
    fn any_other_answer_is_the_same_or_wrong() {
        let stat = Operation::Stat;
        assert_eq!(
            difference(stat, &json!([33060, 0, 0]), &json!([33060, 0, 0])),
            None
        );
        assert!(difference(stat, &json!([33060, 0, 0]), &json!([33188, 0, 0])).is_some());
    }
}
