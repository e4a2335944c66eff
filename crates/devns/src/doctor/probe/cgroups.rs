//! Whether access to devices can be limited.

use std::time::Duration;

use host::cgroup::{Cgroup, Hierarchies, Version, kill_and_remove};

use super::super::{Finding, State};
use super::{finding, missing};

/// Either version of the device cgroup, of which one is enough.
pub(super) fn both() -> Vec<Finding> {
    let hierarchies = match Hierarchies::detect() {
        Ok(hierarchies) => hierarchies,
        Err(e) => {
            let means = "access to devices cannot be limited";
            let mend = "mount cgroup2: `mount -t cgroup2 cgroup2 /sys/fs/cgroup`";
            return vec![finding("device cgroup", Err(missing(e)), "", means, mend)];
        }
    };
    let works = |version, name: &str| -> Result<String, String> {
        let id = format!("doctor-{name}-{}", std::process::id());
        let made = Cgroup::create(&hierarchies, &id, Some(version)).map_err(|e| e.to_string())?;
        let _ = kill_and_remove(&made.dirs(), Duration::from_secs(1));
        Ok(match version {
            Version::V1 => "a cgroup was made".into(),
            Version::V2 => "a program was attached".into(),
        })
    };
    let (v2, v1) = (works(Version::V2, "v2"), works(Version::V1, "v1"));
    // one is enough
    let worst = if v1.is_ok() || v2.is_ok() {
        State::Without
    } else {
        State::Missing
    };
    let mend = "a host needs one of the two: mount cgroup2, or the v1 controller `devices`";
    let of = |name, result: Result<String, String>, other: bool| {
        let without = if other {
            "the other version is used"
        } else {
            "access to devices cannot be limited"
        };
        let good = result.map_err(|why| (worst, why));
        let mut finding = finding(
            name,
            good,
            "access to devices can be limited",
            without,
            mend,
        );
        finding.mend = finding.mend.filter(|_| !other);
        finding
    };
    let (ok1, ok2) = (v1.is_ok(), v2.is_ok());
    vec![
        of("device cgroup v2", v2, ok1),
        of("device cgroup v1", v1, ok2),
    ]
}
