//! `devns diff`: what another rule file would change.

mod changes;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cli::{Devices, Failure, Status};
use policy::{Policy, Rules};
use serde_json::{Value, json};

use crate::ink::Ink;
use crate::output;
use crate::whose::no_answer;
use changes::{Change, Kind};

/// Say what changes from one rule file to another: per policy the devices that appear, vanish or show otherwise
#[derive(clap::Args)]
#[command(after_help = HELP)]
pub struct DiffArgs {
    /// Rule file as it was, or builtin:NAME
    pub old: String,
    /// Rule file as it is to be, or builtin:NAME
    pub new: String,
    /// Compare this policy only; one that is built in stands for it
    #[arg(long = "use", value_name = "POLICY")]
    pub use_: Option<String>,
    /// Look at a recorded tree, DIR/sys and DIR/run/udev, instead of this host
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

const HELP: &str =
    "Compared is what the policies of each name show of the devices that there are now.
Rules that are about none of these make no difference here.

Examples:
  devns diff rules.yaml new.yaml
  devns diff rules.yaml new.yaml --use lab --root recorded
  devns diff builtin:minimal rules.yaml --use lab

Exit status, as of diff(1):
  0  nothing changes
  1  something does
  2  wrong use, an error in a rule file, or the devices cannot be listed";

/// A policy of both files, or of one.
enum Compared {
    Both { name: String, changes: Vec<Change> },
    OnlyIn { name: String, file: String },
}

/// Print it; the exit status.
pub fn run(args: &DiffArgs) -> Result<u8, Failure> {
    compare(args).map_err(|failure| {
        let mut failure = no_answer(failure);
        failure.status = Status::Usage;
        failure
    })
}

fn compare(args: &DiffArgs) -> Result<u8, Failure> {
    let (old, new) = (cli::rules::load(&args.old)?, cli::rules::load(&args.new)?);
    let mut devices = Devices::load(args.root.as_deref(), None)?;
    let mut all = Vec::new();
    for (name, pair) in pairs(args, &old, &new)? {
        all.push(match pair {
            Ok((old, new)) => {
                let (old, new) = (devices.view(old), devices.view(new));
                let changes = changes::between(&devices.table, &old, &new);
                Compared::Both { name, changes }
            }
            Err(file) => Compared::OnlyIn { name, file },
        });
    }
    let text = match args.json {
        true => format!("{:#}\n", Value::Array(all.iter().map(to_json).collect())),
        false => all.iter().map(|one| to_text(Ink::stdout(), one)).collect(),
    };
    output::write(&text)?;
    let is_same =
        |one: &Compared| matches!(one, Compared::Both { changes, .. } if changes.is_empty());
    Ok(u8::from(!all.iter().all(is_same)))
}

/// The two policies of a name, or the file that alone has one.
type Pair = Result<(Arc<Policy>, Arc<Policy>), String>;

/// The policies to compare, in the order of the new file, then what only the old one has.
fn pairs(args: &DiffArgs, old: &Rules, new: &Rules) -> Result<Vec<(String, Pair)>, Failure> {
    if let Some(name) = &args.use_ {
        let select = |rules: &Rules, spec: &str| {
            let container = policy::Container::default();
            // a built-in policy has a file of its own name
            let name = match (spec.strip_prefix("builtin:"), rules.policy(name)) {
                (Some(builtin), None) => builtin,
                _ => name,
            };
            cli::rules::select(rules, spec, Some(name), &container)
        };
        let pair = (select(old, &args.old)?, select(new, &args.new)?);
        return Ok(vec![(name.clone(), Ok(pair))]);
    }
    let (before, after) = (old.names(), new.names());
    let gone = before.iter().filter(|name| !after.contains(name));
    let names = after.iter().chain(gone).map(ToString::to_string);
    let pair = |name: String| {
        let both = before.contains(&&*name) && after.contains(&&*name);
        let pair = match (old.policy(&name), new.policy(&name)) {
            (Some(old), Some(new)) if both => Ok((old, new)),
            _ if after.contains(&&*name) => Err(args.new.clone()),
            _ => Err(args.old.clone()),
        };
        (name, pair)
    };
    Ok(names.map(pair).collect())
}

fn to_text(ink: Ink, one: &Compared) -> String {
    let (name, changes) = match one {
        Compared::OnlyIn { name, file } => {
            let name = ink.bold(name);
            return format!("policy {name} is only in {}\n", Path::new(file).display());
        }
        Compared::Both { name, changes } => (name, changes),
    };
    if changes.is_empty() {
        return format!("policy {}: no difference\n", ink.bold(name));
    }
    let mut out = format!("policy {}:\n", ink.bold(name));
    let widest = changes.iter().map(|change| change.name.chars().count());
    let widest = widest.max().unwrap_or(0).min(36);
    for change in changes {
        let Change { kind, name, .. } = change;
        let sign = match kind {
            Kind::Appears => ink.green("+"),
            Kind::Vanishes => ink.red("-"),
            Kind::Changes | Kind::Policy => ink.yellow("~"),
        };
        let show = change.show.map_or("", |show| show.as_str());
        let what = change.what.join("; ");
        out += format!("  {sign} {show:2}  {name:widest$}  {what}").trim_end();
        out.push('\n');
    }
    out
}

fn to_json(one: &Compared) -> Value {
    match one {
        Compared::OnlyIn { name, file } => json!({ "policy": name, "only_in": file }),
        Compared::Both { name, changes } => {
            let changes: Vec<Value> = changes.iter().map(Change::json).collect();
            json!({ "policy": name, "changes": changes })
        }
    }
}
