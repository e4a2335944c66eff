//! What a change of the host's devices means for one container.

use kobject::{Bytes, Devname, Devnum, Devpath};

use crate::{Facts, OnRevoke, Show};

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
    /// What becomes of those who hold it when it shows no more.
    pub on_revoke: OnRevoke,
}

impl Shown {
    pub(crate) fn new(facts: &Facts, show: Show) -> Shown {
        let device = &facts.device;
        Shown {
            devpath: device.devpath.clone(),
            show,
            devnum: device.devnum(),
            devname: device.devname(),
            devmode: device.devmode(),
            subsystem: device.subsystem.clone(),
            own: facts.own,
            on_revoke: OnRevoke::default(),
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
