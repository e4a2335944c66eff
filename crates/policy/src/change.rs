//! What a change of the host's devices means for one container.

use kobject::{Bytes, Devname, Devnum, Devpath};

use crate::{Decision, Events, Facts, NoLink, OnRevoke, Owner, Show, Udev};

/// A device that a container may use: what a node, a cgroup entry and an event need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Where it is.
    pub devpath: Devpath,
    /// [`Show::Rw`] or [`Show::Ro`].
    pub show: Show,
    /// Its device number; few devices have a node.
    pub devnum: Option<Devnum>,
    /// The name of its node below /dev.
    pub devname: Option<Devname>,
    /// Permission bits that the kernel asks for; 0600 when it says none.
    pub devmode: Option<u32>,
    /// Its subsystem.
    pub subsystem: Option<Bytes>,
    /// Whether it belongs to the container's own network namespace, whose events the container hears from the kernel itself.
    pub own: bool,
    /// The permission bits that its rule gives the node; None: `devmode`.
    pub mode: Option<u32>,
    /// Whose the node is; None: the container's root's.
    pub uid: Option<Owner>,
    /// The node's group; None: the container's root's.
    pub gid: Option<Owner>,
    /// The links to its node that its rule makes, in the rule's order. Empty for a device without node, as are the next two.
    pub links: Vec<Devname>,
    /// Those that its rule has and it does not get.
    pub no_links: Vec<NoLink>,
    /// The links to its node that the host's udev made.
    pub host_links: Vec<Devname>,
    /// Who gets a link of the host's udev that several claim: the highest, then the older device.
    pub link_priority: i32,
    /// The place of its rule among the policy's: of two links of rules the one of the smaller wins, then that of the older device.
    pub order: usize,
    /// How old it is: the smaller, the older ([`DeviceTable::arrival`](crate::DeviceTable::arrival)).
    pub arrival: u64,
    /// What becomes of who holds it when it is taken away.
    pub on_revoke: OnRevoke,
    /// Which of its events the container gets.
    pub events: Events,
}

impl Shown {
    pub(crate) fn new(facts: &Facts, decision: &Decision, arrival: u64) -> Shown {
        let (device, node) = (&facts.device, &decision.says.node);
        let (devnum, devname) = (device.devnum(), device.devname());
        let (mut links, mut no_links) = (Vec::new(), Vec::new());
        let (mut host_links, mut link_priority) = (Vec::new(), 0);
        if devnum.is_some() && devname.is_some() {
            (links, no_links) = node.links_of(facts);
            if let Udev::Known(said) = &facts.udev {
                host_links = said.links.clone();
                link_priority = said.link_priority;
            }
        }
        Shown {
            devpath: device.devpath.clone(),
            show: decision.show,
            devnum,
            devname,
            devmode: device.devmode(),
            subsystem: device.subsystem.clone(),
            own: facts.own,
            mode: node.mode,
            uid: node.uid.clone(),
            gid: node.gid.clone(),
            links,
            no_links,
            host_links,
            link_priority,
            order: decision.order,
            arrival,
            on_revoke: node.on_revoke,
            events: decision.events(),
        }
    }

    /// Whether another may be opened in the same way: it has the same number, and is as writable.
    pub fn opens_as(&self, other: &Shown) -> bool {
        (self.devnum, self.show) == (other.devnum, other.show)
    }

    /// Whether another looks the same in /sys and /dev. Where its rule stands among the others, and what is told of it, shows in neither.
    pub fn looks_as(&self, other: &Shown) -> bool {
        let (order, events) = (self.order, self.events);
        *self
            == Shown {
                order,
                events,
                ..other.clone()
            }
    }
}

/// How a view changed. A device stands in at most one of the first three lists; each is ordered by devpath.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ViewChange {
    /// Devices that no longer show (rw or ro), as they did.
    pub vanished: Vec<Shown>,
    /// Devices that show now.
    pub appeared: Vec<Shown>,
    /// Devices that showed and show, but as something else: before and after.
    pub altered: Vec<(Shown, Shown)>,
    /// Every sysfs path (devices' directories, directories on the way, links below /class, /bus, /block and /dev, drivers, modules) whose
    /// visibility or whose content's visibility may have changed, sorted, each once: what kernel caches must forget. A device that was
    /// hidden and is hidden contributes nothing.
    pub paths: Vec<Bytes>,
}

impl ViewChange {
    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.vanished.is_empty()
            && self.appeared.is_empty()
            && self.altered.is_empty()
            && self.paths.is_empty()
    }
}
