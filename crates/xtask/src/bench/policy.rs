//! `cargo xtask bench policy`.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::say::{cargo, output, progress, run as run_command, target};

/// Measure decisions, reloads and what a view weighs
#[derive(clap::Args)]
#[command(after_help = HELP)]
pub struct PolicyArgs {
    /// Take fewer samples
    #[arg(long)]
    quick: bool,
    /// Write the figures here, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

const HELP: &str = "\
Decisions are measured by criterion, on a simulated host of 20,000 devices, for policies of 10, 100 and
1,000 rules of the kinds that admins write, about a device that the first of them shows and about one that
none matches; beside them, in the same run, a native open(2), read(2) and close(2) of a `uevent` file.

A reload of one rule is measured over 100,000 devices and 1,000 containers with 50 policies, in turn with
one find(1) over as many files. What a view weighs is what was allocated for all of them; containers of one
policy have one view.

Nothing is asserted: the exit status is 0 when it was measured. docs/performance.md tells what the
figures mean.

Examples:
  cargo xtask bench policy --quick
  cargo xtask bench policy --json target/bench-policy.json";

/// What is measured, and what the benchmark calls it.
const DECISIONS: [(&str, &str); 2] = [
    ("first rule shows it", "shown by the first rule"),
    ("no rule matches", "hidden, no rule matches"),
];
const NATIVE: &str = "native/open+read+close of a uevent file";
const COUNTS: [u32; 3] = [10, 100, 1000];

/// A figure beside what it should be at most.
struct Row {
    what: String,
    figure: String,
    ratio: f64,
    of: &'static str,
    target: f64,
}

/// Measure and report.
pub fn run(args: &PolicyArgs) -> Result<()> {
    progress("decisions: criterion takes its time");
    let mut bench = cargo();
    bench.args(["bench", "--package", "policy", "--bench", "decide", "--"]);
    if args.quick {
        bench.args(["--sample-size", "10", "--measurement-time", "1"]);
    }
    run_command(&mut bench)?;
    progress("reloads");
    let mut bench = cargo();
    bench.args(["bench", "--package", "policy", "--bench", "reload"]);
    let printed = output(&mut bench)?;
    let line = printed.lines().rfind(|line| line.starts_with('{'));
    let reload: Value = serde_json::from_str(line.context("the benchmark printed no figures")?)?;
    let native = median(NATIVE)?;
    let mut rows = Vec::new();
    for (what, group) in DECISIONS {
        let ten = median(&format!("{group}/10"))?;
        for count in COUNTS {
            let figure = median(&format!("{group}/{count}"))?;
            let row = |ratio, of, target| Row {
                what: format!("{what}, {count} rules"),
                figure: format!("{:.2} us", figure / 1e3),
                ratio,
                of,
                target,
            };
            rows.push(row(figure / native, "a native open+read+close", 1.0));
            if count == 1000 {
                rows.push(row(figure / ten, "10 rules", 5.0));
            }
        }
    }
    rows.extend(of_reload(&reload)?);
    print!("{}{}", table(&rows, native), shared(&reload)?);
    if let Some(path) = &args.json {
        let all: Vec<Value> = rows.iter().map(object).collect();
        let text = serde_json::to_string_pretty(&json!({
            "native_ns": native, "rows": all, "reload": reload,
        }))?;
        std::fs::write(path, text + "\n").with_context(|| format!("{path:?}"))?;
    }
    Ok(())
}

fn of_reload(reload: &Value) -> Result<[Row; 2]> {
    let number = |key: &str| reload[key].as_f64().with_context(|| format!("no `{key}`"));
    let (ours, find) = (number("reload_ms")?, number("find_ms")?);
    let weight = number("bytes_a_container")? / 1024.0;
    Ok([
        Row {
            what: "reload of one rule, 1,000 containers".into(),
            figure: format!("{ours:.1} ms"),
            ratio: ours / find,
            of: "one find(1)",
            target: 1.0,
        },
        Row {
            what: "an idle container's view".into(),
            figure: format!("{weight:.2} KiB"),
            ratio: weight / 16.0,
            of: "16 KiB",
            target: 1.0,
        },
    ])
}

/// The median of a benchmark, in nanoseconds, as criterion has written it down.
fn median(benchmark: &str) -> Result<f64> {
    let path = target()
        .join("criterion")
        .join(benchmark)
        .join("new/estimates.json");
    let text = std::fs::read_to_string(&path).with_context(|| format!("{path:?}"))?;
    let estimates: Value = serde_json::from_str(&text)?;
    estimates["median"]["point_estimate"]
        .as_f64()
        .with_context(|| format!("no median in {path:?}"))
}

fn table(rows: &[Row], native: f64) -> String {
    let mut text = format!(
        "a native open+read+close of a uevent file: {:.2} us\n\n{:40}{:>12}  ratio\n",
        native / 1e3,
        "median",
        ""
    );
    for row in rows {
        let met = if row.ratio <= row.target {
            "met"
        } else {
            "missed"
        };
        text += &format!(
            "{:40}{:>12}{:>7.2} of {} <= {:.2} {met}\n",
            row.what, row.figure, row.ratio, row.of, row.target
        );
    }
    text
}

/// What the weight of a view is about.
fn shared(reload: &Value) -> Result<String> {
    let number = |key: &str| reload[key].as_u64().with_context(|| format!("no `{key}`"));
    let (containers, policies) = (number("containers")?, number("policies")?);
    let (bytes, shown) = (number("bytes_a_view")?, number("shown")?);
    Ok(format!(
        "\n{containers} containers have {policies} views; one shows {shown} devices and weighs {} KiB\n",
        bytes / 1024
    ))
}

fn object(row: &Row) -> Value {
    json!({
        "what": row.what, "figure": row.figure, "ratio": row.ratio, "of": row.of,
        "target": row.target, "met": row.ratio <= row.target,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reload_is_held_against_find_and_a_view_against_its_limit() {
        let reload = json!({"reload_ms": 50.0, "find_ms": 100.0, "bytes_a_container": 32768});
        let rows = of_reload(&reload).unwrap();
        let text = table(&rows, 6000.0);
        assert_eq!(
            text,
            "a native open+read+close of a uevent file: 6.00 us

median                                                ratio
reload of one rule, 1,000 containers         50.0 ms   0.50 of one find(1) <= 1.00 met
an idle container's view                   32.00 KiB   2.00 of 16 KiB <= 1.00 missed
"
        );
        assert!(of_reload(&json!({})).is_err());
    }
}
