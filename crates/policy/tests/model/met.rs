//! How often the cases met what the test is about.

/// A situation in which something could go wrong.
#[derive(Clone, Copy)]
pub enum Met {
    Rw,
    Ro,
    Hidden,
    Ancestor,
    HiddenAncestor,
    Skeleton,
    Unknown,
    UnknownAttribute,
    UnknownTagOrLink,
    Through,
    Own,
    Partition,
    Events,
    Vanished,
    Appeared,
    Altered,
    Silent,
    MovedPaths,
    Writable,
    ByPath,
    Links,
    NoLinks,
    Read,
    Late,
    Renamed,
    RenamedInSight,
    Reload,
    ReloadVanished,
    ReloadAppeared,
    ReloadAltered,
    ReloadPaths,
    ReloadNothing,
    ReloadLater,
}

/// What each is called, and how often 10,000 cases have to meet it.
const ALL: [(Met, &str, usize); 33] = [
    (Met::Rw, "rw", 8_000),
    (Met::Ro, "ro", 3_000),
    (Met::Hidden, "hidden", 10_000),
    (Met::Ancestor, "ancestors", 500),
    (Met::HiddenAncestor, "hidden ancestors", 100),
    (Met::Skeleton, "ancestors whose files do not show", 100),
    (Met::Unknown, "unknown", 1_000),
    (Met::UnknownAttribute, "unknown for an attribute", 200),
    (Met::UnknownTagOrLink, "unknown for tags or links", 200),
    (Met::Through, "through an ancestor", 500),
    (Met::Own, "own", 500),
    (Met::Partition, "partitions with their disk", 40),
    (Met::Events, "other events than the kernel's", 500),
    (Met::Vanished, "vanished", 1_000),
    (Met::Appeared, "appeared", 5_000),
    (Met::Altered, "altered", 100),
    (Met::Silent, "silent plugs", 1_000),
    (Met::MovedPaths, "changed paths", 3_000),
    (Met::Writable, "writable files", 300),
    (Met::ByPath, "files by path", 300),
    (Met::Links, "links", 1_000),
    (Met::NoLinks, "links that come to nothing", 500),
    (Met::Read, "attributes read", 1_000),
    (Met::Late, "udev spoke late", 500),
    (Met::Renamed, "renamed", 500),
    (Met::RenamedInSight, "renamed, shown before and after", 50),
    (Met::Reload, "reloads", 5_000),
    (Met::ReloadVanished, "vanished by a reload", 150),
    (Met::ReloadAppeared, "appeared by a reload", 150),
    (Met::ReloadAltered, "altered by a reload", 100),
    (Met::ReloadPaths, "paths changed by a reload", 200),
    (Met::ReloadNothing, "reloads that change nothing", 300),
    (Met::ReloadLater, "reloads after which it went on", 2_000),
];

#[derive(Clone, Debug)]
pub struct Count([usize; ALL.len()]);

impl Default for Count {
    fn default() -> Count {
        Count([0; ALL.len()])
    }
}

impl Count {
    pub fn met(&mut self, what: Met) {
        self.0[what as usize] += 1;
    }

    pub fn add(&mut self, other: &Count) {
        for (sum, count) in self.0.iter_mut().zip(other.0) {
            *sum += count;
        }
    }

    /// Prints all, and fails if `cases` cases should have met something more often.
    pub fn check(&self, cases: usize) {
        for (what, name, _) in ALL {
            println!("{name}: {}", self.0[what as usize]);
        }
        for (what, name, least) in ALL {
            let (count, least) = (self.0[what as usize], least * cases / 10_000);
            assert!(count >= least, "only {count} times: {name}");
        }
    }
}
