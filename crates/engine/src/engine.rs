//! What is known and shown; the one place where a view changes.

use std::collections::BTreeSet;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::audit;
use crate::facts::Ready;
use crate::seqnum::Seqnum;
use crate::told::{self, Known};
use bstr::BString;
use host::enumerate::Pinned;
use host::{Injector, Monitor, Sysfs, enumerate, udevdb};
use kobject::{Device, Devpath};
use parking_lot::{Mutex, RwLock};
use policy::{DeviceTable, Events, Facts, Policy, Shown, Udev, View, ViewChange};
use viewfs::{Scene, SharedScene};

/// Access to devices: the gate behind the nodes.
pub trait Gate: Send + Sync {
    /// Let the container open `device`, as far as its `show` says.
    fn grant(&self, device: &Shown) -> sys::Result<()>;
    /// Let it open `device` no more.
    fn revoke(&self, device: &Shown) -> sys::Result<()>;
}

/// What an engine starts from.
pub struct Config {
    /// What the container may see.
    pub policy: Arc<Policy>,
    /// sysfs, of the container's network namespace.
    pub sysfs: Arc<Sysfs>,
    /// The container's network namespace; None: the caller's own.
    pub net: Option<OwnedFd>,
    /// Where the host's udev keeps its database: `/run`.
    pub run: PathBuf,
    /// What the monitor's socket may hold, in bytes.
    pub monitor_buffer: usize,
    /// The gate, if there is one to keep.
    pub gate: Option<Arc<dyn Gate>>,
    /// Where events go, if the container has a network namespace of its own.
    pub injector: Option<Injector>,
}

/// Why an engine cannot start.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct EngineError(#[from] sys::Error);

/// The devices of the host and one container's view of them.
pub struct Engine {
    pub(crate) scene: SharedScene,
    pub(crate) sysfs: Arc<Sysfs>,
    pub(crate) gate: Option<Arc<dyn Gate>>,
    pub(crate) injector: Option<Injector>,
    pub(crate) host_monitor: Monitor,
    pub(crate) own_monitor: Monitor,
    pub(crate) udev: bool,
    /// Where the host's udev keeps its database: `/run`.
    pub(crate) run: PathBuf,
    /// Access that should be revoked could not be.
    pub(crate) is_broken: AtomicBool,
    /// The container's own interfaces that are in the table, as `CLASS/NAME`. Held together
    /// with nothing but the scene, which is locked after it.
    pub(crate) own: Mutex<BTreeSet<BString>>,
    /// What a request took up: the listings that the kernel keeps are still to be told of it. Held
    /// alone.
    pub(crate) taken_up: Mutex<ViewChange>,
    seqnum: Seqnum,
}

impl Engine {
    /// Listen, look at every device there is, decide, and grant access to what shows.
    pub fn new(config: Config) -> Result<Engine, EngineError> {
        let udev = udevdb::present(&config.run);
        // first the monitors: what comes while we look is heard afterwards
        let host_monitor = Monitor::open(None, udev, config.monitor_buffer)?;
        let own = config.net.as_ref().map(|net| net.as_fd());
        let own_monitor = Monitor::open(own, false, 1 << 20)?;
        let heard = match own {
            Some(net) => Some(Monitor::open(Some(net), false, 1 << 20)?),
            None => None,
        };
        let seqnum = Seqnum::new(heard, config.sysfs.clone());
        let mut scene = Scene {
            table: DeviceTable::new(),
            view: View::new(config.policy),
            generation: 0,
        };
        for device in enumerate::devices(&config.sysfs)? {
            let udev = known_to_udev(udev, &config.run, &device);
            if let Some(ready) = at_start(&config.sysfs, scene.view.policy(), device, udev) {
                ready.put(&mut scene);
            }
        }
        let own = scene
            .table
            .iter()
            .filter(|f| f.own)
            .filter_map(|f| class_name(&f.device))
            .collect();
        let engine = Engine {
            scene: Arc::new(RwLock::new(scene)),
            sysfs: config.sysfs,
            gate: config.gate,
            injector: config.injector,
            host_monitor,
            own_monitor,
            udev,
            run: config.run,
            is_broken: AtomicBool::new(false),
            own: Mutex::new(own),
            taken_up: Mutex::default(),
            seqnum,
        };
        engine.apply(|scene| {
            let Scene { table, view, .. } = scene;
            view.refresh_all(table)
        });
        Ok(engine)
    }

    /// Devices and view, as the file systems share them.
    pub fn scene(&self) -> SharedScene {
        self.scene.clone()
    }

    /// The number of the last uevent that the container heard (`/sys/kernel/uevent_seqnum`).
    pub fn uevent_seqnum(&self) -> u64 {
        self.seqnum.now()
    }

    /// What the container may see now.
    pub(crate) fn policy(&self) -> Arc<Policy> {
        self.scene.read().view.policy().clone()
    }

    /// Change the scene, and access with it: under one lock, so that nobody sees a node that
    /// cannot be opened, or opens one that is gone.
    pub(crate) fn apply(&self, change: impl FnOnce(&mut Scene) -> ViewChange) -> ViewChange {
        self.apply_but(&[], change)
    }

    /// As [`Engine::apply`], but nothing is granted of what is `gone` and has not left the view yet: its number may be another's.
    pub(crate) fn apply_but(
        &self,
        gone: &[&Devpath],
        change: impl FnOnce(&mut Scene) -> ViewChange,
    ) -> ViewChange {
        let mut scene = self.scene.write();
        let change = change(&mut scene);
        scene.generation += 1;
        // a new link or owner is no reason to shut the device for a moment
        let altered = change
            .altered
            .iter()
            .filter(|(before, after)| !before.opens_as(after));
        for shown in change
            .vanished
            .iter()
            .chain(altered.clone().map(|(before, _)| before))
        {
            self.gate("revoke", shown, |gate| gate.revoke(shown));
        }
        for shown in change
            .appeared
            .iter()
            .chain(altered.map(|(_, after)| after))
            .filter(|shown| !gone.iter().any(|gone| shown.devpath.is_within(gone)))
        {
            self.gate("grant", shown, |gate| gate.grant(shown));
        }
        let said = audit::of_change(&scene, &change);
        drop(scene);
        audit::say(said);
        change
    }

    /// Revoke the access to what shows at `top` and below, ahead of the view's change.
    pub(crate) fn revoke_below(&self, top: &Devpath) {
        let scene = self.scene.read();
        for (_, shown) in scene.view.shown_below(top) {
            self.gate("revoke", shown, |gate| gate.revoke(shown));
        }
    }

    /// Grant once more what shows at `devpath`: it was revoked ahead of the view's change, which did not come.
    pub(crate) fn grant_again(&self, devpath: &Devpath) {
        let scene = self.scene.read();
        let mut shown = scene.view.shown_below(devpath);
        if let Some((_, shown)) = shown.next().filter(|(first, _)| *first == devpath) {
            self.gate("grant", shown, |gate| gate.grant(shown));
        }
    }

    fn gate(&self, what: &str, shown: &Shown, f: impl Fn(&dyn Gate) -> sys::Result<()>) {
        let (Some(devnum), Some(gate)) = (shown.devnum, self.gate.as_deref()) else {
            return;
        };
        log::debug!("{what} {devnum} {}: {}", shown.show, shown.devpath);
        // once more: what is not granted is missed, but what is not revoked is open
        if let Err(e) = f(gate).or_else(|_| f(gate)) {
            log::error!("{what} {devnum}: {e}");
            self.is_broken.fetch_or(what == "revoke", Ordering::SeqCst);
        }
    }

    /// The facts of `device`, new or changed: what udev said of it before still holds.
    pub(crate) fn facts(&self, device: Device, is_new: bool) -> Facts {
        let scene = self.scene.read();
        let before = scene.table.get(&device.devpath).filter(|_| !is_new);
        let udev = match before {
            Some(facts) => facts.udev.clone(),
            None if self.udev => Udev::Unknown,
            None => Udev::Absent,
        };
        Facts {
            udev,
            ..Facts::new(device)
        }
    }

    /// Which events of `devpath` the container gets, of those that are sent now.
    pub(crate) fn events(&self, devpath: &Devpath) -> Events {
        told::events(&self.scene.read(), devpath)
    }

    /// Whether the container may see `devpath` and what it says.
    pub(crate) fn shows(&self, devpath: &Devpath) -> bool {
        told::shows(&self.scene.read(), devpath)
    }
}

impl Known for Engine {
    fn facts_of(&self, devpath: &Devpath) -> Option<Facts> {
        self.scene.read().table.get(devpath).cloned()
    }

    fn events(&self, devpath: &Devpath) -> Events {
        Engine::events(self, devpath)
    }

    fn shows(&self, devpath: &Devpath) -> bool {
        Engine::shows(self, devpath)
    }
}

/// `CLASS/NAME`, under which /sys/class lists the device.
pub(crate) fn class_name(device: &Device) -> Option<BString> {
    let class = device.subsystem.as_ref()?;
    Some([class.as_slice(), b"/", device.name()].concat().into())
}

/// The facts of a device that was there when we began to listen; None: it is gone.
fn at_start(sysfs: &Sysfs, policy: &Policy, device: Device, udev: Udev) -> Option<Ready> {
    if enumerate::is_net(&device) {
        return Some(Ready::own(device));
    }
    let facts = Facts {
        udev,
        ..Facts::new(device)
    };
    // most devices are asked nothing more, and their directories are not opened again
    if policy.wanted_attributes(&facts).is_empty() {
        return Some(Ready::complete(policy, facts, sysfs).0);
    }
    let pinned = Pinned::at(sysfs, &facts.device.devpath)?;
    let device = pinned.device.clone();
    Some(Ready::read(policy, Facts { device, ..facts }, &pinned))
}

fn known_to_udev(udev: bool, run: &std::path::Path, device: &Device) -> Udev {
    match udev {
        false => Udev::Absent,
        true => udevdb::read(run, device).map_or(Udev::Unknown, Udev::Known),
    }
}
