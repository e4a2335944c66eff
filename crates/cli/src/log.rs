//! The log: to stderr, but never waiting for it where somebody else must not wait.

use std::io::{self, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, SyncSender, channel, sync_channel};
use std::time::Duration;

/// Lines that may wait to be written; what comes beyond them is lost, and it is said how many were.
const LINES: usize = 4096;

static BACKGROUND: OnceLock<SyncSender<Line>> = OnceLock::new();

static LOST: AtomicUsize = AtomicUsize::new(0);

enum Line {
    Text(Vec<u8>),
    /// Everything before it is written: say so.
    End(Sender<()>),
}

/// Log to stderr: warnings, and what comes of a reload, or what `RUST_LOG` asks for.
pub fn start_log(name: &'static str) {
    // what a container asks for that sysfs has not either, fuser would warn of each time
    let env = env_logger::Env::default().default_filter_or("warn,reload=info,fuser=error");
    env_logger::Builder::from_env(env)
        .format(move |out, record| match (record.target(), record.level()) {
            ("audit", _) => writeln!(out, "{name}: audit: {}", record.args()),
            ("reload", _) | (_, log::Level::Error | log::Level::Warn) => {
                writeln!(out, "{name}: {}", record.args())
            }
            (_, level) => {
                let level = level.as_str().to_lowercase();
                writeln!(out, "{name}: {level}: {}", record.args())
            }
        })
        .target(env_logger::Target::Pipe(Box::new(Stderr)))
        .init();
}

/// From now on a thread writes the log. A container may have the same stderr, and can keep whoever
/// writes to it waiting for as long as it likes. Call this when there are no more forks to come.
pub fn log_in_background() {
    let (lines, to_write) = sync_channel(LINES);
    let work = move || {
        for line in to_write {
            match line {
                Line::Text(text) => {
                    let _ = io::stderr().write_all(&text);
                    match LOST.swap(0, Ordering::Relaxed) {
                        0 => {}
                        lost => drop(writeln!(
                            io::stderr(),
                            "{lost} lines of the log are lost here"
                        )),
                    }
                }
                Line::End(done) => drop(done.send(())),
            }
        }
    };
    if std::thread::Builder::new()
        .name("log".into())
        .spawn(work)
        .is_ok()
    {
        let _ = BACKGROUND.set(lines);
    }
}

/// Wait until what was logged is written, a second at most.
pub fn finish_log() {
    if let Some(lines) = BACKGROUND.get() {
        let (done, is_done) = channel();
        if lines.try_send(Line::End(done)).is_ok() {
            let _ = is_done.recv_timeout(Duration::from_secs(1));
        }
    }
}

struct Stderr;

impl Write for Stderr {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        match BACKGROUND.get() {
            Some(lines) => {
                if lines.try_send(Line::Text(text.to_vec())).is_err() {
                    LOST.fetch_add(1, Ordering::Relaxed);
                }
            }
            None => io::stderr().write_all(text)?,
        }
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
