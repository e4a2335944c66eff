//! `devns schema`: the rule language, for editors.

use std::path::PathBuf;

use cli::{Failure, Status};

use crate::output;

/// Print a JSON Schema of rule files, with which editors complete and check them
#[derive(clap::Args)]
#[command(after_help = HELP)]
pub struct SchemaArgs {
    /// Write it to this file
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

const HELP: &str = "It is draft 7 of JSON Schema. An editor with yaml-language-server uses it for a rule file that begins with

  # yaml-language-server: $schema=/usr/local/share/devns/rules.schema.json

What it cannot know, such as whether a policy exists, is found when the rules are read.

Examples:
  devns schema --output /usr/local/share/devns/rules.schema.json
  devns schema | jq .definitions.match.properties.devnum";

/// Print it, or write it.
pub fn run(args: &SchemaArgs) -> Result<(), Failure> {
    let schema = policy::schema();
    match &args.output {
        Some(path) => std::fs::write(path, schema).map_err(|e| {
            let message = format!(
                "the schema cannot be written to {path:?}: {}",
                cli::reason(&e)
            );
            Failure::new(Status::Other, message).mend("name a file in a directory that is there")
        }),
        None => output::write(&schema).map(drop),
    }
}
