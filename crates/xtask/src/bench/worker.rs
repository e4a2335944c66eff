//! A process that has the /sys or the /dev of one of the systems, and does there what it is told.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::fcntl::{AT_FDCWD, OFlag};
use nix::mount::{MsFlags, mount};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::Pid;
use serde_json::{Value, json};

use super::measure::Measured;
use super::operation::{self, Operation};
use super::system::Kind;
use super::{dev, stop};

/// Serve the requests of `cargo xtask bench`
#[derive(clap::Args)]
pub struct WorkerArgs {
    /// Whose /sys: a process, and where in its mount namespace; a sysfs of one's own if none
    #[arg(long, requires = "path")]
    of: Option<i32>,
    #[arg(long)]
    path: Option<PathBuf>,
    /// Take a network namespace of one's own, and so an instance of sysfs of one's own
    #[arg(long)]
    fresh: bool,
    /// Have a /dev instead, of the system of this name
    #[arg(long)]
    dev: Option<String>,
}

/// Where a worker finds the /sys it is to have.
#[derive(Clone, Debug)]
pub enum Place {
    /// sysfs, as the host has it.
    Sysfs,
    /// An instance of sysfs that nobody has seen yet, of a new network namespace.
    FreshSysfs,
    /// What the process has mounted at the path.
    Of(u32, PathBuf),
    /// The /dev of a system; that of a container is its first process's.
    Dev(Kind, Option<u32>),
}

/// How long an answer may take: a walk through a slow server takes seconds.
const PATIENCE: Duration = Duration::from_secs(120);

/// A worker, seen from outside. It ends when this is dropped.
pub struct Worker {
    child: Child,
    ask: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Worker {
    /// Start one.
    pub fn start(place: &Place) -> Result<Worker> {
        let mut command = Command::new("/proc/self/exe");
        command.args(["bench", "worker"]);
        match place {
            Place::Sysfs => &mut command,
            Place::FreshSysfs => command.arg("--fresh"),
            Place::Of(pid, path) => command.args(["--of", &pid.to_string(), "--path"]).arg(path),
            Place::Dev(kind, first) => {
                command.args(["--dev", kind.name()]);
                if let Some(pid) = first {
                    command.args(["--of", &pid.to_string(), "--path", "/dev"]);
                }
                &mut command
            }
        };
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().context("a worker")?;
        let answers = BufReader::new(child.stdout.take().context("a pipe")?);
        let mut worker = Worker {
            ask: child.stdin.take(),
            answers,
            child,
        };
        worker.ask("hello").context("a worker does not start")?;
        Ok(worker)
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Have it do what `line` says, and tell.
    pub fn ask(&mut self, line: &str) -> Result<Value> {
        let pipe = self.ask.as_mut().context("it has ended")?;
        writeln!(pipe, "{line}").context("it has ended")?;
        self.wait().with_context(|| format!("{line:?}"))?;
        let mut text = String::new();
        if self.answers.read_line(&mut text)? == 0 {
            bail!("it has ended instead of answering {line:?}");
        }
        let mut answer: Value = serde_json::from_str(&text).with_context(|| format!("{text:?}"))?;
        match answer["error"].as_str() {
            Some(why) => bail!("{why}"),
            None => Ok(answer["ok"].take()),
        }
    }

    /// Microseconds for each of `times` times.
    pub fn time(&mut self, operation: &str, times: u32) -> Result<f64> {
        let answer = self.ask(&format!("time {times} {operation}"))?;
        answer.as_f64().context("a number")
    }

    fn wait(&self) -> Result<()> {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            stop::check()?;
            let fd = self.answers.get_ref().as_fd();
            let mut fds = [PollFd::new(fd, PollFlags::POLLIN)];
            if poll(&mut fds, PollTimeout::from(200u8)).context("poll()")? > 0 {
                return Ok(());
            }
        }
        bail!("no answer in {} s", PATIENCE.as_secs())
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.ask = None;
        let _ = self.child.kill();
        // one that waits for a server which answers no more is gone once the server is
        let until = Instant::now() + Duration::from_secs(2);
        while Instant::now() < until && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Be a worker, until nobody asks any more.
pub fn run(args: &WorkerArgs) -> Result<()> {
    nix::sys::prctl::set_pdeathsig(Signal::SIGKILL).context("prctl(PR_SET_PDEATHSIG)")?;
    let kind = args.dev.as_deref().map(dev::place::named).transpose()?;
    match kind {
        Some(kind) => dev::place::enter(kind, args.of)?,
        None => enter(args)?,
    }
    let mut directory = String::new();
    let mut held = None;
    for line in std::io::stdin().lines() {
        let line = line.context("stdin")?;
        let result = match kind {
            Some(_) => dev::operation::answer(&line),
            None => answer(&line, &mut directory, &mut held),
        };
        let answer = match result {
            Ok(value) => json!({ "ok": value }),
            Err(e) => json!({ "error": format!("{e:#}") }),
        };
        println!("{answer}");
    }
    Ok(())
}

fn answer(line: &str, directory: &mut String, held: &mut Option<File>) -> Result<Value> {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    match word {
        "hello" => Ok(json!("hello")),
        "directory" => {
            *directory = rest.to_string();
            Ok(Value::Null)
        }
        "time" => {
            let (times, name) = rest.split_once(' ').context("time N OPERATION")?;
            let times = times.parse().context("time N OPERATION")?;
            Ok(json!(named(name)?.time(times, directory)?))
        }
        "answer" => named(rest)?.answer(directory),
        "set" => operation::set(rest).map(|()| Value::Null),
        "read" => Ok(json!(operation::read_at(&operation::hold()?)?)),
        "hold" => {
            let file = held.insert(operation::hold()?);
            Ok(json!(operation::read_at(file)?))
        }
        "again" => {
            let file = held.as_ref().context("nothing is held")?;
            Ok(json!(operation::read_at(file)?))
        }
        _ => bail!("what is {word:?}?"),
    }
}

fn named(name: &str) -> Result<Operation> {
    let found = Operation::ALL.into_iter().find(|o| o.name() == name);
    found.with_context(|| format!("no operation is named {name:?}"))
}

/// Mount the /sys that was asked for in place of the one that is there, in a mount namespace of our
/// own.
fn enter(args: &WorkerArgs) -> Result<()> {
    let mut flags = CloneFlags::CLONE_NEWNS;
    if args.fresh {
        flags |= CloneFlags::CLONE_NEWNET;
    }
    private_mounts(flags)?;
    let none = None::<&str>;
    let (Some(pid), Some(path)) = (args.of, &args.path) else {
        uncover()?;
        return mount(Some("bench"), "/sys", Some("sysfs"), MsFlags::empty(), none)
            .context("mount(sysfs)");
    };
    let tree = theirs(pid, path)?;
    uncover()?;
    attach(&tree, Path::new("/sys"))
}

/// A mount namespace of our own, and others with it, from which nothing gets out.
pub fn private_mounts(flags: CloneFlags) -> Result<()> {
    unshare(flags).with_context(|| format!("unshare({flags:?})"))?;
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(None::<&str>, "/", None::<&str>, private, None::<&str>).context("mount(MS_PRIVATE)")
}

/// What a process has mounted at `path`, without what is mounted below, which no other system has.
pub fn theirs(pid: i32, path: &Path) -> Result<OwnedFd> {
    let ours = sys::namespace::of(Pid::this(), "mnt")?;
    let theirs = sys::namespace::of(Pid::from_raw(pid), "mnt")?;
    setns(&theirs, CloneFlags::CLONE_NEWNS).context("setns(CLONE_NEWNS)")?;
    let tree = sys::mount::clone_tree(AT_FDCWD, path, false)?;
    setns(&ours, CloneFlags::CLONE_NEWNS).context("setns(CLONE_NEWNS)")?;
    Ok(tree)
}

/// Attach a mount that is nowhere yet.
pub fn attach(tree: &OwnedFd, at: &Path) -> Result<()> {
    let target = nix::fcntl::open(at, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())
        .with_context(|| format!("open({at:?})"))?;
    sys::mount::attach(tree.as_fd(), target.as_fd())?;
    Ok(())
}

/// Take away what is mounted at /sys, and below: the kernel refuses to mount a file system on itself.
fn uncover() -> Result<()> {
    Ok(sys::mount::detach_all(Path::new("/sys"))?)
}
