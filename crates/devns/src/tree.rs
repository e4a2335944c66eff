//! `devns tree`: what a policy shows, as a tree.

use std::collections::{BTreeMap, BTreeSet};

use cli::{Devices, Failure};
use kobject::{Devpath, Escaped};
use policy::{Decision, Facts, Reason, Show, Sight, View};
use serde_json::{Value, json};

use crate::ink::Ink;
use crate::output;
use crate::whose::{Whose, WhoseArgs, in_short, rule_json};

/// Show what a policy shows: the devices as a tree, each with its node, how it shows, and which rule says so
#[derive(clap::Args)]
#[command(after_help = HELP)]
pub struct TreeArgs {
    #[command(flatten)]
    pub whose: WhoseArgs,
    /// Show hidden devices too
    #[arg(long)]
    pub all: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

const HELP: &str =
    "Devices that only lead to one that shows stand there without a node; what lies between
is part of the name.

Examples:
  devns tree --policy builtin:gamepads
  devns tree --policy rules.yaml --use lab
  devns tree --container web1
  devns tree --policy rules.yaml --all | grep hidden
  devns tree --policy rules.yaml --root recorded --json

Exit status:
  0  at least one device shows
  1  none does
  2  wrong use, or an error in a rule file";

/// Print it; the exit status.
pub fn run(args: &TreeArgs) -> Result<u8, Failure> {
    let whose = Whose::asked(&args.whose)?;
    let (devices, view) = whose.look(&args.whose)?;
    let leaves = leaves(&devices, &view, args.all);
    let text = match args.json {
        true => format!("{:#}\n", json(&view, &leaves)),
        false => text(Ink::stdout(), &devices, &view, &leaves),
    };
    output::write(&text)?;
    Ok(u8::from(view.shown().next().is_none()))
}

/// A device that is told of.
struct Leaf<'a> {
    facts: &'a Facts,
    decision: Decision,
    sight: Option<Sight>,
}

fn leaves<'a>(devices: &'a Devices, view: &View, all: bool) -> BTreeMap<Devpath, Leaf<'a>> {
    let table = &devices.table;
    let leaf = |facts: &'a Facts| {
        let devpath = &facts.device.devpath;
        let sight = view.sight(devpath);
        let decision = view
            .decision(table, devpath)
            .filter(|_| all || sight.is_some())?;
        let leaf = Leaf {
            facts,
            decision,
            sight,
        };
        Some((devpath.clone(), leaf))
    };
    table.iter().filter_map(leaf).collect()
}

fn text(ink: Ink, devices: &Devices, view: &View, leaves: &BTreeMap<Devpath, Leaf<'_>>) -> String {
    let shown = view.shown().count();
    let hidden = devices.table.len() - shown;
    let policy = ink.bold(view.policy().name());
    let show = if shown == 1 {
        "device shows"
    } else {
        "devices show"
    };
    let are = if hidden == 1 { "is" } else { "are" };
    let mut out = format!("{policy}: {shown} {show}, {hidden} {are} hidden\n");
    let above = |devpath: &Devpath| devpath.ancestors().find(|above| leaves.contains_key(above));
    let mut below: BTreeMap<Option<Devpath>, BTreeSet<&Devpath>> = BTreeMap::new();
    for devpath in leaves.keys() {
        below.entry(above(devpath)).or_default().insert(devpath);
    }
    let mut rows = Vec::new();
    branches(&below, None, "", &mut rows);
    let width = |(branch, name, _): &(String, String, &Devpath)| {
        branch.chars().count() + name.chars().count()
    };
    let widest = rows.iter().map(width).max().unwrap_or(0).min(60);
    let nodes = leaves.values().filter_map(|leaf| node(leaf.facts));
    let longest = nodes.map(|node| node.chars().count()).max().unwrap_or(0);
    for row in &rows {
        let (branch, name, devpath) = row;
        let leaf = &leaves[*devpath];
        let space = " ".repeat(widest.saturating_sub(width(row)));
        let is_shown = leaf.decision.show != Show::Hide;
        let line = match is_shown {
            true => format!("{branch}{name}{space}"),
            false => format!("{}{space}", ink.dim(format!("{branch}{name}"))),
        };
        let how = match (leaf.decision.show, leaf.sight) {
            (Show::Rw, _) => ink.green("rw"),
            (Show::Ro, _) => ink.yellow("ro"),
            (Show::Hide, Some(_)) => {
                out += line.trim_end();
                out.push('\n');
                continue;
            }
            (Show::Hide, None) => ink.red("hidden"),
        };
        let node = node(leaf.facts).unwrap_or_else(|| "-".into());
        out += &format!(
            "{line}  {how}  {node:longest$}  {}\n",
            in_short(&leaf.decision.reason)
        );
    }
    out
}

/// A row for each device: the branches, its name from the device above on, and its devpath.
fn branches<'a>(
    below: &BTreeMap<Option<Devpath>, BTreeSet<&'a Devpath>>,
    at: Option<&Devpath>,
    indent: &str,
    rows: &mut Vec<(String, String, &'a Devpath)>,
) {
    let Some(children) = below.get(&at.cloned()) else {
        return;
    };
    for (index, devpath) in children.iter().enumerate() {
        let is_last = index + 1 == children.len();
        let (branch, more) = match (at, is_last) {
            (None, _) => ("", ""),
            (Some(_), false) => ("├─ ", "│  "),
            (Some(_), true) => ("└─ ", "   "),
        };
        let name = match at {
            Some(above) => devpath.relative_to(above).unwrap_or_default(),
            None => devpath.as_bytes(),
        };
        let name = Escaped(name).to_string();
        rows.push((format!("{indent}{branch}"), name, devpath));
        branches(below, Some(devpath), &format!("{indent}{more}"), rows);
    }
}

fn node(facts: &Facts) -> Option<String> {
    facts.device.devnum()?;
    Some(format!("/dev/{}", facts.device.devname()?))
}

fn json(view: &View, leaves: &BTreeMap<Devpath, Leaf<'_>>) -> Value {
    let devices = leaves.iter().map(|(devpath, leaf)| {
        let (rule, through) = match &leaf.decision.reason {
            Reason::Rule { rule, through } => (Some(rule_json(rule)), through.as_ref()),
            Reason::Unknown { rule, .. } => (Some(rule_json(rule)), None),
            _ => (None, None),
        };
        let devnum = leaf.facts.device.devnum();
        json!({
            "devpath": devpath.to_string(),
            "show": leaf.decision.show.as_str(),
            "on_the_way": leaf.sight.is_some() && leaf.decision.show == Show::Hide,
            "devnum": devnum.map(|number| number.to_string()),
            "node": node(leaf.facts),
            "rule": rule,
            "through": through.map(ToString::to_string),
            "reason": leaf.decision.reason.to_string(),
        })
    });
    let devices: Vec<Value> = devices.collect();
    json!({ "policy": view.policy().name(), "devices": devices })
}
