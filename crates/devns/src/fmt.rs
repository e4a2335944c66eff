//! `devns fmt`: rule files in the layout that they all have.

mod diff;

use std::io::Read;
use std::path::Path;

use cli::{Failure, Status};
use serde_json::{Value, json};

use crate::ink::Ink;
use crate::{output, replace};

/// Rewrite rule files in one layout; what they say does not change, nor do comments
#[derive(clap::Args)]
#[command(after_help = HELP)]
pub struct FmtArgs {
    /// Change nothing; print what would change, and say so by the exit status
    #[arg(long)]
    check: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Rule files; - is standard input, which goes to standard output
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
}

const HELP: &str =
    "The names of changed files are printed. A file is replaced as a whole and keeps its mode and its owner.

Examples:
  devns fmt rules.yaml conf.d/*.yaml
  devns fmt --check rules.yaml          # in CI, or before a commit
  devns fmt - <rules.yaml | less

Exit status:
  0  all files have the layout now
  1  --check: a file would change
  2  wrong use, or a file that is no YAML, or has anchors, aliases or tags
  4  a file cannot be written";

/// What became of one file.
struct Formatted {
    file: String,
    old: String,
    new: String,
}

impl Formatted {
    fn changed(&self) -> bool {
        self.old != self.new
    }
}

/// Format; the exit status.
pub fn run(args: &FmtArgs) -> Result<u8, Failure> {
    if args.files.len() > 1 && args.files.iter().any(|file| file == "-") {
        return Err(Failure::new(
            Status::Usage,
            "standard input (`-`) is formatted alone, not among files",
        ));
    }
    let (mut status, mut changed, mut reports) = (0, false, Vec::new());
    for file in &args.files {
        match one(file, args.check) {
            Ok(formatted) => {
                changed |= formatted.changed();
                match args.json {
                    true => reports.push(report(&formatted, args.check)),
                    false => print(&formatted, args.check)?,
                }
            }
            Err(e) => {
                status = status.max(e.status as u8);
                match args.json {
                    true => reports.push(json!({ "file": file, "error": e.to_string() })),
                    false => eprintln!("devns: {e}"),
                }
            }
        }
    }
    if args.json {
        output::write(&format!("{:#}\n", json!({ "files": reports })))?;
    }
    Ok(match status {
        0 => u8::from(args.check && changed),
        failed => failed,
    })
}

fn one(file: &str, check: bool) -> Result<Formatted, Failure> {
    let old = match file {
        "-" => stdin()?,
        file => cli::rules::read(file)?,
    };
    let new = policy::format(file, &old).map_err(|e| Failure::new(Status::Usage, e.to_string()))?;
    let formatted = Formatted {
        file: file.to_owned(),
        old,
        new,
    };
    if !check && formatted.changed() && file != "-" {
        replace::file(Path::new(file), &formatted.new)?;
    }
    Ok(formatted)
}

fn stdin() -> Result<String, Failure> {
    let mut bytes = Vec::new();
    std::io::stdin().lock().read_to_end(&mut bytes)?;
    String::from_utf8(bytes).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        let message = format!("standard input is not text: byte {at} is no UTF-8");
        Failure::new(Status::Usage, message)
    })
}

fn print(formatted: &Formatted, check: bool) -> Result<(), Failure> {
    let text = match (check, formatted.file.as_str()) {
        (true, _) => diff::coloured(Ink::stdout(), formatted),
        (false, "-") => formatted.new.clone(),
        (false, file) if formatted.changed() => format!("{file}\n"),
        (false, _) => return Ok(()),
    };
    output::write(&text).map(drop)
}

fn report(formatted: &Formatted, check: bool) -> Value {
    let mut report = json!({ "file": formatted.file, "changed": formatted.changed() });
    if check && formatted.changed() {
        report["diff"] = diff::unified(formatted).into();
    }
    if !check && formatted.file == "-" {
        report["text"] = formatted.new.as_str().into();
    }
    report
}
