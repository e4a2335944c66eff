//! Who owns what in /dev: ids and names of the container's as the host counts.

use std::os::fd::OwnedFd;

use parking_lot::Mutex;
use policy::Owner;
use sys::namespace::IdMap;

use super::names::Names;
use super::told::Told;

/// The owners that a container knows.
#[derive(Debug)]
pub struct Owners {
    uids: IdMap,
    gids: IdMap,
    /// The container's root directory, to look names up in.
    root: Option<OwnedFd>,
    users: Mutex<Names>,
    groups: Mutex<Names>,
    /// What was said of owners and of names in /dev.
    pub(super) told: Told,
}

impl Owners {
    /// Those of a container whose ids are mapped by `ids`. `root` is its root directory, in which names
    /// are looked up once rules have any; without it there are no names.
    pub fn new(ids: IdMap, root: Option<OwnedFd>) -> Owners {
        Owners {
            uids: ids,
            gids: ids,
            root,
            users: Mutex::new(Names::of("etc/passwd")),
            groups: Mutex::new(Names::of("etc/group")),
            told: Told::default(),
        }
    }

    /// The same for a container whose groups are mapped by `gids`.
    pub fn with_groups(self, gids: IdMap) -> Owners {
        Owners { gids, ..self }
    }

    /// See whether the container's files say something else now. They are read here and nowhere else:
    /// nothing that somebody waits for may be locked meanwhile.
    pub fn look(&self) {
        if let Some(root) = &self.root {
            self.users.lock().look(root);
            self.groups.lock().look(root);
        }
    }

    /// The host's ids of the container's root.
    pub fn root(&self) -> (u32, u32) {
        (self.uids.outside, self.gids.outside)
    }

    /// The host's uid of a rule's `uid`; the container's root's where it says none, or one that the
    /// container does not have.
    pub fn uid(&self, owner: Option<&Owner>) -> u32 {
        self.id(owner, "user", self.uids, &self.users)
    }

    /// The host's gid of a rule's `gid`, as [`Owners::uid`].
    pub fn gid(&self, owner: Option<&Owner>) -> u32 {
        self.id(owner, "group", self.gids, &self.groups)
    }

    fn id(&self, owner: Option<&Owner>, what: &str, ids: IdMap, names: &Mutex<Names>) -> u32 {
        let Some(owner) = owner else {
            return ids.outside;
        };
        let id = match owner {
            Owner::Id(id) => Some(*id),
            Owner::Name(name) => names.lock().id(name),
        };
        let host = id
            .filter(|id| *id < ids.count)
            .and_then(|id| ids.outside.checked_add(id));
        host.unwrap_or_else(|| {
            let owner = kobject::Escaped(owner.to_string().as_bytes()).to_string();
            self.told.warn(format!(
                "the container has no {what} {owner}: nodes that should be its are root's"
            ));
            ids.outside
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_the_containers_and_those_it_does_not_have_are_its_roots() {
        let ids = IdMap {
            outside: 100_000,
            count: 65_536,
        };
        let owners = Owners::new(ids, None);
        assert_eq!(owners.root(), (100_000, 100_000));
        for (owner, host) in [
            (None, 100_000),
            (Some(Owner::Id(0)), 100_000),
            (Some(Owner::Id(104)), 100_104),
            (Some(Owner::Id(65_535)), 165_535),
            (Some(Owner::Id(65_536)), 100_000),
            (Some(Owner::Name("video".into())), 100_000),
        ] {
            assert_eq!(owners.gid(owner.as_ref()), host, "{owner:?}");
            assert_eq!(owners.uid(owner.as_ref()), host, "{owner:?}");
        }
        let owners = Owners::new(IdMap::IDENTITY, None);
        let of_groups = IdMap {
            outside: 200_000,
            count: 10,
        };
        let both = Owners::new(ids, None).with_groups(of_groups);
        assert_eq!(both.root(), (100_000, 200_000));
        let owner = Some(Owner::Id(9));
        assert_eq!(
            (both.uid(owner.as_ref()), both.gid(owner.as_ref())),
            (100_009, 200_009)
        );
        let last = u32::MAX - 1;
        assert_eq!(owners.uid(Some(&Owner::Id(last))), last);
    }
}
