//! `devns doctor`: what this host offers, tried out rather than looked up where that is possible.

mod probe;

use cli::{Failure, Status};
use serde::Serialize;

use crate::args::DoctorArgs;
use crate::ink::Ink;
use crate::output;

/// How it stands with one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// There.
    Ok,
    /// Missing; `devns run` works without.
    Without,
    /// Missing; `devns run` does not work.
    Missing,
}

/// One line of the report.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub name: &'static str,
    /// How it stands.
    pub state: State,
    /// What was found.
    pub found: String,
    /// What that means.
    pub means: &'static str,
    /// What to do about it, if anything is to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<&'static str>,
}

/// Report; the exit status.
pub fn run(args: &DoctorArgs) -> Result<u8, Failure> {
    let findings = probe::all();
    let missing = findings
        .iter()
        .filter(|f| f.state == State::Missing)
        .count();
    let text = match args.json {
        true => {
            let report = serde_json::json!({ "works": missing == 0, "findings": findings });
            format!("{report:#}\n")
        }
        false => text(Ink::stdout(), &findings, missing),
    };
    output::write(&text)?;
    Ok(if missing == 0 { 0 } else { Status::Host as u8 })
}

fn text(ink: Ink, findings: &[Finding], missing: usize) -> String {
    let mut out = String::new();
    for finding in findings {
        let word = match finding.state {
            State::Ok => ink.green("ok      "),
            State::Without => ink.yellow("without "),
            State::Missing => ink.red("missing "),
        };
        let Finding {
            name, found, means, ..
        } = finding;
        out += &format!("{word}{name:20} {found}; {means}\n");
        if let Some(mend) = finding.mend {
            out += &format!("{:28} mend: {mend}\n", "");
        }
    }
    out + &match missing {
        0 => "\n`devns run` works here.\n".to_owned(),
        1 => "\n`devns run` does not work here: see the line that says missing.\n".to_owned(),
        n => format!("\n`devns run` does not work here: see the {n} lines that say missing.\n"),
    }
}
