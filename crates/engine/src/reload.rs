//! Another policy takes the place of the one before, while the container runs.

use std::sync::Arc;
use std::sync::mpsc::Sender;

use kobject::{Action, Devpath};
use policy::{Events, Facts, Policy, Shown, Udev, ViewChange};
use viewfs::Scene;

use crate::event::{as_udev, made_up};
use crate::facts::{Ready, is_incomplete};
use crate::tell::take_in;
use crate::told;
use crate::watch::Watcher;

/// The engine has stopped: nothing can be changed any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the engine has stopped")]
pub struct Stopped;

/// What the engine's thread is asked to do.
pub(crate) struct Order {
    pub policy: Arc<Policy>,
    pub done: Sender<ViewChange>,
}

impl Watcher {
    pub(crate) fn carry_out(&mut self, order: Order) {
        let change = self.set_policy(order.policy);
        // whoever asked may have gone
        let _ = order.done.send(change);
    }

    /// Revocations, grants and the view under one lock, as for any change; then the caches, then `remove` of what goes, then `add`
    /// of what comes.
    pub(crate) fn set_policy(&mut self, policy: Arc<Policy>) -> ViewChange {
        // what has gone is not to be granted again
        self.hear_host();
        // before the lock: a driver may take its time, and until then all is as it was
        let ready = self.asked_only_now(&policy);
        take_in(&self.engine, self.scanned, &mut self.heard);
        let mut before = Vec::new();
        let change = self.apply(|scene| {
            for ready in ready {
                ready.put(scene);
            }
            let Scene { table, view, .. } = scene;
            let change = view.set_policy(policy, table);
            let gone = change.vanished.iter();
            let altered = change.altered.iter().map(|(_, after)| after);
            let known = gone.chain(altered).map(|shown| table.get(&shown.devpath));
            before = known.flatten().cloned().collect();
            change
        });
        // what has gone since, and whose number may be another's already
        take_in(&self.engine, self.scanned, &mut self.heard);
        before.sort_by(|one, other| one.device.devpath.cmp(&other.device.devpath));
        self.forget(&change);
        self.tell_reload(&change, &before);
        self.expect_udev();
        change
    }

    /// What these rules ask for of devices that are there and nobody has read yet.
    fn asked_only_now(&mut self, policy: &Arc<Policy>) -> Vec<Ready> {
        let incomplete: Vec<Facts> = {
            let scene = self.engine.scene.read();
            let facts = scene.table.iter();
            let asked = facts.filter(|facts| is_incomplete(policy, facts));
            asked.cloned().collect()
        };
        if incomplete.is_empty() {
            return Vec::new();
        }
        let sysfs = self.engine.sysfs.clone();
        self.meanwhile(|| {
            let read = incomplete.into_iter();
            let read = read.map(|facts| Ready::complete(policy, facts, &sysfs).0);
            read.collect()
        })
    }

    /// A device that opens otherwise is another for whoever has it open: it goes and comes. `before` is ordered by devpath.
    fn tell_reload(&mut self, change: &ViewChange, before: &[Facts]) {
        let known = |devpath: &Devpath| told::of(before, devpath);
        let others = || {
            change
                .altered
                .iter()
                .filter(|(old, new)| !old.opens_as(new))
        };
        let mut gone: Vec<&Shown> = change.vanished.iter().collect();
        gone.extend(others().map(|(old, _)| old));
        gone.sort_by(|a, b| b.devpath.cmp(&a.devpath));
        for shown in gone {
            if let Some(facts) = known(&shown.devpath) {
                self.tell_remove(facts, shown.events);
            }
        }
        let mut come: Vec<(&Shown, Events)> = Vec::new();
        come.extend(change.appeared.iter().map(|shown| (shown, shown.events)));
        come.extend(others().map(|(_, new)| (new, new.events)));
        for (old, new) in change.altered.iter().filter(|(old, new)| old.opens_as(new)) {
            // who gets its events only now has not heard of it
            match only_now(old.events, new.events) {
                Events::None => {}
                events => come.push((new, events)),
            }
            if !old.looks_as(new)
                && let Some(facts) = known(&new.devpath)
            {
                self.tell_change(facts, both(old.events, new.events));
            }
        }
        come.sort_by(|a, b| a.0.devpath.cmp(&b.0.devpath));
        for (shown, events) in come {
            self.tell_add(&shown.devpath, events);
        }
    }

    /// Another mode, owner or link: a udev inside puts its own on top again.
    fn tell_change(&mut self, facts: &Facts, events: Events) {
        let event = made_up(Action::Change, &facts.device);
        if events.of_kernel() {
            self.send(&event);
        }
        if events.of_udev() && facts.udev != Udev::Unknown {
            self.send_udev(&as_udev(&event, facts));
        }
    }
}

fn events(kernel: bool, udev: bool) -> Events {
    match (kernel, udev) {
        (true, true) => Events::Both,
        (true, false) => Events::Kernel,
        (false, true) => Events::Udev,
        (false, false) => Events::None,
    }
}

/// What the second has and the first has not.
fn only_now(old: Events, new: Events) -> Events {
    events(
        new.of_kernel() && !old.of_kernel(),
        new.of_udev() && !old.of_udev(),
    )
}

/// What both have.
fn both(old: Events, new: Events) -> Events {
    events(
        new.of_kernel() && old.of_kernel(),
        new.of_udev() && old.of_udev(),
    )
}
