//! `devns doctor`: what this host offers, tried out rather than looked up where that is possible.

mod probe;

use std::io::IsTerminal;

use cli::{Failure, Status};
use serde::Serialize;

use crate::args::DoctorArgs;

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
    if args.json {
        let report = serde_json::json!({ "works": missing == 0, "findings": findings });
        println!("{report:#}");
    } else {
        print(&findings, missing);
    }
    Ok(if missing == 0 { 0 } else { Status::Host as u8 })
}

fn print(findings: &[Finding], missing: usize) {
    let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    for finding in findings {
        let (word, code) = match finding.state {
            State::Ok => ("ok", "32"),
            State::Without => ("without", "33"),
            State::Missing => ("missing", "31"),
        };
        let word = format!("{word:8}");
        let word = if colour {
            format!("\x1b[{code}m{word}\x1b[0m")
        } else {
            word
        };
        println!(
            "{word}{:20} {}; {}",
            finding.name, finding.found, finding.means
        );
        if let Some(mend) = finding.mend {
            println!("{:28} mend: {mend}", "");
        }
    }
    match missing {
        0 => println!("\n`devns run` works here."),
        1 => println!("\n`devns run` does not work here: see the line that says missing."),
        n => println!("\n`devns run` does not work here: see the {n} lines that say missing."),
    }
}
