//! Permission letters: r, w and m (mknod), as the device cgroup has them.

use std::ops::BitOr;

/// What a container may do with a device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Access {
    pub read: bool,
    pub write: bool,
    pub mknod: bool,
}

impl Access {
    pub const ALL: Access = Access {
        read: true,
        write: true,
        mknod: true,
    };

    /// Each letter at most once, and at least one.
    pub fn parse(letters: &str) -> Option<Access> {
        let mut access = Access::default();
        for letter in letters.chars() {
            let has = match letter {
                'r' => &mut access.read,
                'w' => &mut access.write,
                'm' => &mut access.mknod,
                _ => return None,
            };
            if std::mem::replace(has, true) {
                return None;
            }
        }
        (!letters.is_empty()).then_some(access)
    }

    /// The word of the rule language that gives this, and no more; None if there is none.
    pub fn show(self) -> Option<&'static str> {
        match (self.read, self.write) {
            (true, true) => Some("rw"),
            (true, false) => Some("ro"),
            (false, _) => None,
        }
    }
}

impl BitOr for Access {
    type Output = Access;

    fn bitor(self, other: Access) -> Access {
        Access {
            read: self.read || other.read,
            write: self.write || other.write,
            mknod: self.mknod || other.mknod,
        }
    }
}
