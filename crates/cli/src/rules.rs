//! Which policy is meant: a rule file or `builtin:NAME`, and a policy of it.

use std::sync::Arc;

use policy::{Container, Policy, RuleErrors, Rules, Severity};

use crate::failure::{Failure, Status};
use crate::files::OnDisk;

/// The rules of `spec`, a path or `builtin:NAME`.
pub fn load(spec: &str) -> Result<Rules, Failure> {
    let usage = |message: String| Failure::new(Status::Usage, message);
    if let Some(name) = spec.strip_prefix("builtin:") {
        return Rules::builtin(name).ok_or_else(|| {
            usage(format!("there is no built-in policy {name:?}"))
                .mend("the built-in policies are `minimal` and `all`")
        });
    }
    Rules::load(spec, &OnDisk).map_err(|errors| match unreadable(&errors) {
        Some(message) => usage(format!("the rule file {message}"))
            .mend("name a rule file, or a built-in policy such as builtin:minimal"),
        None => usage(errors.to_string()),
    })
}

/// Why the first file is of no use as a whole, if that is so.
fn unreadable(errors: &RuleErrors) -> Option<&str> {
    match &errors.found[..] {
        [error] if error.at.line == 0 => Some(&error.message),
        _ => None,
    }
}

/// Log what is probably not meant as it is written: once, at the start.
pub fn warn(rules: &Rules) {
    for warning in rules.warnings() {
        if warning.severity == Severity::Warning {
            log::warn!("{}", warning.brief());
        }
    }
}

/// The policy that `container` gets from `rules`: the one that is asked for, else the one the
/// file binds it to, else the file's only one.
pub fn select(
    rules: &Rules,
    spec: &str,
    asked: Option<&str>,
    container: &Container,
) -> Result<Arc<Policy>, Failure> {
    rules
        .select(asked, container)
        .map_err(|e| Failure::new(Status::Usage, format!("{spec}: {e}")))
}
