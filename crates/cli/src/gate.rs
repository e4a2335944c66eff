//! The device cgroup as the engine's gate.

use std::io;
use std::sync::Arc;

use engine::Gate;
use host::cgroup::{Access, Cgroup, Range};
use kobject::DevKind;
use policy::{Show, Shown};
use sys::Context;

/// Where grants go: a cgroup of our own, or one that was taken over.
pub trait Grants: Send + Sync {
    /// Makes `access` the whole of what `range` grants.
    fn grant(&self, range: Range, access: Access) -> io::Result<()>;
    /// Takes back what was granted for this very range.
    fn revoke(&self, range: Range) -> io::Result<()>;
}

impl Grants for Cgroup {
    fn grant(&self, range: Range, access: Access) -> io::Result<()> {
        Cgroup::grant(self, range, access)
    }

    fn revoke(&self, range: Range) -> io::Result<()> {
        Cgroup::revoke(self, range)
    }
}

/// Grants what shows, in the container's cgroup.
pub struct CgroupGate<G>(pub Arc<G>);

impl<G: Grants> CgroupGate<G> {
    /// What a container may open whatever its policy: its own terminals. The numbers are those of
    /// Documentation/admin-guide/devices.txt; a pty's node exists in its own devpts only.
    pub fn grant_terminals(&self) -> sys::Result<()> {
        let ptmx = Range {
            kind: DevKind::Char,
            major: 5,
            minor: Some(2),
        };
        let ptys = (136..=143).map(|major| Range {
            kind: DevKind::Char,
            major,
            minor: None,
        });
        for range in std::iter::once(ptmx).chain(ptys) {
            self.0
                .grant(range, Access::READ | Access::WRITE)
                .call(|| format!("grant({range})"))?;
        }
        Ok(())
    }
}

impl<G: Grants> Gate for CgroupGate<G> {
    fn grant(&self, device: &Shown) -> sys::Result<()> {
        let Some(range) = device.devnum.map(Range::from) else {
            return Ok(());
        };
        let access = match device.show {
            Show::Rw => Access::ALL,
            Show::Ro => Access::READ,
            Show::Hide => Access::NONE,
        };
        self.0
            .grant(range, access)
            .call(|| format!("grant({range} {access})"))
    }

    fn revoke(&self, device: &Shown) -> sys::Result<()> {
        match device.devnum.map(Range::from) {
            Some(range) => self.0.revoke(range).call(|| format!("revoke({range})")),
            None => Ok(()),
        }
    }
}
