//! The host's side of `devns run`, from the rules to the exit status.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use cli::failure::need_root_and_fuse;
use cli::reload::{Ask, Reloads};
use cli::{CgroupGate, Failure, Revoked, Status};
use engine::{Config, Engine, Outlets, Watch};
use fusefs_dev::DevFs;
use fusefs_sysfs::{Cpus, ProcessCpus};
use host::cgroup::{Cgroup, Hierarchies, kill_all, kill_and_remove};
use host::{Injector, Sysfs, process};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use policy::Policy;
use sys::Context;
use sys::namespace::{self, IdMap, Namespaces};
use sys::process::{Fork, close_all_but, exit_now, fork, pidfd, send_signal};
use viewfs::Mount;

use super::agent::Agent;
use super::channel::{Channel, Word};
use super::idmap;
use super::options::{self, Options};
use super::reload::{Record, Rules};
use super::stage::{self, Stage};
use super::state::State;
use super::streams::Streams;
use super::watcher::Watcher;
use super::{OURS, sealed, signals, streams, terminal};
use crate::args::{Net, RunArgs};

/// How long processes that are killed may take to end.
const DEADLINE: std::time::Duration = std::time::Duration::from_secs(10);

/// Run a container; its exit status.
pub fn run(args: RunArgs) -> Result<u8, Failure> {
    let default_name = format!("devns-{}", std::process::id());
    let mut options = options::check(&args, &default_name)?;
    let id = format!("{}-{}", options.container.name, std::process::id());
    options.container.cgroup = Some(host::cgroup::path(&id));
    let rules = Rules::load(&args, &options.container)?;
    let policy = rules.select()?;
    need_root_and_fuse("devns run")?;
    sealed::run_from_copy()?;
    // what the container has to pass through must not depend on who starts it
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o022));
    streams::make_safe()?;
    rules.warn();
    for warning in &options.warnings {
        eprintln!("devns: {warning}");
    }
    options.tty |= terminal::is_wanted();
    signals::block().call(|| "sigprocmask()".into())?;
    let state = State::create(&id, options.userns)?;
    let watcher = Watcher::start(&state)?;
    let result = contain(&options, rules, policy, &state);
    if !watcher.finish() {
        log::warn!(
            "something of {id} is left in /run/devns or the cgroups; the next start clears it up"
        );
    }
    result
}

/// The container while it lives.
fn contain(
    options: &Options,
    rules: Rules,
    policy: Arc<Policy>,
    state: &State,
) -> Result<u8, Failure> {
    let hierarchies = Hierarchies::detect()?;
    let cgroup = Cgroup::create(&hierarchies, &state.id, options.gate)
        .map_err(|e| Failure::new(Status::Host, e.to_string()))?;
    let cgroup = Arc::new(cgroup);
    let namespaces = namespaces(options, state)?;
    // forks, so before the first thread
    let sys_mount = Mount::new(fusefs_sysfs::SUBTYPE, "devns", false)?;
    let dev_mount = Mount::new(fusefs_dev::SUBTYPE, "devns", true)?;
    let view = sys::stat::device_of(sys_mount.fd())?;
    let agent = Agent::start(options.statfs, view)?;
    let (ours, theirs) = Channel::pair()?;
    let streams = Streams::new(options.tty)?;
    let stage_pid = start_stage(options, state, &namespaces, theirs, &streams)?;
    cgroup.add(stage_pid.as_raw())?;
    cli::raise_open_files();
    cli::log_in_background();
    let screen = streams.copy()?;

    let net = namespaces.as_ref().and_then(|n| n.net.as_ref());
    let root = state.ids.map_or((0, 0), |ids| (ids.outside, ids.outside));
    let owners = idmap::owners(state.ids, options.rootfs.as_deref())?;
    let gate = CgroupGate(cgroup.clone());
    gate.grant_terminals()?;
    let sysfs = Arc::new(Sysfs::mount(net.map(|n| n.as_fd()))?);
    // until there is a first process, who becomes it stands for it: they have one cgroup
    let cpus = match fusefs_sysfs::cpus(&policy, stage_pid.as_raw()) {
        // it could not go on, and has said why: that is heard below, and nobody looks until then
        Err(e) if e.errno() == libc::ESRCH => {
            fusefs_sysfs::cpus(&policy, std::process::id() as i32)?
        }
        cpus => cpus?,
    };
    let engine = Arc::new(Engine::new(Config {
        policy: policy.clone(),
        sysfs: sysfs.clone(),
        net: net.map(|n| n.try_clone()).transpose()?,
        run: "/run".into(),
        monitor_buffer: host::monitor::DEFAULT_BUFFER,
        gate: Some(Arc::new(gate)),
        injector: net
            .map(|n| Injector::new(n.as_fd(), root.0, root.1))
            .transpose()?,
    })?);
    let shown_cpus = || cpus.clone().map(|cpus| cpus as Arc<dyn Cpus>);
    let sys_tree = fusefs_sysfs::tree(&engine, sysfs, root, shown_cpus());
    let dev_fs = match options.tty {
        true => DevFs::with_console(engine.scene(), engine.clone(), owners)?,
        false => DevFs::new(engine.scene(), engine.clone(), owners)?,
    };
    let mut sys = sys_mount.serve(Arc::new(sys_tree))?;
    let dev_fs = Arc::new(dev_fs);
    let mut dev = dev_mount.serve_store(dev_fs.clone())?;

    let record = rules.record(state.dir(), &policy);
    let first = Arc::new(FirstProcess {
        cgroups: cgroup.dirs(),
        cpus: cpus.clone(),
        record: Some(record.clone()),
        ..FirstProcess::default()
    });
    let to_end = first.clone();
    let to_kill = first.clone();
    let revoked = Revoked {
        cgroups: cgroup.dirs(),
        scene: engine.scene(),
        kill: Box::new(move |why| {
            to_kill.end(why);
            let _ = kill_all(&to_kill.cgroups, DEADLINE);
        }),
    };
    let watch = Arc::new(Watch::start(
        engine,
        Outlets {
            caches: vec![
                (sys.caches(), fusefs_sysfs::paths),
                (dev.caches(), fusefs_dev::paths),
            ],
            on_broken: Some(Box::new(move |why| to_end.end(&why))),
            on_revoked: Some(revoked.start()?),
            hides: shown_cpus().map(fusefs_sysfs::hides),
        },
    )?);
    let (Some(sys_fd), Some(dev_fd)) = (sys.take_mount(), dev.take_mount()) else {
        return Err(Failure::new(Status::Other, "a mount is missing"));
    };
    let to_end = first.clone();
    agent
        .watch(move || to_end.end("the agent that answers the container's statfs calls is gone"))
        .call(|| "thread(agent)".into())?;
    ours.say(&Word::Go(sys_fd, dev_fd))?;
    let reloads = rules.reloads(record, policy, dev_fs, watch.clone())?;
    let ask = reloads.as_ref().map(Reloads::ask);
    let status = first.attend(&ours, stage_pid, &agent, ask);
    drop(reloads);
    for thread in screen {
        let _ = thread.join();
    }
    if first.broken.load(Ordering::SeqCst) {
        return Ok(OURS);
    }
    status
}

/// The user and network namespaces, made by a uid that nobody is.
fn namespaces(options: &Options, state: &State) -> Result<Option<Namespaces>, Failure> {
    let net = options.net == Net::Private;
    if !net && state.ids.is_none() {
        return Ok(None);
    }
    let map = state.ids.unwrap_or(IdMap::IDENTITY);
    namespace::make(map, net).map(Some).map_err(|e| {
        Failure::new(Status::Host, e.to_string())
            .mend("`devns doctor` says whether user namespaces are allowed here")
    })
}

fn start_stage(
    options: &Options,
    state: &State,
    namespaces: &Option<Namespaces>,
    channel: Channel,
    streams: &Streams,
) -> Result<Pid, Failure> {
    let (base, masks) = (state.root(), state.masks());
    let stage = Stage {
        options,
        terminal: options.tty,
        base: &base,
        masks: &masks,
        user: namespaces
            .as_ref()
            .and_then(|n| Some((&n.user, state.ids?))),
        net: namespaces.as_ref().and_then(|n| n.net.as_ref()),
    };
    match fork()? {
        Fork::Parent(pid) => Ok(pid),
        Fork::Child => {
            if let Err(e) = streams.take_on() {
                let _ = channel.say(&Word::Failed(OURS, e.to_string()));
                exit_now(i32::from(OURS));
            }
            close_all_but(&stage::needed_fds(&stage, &channel));
            stage::enter(&stage, channel)
        }
    }
}

/// The first process of the container, as far as it is known yet.
#[derive(Default)]
struct FirstProcess {
    process: parking_lot::Mutex<Option<Arc<OwnedFd>>>,
    /// The signal that ended it by our hand, 0 for none.
    ended_by: AtomicI32,
    /// It had to be ended: its view could not be kept true.
    broken: AtomicBool,
    /// Everybody in there ends with it.
    cgroups: Vec<std::path::PathBuf>,
    /// What has to know whose CPUs show, if they are the container's own.
    cpus: Option<Arc<ProcessCpus>>,
    /// Where it is written down which rules it runs with.
    record: Option<Record>,
}

impl FirstProcess {
    /// End it, for this reason; done before anything is said, which the container could hold up.
    fn end(&self, why: &str) {
        self.broken.store(true, Ordering::SeqCst);
        self.kill();
        log::error!("{why}; it is ended");
    }

    fn kill(&self) {
        if let Some(process) = &*self.process.lock() {
            let _ = send_signal(process.as_fd(), Signal::SIGKILL as i32);
        }
    }

    /// Follow the container from the first message to its end.
    fn attend(
        self: &Arc<Self>,
        channel: &Channel,
        stage: Pid,
        agent: &Agent,
        reload: Option<Ask>,
    ) -> Result<u8, Failure> {
        let mut pid = None;
        let mut screen = None;
        let mut raw = None;
        let mut failure = None;
        while let Some(word) = channel.hear()? {
            match word {
                Word::Started(number) => {
                    let first = Pid::from_raw(number);
                    *self.process.lock() = Some(Arc::new(pidfd(first)?));
                    pid = Some(first);
                    // before anybody waits for the stage: as long as it is there its pid is its own
                    if let Some(cpus) = &self.cpus {
                        cpus.follow(number);
                    }
                    if let Some(record) = &self.record {
                        record.started(number);
                    }
                    // what ends it may have come first
                    if self.broken.load(Ordering::SeqCst) {
                        self.kill();
                    }
                }
                Word::Terminal(master) => {
                    let master = Arc::new(master);
                    terminal::resize(&master);
                    raw = Some(terminal::Raw::stdin());
                    screen = Some((terminal::proxy(master.clone())?, master));
                }
                // if it fails the agent is gone, and the container ends for that
                Word::Listener(listener) => drop(agent.answer(listener)),
                Word::Failed(status, why) => failure = Some((status, why)),
                Word::Go(..) | Word::Ready => {}
            }
        }
        // it ends as soon as it has said who the first process is, or why there is none
        let _ = waitpid(stage, None);
        if let Some((status, why)) = failure {
            drop(raw);
            eprintln!("devns: {why}");
            return Ok(status);
        }
        let Some(pid) = pid else {
            return Err(Failure::new(
                Status::Other,
                "the container ended before it began",
            ));
        };
        let master = screen.as_ref().map(|(_, master)| master.clone());
        self.pass_signals(pid, reload, master)?;
        let status = self.wait(pid)?;
        if let Some((thread, _)) = screen {
            let _ = thread.join();
        }
        drop(raw);
        Ok(status)
    }

    fn pass_signals(
        self: &Arc<Self>,
        pid: Pid,
        reload: Option<Ask>,
        master: Option<Arc<OwnedFd>>,
    ) -> Result<(), Failure> {
        let resized = move || {
            if let Some(master) = &master {
                terminal::resize(master);
            }
        };
        let me = self.clone();
        let ended = move |signal: Signal| me.ended_by.store(signal as i32, Ordering::SeqCst);
        signals::pass_on(pidfd(pid)?, pid, reload, resized, ended);
        Ok(())
    }

    fn wait(&self, pid: Pid) -> Result<u8, Failure> {
        let process = self.process.lock().clone();
        let mut was_ending = false;
        loop {
            if let Some(process) = &process {
                let mut fds = [PollFd::new(process.as_fd(), PollFlags::POLLIN)];
                let _ = poll(&mut fds, PollTimeout::from(1000u16));
            }
            match waitpid(pid, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(_, status)) => return Ok(status as u8),
                Ok(WaitStatus::Signaled(_, signal, _)) => {
                    let by = match self.ended_by.load(Ordering::SeqCst) {
                        0 => signal as i32,
                        by => by,
                    };
                    return Ok((128 + by) as u8);
                }
                // what keeps it from its end, a process that waits for its own FUSE server say, may
                // do so for good
                Ok(WaitStatus::StillAlive) if was_ending => {
                    kill_and_remove(&self.cgroups, DEADLINE)?;
                }
                Ok(_) | Err(nix::errno::Errno::EINTR) => {}
                Err(e) => return Err(e).call(|| format!("waitpid({pid})"))?,
            }
            was_ending = process::is_ending(pid.as_raw());
        }
    }
}
