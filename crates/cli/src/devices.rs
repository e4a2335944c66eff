//! The devices that a tool is asked about: this host's, or those of a recorded tree.

mod target;

use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use host::enumerate::{self, Pinned};
use host::{Sysfs, udevdb};
use policy::{DeviceTable, Facts, Policy, Udev, View};

use crate::failure::{Failure, Status};

pub use target::Target;

/// Devices as an engine would know them.
pub struct Devices {
    /// All of them.
    pub table: DeviceTable,
    /// Their sysfs.
    pub sysfs: Sysfs,
    /// Whether they are a host's that has a udev.
    pub has_udev: bool,
    /// Where that keeps its database: `/run` of it.
    pub run: PathBuf,
    /// The /dev in which names are looked up that neither the kernel nor udev says.
    dev: PathBuf,
    /// Whether it is this host's: a recorded tree has no nodes.
    is_here: bool,
}

impl Devices {
    /// This host's, or those of the tree in `root`: its `sys`, and `run/udev` and `dev` if they are there. The interfaces of the network
    /// namespace `net` are the container's own; without it none is, since a container that does not run yet gets a namespace of its own.
    pub fn load(root: Option<&Path>, net: Option<BorrowedFd<'_>>) -> Result<Devices, Failure> {
        let (sysfs, run, dev) = match root {
            Some(root) => (recorded(root)?, root.join("run"), root.join("dev")),
            None => (here(net)?, "/run".into(), "/dev".into()),
        };
        let has_udev = udevdb::present(&run);
        let found = enumerate::devices(&sysfs).map_err(|e| {
            Failure::new(Status::Host, format!("the devices cannot be listed: {e}"))
        })?;
        let mut table = DeviceTable::new();
        for device in found {
            let udev = match has_udev {
                true => udevdb::read(&run, &device).map_or(Udev::Unknown, Udev::Known),
                false => Udev::Absent,
            };
            table.insert(Facts {
                udev,
                own: net.is_some() && enumerate::is_net(&device),
                ..Facts::new(device)
            });
        }
        Ok(Devices {
            table,
            sysfs,
            has_udev,
            run,
            dev,
            is_here: root.is_none(),
        })
    }

    /// What `policy` shows of them. Reads the attributes that it asks for.
    pub fn view(&mut self, policy: Arc<Policy>) -> View {
        self.read_attributes(&policy);
        let mut view = View::new(policy);
        view.refresh_all(&self.table);
        view
    }

    fn read_attributes(&mut self, policy: &Policy) {
        let asked: Vec<Facts> = self
            .table
            .iter()
            .filter(|facts| !policy.wanted_attributes(facts).is_empty())
            .cloned()
            .collect();
        for mut facts in asked {
            let Some(pinned) = Pinned::at(&self.sysfs, &facts.device.devpath) else {
                continue;
            };
            let wanted = policy.wanted_attributes(&facts);
            for (name, said) in engine::attributes(&pinned, &wanted).iter() {
                facts.attrs.insert(name.into(), said.clone());
            }
            self.table.insert(facts);
        }
    }
}

/// sysfs as it is here; without privileges what is mounted.
fn here(net: Option<BorrowedFd<'_>>) -> Result<Sysfs, Failure> {
    match net.is_some() || nix::unistd::geteuid().is_root() {
        true => Ok(Sysfs::mount(net)?),
        false => Ok(Sysfs::at(Path::new("/sys"))?),
    }
}

fn recorded(root: &Path) -> Result<Sysfs, Failure> {
    let dir = root.join("sys");
    if !dir.join("devices").is_dir() {
        let message = format!(
            "{root:?} holds no recorded tree: there is no {:?}",
            dir.join("devices")
        );
        return Err(Failure::new(Status::Usage, message)
            .mend("it needs `sys`, as the machine had it, and `run/udev` if that had a udev"));
    }
    Ok(Sysfs::at(&dir)?)
}
