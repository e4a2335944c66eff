//! The host's side of `devns run`, from the rules to the exit status.

use std::os::fd::AsFd;
use std::sync::Arc;

use cli::failure::need_root_and_fuse;
use cli::reload::Reloads;
use cli::{CgroupGate, Failure, Revoked, Status};
use engine::{Config, Engine, Outlets, Watch};
use fusefs_dev::DevFs;
use fusefs_sysfs::Cpus;
use host::cgroup::{Cgroup, Hierarchies};
use host::{Injector, Sysfs};
use nix::unistd::Pid;
use policy::Policy;
use sys::Context;
use sys::namespace::{self, IdMap, Namespaces};
use sys::process::{Fork, close_all_but, exit_now, fork};
use viewfs::Mount;

use super::agent::Agent;
use super::channel::{Channel, Word};
use super::first::FirstProcess;
use super::idmap;
use super::options::{self, Options};
use super::reload::Rules;
use super::stage::{self, Stage};
use super::state::State;
use super::streams::Streams;
use super::watcher::Watcher;
use super::{OURS, sealed, signals, streams, terminal};
use crate::args::{Net, RunArgs};

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
    let first = FirstProcess::new(cgroup.dirs(), cpus.clone(), record.clone());
    let first = Arc::new(first);
    let to_end = first.clone();
    let to_kill = first.clone();
    let revoked = Revoked {
        cgroups: cgroup.dirs(),
        scene: engine.scene(),
        kill: Box::new(move |why| to_kill.end_all(why)),
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
    if first.is_broken() {
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
