//! The views of all containers of a host.

use std::{collections::BTreeMap, rc::Rc, sync::Arc};

use kobject::Devpath;

use crate::{
    DeviceTable, Policy, View, ViewChange,
    view::{Difference, Touched},
};

/// What many containers see of one host's devices. Containers with the same policy see the same, so they share one view: one more of them
/// costs no more than its place in a list, and what changes is worked out once for all of them.
///
/// Network interfaces are each container's own; they are not among these devices.
#[derive(Clone, Debug)]
pub struct Views<Id> {
    views: Vec<Shared<Id>>,
    containers: BTreeMap<Id, usize>,
}

#[derive(Clone, Debug)]
struct Shared<Id> {
    view: View,
    /// Sorted. A view that nobody has is kept for who comes next.
    containers: Vec<Id>,
}

/// What a change means for some containers, which all see the same.
#[derive(Debug)]
pub struct ForContainers<'a, Id> {
    /// Who.
    pub containers: &'a [Id],
    /// What.
    pub change: ViewChange,
}

impl<Id> Default for Views<Id> {
    fn default() -> Views<Id> {
        Views {
            views: Vec::new(),
            containers: BTreeMap::new(),
        }
    }
}

impl<Id: Copy + Ord> Views<Id> {
    /// Nobody's.
    pub fn new() -> Views<Id> {
        Views::default()
    }

    /// A container comes, or takes another policy; everything that it sees has just appeared.
    pub fn add(&mut self, container: Id, policy: &Arc<Policy>, table: &DeviceTable) {
        self.remove(container);
        let known = self
            .views
            .iter()
            .position(|shared| Arc::ptr_eq(shared.view.policy(), policy));
        let at = known.unwrap_or_else(|| {
            let free = self
                .views
                .iter()
                .position(|shared| shared.containers.is_empty());
            let at = free.unwrap_or(self.views.len());
            let mut view = View::new(policy.clone());
            view.refresh_all(table);
            let shared = Shared {
                view,
                containers: Vec::new(),
            };
            match free {
                Some(at) => self.views[at] = shared,
                None => self.views.push(shared),
            }
            at
        });
        let containers = &mut self.views[at].containers;
        if let Err(place) = containers.binary_search(&container) {
            containers.insert(place, container);
        }
        self.containers.insert(container, at);
    }

    /// A container goes.
    pub fn remove(&mut self, container: Id) {
        if let Some(at) = self.containers.remove(&container) {
            self.views[at]
                .containers
                .retain(|other| *other != container);
        }
    }

    /// What a container sees.
    pub fn view(&self, container: Id) -> Option<&View> {
        Some(&self.views[*self.containers.get(&container)?].view)
    }

    /// How many different views there are.
    pub fn len(&self) -> usize {
        self.used().count()
    }

    /// Whether there is no container.
    pub fn is_empty(&self) -> bool {
        self.containers.is_empty()
    }

    /// Decides anew about a device and everything below it; whom it concerns.
    pub fn refresh(
        &mut self,
        table: &DeviceTable,
        devpath: &Devpath,
    ) -> Vec<ForContainers<'_, Id>> {
        self.each(|view| view.refresh(table, devpath))
    }

    /// Other rules from now on: `policy` says which policy takes the place of one. Whom it concerns; rules that do not differ are not asked
    /// again, and about which devices a difference is, is found out once for all policies that have it.
    pub fn reload(
        &mut self,
        table: &DeviceTable,
        policy: impl Fn(&Arc<Policy>) -> Arc<Policy>,
    ) -> Vec<ForContainers<'_, Id>> {
        let mut known: Vec<(Difference, Rc<Touched>)> = Vec::new();
        self.each(|view| {
            let new = policy(view.policy());
            let difference = Difference::of(view.policy(), &new);
            let same = known.iter().find(|(other, _)| other.is_same(&difference));
            let touched = same.map(|(_, touched)| touched.clone()).unwrap_or_else(|| {
                let touched = Rc::new(difference.touched(table));
                known.push((difference.clone(), touched.clone()));
                touched
            });
            view.set_policy_where(new, table, &difference, &touched)
        })
    }

    fn each(
        &mut self,
        mut change: impl FnMut(&mut View) -> ViewChange,
    ) -> Vec<ForContainers<'_, Id>> {
        let used = self
            .views
            .iter_mut()
            .filter(|shared| !shared.containers.is_empty());
        let all = used.map(|shared| ForContainers {
            change: change(&mut shared.view),
            containers: &shared.containers,
        });
        all.filter(|for_some| !for_some.change.is_empty()).collect()
    }

    fn used(&self) -> impl Iterator<Item = &Shared<Id>> {
        self.views
            .iter()
            .filter(|shared| !shared.containers.is_empty())
    }
}

#[cfg(test)]
mod tests;
