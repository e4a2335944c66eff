//! The systems that are compared: for /sys sysfs, ours, lxcfs, bindfs; for /dev the host's, ours, a bind
//! mount, a tmpfs.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdin, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::affinity::Cores;
use super::processes::{descendants, first_process};
use super::worker::{Place, Worker};
use super::{cgroups, stop};

/// What serves a /sys or a /dev.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// The kernel.
    #[default]
    Native,
    /// A container of `devns run`.
    Devns,
    /// lxcfs(1), which has the processors only.
    Lxcfs,
    /// bindfs(1), mirroring a sysfs.
    Bindfs,
    /// A node of the host's, mounted on a file, as runtimes give one where they cannot make it.
    Bind,
    /// A tmpfs, as runtimes have for a /dev.
    Tmpfs,
}

impl Kind {
    /// Those that have a /sys, in the order of the table.
    pub const OF_SYS: [Kind; 4] = [Kind::Native, Kind::Devns, Kind::Lxcfs, Kind::Bindfs];

    /// Those that have a /dev.
    pub const OF_DEV: [Kind; 4] = [Kind::Native, Kind::Devns, Kind::Bind, Kind::Tmpfs];

    /// Its name in the table and, with `_us`, in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Native => "native",
            Kind::Devns => "devns",
            Kind::Lxcfs => "lxcfs",
            Kind::Bindfs => "bindfs",
            Kind::Bind => "bind",
            Kind::Tmpfs => "tmpfs",
        }
    }
}

/// How `devns run` is started.
#[derive(Clone, Copy)]
pub struct Devns<'a> {
    /// Where the binaries are.
    pub bin: &'a Path,
    /// The rule file.
    pub rules: &'a Path,
    /// The policy of it.
    pub policy: &'a str,
}

/// One system, with a worker that has its /sys. Both end when this is dropped.
pub struct System {
    /// What it is.
    pub kind: Kind,
    /// Who works with it.
    pub worker: Worker,
    server: Option<Server>,
}

impl System {
    /// Start it and a worker. One that is `fresh` has a network namespace of its own, so that nobody
    /// has yet seen anything of the sysfs that is beneath it; the others have the host's, so that all
    /// have the same files.
    pub fn start(kind: Kind, devns: &Devns, fresh: bool) -> Result<System> {
        stop::check()?;
        let (server, place) = match kind {
            Kind::Native if fresh => (None, Place::FreshSysfs),
            Kind::Native => (None, Place::Sysfs),
            Kind::Devns => {
                let (server, first) = container(devns, fresh)?;
                (Some(server), Place::Of(first, "/sys".into()))
            }
            Kind::Lxcfs => {
                let server = daemon("exec lxcfs -f -p /run/pid /run/view", false)?;
                let place = Place::Of(server.pid(), "/run/view/sys".into());
                (Some(server), place)
            }
            Kind::Bindfs => {
                let script = "mount -t sysfs bench /run/sys && exec bindfs -f /run/sys /run/view";
                let server = daemon(script, fresh)?;
                let place = Place::Of(server.pid(), "/run/view".into());
                (Some(server), place)
            }
            Kind::Bind | Kind::Tmpfs => bail!("{} has no /sys", kind.name()),
        };
        let worker = Worker::start(&place).with_context(|| kind.name())?;
        Ok(System {
            kind,
            worker,
            server,
        })
    }

    /// Start one that has a /dev, and a worker, which is in the container's cgroups if it is ours: what
    /// its gate costs counts.
    pub fn start_dev(kind: Kind, devns: &Devns) -> Result<System> {
        stop::check()?;
        let (server, first) = match kind {
            Kind::Devns => {
                let (server, first) = container(devns, true)?;
                (Some(server), Some(first))
            }
            _ => (None, None),
        };
        let worker = Worker::start(&Place::Dev(kind, first)).with_context(|| kind.name())?;
        if let Some(first) = first {
            cgroups::follow(first, worker.pid())?;
        }
        Ok(System {
            kind,
            worker,
            server,
        })
    }

    /// Its servers: what runs on the host for it, not what runs in a container.
    pub fn servers(&self) -> Result<Vec<u32>> {
        match &self.server {
            Some(server) => descendants(server.pid()),
            None => Ok(Vec::new()),
        }
    }

    /// Its servers and its worker.
    pub fn processes(&self) -> Result<Vec<u32>> {
        let mut all = self.servers()?;
        all.push(self.worker.pid());
        Ok(all)
    }

    /// Have all of it run on one core, or on any.
    pub fn place(&self, cores: &Cores, pinned: bool) -> Result<()> {
        cores.place(&self.processes()?, pinned)
    }
}

/// A server's process, ended when this is dropped.
struct Server {
    child: Child,
    /// The input of a container's only process, which ends with it.
    input: Option<ChildStdin>,
}

impl Server {
    fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let is_container = self.input.take().is_some();
        let until = Instant::now() + Duration::from_secs(5);
        while is_container && Instant::now() < until {
            match self.child.try_wait() {
                Ok(None) => std::thread::sleep(Duration::from_millis(5)),
                _ => return,
            }
        }
        // its mounts are in a namespace of its own, which ends with it
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command that ends with us.
pub fn ours(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]).arg(program);
    command
}

/// Start a container; its server and its first process, by the host's pid.
fn container(devns: &Devns, fresh: bool) -> Result<(Server, u32)> {
    let mut command = ours(devns.bin.join("devns"));
    command.args(["run", "--net", if fresh { "private" } else { "host" }]);
    command.arg("--policy").arg(devns.rules);
    command.args(["--use", devns.policy, "--", "/bin/cat"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    // it says at the start what this is no boundary against, each time
    let mut child = command
        .stderr(Stdio::piped())
        .spawn()
        .context("devns run")?;
    let last = last_line(child.stderr.take().context("a pipe")?);
    let output = child.stdout.take().context("a pipe")?;
    let mut server = Server {
        input: child.stdin.take(),
        child,
    };
    // an echo: it is up
    let input = server.input.as_mut().context("a pipe")?;
    input.write_all(b"up\n").context("devns run")?;
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line)?;
    if line != "up\n" {
        drop(server);
        bail!(
            "devns run has ended before its command began: {}",
            said(last)
        );
    }
    let first = first_process(server.pid())?;
    Ok((server, first))
}

/// Start a script whose server mounts /run/view, in a mount namespace of its own with a /run of its
/// own.
fn daemon(script: &str, fresh: bool) -> Result<Server> {
    let mut command = ours("unshare");
    command.arg("--mount").args(fresh.then_some("--net"));
    let script = format!("mount -t tmpfs bench /run && mkdir /run/sys /run/view && {script}");
    command.args(["sh", "-c", &script]).stdin(Stdio::null());
    // both tell what they do, and what they make of limits
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().context("unshare")?;
    let last = last_line(child.stderr.take().context("a pipe")?);
    let mut server = Server { child, input: None };
    let table = format!("/proc/{}/mountinfo", server.pid());
    let until = Instant::now() + Duration::from_secs(20);
    while Instant::now() < until {
        stop::check()?;
        let text = fs::read_to_string(&table).unwrap_or_default();
        if text
            .lines()
            .any(|l| l.split(' ').nth(4) == Some("/run/view"))
        {
            return Ok(server);
        }
        if let Some(status) = server.child.try_wait()? {
            bail!("`{script}` has ended ({status}): {}", said(last));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    bail!("`{script}` has mounted nothing in 20 s")
}

/// Read what a server says, so that it need not wait; the last line is what it ended with.
fn last_line(stderr: ChildStderr) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let lines = BufReader::new(stderr).lines().map_while(|line| line.ok());
        lines.last().unwrap_or_default()
    })
}

fn said(last: JoinHandle<String>) -> String {
    last.join().unwrap_or_default()
}
