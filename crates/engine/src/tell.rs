//! After the view has changed: the kernel's caches, then the container.

use std::collections::VecDeque;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use host::enumerate;
use host::monitor::Message;
use kobject::{Action, Devpath, UdevMessage, Uevent};
use policy::{Events, Facts, Reason, Show, Shown, ViewChange};
use viewfs::Scene;

use crate::engine::Engine;
use crate::event::numbered;
use crate::hotplug::is_synthetic;
use crate::told::{self, Cause, Known, Told};
use crate::watch::Watcher;

/// How long the container may keep the kernel from forgetting a name.
const CACHE_PATIENCE: Duration = Duration::from_secs(2);

/// How many messages are taken in ahead of their turn.
const MOST: usize = 4096;

/// How long a revocation may wait for that.
const TURN: Duration = Duration::from_millis(20);

impl Watcher {
    /// The devices at `top` and below, as they are known now.
    pub(crate) fn subtree(&self, top: &Devpath) -> Vec<Facts> {
        let scene = self.engine.scene.read();
        scene.table.subtree(top).cloned().collect()
    }

    /// As [`Engine::apply`]. Who is known to be gone gets no grant any more: its turn comes yet.
    pub(crate) fn apply(&self, change: impl FnOnce(&mut Scene) -> ViewChange) -> ViewChange {
        let heard = self.heard.iter();
        let gone: Vec<&Devpath> = heard
            .filter_map(|message| takes_away(message, self.scanned))
            .collect();
        self.engine.apply_but(&gone, change)
    }

    /// After the view has changed: caches, then events. `before` is what was known then of all that the change may be
    /// about, ordered by devpath.
    pub(crate) fn tell(&mut self, change: ViewChange, before: &[Facts], cause: Cause<'_>) {
        self.forget(&change);
        self.say(told::of_change(&*self.engine, &change, before, cause));
    }

    /// Tells of a device that showed, and of which the container got these events, that it is gone.
    pub(crate) fn tell_remove(&mut self, facts: &Facts, events: Events) {
        self.say(told::of_remove(facts, events, None));
    }

    /// Tells of a device that shows now, and of which the container gets these events.
    pub(crate) fn tell_add(&mut self, devpath: &Devpath, events: Events) {
        self.say(told::of_add(&*self.engine, devpath, events, None));
    }

    pub(crate) fn say(&mut self, all: Vec<Told>) {
        for told in all {
            match told {
                Told::Kernel(event) => self.send(&event),
                Told::Udev(message) => self.send_udev(&message),
                Told::Withheld(event) => self.withheld(&event),
            }
        }
    }

    pub(crate) fn facts_of(&self, devpath: &Devpath) -> Option<Facts> {
        self.engine.facts_of(devpath)
    }

    pub(crate) fn send(&mut self, event: &Uevent) {
        let (what, devpath) = (event.action.as_str(), &event.devpath);
        // the kernel sends none of a device without subsystem (kobject_uevent_env)
        if event.subsystem().is_some() && !self.is_hidden(what, devpath) {
            let sent = self.engine.injector.as_ref().map(|to| to.send(event));
            delivered(what, devpath, sent);
        }
    }

    pub(crate) fn send_udev(&mut self, message: &UdevMessage) {
        let message = &numbered(message.clone(), || self.engine.uevent_seqnum());
        let (what, devpath) = (message.action.as_str(), &message.devpath);
        if message.get(b"SUBSYSTEM").is_some() && !self.is_hidden(what, devpath) {
            let sent = self
                .engine
                .injector
                .as_ref()
                .map(|to| to.send_udev(message));
            delivered(&format!("udev's {what}"), devpath, sent);
        }
    }

    /// Whether the file systems hide it, whatever the view says.
    fn is_hidden(&self, what: &str, devpath: &Devpath) -> bool {
        let hides = self.outlets.hides.as_ref();
        let is_hidden = hides.is_some_and(|hides| hides(devpath));
        if is_hidden {
            log::debug!("withheld {what}@{devpath}: not shown");
        }
        is_hidden
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

    pub(crate) fn withheld(&self, event: &Uevent) {
        if log::log_enabled!(log::Level::Debug) {
            let scene: &Scene = &self.engine.scene.read();
            let why = match scene.view.decision(&scene.table, &event.devpath) {
                Some(decision) if decision.show != Show::Hide => {
                    format!("its rule says `events: {}`", decision.events().as_str())
                }
                Some(decision) => decision.reason.to_string(),
                None => Reason::Default.to_string(),
            };
            log::debug!("withheld {}@{}: {why}", event.action, event.devpath);
        }
    }

    pub(crate) fn forget(&mut self, change: &ViewChange) {
        self.say_revoked(change);
        if change.is_empty() {
            return;
        }
        let until = Instant::now() + CACHE_PATIENCE;
        let caches = std::mem::take(&mut self.outlets.caches);
        let told = self.meanwhile(|| {
            caches
                .iter()
                .try_for_each(|(caches, paths)| caches.forget(&paths(change), until))
        });
        match told {
            Ok(()) => self.outlets.caches = caches,
            // whoever is held has to be ended; what comes now must not wait for it again
            Err(e) => self.give_up(&e.to_string()),
        }
    }

    /// Does what may take a while, while whoever vanishes loses its grant.
    pub(crate) fn meanwhile<T: Send>(&mut self, work: impl FnOnce() -> T + Send) -> T {
        let (done, outcome) = channel();
        std::thread::scope(|scope| {
            let work = scope.spawn(move || {
                let result = work();
                let _ = done.send(());
                result
            });
            while outcome.recv_timeout(TURN) == Err(RecvTimeoutError::Timeout) {
                take_in(&self.engine, self.scanned, &mut self.heard);
            }
            match work.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }
}

fn delivered(what: &str, devpath: &Devpath, sent: Option<sys::Result<()>>) {
    match sent {
        Some(Err(e)) => log::error!("an event is lost: {e}"),
        Some(Ok(())) | None => log::debug!("delivered {what}@{devpath}"),
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
        if let Some(devpath) = takes_away(&message, scanned) {
            engine.revoke_below(devpath);
        }
        if !matches!(message, Message::Noise) {
            heard.push_back(message);
        }
    }
}

/// The device that is gone by this message, if it is news.
pub(crate) fn takes_away(message: &Message, scanned: u64) -> Option<&Devpath> {
    match message {
        Message::Kernel(event)
            if event.action == Action::Remove
                && !is_synthetic(event)
                // one that leaves for the container's network namespace has the same path there
                && !enumerate::is_net_path(&event.devpath)
                && event.seqnum().is_none_or(|number| number > scanned) =>
        {
            Some(&event.devpath)
        }
        Message::Kernel(_) | Message::Udev(_) | Message::Noise | Message::Overrun => None,
    }
}
