//! After the view has changed: the kernel's caches, then the container.

use std::collections::VecDeque;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use host::enumerate;
use host::monitor::Message;
use kobject::{Action, Device, Devpath, Uevent};
use policy::{Reason, Show, Shown, ViewChange};
use viewfs::{RelayError, Scene};

use crate::engine::Engine;
use crate::event::made_up;
use crate::hotplug::is_synthetic;
use crate::watch::Watcher;

/// How long the container may keep the kernel from forgetting a name.
const CACHE_PATIENCE: Duration = Duration::from_secs(2);

/// How many messages are taken in ahead of their turn.
const MOST: usize = 4096;

/// How long a revocation may wait for that.
const TURN: Duration = Duration::from_millis(20);

impl Watcher {
    /// The devices at `top` and below, as they are known now.
    pub(crate) fn subtree(&self, top: &Devpath) -> Vec<Device> {
        let scene = self.engine.scene.read();
        scene.table.subtree(top).map(|f| f.device.clone()).collect()
    }

    /// After the view has changed: caches, then events. `event` is what caused it.
    pub(crate) fn tell(&mut self, change: ViewChange, before: &[Device], event: Option<Uevent>) {
        self.forget(&change);
        let mut told = false;
        for shown in change.vanished.iter().rev() {
            match &event {
                Some(e) if e.devpath == shown.devpath && e.action == Action::Remove => {
                    told = true;
                    self.send(e.clone());
                }
                _ => {
                    told |= event.as_ref().is_some_and(|e| e.devpath == shown.devpath);
                    if let Some(device) = before.iter().find(|d| d.devpath == shown.devpath) {
                        self.send(made_up(Action::Remove, device));
                    }
                }
            }
        }
        for shown in &change.appeared {
            match &event {
                Some(e) if e.devpath == shown.devpath && e.action == Action::Add => {
                    told = true;
                    self.send(e.clone());
                }
                _ => {
                    told |= event.as_ref().is_some_and(|e| e.devpath == shown.devpath);
                    self.send_add(&shown.devpath);
                }
            }
        }
        match event {
            Some(e) if !told && self.engine.shows(&e.devpath) => self.send(e),
            Some(e) if !told => self.withheld(e),
            _ => {}
        }
    }

    pub(crate) fn send_add(&mut self, devpath: &Devpath) {
        let device = self
            .engine
            .scene
            .read()
            .table
            .get(devpath)
            .map(|f| f.device.clone());
        if let Some(device) = device {
            self.send(made_up(Action::Add, &device));
        }
    }

    pub(crate) fn send(&mut self, event: Uevent) {
        // the kernel sends none of a device without subsystem (kobject_uevent_env)
        if event.subsystem().is_none() {
            return;
        }
        let hides = self.outlets.hides.as_ref();
        if hides.is_some_and(|hides| hides(&event.devpath)) {
            log::debug!("withheld {}@{}: not shown", event.action, event.devpath);
            return;
        }
        if let Some(injector) = &self.engine.injector
            && let Err(e) = injector.send(&event)
        {
            log::error!("an event is lost: {e}");
            return;
        }
        log::debug!("delivered {}@{}", event.action, event.devpath);
    }

    /// Say what nobody may open any more as before; it has been revoked.
    fn say_revoked(&self, change: &ViewChange) {
        let Some(on_revoked) = &self.outlets.on_revoked else {
            return;
        };
        let narrowed = change.altered.iter().filter(|(b, a)| is_narrower(b, a));
        let all = change
            .vanished
            .iter()
            .chain(narrowed.map(|(before, _)| before));
        for shown in all.filter(|shown| shown.devnum.is_some()) {
            on_revoked(shown);
        }
    }

    pub(crate) fn withheld(&mut self, event: Uevent) {
        if log::log_enabled!(log::Level::Debug) {
            let scene: &Scene = &self.engine.scene.read();
            let why = scene
                .view
                .decision(&scene.table, &event.devpath)
                .map_or(Reason::Default, |decision| decision.reason);
            log::debug!("withheld {}@{}: {why}", event.action, event.devpath);
        }
    }

    pub(crate) fn forget(&mut self, change: &ViewChange) {
        self.say_revoked(change);
        if change.is_empty() {
            return;
        }
        let until = Instant::now() + CACHE_PATIENCE;
        let (done, outcome) = channel();
        let caches = &self.outlets.caches;
        let told = std::thread::scope(|scope| {
            scope.spawn(move || {
                let told = caches
                    .iter()
                    .try_for_each(|(caches, paths)| caches.forget(&paths(change), until));
                let _ = done.send(told);
            });
            loop {
                match outcome.recv_timeout(TURN) {
                    Ok(told) => return told,
                    Err(RecvTimeoutError::Timeout) => {
                        take_in(&self.engine, self.scanned, &mut self.heard)
                    }
                    Err(RecvTimeoutError::Disconnected) => return Err(RelayError::Gone),
                }
            }
        });
        if let Err(e) = told {
            // whoever is held has to be ended; what comes now must not wait for it again
            self.outlets.caches.clear();
            self.give_up(&e.to_string());
        }
    }
}

/// Whether `after` gives less than `before` did.
fn is_narrower(before: &Shown, after: &Shown) -> bool {
    before.devnum != after.devnum || (before.show, after.show) == (Show::Rw, Show::Ro)
}

/// Take up what the host says meanwhile. It is carried through later, but who vanishes loses its
/// grant now: a container that holds up its caches must not keep it, nor one whose server was held up.
pub(crate) fn take_in(engine: &Engine, scanned: u64, heard: &mut VecDeque<Message>) {
    // beyond that the kernel drops them, and says so
    while heard.len() < MOST
        && let Ok(Some(message)) = engine.host_monitor.receive()
    {
        if let Message::Kernel(event) = &message
            && event.action == Action::Remove
            && !is_synthetic(event)
            // one that leaves for the container's network namespace has the same path there
            && !enumerate::is_net_path(&event.devpath)
            && event.seqnum().is_none_or(|number| number > scanned)
        {
            engine.revoke_below(&event.devpath);
        }
        if !matches!(message, Message::Noise) {
            heard.push_back(message);
        }
    }
}
