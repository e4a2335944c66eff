//! The command line, as `--help` shows it.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use crate::check::CheckArgs;
use crate::diff::DiffArgs;
use crate::explain::ExplainArgs;
use crate::simulate::SimulateArgs;
use crate::tree::TreeArgs;

/// Device namespaces for containers: a /sys, a /dev and device events of their own
#[derive(Parser)]
#[command(version, after_help = after_help())]
pub struct Args {
    #[command(subcommand)]
    pub command: Command,
}

fn after_help() -> String {
    let start = "Start with `devns demo`; `devns doctor` says what this host can do.

Examples:
  devns demo
  devns run --policy rules.yaml -- bash
  man devns-run
  man devns-rules";
    let statuses = cli::failure::STATUSES;
    format!(
        "{start}\n\n{statuses}\n\n`devns run` ends as its command does; `devns run --help` lists how it fails itself."
    )
}

#[derive(Subcommand)]
pub enum Command {
    Run(RunArgs),
    Check(CheckArgs),
    Demo(DemoArgs),
    Doctor(DoctorArgs),
    Explain(ExplainArgs),
    Tree(TreeArgs),
    Diff(DiffArgs),
    Simulate(SimulateArgs),
    Holders(HoldersArgs),
    Fmt(crate::fmt::FmtArgs),
    Import(crate::import::ImportArgs),
    Monitor(MonitorArgs),
    Schema(crate::schema::SchemaArgs),
}

/// Run a command that sees only the devices its policy shows
#[derive(clap::Args)]
#[command(after_help = RUN_HELP)]
pub struct RunArgs {
    /// Rule file, or builtin:NAME
    #[arg(
        long,
        value_name = "FILE|builtin:NAME",
        default_value = "builtin:minimal"
    )]
    pub policy: String,
    /// Policy of the file; may be left out where it has only one, or binds one to the container
    #[arg(long = "use", value_name = "POLICY")]
    pub use_: Option<String>,
    /// Take the rule file anew whenever it is saved; SIGHUP does so once
    #[arg(long)]
    pub watch: bool,
    /// Name of the container, and its host name [default: devns-PID]
    #[arg(long)]
    pub name: Option<String>,
    /// Label, for rules that bind policies by label
    #[arg(long = "label", value_name = "K=V")]
    pub labels: Vec<String>,
    /// Annotation, likewise
    #[arg(long = "annotation", value_name = "K=V")]
    pub annotations: Vec<String>,
    /// Image that it is made of, likewise
    #[arg(long, value_name = "NAME")]
    pub image: Option<String>,
    /// Directory to use as the root file system [default: the host's own root]
    #[arg(long, value_name = "DIR")]
    pub rootfs: Option<PathBuf>,
    /// Use a user namespace: root inside is uid 100000 (165536, ...) outside
    #[arg(long)]
    pub userns: bool,
    /// Network namespace of its own, or the host's
    #[arg(long, value_enum, default_value_t = Net::Private)]
    pub net: Net,
    /// Give one more capability; what guarantee that ends is said at the start
    #[arg(long = "cap-add", value_name = "CAP")]
    pub cap_add: Vec<String>,
    /// Environment variable; the environment is otherwise clean
    #[arg(short = 'e', long = "env", value_name = "K=V")]
    pub env: Vec<String>,
    /// Give it a terminal; the default when stdin is one
    #[arg(short = 't', long)]
    pub tty: bool,
    /// Run an init process as PID 1, which reaps orphans and passes on signals
    #[arg(long)]
    pub init: bool,
    /// Device cgroup to use
    #[arg(long, value_enum, default_value_t = CgroupVersion::Auto)]
    pub device_cgroup: CgroupVersion,
    /// What statfs(2) on /sys says: that it is a sysfs, which libudev insists on, or the truth
    #[arg(long, value_enum, default_value_t = Statfs::Sysfs)]
    pub statfs: Statfs,
    /// Command and its arguments
    #[arg(required = true, last = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Net {
    /// A network namespace of its own, in which only its own device events are heard
    Private,
    /// The host's; uevent sockets are refused there, since the host's events cannot be kept out
    Host,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CgroupVersion {
    /// Version 2 if the kernel takes a device program there, else version 1
    Auto,
    V1,
    V2,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Statfs {
    /// SYSFS_MAGIC: without it libudev (systemd 251 and later) and libusb find no device at all
    Sysfs,
    /// FUSE_SUPER_MAGIC: to find out what depends on it; nothing that keeps devices apart does
    Real,
}

const RUN_HELP: &str = "Examples:
  devns run -- ls /sys/class/block           # builtin:minimal: no device of the host
  devns run --policy rules.yaml -- bash
  devns run --policy rules.yaml --use games --userns --rootfs /srv/debian -- bash
  devns run --policy rules.yaml --watch -- bash      # takes changed rules while it runs

Signals are passed on to the command, but for a SIGHUP that somebody sends: it has the rule file
read again. An error in that changes nothing and is said. A SIGHUP that comes since the terminal is
gone is passed on.

Exit status:
  the command's own, or
  125    devns failed, or was used wrongly
  126    the command cannot be executed
  127    the command was not found
  128+N  the command was ended by signal N";

/// Show in three seconds what this is: a device plugged on the host, inside and not
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  devns demo")]
pub struct DemoArgs {
    /// The half that runs in the container
    #[arg(long, hide = true)]
    pub inside: bool,
}

/// Say what this host offers, what that means, and the mend for what is missing
#[derive(clap::Args)]
#[command(after_help = DOCTOR_HELP)]
pub struct DoctorArgs {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

const DOCTOR_HELP: &str = "Examples:
  devns doctor
  devns doctor --json | jq .

Exit status: 0 when `devns run` can work here, 4 when it cannot.";

/// Print the uevents of this network namespace as they arrive
#[derive(clap::Args)]
#[command(after_help = MONITOR_HELP)]
pub struct MonitorArgs {
    /// Print what udev says too, once it has processed an event
    #[arg(long)]
    pub udev: bool,
    /// Print the properties too
    #[arg(long)]
    pub property: bool,
    /// Print JSON, a line each: a trace that `devns simulate` takes
    #[arg(long, conflicts_with = "property")]
    pub json: bool,
}

const MONITOR_HELP: &str = "Examples:
  devns monitor
  devns monitor --property
  devns monitor --json | jq -r .DEVPATH
  devns monitor --json --udev >trace.json    # record, for `devns simulate`";

/// Say who still holds a device: open, mapped, mounted, or with another device on top
#[derive(clap::Args)]
#[command(after_help = HOLDERS_HELP)]
#[command(group = clap::ArgGroup::new("who").required(true))]
pub struct HoldersArgs {
    /// Look at the processes of the containers of this name
    #[arg(long, group = "who")]
    pub name: Option<String>,
    /// Look at the processes in this cgroup and below it
    #[arg(long, group = "who", value_name = "DIR")]
    pub cgroup: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// A name below /dev, a path below /sys, or a number such as "b 7:3"
    pub device: String,
}

const HOLDERS_HELP: &str = "A device that is hidden stays with those who have it open already; so does its number with those who
have a node of a device that was pulled. What cannot be seen is said at the end.

Examples:
  devns holders --name web1 /dev/sdc
  devns holders --cgroup /sys/fs/cgroup/machine.slice/web1 \"c 13:64\"
  devns holders --json --name web1 /devices/virtual/block/loop3

Exit status:
  0  somebody holds it
  1  nobody does, as far as can be seen
  2  wrong use, or no such device, container or cgroup
  3  not root
  4  it cannot be found out";
