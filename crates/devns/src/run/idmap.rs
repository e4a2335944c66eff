//! Host ids of a container's ids.

use sys::namespace::IdMap;

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
