//! Which policy is meant: a rule file or `builtin:NAME`, and a policy of it.

use std::path::Path;
use std::sync::Arc;

use policy::{Container, Policy, Rules};

use crate::failure::{Failure, Status};
use crate::running::Source;

/// What a rule file may have, in bytes: one of a million rules would fit.
const MAX_FILE: u64 = 64 << 20;

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
    let text = read(spec)?;
    let rules =
        Rules::parse(spec, &text).map_err(|e| usage(e.to_string().trim_end().to_string()))?;
    let name = spec.to_string();
    let sources = vec![Source { name, text }];
    Ok(Loaded { rules, sources })
}

/// The text of the rule file at `spec`.
pub fn read(spec: &str) -> Result<String, Failure> {
    let usage = |message: String| Failure::new(Status::Usage, message);
    let path = Path::new(spec);
    let broken = |e: std::io::Error| {
        usage(format!(
            "the rule file {spec:?} cannot be read: {}",
            reason(&e)
        ))
        .mend("name a rule file, or a built-in policy such as builtin:minimal")
    };
    let meta = std::fs::metadata(path).map_err(broken)?;
    if !meta.is_file() {
        return Err(usage(format!("{spec:?} is not a regular file")).mend("name a rule file"));
    }
    if meta.len() > MAX_FILE {
        let limit = MAX_FILE >> 20;
        return Err(usage(format!(
            "{spec:?} is larger than a rule file can be, {limit} MiB"
        )));
    }
    let bytes = std::fs::read(path).map_err(broken)?;
    String::from_utf8(bytes).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        usage(format!("{spec:?} is not text: byte {at} is no UTF-8"))
            .mend("save the rule file as UTF-8")
    })
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

fn builtins() -> Vec<String> {
    policy::builtins()
        .map(|builtin| format!("`{}`", builtin.name))
        .collect()
}

fn reason(e: &std::io::Error) -> String {
    match e.raw_os_error() {
        Some(n) => nix::errno::Errno::from_raw(n).desc().to_lowercase(),
        None => e.to_string(),
    }
}
