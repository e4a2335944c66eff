//! Whose view is asked about: the rules, and the policy among them.

use std::path::PathBuf;
use std::sync::Arc;

use cli::{Failure, Status};
use policy::{Policy, Reason, RuleRef, Rules};
use serde_json::{Value, json};

/// Which rules, and which devices they are applied to.
#[derive(clap::Args)]
pub struct WhoseArgs {
    /// Rule file, or builtin:NAME
    #[arg(
        long,
        value_name = "FILE|builtin:NAME",
        default_value = "builtin:minimal"
    )]
    pub policy: String,
    /// Policy of the file; may be left out where it has only one
    #[arg(long = "use", value_name = "POLICY")]
    pub use_: Option<String>,
    /// Look at a recorded tree, DIR/sys and DIR/run/udev, instead of this host
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
}

/// The rules that decide.
pub struct Whose {
    /// What they were called on the command line.
    pub spec: String,
    /// The policy.
    pub policy: Arc<Policy>,
}

impl Whose {
    /// The policy that the command line asks for.
    pub fn asked(args: &WhoseArgs) -> Result<Whose, Failure> {
        let rules = cli::rules::load(&args.policy)?;
        Ok(Whose {
            policy: choose(&rules, &args.policy, args.use_.as_deref())?,
            spec: args.policy.clone(),
        })
    }

    /// The text of the file that a rule is written in, if it can be read still.
    pub fn text(&self, rule: &RuleRef) -> Option<String> {
        match rule.file.strip_prefix("builtin:") {
            Some(name) => policy::builtins()
                .find(|builtin| builtin.name == name)
                .map(|builtin| builtin.text.to_string()),
            None => std::fs::read_to_string(&*rule.file).ok(),
        }
    }
}

/// The policy `use_` of a file, or its only one. Which containers it is for does not count: none is asked about.
pub fn choose(rules: &Rules, spec: &str, use_: Option<&str>) -> Result<Arc<Policy>, Failure> {
    let names = rules.names();
    let use_ = match (use_, &names[..]) {
        (None, [only]) => Some(*only),
        (None, [_, _, ..]) => {
            let message = format!("{spec} has several policies: {}", names.join(", "));
            return Err(Failure::new(Status::Usage, message).mend("say which with --use"));
        }
        (use_, _) => use_,
    };
    cli::rules::select(rules, spec, use_, &policy::Container::default())
}

/// A failure of a tool whose exit status 1 is an answer.
pub fn no_answer(mut failure: Failure) -> Failure {
    if failure.status == Status::Other {
        failure.status = Status::Host;
    }
    failure
}

/// A reason in few words.
pub fn in_short(reason: &Reason) -> String {
    match reason {
        Reason::Rule {
            rule,
            through: None,
        } => rule.to_string(),
        Reason::Rule { rule, .. } => format!("{rule}, with what is above it"),
        other => other.to_string(),
    }
}

/// A rule, for JSON.
pub fn rule_json(rule: &RuleRef) -> Value {
    json!({
        "policy": &*rule.policy,
        "name": rule.rule.as_deref(),
        "file": &*rule.file,
        "line": rule.line,
    })
}
