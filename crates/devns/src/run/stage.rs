//! The container's side: from a fork of devns to the command.
//!
//! The first process builds the root as real root, enters the namespaces and leaves a sibling in
//! the new pid namespace as its first process; that one mounts /proc, changes root, gives up
//! what it may not keep, and becomes the command.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;

use nix::fcntl::OFlag;
use nix::mount::{MntFlags, umount2};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::sys::stat::{Mode, umask};
use nix::unistd::{chdir, dup2_stderr, dup2_stdin, dup2_stdout, pivot_root, sethostname, setsid};
use sys::caps::{self, CapSet};
use sys::mount::{attach, clone_tree};
use sys::namespace::IdMap;
use sys::process::{Fork, close_on_exec_from, default_signals, exit_now, fork_sibling};
use sys::seccomp::Filter;
use sys::{Context, Result};

use super::channel::{Channel, Word};
use super::options::Options;
use super::rootfs::{self, Rootfs};
use super::{OURS, command, proc_masks};
use crate::args::Net;

/// What the container's side needs.
pub struct Stage<'a> {
    pub options: &'a Options,
    /// Give it a terminal of its own.
    pub terminal: bool,
    pub base: &'a Path,
    pub masks: &'a Path,
    /// Its user namespace.
    pub user: Option<(&'a OwnedFd, IdMap)>,
    /// Its network namespace; None: the host's.
    pub net: Option<&'a OwnedFd>,
}

/// Go all the way; never returns.
pub fn enter(stage: &Stage<'_>, channel: Channel) -> ! {
    // until the command runs, nobody inside may look into this copy of devns
    let _ = prctl::set_dumpable(false);
    // from the second on, this is the first process of the container; an init process is restricted
    // as the command is, as it is within reach of the container as long as that lives
    let set_up = first(stage, &channel)
        .and_then(|()| second(stage, &channel))
        .and_then(|()| restrict(stage, &channel));
    if let Err(e) = set_up {
        let why = format!("the container cannot be set up: {e}");
        give_up(&channel, OURS, why);
    }
    let env = command::environment(
        &stage.options.env,
        &stage.options.container.name,
        stage.terminal,
    );
    let run = || {
        default_signals();
        command::execute(&stage.options.command, &env)
    };
    if stage.options.init {
        super::signals::be_init(&channel, run);
    }
    let (status, why) = run();
    give_up(&channel, status, why)
}

fn give_up(channel: &Channel, status: u8, why: String) -> ! {
    let _ = channel.say(&Word::Failed(status, why));
    exit_now(i32::from(status))
}

/// Up to the fork into the pid namespace; returns in its first process.
fn first(stage: &Stage<'_>, channel: &Channel) -> Result<()> {
    let Some(Word::Go(sys, dev)) = channel.hear()? else {
        // devns gave up, and has said why
        exit_now(i32::from(OURS))
    };
    rootfs::build(&Rootfs {
        source: stage.options.rootfs.as_deref(),
        base: stage.base,
        masks: stage.masks,
        sys: sys.as_fd(),
        dev: dev.as_fd(),
        user: stage.user.map(|(fd, ids)| (fd.as_fd(), ids)),
    })?;
    drop((sys, dev));
    let mut flags = CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS
        | CloneFlags::CLONE_NEWCGROUP
        | CloneFlags::CLONE_NEWPID;
    if let Some((user, _)) = stage.user {
        setns(user, CloneFlags::CLONE_NEWUSER).call(|| "setns(CLONE_NEWUSER)".into())?;
        flags |= CloneFlags::CLONE_NEWNS;
    }
    // before the namespaces, so that what belongs to them is the container's root's; always, since
    // the groups of whoever started devns (disk, docker) are none of the container's
    caps::become_thread(0, 0)?;
    unshare(flags).call(|| format!("unshare({flags:?})"))?;
    if let Some(net) = stage.net {
        setns(net, CloneFlags::CLONE_NEWNET).call(|| "setns(CLONE_NEWNET)".into())?;
    }
    chdir(stage.base).call(|| format!("chdir({:?})", stage.base))?;
    match fork_sibling()? {
        Fork::Parent(child) => {
            let said = channel.say(&Word::Started(child.as_raw()));
            exit_now(i32::from(said.is_err()))
        }
        Fork::Child => Ok(()),
    }
}

/// The first process of the container, up to the command.
fn second(stage: &Stage<'_>, channel: &Channel) -> Result<()> {
    let place = |p: &Path, flags| {
        let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | flags;
        nix::fcntl::open(p, flags, Mode::empty()).call(|| format!("open({p:?})"))
    };
    let path = |p: &Path| place(p, OFlag::O_DIRECTORY);
    let masks = path(stage.masks)?;
    if stage.user.is_some() {
        // what came from the host's mount namespace is locked, and a locked mount cannot be the
        // root: a copy of it can, in which those below stay locked
        let here = path(Path::new("."))?;
        attach(
            clone_tree(here.as_fd(), Path::new(""), true)?.as_fd(),
            here.as_fd(),
        )?;
        // "." is still what is covered now; ".." leads to the copy's parent, by name to the copy
        let name = stage.base.file_name().unwrap_or_default();
        chdir("..").call(|| "chdir(\"..\")".into())?;
        chdir(Path::new(name)).call(|| format!("chdir({name:?})"))?;
    }
    let root = path(Path::new("."))?;
    proc_masks::mount(root.as_fd(), masks.as_fd())?;
    let queues = sys::mount::FsContext::open("mqueue")?.set("source", "mqueue")?;
    let quiet = sys::mount::Attrs::NOSUID
        .and(sys::mount::Attrs::NODEV)
        .and(sys::mount::Attrs::NOEXEC);
    rootfs::put(root.as_fd(), "dev/mqueue", queues.mount(quiet)?.as_fd())?;
    drop((root, masks));
    pivot_root(".", ".").call(|| "pivot_root(\".\")".into())?;
    umount2(".", MntFlags::MNT_DETACH).call(|| "umount2(<old root>)".into())?;
    chdir("/").call(|| "chdir(\"/\")".into())?;
    sethostname(&stage.options.container.name).call(|| "sethostname()".into())?;
    if stage.options.net == Net::Private {
        sys::link::loopback_up()?;
    }
    umask(Mode::from_bits_truncate(0o022));
    // away from the terminal of whoever started us, whose input could be forged through it
    setsid().call(|| "setsid()".into())?;
    if stage.terminal {
        let pty = sys::pty::open(Path::new("/dev/pts"))?;
        sys::pty::set_controlling(pty.slave.as_fd())?;
        let console = place(Path::new("/dev/console"), OFlag::empty())?;
        attach(
            clone_tree(pty.slave.as_fd(), Path::new(""), false)?.as_fd(),
            console.as_fd(),
        )?;
        channel.say(&Word::Terminal(pty.master))?;
        let dup = |r: nix::Result<()>| r.call(|| "dup2(<terminal>)".into());
        dup(dup2_stdin(&pty.slave))?;
        dup(dup2_stdout(&pty.slave))?;
        dup(dup2_stderr(&pty.slave))?;
    }
    close_on_exec_from(3)
}

/// Give up what the command may not have.
fn restrict(stage: &Stage<'_>, channel: &Channel) -> Result<()> {
    let keep = stage.options.caps;
    caps::clear_ambient()?;
    caps::bound(keep)?;
    caps::set(keep, keep, CapSet::EMPTY)?;
    // after the change of credentials, which clears it
    prctl::set_pdeathsig(Signal::SIGKILL).call(|| "prctl(PR_SET_PDEATHSIG)".into())?;
    sys::keyring::join_new_session()?;
    prctl::set_no_new_privs().call(|| "prctl(PR_SET_NO_NEW_PRIVS)".into())?;
    match filter(stage).ask_about_statfs().install_with_listener() {
        // the only copy here, and the last thing before the command: nobody asks before it is gone
        Ok(listener) => channel.say(&Word::Listener(listener)),
        // the kernel is too old, or devns runs where another agent listens already
        Err(e) if [libc::EINVAL, libc::EBUSY].contains(&e.errno()) => {
            eprintln!(
                "devns: statfs says FUSE of /sys, so libudev sees devices only where \
                 SYSTEMD_DEVICE_VERIFY_SYSFS=0 is set: {e}"
            );
            filter(stage).install()
        }
        Err(e) => Err(e),
    }
}

/// The system calls that are refused. No guarantee rests on the agent: these are decided in the
/// kernel.
fn filter(stage: &Stage<'_>) -> Filter {
    let mut filter = Filter::new().deny_uid(sys::namespace::OWNER_UID);
    if !stage.options.caps.has("SYSLOG") {
        filter = filter.deny_syslog();
    }
    if stage.user.is_none() {
        // the host's root and the container's are one uid, to which keyrings and the files of
        // cgroup v1 belong
        filter = filter.deny_keyrings().deny_cgroup_namespaces();
    }
    if stage.options.net == Net::Host {
        filter = filter.deny_uevent_sockets();
    }
    filter
}

/// The descriptors that the container's side must keep, of all that devns has open.
pub fn needed_fds(stage: &Stage<'_>, channel: &Channel) -> Vec<i32> {
    let mut fds = vec![0, 1, 2, channel.fd()];
    fds.extend(stage.user.map(|(fd, _)| fd.as_raw_fd()));
    fds.extend(stage.net.map(|fd| fd.as_raw_fd()));
    fds
}
