//! `devns import`: rules from what others say about a container's devices.

mod look;

use std::fs;
use std::path::{Path, PathBuf};

use ::import::{Import, ImportError, Imported};
use cli::{Failure, Status};
use serde_json::json;

use crate::{output, replace};

/// Turn Docker's --device, CDI specifications and FreeBSD's devfs.rules into rules
#[derive(clap::Args)]
#[command(after_help = HELP)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true))]
pub struct ImportArgs {
    /// What docker and podman take: a device or a directory, its path inside, letters of rwm
    #[arg(long = "device", value_name = "HOST[:INSIDE][:rwm]", group = "what")]
    devices: Vec<String>,
    /// CDI specification, JSON or YAML
    #[arg(long = "cdi", value_name = "FILE", group = "what")]
    specs: Vec<PathBuf>,
    /// Rulesets as devfs.rules(5) has them; later files win, as at FreeBSD's boot
    #[arg(long = "devfs-rules", value_name = "FILE", group = "what")]
    rulesets: Vec<PathBuf>,
    /// Name of the policy for --device; others are named after what they come from
    #[arg(long, value_name = "POLICY", default_value = "imported")]
    name: String,
    /// The rules are for another machine: do not look at this one's devices
    #[arg(long)]
    elsewhere: bool,
    /// Write the rules to a file
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Print JSON: the text as `rules`, and `notes` of what has no equivalent
    #[arg(long)]
    json: bool,
}

const HELP: &str =
    "The rules mean the same as what they come from; comments say where each comes from, and what has no
equivalent. A rule that would give more than was given is commented out. A device that is there is
looked at, for matches that still hold when its name has changed; they are comments, too.

Examples:
  devns import --device /dev/ttyUSB0:/dev/modem:rw --device /dev/snd
  devns import --cdi /etc/cdi/vendor.json -o gpu.yaml
  devns import --devfs-rules /etc/devfs.rules --json | jq .notes

Exit status:
  0  success
  2  wrong use, or a file or a flag that cannot be imported
  4  the rules cannot be written";

/// Import and print.
pub fn run(args: &ImportArgs) -> Result<(), Failure> {
    let mut import = Import::new();
    for flag in &args.devices {
        let host = flag.split(':').next().unwrap_or_default();
        let seen = match args.elsewhere {
            true => None,
            false => look::at(Path::new(host))?,
        };
        import.device(flag, seen).map_err(wrong)?;
    }
    for path in &args.specs {
        import.cdi(&name(path), &read(path)?).map_err(wrong)?;
    }
    for path in &args.rulesets {
        import
            .devfs_rules(&name(path), &read(path)?)
            .map_err(wrong)?;
    }
    let imported = import.finish(&args.name).map_err(wrong)?;
    if let Some(path) = &args.output {
        write(path, &imported)?;
    }
    if args.json {
        let notes: Vec<_> = imported
            .notes
            .iter()
            .map(|note| json!({ "source": note.source, "text": note.text }))
            .collect();
        let report = json!({ "rules": imported.rules, "notes": notes });
        output::write(&format!("{report:#}\n"))?;
    } else if args.output.is_none() {
        output::write(&imported.rules)?;
    }
    Ok(())
}

fn wrong(e: ImportError) -> Failure {
    Failure::new(Status::Usage, e.to_string())
}

/// What a file is called in comments.
fn name(path: &Path) -> String {
    path.display().to_string()
}

fn read(path: &Path) -> Result<String, Failure> {
    /// As rule files may have.
    const MOST: u64 = 64 << 20;
    let wrong = |what: String| Failure::new(Status::Usage, format!("{path:?} {what}"));
    let meta =
        fs::metadata(path).map_err(|e| wrong(format!("cannot be read: {}", cli::reason(&e))))?;
    if !meta.is_file() || meta.len() > MOST {
        return Err(wrong(format!(
            "is no regular file of at most {} MiB",
            MOST >> 20
        )));
    }
    let bytes =
        fs::read(path).map_err(|e| wrong(format!("cannot be read: {}", cli::reason(&e))))?;
    String::from_utf8(bytes).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        wrong(format!("is not text: byte {at} is no UTF-8"))
    })
}

fn write(path: &Path, imported: &Imported) -> Result<(), Failure> {
    match path.exists() {
        true => replace::file(path, &imported.rules)?,
        false => fs::write(path, &imported.rules).map_err(|e| {
            let why = cli::reason(&e);
            Failure::new(Status::Host, format!("{path:?} cannot be written: {why}"))
        })?,
    }
    match imported.notes.len() {
        0 => {}
        1 => eprintln!("devns: something has no equivalent: see the comments in {path:?}"),
        n => eprintln!("devns: {n} things have no equivalent: see the comments in {path:?}"),
    }
    Ok(())
}
