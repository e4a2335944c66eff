//! Ending early without leaving anything behind.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{SigSet, Signal};

use crate::say::progress;

static ASKED: AtomicBool = AtomicBool::new(false);

/// From now on Ctrl-C, SIGTERM and SIGHUP are noted, and `check` says so.
///
/// Whatever is started after this has them blocked: a Ctrl-C, which every process of a terminal's
/// foreground gets, must not end a server before the one who measures it.
pub fn watch() -> Result<()> {
    let signals: SigSet = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP]
        .into_iter()
        .collect();
    signals.thread_block().context("pthread_sigmask()")?;
    std::thread::spawn(move || {
        while let Ok(signal) = signals.wait() {
            if ASKED.swap(true, Ordering::SeqCst) {
                // the servers and workers die with us
                std::process::exit(128 + signal as i32);
            }
            progress(&format!("{signal}: ending what was started"));
        }
    });
    Ok(())
}

/// An error once somebody has asked to end.
pub fn check() -> Result<()> {
    match ASKED.load(Ordering::SeqCst) {
        true => bail!("interrupted"),
        false => Ok(()),
    }
}
