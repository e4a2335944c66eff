//! Signals: devns passes on what it gets; an init process inside passes on what reaches it.

use std::os::fd::{AsFd, OwnedFd};

use cli::reload::{Ask, Hangup};
use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, setpgid};
use sys::process::{Fork, close_all_but, exit_now, fork, send_signal};

use super::channel::{Channel, Word};

/// What is passed on.
const PASSED: [Signal; 9] = [
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGTERM,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGALRM,
    Signal::SIGCONT,
    Signal::SIGTSTP,
];

/// Block what [`pass_on`] takes, in this thread and those it starts.
pub fn block() -> nix::Result<()> {
    PASSED
        .into_iter()
        .chain([Signal::SIGWINCH])
        .collect::<SigSet>()
        .thread_block()
}

/// Pass signals on to the container's first process, for good; `resized` is called when the
/// window changes. A SIGHUP that does not say that the terminal is gone asks for a `reload`, if there is
/// something to reload. A signal that would end any other process, but that the kernel keeps from the
/// first of a pid namespace because it has no handler, ends it here: `ended` is told by which.
pub fn pass_on(
    first: OwnedFd,
    pid: Pid,
    reload: Option<Ask>,
    resized: impl Fn() + Send + 'static,
    ended: impl Fn(Signal) + Send + 'static,
) {
    let set: SigSet = PASSED.into_iter().chain([Signal::SIGWINCH]).collect();
    let hangup = Hangup::new();
    let signals = match SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC) {
        Ok(signals) => signals,
        Err(e) => return log::error!("signals are not passed on: {e}"),
    };
    let work = move || {
        while let Ok(Some(info)) = signals.read_signal() {
            let Ok(signal) = Signal::try_from(info.ssi_signo as i32) else {
                continue;
            };
            match (signal, &reload) {
                (Signal::SIGWINCH, _) => {
                    resized();
                    continue;
                }
                (Signal::SIGHUP, Some(reload)) if !hangup.is(&info) => {
                    reload.ask();
                    continue;
                }
                _ => {}
            }
            if is_terminating(signal) && !is_handled(pid, signal) {
                ended(signal);
                let _ = send_signal(first.as_fd(), Signal::SIGKILL as i32);
            } else {
                let _ = send_signal(first.as_fd(), signal as i32);
            }
        }
    };
    let spawned = std::thread::Builder::new()
        .name("signals".into())
        .spawn(work);
    if let Err(e) = spawned {
        log::error!("signals are not passed on: {e}");
    }
}

fn is_terminating(signal: Signal) -> bool {
    !matches!(signal, Signal::SIGCONT | Signal::SIGTSTP)
}

/// Whether the process catches, ignores, blocks or waits for the signal.
fn is_handled(pid: Pid, signal: Signal) -> bool {
    // twice: it may go from the one to the other while we look
    waits_for_signals(pid) || has_said_so(pid, signal) || waits_for_signals(pid)
}

/// Whether a thread of the process is in sigwaitinfo(2) or a kin of it. What it waits for is not
/// blocked then, as far as /proc tells (`do_sigtimedwait`, kernel/signal.c): some inits wait so.
fn waits_for_signals(pid: Pid) -> bool {
    let call = format!("{} ", nix::libc::SYS_rt_sigtimedwait);
    let threads = std::fs::read_dir(format!("/proc/{pid}/task"));
    threads.into_iter().flatten().flatten().any(|thread| {
        let now = std::fs::read_to_string(thread.path().join("syscall"));
        now.is_ok_and(|now| now.starts_with(&call))
    })
}

/// Whether the process catches, ignores or blocks the signal (proc_pid_status(5)).
fn has_said_so(pid: Pid, signal: Signal) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    status
        .lines()
        .filter_map(|line| line.split_once(":\t"))
        .filter(|(key, _)| ["SigBlk", "SigIgn", "SigCgt"].contains(key))
        .filter_map(|(_, mask)| u64::from_str_radix(mask.trim(), 16).ok())
        .any(|mask| mask & (1 << (signal as u64 - 1)) != 0)
}

/// Start `command` as a child and be its init: reap, pass signals on, end as it ends.
pub fn be_init(channel: &Channel, command: impl FnOnce() -> (u8, String)) -> ! {
    let mut set = PASSED.into_iter().collect::<SigSet>();
    set.add(Signal::SIGCHLD);
    let _ = set.thread_block();
    let child = match fork() {
        Err(e) => {
            let _ = channel.say(&Word::Failed(super::OURS, e.to_string()));
            exit_now(i32::from(super::OURS))
        }
        Ok(Fork::Child) => {
            let _ = setpgid(Pid::from_raw(0), Pid::from_raw(0));
            to_foreground();
            let (status, why) = command();
            let _ = channel.say(&Word::Failed(status, why));
            exit_now(i32::from(status))
        }
        Ok(Fork::Parent(child)) => child,
    };
    let _ = nix::sys::prctl::set_name(c"devns-init");
    let _ = nix::sys::prctl::set_pdeathsig(Signal::SIGKILL);
    close_all_but(&[]);
    // not sigwait(3), during which the signals would not count as blocked: devns looks at that
    let Ok(signals) = SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC) else {
        exit_now(i32::from(super::OURS))
    };
    loop {
        let Ok(Some(info)) = signals.read_signal() else {
            continue;
        };
        match Signal::try_from(info.ssi_signo as i32) {
            Ok(Signal::SIGCHLD) => reap(child),
            Ok(signal) => drop(kill(child, signal)),
            Err(_) => {}
        }
    }
}

/// Make the calling process's group the terminal's foreground, if stdin is one.
fn to_foreground() {
    // a background process that does this is stopped by SIGTTOU unless it blocks it
    let ttou: SigSet = [Signal::SIGTTOU].into_iter().collect();
    let _ = ttou.thread_block();
    let _ = nix::unistd::tcsetpgrp(std::io::stdin(), nix::unistd::getpid());
    let _ = ttou.thread_unblock();
}

/// Reap all that have ended; end when the command has.
fn reap(command: Pid) {
    loop {
        match waitpid(Pid::from_raw(-1), Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(pid, status)) if pid == command => exit_now(status),
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == command => {
                exit_now(128 + signal as i32)
            }
            Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => return,
            Ok(_) | Err(_) => {}
        }
    }
}
