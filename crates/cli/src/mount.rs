//! The command line of `fusefs-sysfs` and `fusefs-dev`: one view, mounted without a daemon.

mod options;

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};

use bstr::BString;
use engine::{Config, Engine, Gate, OnRevoked, Outlets, Watch};
use host::Sysfs;
use host::cgroup::{Hierarchies, Takeover, Whose, kill_all};
use nix::fcntl::OFlag;
use nix::mount::{MntFlags, umount2};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::stat::Mode;
use policy::{Container, Policy};
use sys::process::Fork;
use viewfs::{Caches, Mount, Session};

pub use self::options::MountArgs;
use crate::failure::{Failure, Status, need_root_and_fuse};
use crate::gate::CgroupGate;
use crate::keeper::{Keeper, whose};
use crate::reload::{self, Ask, Hangup, Reloads};
use crate::revoked::Revoked;
use crate::rules::{self, Loaded};

/// Serves the engine's view on a mount, to a container whose root has these ids, uid and gid, on the host.
pub type Serve = fn(Mount, &Arc<Engine>, Arc<Sysfs>, (u32, u32)) -> std::io::Result<Served>;

/// Fits what is served to another policy, before that is applied. An error: it cannot be, and nothing has changed.
pub type Fit = Box<dyn Fn(&Policy) -> Result<(), Failure> + Send>;

/// A view that is served.
pub struct Served {
    /// Its server.
    pub session: Session,
    /// What a policy says beside what shows.
    pub fit: Fit,
}

/// What tells the two file systems apart.
pub struct FileSystem {
    /// The name of the binary, and `fuse.NAME` in mountinfo.
    pub name: &'static str,
    /// Whether nodes on it can be opened.
    pub dev: bool,
    /// How it is served.
    pub serve: Serve,
    /// The paths that a change of the view concerns.
    pub paths: fn(&policy::ViewChange) -> Vec<BString>,
}

/// Run one of the binaries; the result is its exit status.
pub fn run(args: MountArgs, fs: &FileSystem) -> Result<(), Failure> {
    let args = args.with_options(fs)?;
    let whose = args.cgroup.as_deref().map(whose).transpose()?;
    if args.watch {
        reload::may_watch(&args.policy)?;
    }
    let container = container(whose.as_ref());
    let loaded = rules::load_with_sources(&args.policy)?;
    let policy = select(&loaded, &args, &container)?;
    rules::warn(&loaded.rules);
    let rules = (policy, loaded);
    need_root_and_fuse(fs.name)?;
    crate::raise_open_files();
    let place = mountpoint(
        args.places
            .last()
            .map(PathBuf::as_path)
            .unwrap_or(Path::new("")),
    )?;
    if args.foreground {
        return serve(fs, &args, rules, &place, whose.as_ref(), || ());
    }
    let (ready_r, ready_w) = nix::unistd::pipe().map_err(std::io::Error::from)?;
    match sys::process::fork()? {
        Fork::Parent(child) => {
            drop(ready_w);
            let mut word = [0u8; 1];
            match File::from(ready_r).read(&mut word) {
                Ok(1) => Ok(()),
                // it has said why, and its status is ours
                _ => std::process::exit(match nix::sys::wait::waitpid(child, None) {
                    Ok(nix::sys::wait::WaitStatus::Exited(_, status)) => status,
                    _ => Status::Other as i32,
                }),
            }
        }
        Fork::Child => {
            drop(ready_r);
            let _ = nix::unistd::setsid();
            serve(fs, &args, rules, &place, whose.as_ref(), move || {
                let _ = File::from(ready_w).write_all(b"r");
                leave_terminal();
            })
        }
    }
}

/// Who it is mounted for, as far as rules that choose by it can know.
fn container(whose: Option<&Whose>) -> Container {
    Container {
        cgroup: whose.and_then(cgroup_of),
        ..Container::default()
    }
}

/// The path of the cgroup for rules that choose by it. If it cannot be had that is said where it is needed more.
fn cgroup_of(whose: &Whose) -> Option<String> {
    let dirs = Takeover::find(whose).ok()?;
    Hierarchies::detect().ok()?.path_of(dirs.first()?)
}

/// The mountpoint by its full path, if it can be one.
fn mountpoint(path: &Path) -> Result<PathBuf, Failure> {
    let fault = |m: String| Failure::new(Status::Mountpoint, m);
    let full = path.canonicalize().map_err(|e| {
        let why = e.raw_os_error().map_or(e.to_string(), |n| {
            nix::errno::Errno::from_raw(n).desc().to_lowercase()
        });
        fault(format!("the mountpoint {path:?}: {why}"))
            .mend(format!("make it with `mkdir -p {}`", path.display()))
    })?;
    if !full.is_dir() {
        return Err(fault(format!("the mountpoint {path:?} is not a directory")));
    }
    let table = std::fs::read("/proc/self/mountinfo")?;
    let table = String::from_utf8_lossy(&table);
    let taken = table.lines().find(|line| {
        // a blank or a backslash stands as an octal escape there
        let field = line.split(' ').nth(4).unwrap_or_default();
        field.replace("\\040", " ").replace("\\134", "\\") == full.to_string_lossy()
    });
    if taken.is_some() {
        return Err(
            fault(format!("something is mounted at {path:?} already")).mend(format!(
                "unmount it with `umount {}`, or name another place",
                path.display()
            )),
        );
    }
    Ok(full)
}

fn leave_terminal() {
    let null = nix::fcntl::open("/dev/null", OFlag::O_RDWR, Mode::empty());
    if let Ok(null) = null {
        let _ = nix::unistd::dup2_stdin(&null);
        let _ = nix::unistd::dup2_stdout(&null);
        let _ = nix::unistd::dup2_stderr(&null);
    }
}

fn unmount(place: &Path, flags: MntFlags) -> Result<(), Failure> {
    umount2(place, flags).map_err(|e| {
        let why = e.desc().to_lowercase();
        Failure::new(Status::Other, format!("umount2({place:?}): {why}"))
    })
}

/// What is done about those who hold what was revoked.
fn on_revoked(engine: &Arc<Engine>, cgroups: Vec<PathBuf>) -> std::io::Result<OnRevoked> {
    let to_kill = cgroups.clone();
    let revoked = Revoked {
        cgroups,
        scene: engine.scene(),
        kill: Box::new(
            move |why| match kill_all(&to_kill, std::time::Duration::from_secs(10)) {
                Ok(()) => log::error!("{why}; its processes were killed"),
                Err(e) => log::error!("{why}; its processes could not be killed: {e}"),
            },
        ),
    };
    revoked.start()
}

enum End {
    Signal(Signal),
    Unmounted,
    /// What is mounted cannot be kept true any more.
    Broken(String),
}

/// The policy that is asked for, or chosen.
fn select(
    loaded: &Loaded,
    args: &MountArgs,
    container: &Container,
) -> Result<Arc<Policy>, Failure> {
    let use_ = args.use_.as_deref();
    rules::select(&loaded.rules, &args.policy, use_, container)
}

/// Takes up rules that have changed.
fn take(args: &MountArgs, container: Container, watch: Arc<Watch>, fit: Fit) -> reload::Take {
    let args = args.clone();
    Box::new(move |loaded| {
        let policy = select(loaded, &args, &container)?;
        fit(&policy)?;
        let change = watch.set_policy(policy);
        let change = change.map_err(|e| Failure::new(Status::Other, e.to_string()))?;
        Ok(reload::describe(&change))
    })
}

/// Wait for signals, for good: one that asks for a reload, or one to end by.
fn attend(signals: &SigSet, reload: Option<&Ask>, tell: &Sender<End>) -> std::io::Result<()> {
    let hangup = Hangup::new();
    let signals = SignalFd::with_flags(signals, SfdFlags::SFD_CLOEXEC)?;
    loop {
        let Some(info) = signals.read_signal()? else {
            continue;
        };
        match (Signal::try_from(info.ssi_signo as i32)?, reload) {
            (Signal::SIGHUP, Some(reload)) if !hangup.is(&info) => reload.ask(),
            (signal, _) => {
                let _ = tell.send(End::Signal(signal));
            }
        }
    }
}

/// Mount, serve until a signal or an unmount, unmount.
fn serve(
    fs: &FileSystem,
    args: &MountArgs,
    (policy, loaded): (Arc<Policy>, Loaded),
    place: &Path,
    whose: Option<&Whose>,
    ready: impl FnOnce(),
) -> Result<(), Failure> {
    let signals = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP]
        .into_iter()
        .collect::<SigSet>();
    // every thread inherits the mask, so the signals wait for the one that asks
    signals.thread_block().map_err(std::io::Error::from)?;
    // forks, as the mount does: before the first thread
    let keeper = whose.map(Keeper::start).transpose()?.map(Arc::new);
    let gate = keeper.clone().map(CgroupGate);
    let cgroups = whose.map(Takeover::find).transpose()?;
    if let Some(gate) = &gate {
        gate.grant_terminals()?;
    }
    let mount = Mount::new(fs.name, fs.name, fs.dev)?;
    let sysfs = Arc::new(Sysfs::mount(None)?);
    let engine = Arc::new(Engine::new(Config {
        policy,
        sysfs: sysfs.clone(),
        net: None,
        run: "/run".into(),
        monitor_buffer: host::monitor::DEFAULT_BUFFER,
        gate: gate.map(|gate| Arc::new(gate) as Arc<dyn Gate>),
        injector: None,
    })?);
    let Served { mut session, fit } = (fs.serve)(mount, &engine, sysfs, (args.uid, args.gid))?;
    let caches: Arc<dyn Caches> = session.caches();
    if let Some(keeper) = &keeper {
        keeper.take()?;
    }
    let (tx, rx) = channel();
    let of_broken = tx.clone();
    let on_broken = move |why: String| drop(of_broken.send(End::Broken(why)));
    let outlets = Outlets {
        caches: vec![(caches, fs.paths)],
        on_broken: Some(Box::new(on_broken)),
        on_revoked: match cgroups {
            Some(cgroups) => Some(on_revoked(&engine, cgroups)?),
            None => None,
        },
        // nobody is told of events
        hides: None,
    };
    let watch = Arc::new(Watch::start(engine.clone(), outlets)?);
    let target = nix::fcntl::open(place, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())
        .map_err(std::io::Error::from)?;
    session.attach(target.as_fd())?;
    drop(target);
    let reloads = match reload::is_file(&args.policy) {
        true => {
            let take = take(args, container(whose), watch.clone(), fit);
            Some(Reloads::start(&args.policy, loaded, args.watch, take)?)
        }
        false => None,
    };
    ready();
    if let Some(keeper) = &keeper {
        let of_keeper = tx.clone();
        let gone = move |why| drop(of_keeper.send(End::Broken(why)));
        keeper.clone().watch(gone)?;
    }

    let of_signals = tx.clone();
    let ask = reloads.as_ref().map(Reloads::ask);
    std::thread::spawn(move || {
        if let Err(e) = attend(&signals, ask.as_ref(), &of_signals) {
            log::error!("signals are not heard any more: {e}");
        }
    });
    std::thread::spawn(move || {
        let _ = session.wait();
        let _ = tx.send(End::Unmounted);
    });
    let ended = match rx.recv() {
        Ok(End::Signal(signal)) => {
            log::info!("{signal}: unmounting {place:?}");
            unmount(place, MntFlags::MNT_DETACH)
        }
        Ok(End::Broken(why)) => {
            // by force: the connection is aborted, which nobody can hold up
            let forced = MntFlags::MNT_FORCE | MntFlags::MNT_DETACH;
            let _ = unmount(place, forced).inspect_err(|e| log::error!("{e}"));
            Err(Failure::new(
                Status::Other,
                format!("{why}; {place:?} was unmounted"),
            ))
        }
        Ok(End::Unmounted) | Err(_) => {
            log::info!("{place:?} was unmounted");
            Ok(())
        }
    };
    drop(reloads);
    drop(watch);
    match keeper {
        Some(keeper) => ended.and(keeper.finish()),
        None => ended,
    }
}
