//! Which policy is meant: a rule file or `builtin:NAME`, and a policy of it.

use std::sync::Arc;

use policy::{Container, Files, Policy, RuleErrors, Rules, SelectError, Severity};

use crate::failure::{Failure, Status};
use crate::files::OnDisk;
use crate::running::Source;

/// Rules, and the text of the files that they were read from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The rules.
    pub rules: Rules,
    /// The files, the one that was named first; none for a built-in policy.
    pub sources: Vec<Source>,
}

/// The rules of `spec`, a path or `builtin:NAME`.
pub fn load(spec: &str) -> Result<Rules, Failure> {
    load_with_sources(spec).map(|loaded| loaded.rules)
}

/// The same, with what was read.
pub fn load_with_sources(spec: &str) -> Result<Loaded, Failure> {
    load_from(spec, &OnDisk)
}

/// The same, of these files.
pub fn load_from(spec: &str, files: &dyn Files) -> Result<Loaded, Failure> {
    let usage = |message: String| Failure::new(Status::Usage, message);
    if let Some(name) = spec.strip_prefix("builtin:") {
        let rules = Rules::builtin(name).ok_or_else(|| {
            usage(format!("there is no built-in policy {name:?}")).mend(format!(
                "the built-in policies are {}",
                builtins().join(", ")
            ))
        });
        let sources = Vec::new();
        return rules.map(|rules| Loaded { rules, sources });
    }
    let rules = Rules::load(spec, files).map_err(|errors| match unreadable(&errors) {
        Some(message) => usage(format!("the rule file {message}"))
            .mend("name a rule file, or a built-in policy such as builtin:minimal"),
        None => usage(errors.to_string()),
    })?;
    let sources = rules.sources().iter().map(|source| Source {
        name: source.name.to_string(),
        text: source.text.to_string(),
    });
    let sources = sources.collect();
    Ok(Loaded { rules, sources })
}

/// The text of the rule file at `spec`.
pub fn read(spec: &str) -> Result<String, Failure> {
    let file = OnDisk.read(spec).map_err(|message| {
        Failure::new(Status::Usage, format!("the rule file {spec:?} {message}"))
            .mend("name a rule file")
    })?;
    Ok(file.text)
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
    rules.select(asked, container).map_err(|e| {
        let failure = Failure::new(Status::Usage, format!("{spec}: {e}"));
        match e {
            SelectError::Undecided { .. } => failure.mend("say which with --use"),
            SelectError::Unknown { .. } => failure,
        }
    })
}

fn builtins() -> Vec<String> {
    policy::builtins()
        .map(|builtin| format!("`{}`", builtin.name))
        .collect()
}
