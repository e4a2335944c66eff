//! Whose view is asked about: the rules, and the policy among them.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;

use cli::running::{self, Source};
use cli::{Devices, Failure, Status};
use policy::{Policy, Reason, RuleRef, Rules, View};
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
    /// The rules that this container runs with, and its interfaces
    #[arg(long, value_name = "NAME", conflicts_with_all = ["policy", "use_", "root"])]
    pub container: Option<String>,
    /// Look at a recorded tree, DIR/sys and DIR/run/udev, instead of this host
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
}

/// Whose view it is: the rules that decide, and the network namespace whose interfaces are its own.
pub struct Whose {
    /// What the rules were called when they were read.
    pub spec: String,
    /// The policy.
    pub policy: Arc<Policy>,
    /// The container's network namespace; None: one that is not there yet, with no interface of these.
    pub net: Option<OwnedFd>,
    /// All rules that it is one policy of.
    rules: Rules,
}

impl Whose {
    /// The view that the command line asks for.
    pub fn asked(args: &WhoseArgs) -> Result<Whose, Failure> {
        if let Some(name) = &args.container {
            return Whose::container(name);
        }
        let rules = cli::rules::load(&args.policy)?;
        Ok(Whose {
            policy: choose(&rules, &args.policy, args.use_.as_deref())?,
            spec: args.policy.clone(),
            net: None,
            rules,
        })
    }

    /// That of a container that runs: what it was given counts, not what the file says by now.
    fn container(name: &str) -> Result<Whose, Failure> {
        let wrong = |message: String| Failure::new(Status::Usage, message);
        let unread = |e: std::io::Error| {
            let message = format!(
                "the rules of container {name:?} cannot be read: {}",
                cli::reason(&e)
            );
            Failure::new(Status::NotRoot, message).mend("run it with sudo")
        };
        let mut all = running::of(name).map_err(unread)?;
        let running = match (all.pop(), all.len()) {
            (Some(running), 0) => running,
            (None, _) => {
                let message = format!("no container {name:?} runs");
                return Err(
                    wrong(message).mend("the directories of /run/devns are called NAME-PID")
                );
            }
            (Some(_), more) => {
                let message = format!("there are {} containers {name:?}", more + 1);
                return Err(wrong(message).mend("name the rules with --policy and --use"));
            }
        };
        let rules = match running.sources.first() {
            Some(Source { name, .. }) => {
                let files = running.sources.iter();
                let files: BTreeMap<String, String> = files
                    .map(|source| (source.name.clone(), source.text.clone()))
                    .collect();
                Rules::load(name, &files).map_err(|e| wrong(e.to_string()))?
            }
            None => cli::rules::load(&running.spec)?,
        };
        let net = File::open(format!("/proc/{}/ns/net", running.pid)).map_err(unread)?;
        let container = running.container.clone().into();
        Ok(Whose {
            policy: cli::rules::select(&rules, &running.spec, Some(&running.policy), &container)?,
            spec: running.spec,
            net: Some(net.into()),
            rules,
        })
    }

    /// The devices that are there, and what it sees of them.
    pub fn look(&self, args: &WhoseArgs) -> Result<(Devices, View), Failure> {
        let net = self.net.as_ref().map(|net| net.as_fd());
        let mut devices = Devices::load(args.root.as_deref(), net).map_err(no_answer)?;
        let view = devices.view(self.policy.clone());
        Ok((devices, view))
    }

    /// The text of the file that a rule is written in.
    pub fn text(&self, rule: &RuleRef) -> Option<&str> {
        self.rules.text(&rule.file)
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
