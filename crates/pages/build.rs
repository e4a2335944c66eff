//! Writes `man` and `completions` beside the binaries: into `target/release`, `target/debug`.
//!
//! This script has the binaries' own command lines built in, so that it is built and run again whenever one of them changes.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

use clap::{Command, CommandFactory};
use clap_complete::{Shell, generate};
use manual::{Common, Page, of_command, of_markdown};

const RULES: &str = include_str!("../../docs/rules.md");
const EXAMPLE: &str = include_str!("../../examples/loop.yaml");

const SYNOPSIS: [&str; 4] = [
    "`devns run --policy` FILE [`--use` POLICY] `--` COMMAND",
    "`fusefs-sysfs --policy` FILE [`--use` POLICY] MOUNTPOINT",
    "`fusefs-dev --policy` FILE [`--use` POLICY] MOUNTPOINT",
    "`devns schema`",
];
const RULES_STATUS: &str = "Exit status: A command that is given a file with an error names every error in it, does nothing, and ends with \
                            status 2; `devns run` with 125.";

const ENVIRONMENT: [(&str, &str); 1] = [(
    "RUST_LOG",
    "How much is logged to standard error: `error`, `warn` (the default), `info`, `debug` or `trace`.",
)];
const STATE: (&str, &str) = (
    "/run/devns/ID",
    "What is known of a running container, its ID being its name and a process id. It goes with the container; what was left behind, the \
     next start clears up.",
);
const UDEV: (&str, &str) = (
    "/run/udev/data",
    "What the host's udev says of devices: properties, links.",
);
const FUSE: (&str, &str) = ("/dev/fuse", "What file systems are served through.");

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-env-changed=SOURCE_DATE_EPOCH");
    // target/PROFILE/build/pages-HASH/out
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("no OUT_DIR")?);
    let profile = out.ancestors().nth(3).ok_or("OUT_DIR is not cargo's")?;

    let commands = [
        (devns::command(), "1"),
        (fusefs_sysfs::args::Args::command(), "8"),
        (fusefs_dev::args::Args::command(), "8"),
    ];
    let man = fresh(&profile.join("man"))?;
    for page in pages(&commands)? {
        fs::write(man.join(&page.file), &page.text)?;
    }
    let completions = fresh(&profile.join("completions"))?;
    for (command, _) in &commands {
        complete(&completions, command)?;
    }
    Ok(())
}

/// The directory, empty: nothing stays in it of a command that is gone.
fn fresh(dir: &Path) -> Result<PathBuf, Box<dyn Error>> {
    if dir.exists() {
        fs::remove_dir_all(dir)?;
    }
    fs::create_dir_all(dir)?;
    Ok(dir.into())
}

fn pages(commands: &[(Command, &str)]) -> Result<Vec<Page>, Box<dyn Error>> {
    let source = format!("devns {}", env!("CARGO_PKG_VERSION"));
    let date = date()?;
    let mut common = Common {
        source: &source,
        date: &date,
        exit_status: cli::failure::STATUSES,
        files: &[STATE, UDEV],
        environment: &ENVIRONMENT,
        see_also: &[],
    };
    // once to know what there is, once with what there is in them
    let mut names = vec!["devns-rules(5)".to_owned()];
    for (command, section) in commands {
        let pages = of_command(command.clone(), section, &common);
        names.extend(pages.iter().map(|page| match page.file.rsplit_once('.') {
            Some((name, section)) => format!("{name}({section})"),
            None => page.file.clone(),
        }));
    }
    names.sort();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    common.see_also = &names;

    let mut pages = Vec::new();
    for (command, section) in commands {
        if *section == "8" {
            common.files = &[FUSE, UDEV];
        }
        pages.extend(of_command(command.clone(), section, &common));
    }
    common.files = &[STATE, UDEV];
    common.environment = &[];
    let about = "rules that say which devices a container may have";
    // indented, no line is empty and ends the example
    let examples: Vec<String> = EXAMPLE.lines().map(|line| format!("  {line}")).collect();
    let examples = examples.join("\n");
    let help = format!("Examples:\n{examples}\n\n{RULES_STATUS}");
    pages.push(of_markdown(
        RULES,
        ("devns-rules", "5"),
        about,
        &SYNOPSIS,
        &help,
        &common,
    )?);
    Ok(pages)
}

/// Today, or the day that a build that must be repeatable names.
fn date() -> Result<String, Box<dyn Error>> {
    let time = match env::var("SOURCE_DATE_EPOCH") {
        Ok(seconds) => jiff::Timestamp::from_second(seconds.parse()?)?,
        Err(_) => jiff::Timestamp::now(),
    };
    Ok(time.strftime("%Y-%m-%d").to_string())
}

/// The command as its help shows it: completions would offer what is hidden too.
fn visible(command: &Command) -> Command {
    // clap keeps names that live as long as the program
    let name: &'static str = command.get_name().to_owned().leak();
    let options = command
        .get_arguments()
        .filter(|option| !option.is_hide_set());
    let commands = command.get_subcommands().filter(|sub| !sub.is_hide_set());
    Command::new(name)
        .about(command.get_about().cloned().unwrap_or_default())
        .version(
            command
                .get_version()
                .map(|version| version.to_owned().leak() as &str),
        )
        .args(options.cloned())
        .subcommands(commands.map(visible))
}

/// Completions by the names that the shells look for.
fn complete(dir: &Path, command: &Command) -> Result<(), Box<dyn Error>> {
    let name = command.get_name().to_owned();
    let command = visible(command);
    for (shell, file) in [
        (Shell::Bash, format!("bash/{name}")),
        (Shell::Zsh, format!("zsh/_{name}")),
        (Shell::Fish, format!("fish/{name}.fish")),
    ] {
        let path = dir.join(file);
        fs::create_dir_all(path.parent().unwrap_or(dir))?;
        generate(
            shell,
            &mut command.clone(),
            &name,
            &mut fs::File::create(&path)?,
        );
    }
    Ok(())
}
