//! Who holds a device that the container may not use any more: said in the log, or the end of the container.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use engine::OnRevoked;
use host::cgroup::procs;
use host::holders::{self, Holder, How, OnTop};
use kobject::{Devnum, Escaped};
use parking_lot::Mutex;
use policy::{OnRevoke, Shown};
use viewfs::SharedScene;

/// Devices that may wait to be looked for.
const WAITING: usize = 256;

/// When it is looked again before a container is spared: an open may have passed the gate before, and be on
/// its way still.
const AGAIN: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(1)];

/// How many reports there are in a [`TURN`]: a container can have a device come and go by what it does.
const REPORTS: u32 = 20;
const TURN: Duration = Duration::from_secs(10);

/// Ends a container, for this reason.
pub type Kill = Box<dyn Fn(&str) + Send>;

/// What is done about those who hold what was revoked.
pub struct Revoked {
    /// The directories that its processes are in.
    pub cgroups: Vec<PathBuf>,
    /// What shows now.
    pub scene: SharedScene,
    /// Ends the container, for this reason.
    pub kill: Kill,
}

impl Revoked {
    /// Looks on a thread of its own. The result takes devices whose access was revoked and waits for nothing.
    ///
    /// # Errors
    /// When there can be no thread.
    pub fn start(self) -> io::Result<OnRevoked> {
        let (to_look, looked) = sync_channel(WAITING);
        let (to_kill, killed) = sync_channel(WAITING);
        // what is to be killed for must not wait for reports
        let parts = [("report", looked), ("on-revoke", killed)];
        let this = Arc::new(Looker {
            cgroups: self.cgroups,
            scene: self.scene,
            kill: Mutex::new(self.kill),
            is_late: AtomicBool::new(false),
        });
        for (name, devices) in parts {
            let this = this.clone();
            let builder = thread::Builder::new().name(name.into());
            builder.spawn(move || this.work(&devices))?;
        }
        Ok(Box::new(move |shown: &Shown| {
            let sent = match shown.on_revoke {
                OnRevoke::Report => to_look.try_send(shown.clone()),
                OnRevoke::Kill => to_kill.try_send(shown.clone()),
            };
            if sent.is_err() && shown.on_revoke == OnRevoke::Kill {
                this.is_late.store(true, Ordering::SeqCst);
            }
        }))
    }
}

struct Looker {
    cgroups: Vec<PathBuf>,
    scene: SharedScene,
    kill: Mutex<Kill>,
    /// A device could not be looked for.
    is_late: AtomicBool,
}

impl Looker {
    fn work(&self, devices: &Receiver<Shown>) {
        let mut since = Instant::now();
        let mut said = 0;
        for shown in devices {
            let Some(devnum) = shown.devnum else {
                continue;
            };
            if shown.on_revoke == OnRevoke::Kill {
                self.kill_if_held(&shown, devnum);
                if self.is_late.swap(false, Ordering::SeqCst) {
                    // what was not looked for cannot be excluded
                    self.end("more devices were revoked than can be looked for (on_revoke: kill)");
                }
                continue;
            }
            if since.elapsed() > TURN {
                (since, said) = (Instant::now(), 0);
            }
            if said < REPORTS
                && let Some(held) = self.held(devnum)
            {
                said += 1;
                log::warn!(
                    "{devnum} was revoked, and is still held by {held} ({})",
                    shown.devpath
                );
                if said == REPORTS {
                    log::warn!("more of this is not said for {TURN:?}");
                }
            }
        }
    }

    fn kill_if_held(&self, shown: &Shown, devnum: Devnum) {
        let mut held = self.held(devnum);
        for pause in AGAIN {
            // a device that shows has this number: who holds it now may hold that
            if held.is_some() || self.shows(devnum) {
                break;
            }
            thread::sleep(pause);
            held = self.held(devnum).filter(|_| !self.shows(devnum));
        }
        if let Some(held) = held {
            self.end(&format!(
                "{devnum} was revoked, and is still held by {held} ({}, on_revoke: kill)",
                shown.devpath
            ));
        }
    }

    fn end(&self, why: &str) {
        (self.kill.lock())(why);
    }

    fn shows(&self, devnum: Devnum) -> bool {
        let scene = self.scene.read();
        scene
            .view
            .shown()
            .any(|(_, shown)| shown.devnum == Some(devnum))
    }

    /// Who holds it, in words.
    fn held(&self, devnum: Devnum) -> Option<String> {
        let mut pids: Vec<i32> = Vec::new();
        for dir in &self.cgroups {
            pids.extend(procs(dir).unwrap_or_default());
        }
        pids.sort_unstable();
        pids.dedup();
        let devices = holders::partitions(devnum);
        let processes = holders::processes(&pids, &devices);
        // what the host has mounted itself is the host's business
        let mut kernel = holders::on_top(&devices, &pids);
        kernel.retain(|on_top| on_top.kind != "mount");
        let all: Vec<String> = processes
            .iter()
            .map(of_process)
            .chain(kernel.iter().map(of_kernel))
            .collect();
        match all.len() {
            0 => None,
            n @ 1..=4 => Some(all[..n].join(", ")),
            n => Some(format!("{} and {} more", all[..4].join(", "), n - 4)),
        }
    }
}

fn of_process(holder: &Holder) -> String {
    let command = Escaped(holder.command.as_bytes());
    let how = match holder.how {
        How::Descriptor(number) => format!("descriptor {number}"),
        How::Mapping => "a mapping".into(),
    };
    format!("{command} ({}, {how})", holder.pid)
}

fn of_kernel(on_top: &OnTop) -> String {
    format!("{} {}", on_top.kind, Escaped(on_top.name.as_bytes()))
}
