//! `devns check`: what is wrong with rule files, before a container finds out.

use cli::files::{OnDisk, text};
use cli::{Failure, Status};
use policy::{FileText, Files, Place, RuleError, Rules, Severity};
use serde_json::{Value, json};

use crate::ink::Ink;
use crate::output;

/// Say what is wrong with rule files, or probably not meant
#[derive(clap::Args)]
#[command(after_help = HELP)]
pub struct CheckArgs {
    /// Count warnings as errors
    #[arg(long)]
    strict: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Rule files; `-` is stdin, which includes from the current directory
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
}

const HELP: &str =
    "A file is read with all that it includes. Errors keep a container from starting, warnings say
what is hardly meant, notes what is easily forgotten. Colours are for a terminal, unless NO_COLOR
is set.

Examples:
  devns check /etc/devns/rules.yaml
  devns check --strict conf.d/*.yaml              # in CI
  sed s/lab/office/ rules.yaml | devns check -
  devns check --json rules.yaml | jq -r '.[].found[] | \"\\(.file):\\(.line): \\(.message)\"'

Exit status:
  0  no errors
  2  errors; with --strict, warnings too; or wrong use
  4  it cannot be printed";

/// What stdin is called.
const STDIN: &str = "<stdin>";

/// Print what is found; the exit status.
pub fn run(args: &CheckArgs) -> Result<u8, Failure> {
    let checked: Vec<Checked> = args.files.iter().map(|file| Checked::new(file)).collect();
    let printed = match args.json {
        true => {
            let all: Vec<Value> = checked.iter().map(Checked::json).collect();
            format!("{:#}\n", Value::from(all))
        }
        false => {
            let mut all = String::new();
            for checked in &checked {
                if !all.is_empty() && !checked.found.is_empty() {
                    all.push('\n');
                }
                all += &checked.show(Ink::stdout());
            }
            all
        }
    };
    output::write(&printed)?;
    let is_wrong = |checked: &Checked| {
        checked.count(Severity::Error) > 0 || args.strict && checked.count(Severity::Warning) > 0
    };
    Ok(match checked.iter().any(is_wrong) {
        true => Status::Usage as u8,
        false => 0,
    })
}

/// One file with what it includes.
struct Checked {
    file: String,
    found: Vec<RuleError>,
    /// Errors that are not shown.
    more: usize,
    /// Policies, rules and files, unless there are errors.
    counts: Option<[usize; 3]>,
}

impl Checked {
    fn new(file: &str) -> Checked {
        let (name, read) = match file {
            "-" => (STDIN, Rules::load(STDIN, &Stdin)),
            file => (file, Rules::load(file, &OnDisk)),
        };
        let file = name.to_owned();
        match read {
            Ok(rules) => Checked {
                file,
                found: rules.warnings().to_vec(),
                more: 0,
                counts: Some([rules.names().len(), rules.count(), rules.sources().len()]),
            },
            Err(errors) => Checked {
                file,
                found: errors.found,
                more: errors.more,
                counts: None,
            },
        }
    }

    fn count(&self, severity: Severity) -> usize {
        let found = self.found.iter().filter(|error| error.severity == severity);
        found.count()
            + if severity == Severity::Error {
                self.more
            } else {
                0
            }
    }

    fn show(&self, ink: Ink) -> String {
        let mut shown = String::new();
        for error in &self.found {
            shown += &format!("{}\n\n", error.show(ink.is_on()));
        }
        let mut parts = Vec::new();
        for (severity, word) in [(Severity::Error, "error"), (Severity::Warning, "warning")] {
            match self.count(severity) {
                0 => {}
                count => parts.push(many(count, word)),
            }
        }
        if let Some(counts) = self.counts {
            if parts.is_empty() {
                parts.push("fine".to_owned());
            }
            let words = ["policy", "rule", "file"];
            parts.extend(counts.into_iter().zip(words).map(|(n, word)| many(n, word)));
        }
        let not_shown = match self.more {
            0 => "",
            _ => " (the first 100 are shown)",
        };
        shown + &format!("{}: {}{not_shown}\n", self.file, parts.join(", "))
    }

    fn json(&self) -> Value {
        let found: Vec<Value> = self.found.iter().map(json_of).collect();
        let [policies, rules, files] = self.counts.map_or([None; 3], |counts| counts.map(Some));
        json!({
            "file": self.file,
            "errors": self.count(Severity::Error),
            "warnings": self.count(Severity::Warning),
            "policies": policies,
            "rules": rules,
            "files": files,
            "found": found,
        })
    }
}

fn json_of(error: &RuleError) -> Value {
    let mut value = place(&error.at);
    value["severity"] = error.severity.as_str().into();
    value["message"] = error.message.as_str().into();
    value["expected"] = error.expected.as_deref().into();
    value["also"] = match &error.also {
        Some((at, message)) => {
            let mut value = place(at);
            value["message"] = message.as_str().into();
            value
        }
        None => Value::Null,
    };
    value
}

/// A place; what is wrong with a file as a whole is on no line.
fn place(at: &Place) -> Value {
    let on_line = (at.line > 0).then_some((at.line, at.column));
    json!({
        "file": at.file,
        "line": on_line.map(|(line, _)| line),
        "column": on_line.map(|(_, column)| column),
        "text": at.text,
    })
}

/// `1 rule`, `2 policies`.
fn many(count: usize, word: &str) -> String {
    match (count, word) {
        (1, word) => format!("1 {word}"),
        (_, "policy") => format!("{count} policies"),
        (_, word) => format!("{count} {word}s"),
    }
}

/// Stdin under a name of its own, with the file system beside it.
struct Stdin;

impl Files for Stdin {
    fn read(&self, name: &str) -> Result<FileText, String> {
        match name {
            STDIN => Ok(FileText {
                identity: STDIN.to_owned(),
                text: text(std::io::stdin().lock())?,
            }),
            name => OnDisk.read(name),
        }
    }

    fn list(&self, dir: &str) -> Result<Vec<String>, String> {
        OnDisk.list(dir)
    }
}
