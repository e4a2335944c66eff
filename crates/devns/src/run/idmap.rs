//! Host ids of a container's ids.

use std::path::Path;

use fusefs_dev::Owners;
use sys::namespace::IdMap;

use super::rootfs;

/// The first host id of the first container.
const FIRST: u32 = 100_000;
/// Ids of one container.
const COUNT: u32 = 65_536;

/// The range of container number `slot`; None past the last that fits below the ids nobody
/// should use (systemd's UIDS-GIDS).
pub fn of_slot(slot: u32) -> Option<IdMap> {
    let outside = FIRST.checked_add(slot.checked_mul(COUNT)?)?;
    (outside < 0x7fff_0000).then_some(IdMap {
        outside,
        count: COUNT,
    })
}

/// Who owns nodes inside. Names are looked up in the directory that the root is made of, by the
/// host's mounts: what the container mounts over its files does not count. It is open from the start: rules that
/// name somebody may come later.
pub fn owners(ids: Option<IdMap>, rootfs: Option<&Path>) -> sys::Result<Owners> {
    let root = rootfs::place_of(rootfs.unwrap_or(Path::new("/")))?;
    Ok(Owners::new(ids.unwrap_or(IdMap::IDENTITY), Some(root)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_do_not_meet() {
        assert_eq!(
            of_slot(0),
            Some(IdMap {
                outside: 100_000,
                count: 65_536
            })
        );
        assert_eq!(of_slot(1).unwrap().outside, 165_536);
        assert_eq!(of_slot(40_000), None);
    }
}
