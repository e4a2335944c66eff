//! What a container is told when its view has changed: which events, and in which order. Nothing is sent here, so that
//! [`Simulation`](crate::Simulation) tells the same as a running engine.

use kobject::{Action, Devpath, UdevMessage, Uevent};
use policy::{Events, Facts, Show, Sight, Udev, ViewChange};
use viewfs::Scene;

use crate::event::{as_udev, made_up};

/// What made the view change.
#[derive(Clone, Copy)]
pub(crate) enum Cause<'a> {
    /// An event of the kernel.
    Kernel(&'a Uevent),
    /// The kernel's `add` of a device that had been found before: whoever was told of it then is not told again.
    Found(&'a Uevent),
    /// A message of udev's.
    Udev(&'a UdevMessage),
}

impl Cause<'_> {
    fn is_about(&self, devpath: &Devpath) -> bool {
        match self {
            Cause::Kernel(event) | Cause::Found(event) => event.devpath == *devpath,
            Cause::Udev(message) => message.devpath == *devpath,
        }
    }
}

/// One thing that a container is told, or is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// An event as of the kernel.
    Kernel(Uevent),
    /// A message as of udev; without a number where the kernel gave none.
    Udev(UdevMessage),
    /// An event of the kernel that it does not hear of.
    Withheld(Uevent),
}

/// What is known now.
pub(crate) trait Known {
    /// A device.
    fn facts_of(&self, devpath: &Devpath) -> Option<Facts>;
    /// Which of its events the container gets.
    fn events(&self, devpath: &Devpath) -> Events;
    /// Whether the container may see it and what it says.
    fn shows(&self, devpath: &Devpath) -> bool;
}

/// After a change. `before` is what was known then of all that it may be about, ordered by devpath.
pub(crate) fn of_change(
    known: &impl Known,
    change: &ViewChange,
    before: &[Facts],
    cause: Cause<'_>,
) -> Vec<Told> {
    let mut all = Vec::new();
    let mut told = false;
    for shown in change.vanished.iter().rev() {
        told |= cause.is_about(&shown.devpath);
        if let Some(facts) = of(before, &shown.devpath) {
            all.extend(of_remove(facts, shown.events, Some(cause)));
        }
    }
    for shown in &change.appeared {
        told |= cause.is_about(&shown.devpath);
        all.extend(of_add(known, &shown.devpath, shown.events, Some(cause)));
    }
    if told {
        return all;
    }
    match cause {
        Cause::Kernel(event) => all.extend(of_event(known, event)),
        Cause::Found(_) => {}
        Cause::Udev(message) => {
            if !known.events(&message.devpath).of_udev() {
                return all;
            }
            let was_known = of(before, &message.devpath);
            if was_known.is_some_and(|facts| facts.udev != Udev::Unknown) {
                all.push(Told::Udev(message.clone()));
                return all;
            }
            // the first that it says of the device, whatever it is about
            all.extend(of_add(known, &message.devpath, Events::Udev, Some(cause)));
        }
    }
    all
}

/// An event of the kernel of a device that showed before and shows still, or does not.
pub(crate) fn of_event(known: &impl Known, event: &Uevent) -> Vec<Told> {
    let events = known.events(&event.devpath);
    let mut all = vec![match events.of_kernel() {
        true => Told::Kernel(event.clone()),
        false => Told::Withheld(event.clone()),
    }];
    // on a host with a udev that says so itself, once it has processed it
    let facts = match events.of_udev() {
        true => known.facts_of(&event.devpath),
        false => None,
    };
    if let Some(facts) = facts.filter(|facts| facts.udev == Udev::Absent) {
        all.push(Told::Udev(as_udev(event, &facts)));
    }
    all
}

/// That a device is gone that showed, and of which the container got these events.
pub(crate) fn of_remove(facts: &Facts, events: Events, cause: Option<Cause<'_>>) -> Vec<Told> {
    let event = match cause {
        Some(Cause::Kernel(event)) if is_it(event, Action::Remove, facts) => event.clone(),
        _ => made_up(Action::Remove, &facts.device),
    };
    let mut all = Vec::new();
    // who has not heard of it has nothing to hear of
    if events.of_udev() && facts.udev != Udev::Unknown {
        all.push(Told::Udev(as_udev(&event, facts)));
    }
    if events.of_kernel() {
        all.insert(0, Told::Kernel(event));
    }
    all
}

/// That a device shows now of which the container gets these events.
pub(crate) fn of_add(
    known: &impl Known,
    devpath: &Devpath,
    events: Events,
    cause: Option<Cause<'_>>,
) -> Vec<Told> {
    let Some(facts) = known.facts_of(devpath) else {
        return Vec::new();
    };
    let event = match cause {
        Some(Cause::Kernel(event) | Cause::Found(event)) if is_it(event, Action::Add, &facts) => {
            event.clone()
        }
        _ => made_up(Action::Add, &facts.device),
    };
    let mut all = Vec::new();
    // what udev has not spoken of yet it will speak of
    if events.of_udev() && facts.udev != Udev::Unknown {
        let message = match cause {
            Some(Cause::Udev(message))
                if message.devpath == *devpath && message.action == Action::Add =>
            {
                message.clone()
            }
            _ => as_udev(&event, &facts),
        };
        all.push(Told::Udev(message));
    }
    if events.of_kernel() {
        all.insert(0, Told::Kernel(event));
    }
    all
}

/// That a device moved which showed or shows: under its old name, its new one, or both.
pub(crate) fn of_move(
    known: &impl Known,
    change: &ViewChange,
    before: &[Facts],
    event: &Uevent,
    old: &Devpath,
    was_shown: bool,
) -> Vec<Told> {
    let new = &event.devpath;
    let is_shown = known.shows(new);
    let mut all = Vec::new();
    for shown in change.vanished.iter().rev() {
        if !(shown.devpath == *old && is_shown)
            && let Some(facts) = of(before, &shown.devpath)
        {
            all.extend(of_remove(facts, shown.events, None));
        }
    }
    match (was_shown, is_shown) {
        (true, true) => all.extend(of_event(known, event)),
        (false, false) => all.push(Told::Withheld(event.clone())),
        _ => {}
    }
    for shown in &change.appeared {
        if !(shown.devpath == *new && was_shown) {
            all.extend(of_add(known, &shown.devpath, shown.events, None));
        }
    }
    all
}

/// Which events of a device the container gets, of those that are sent now.
pub(crate) fn events(scene: &Scene, devpath: &Devpath) -> Events {
    match scene.view.decision(&scene.table, devpath) {
        Some(decision) if decision.show != Show::Hide => decision.events(),
        _ => Events::None,
    }
}

/// Whether the container may see a device and what it says.
pub(crate) fn shows(scene: &Scene, devpath: &Devpath) -> bool {
    match scene.view.sight(devpath) {
        Some(Sight::Rw | Sight::Ro) => true,
        Some(Sight::Ancestor | Sight::HiddenAncestor) | None => false,
    }
}

/// The device among others that are ordered by devpath.
pub(crate) fn of<'a>(all: &'a [Facts], devpath: &Devpath) -> Option<&'a Facts> {
    let at = all.binary_search_by(|facts| facts.device.devpath.cmp(devpath));
    all.get(at.ok()?)
}

fn is_it(event: &Uevent, action: Action, facts: &Facts) -> bool {
    event.action == action && event.devpath == facts.device.devpath
}
