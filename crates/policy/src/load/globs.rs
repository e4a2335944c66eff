//! Globs of each kind, checked for what could never match.

use crate::{
    glob::{Glob, Globs},
    load::Loader,
    words::quoted,
    yaml::Node,
};

impl Loader {
    /// One or a list of globs. `check` says what is wrong with a pattern beyond its grammar, and what is expected instead.
    pub fn globs(
        &mut self,
        node: &Node,
        what: &str,
        check: fn(&str) -> Result<(), (&'static str, &'static str)>,
    ) -> Globs {
        let mut globs = Vec::new();
        for item in self.items(node, what) {
            let Some(pattern) = self.string(item, what) else {
                continue;
            };
            match (check(pattern), Glob::new(pattern)) {
                (Err((message, expected)), _) => self.error(
                    item.at,
                    format!("{}: {message}", quoted(pattern)),
                    expected.to_owned(),
                ),
                (_, Err(message)) => self.error(
                    item.at,
                    format!("{}: {message}", quoted(pattern)),
                    expected_of(pattern).to_owned(),
                ),
                (_, Ok(glob)) => globs.push(glob),
            }
        }
        Globs(globs)
    }
}

/// What is expected where a pattern is no glob.
pub(super) fn expected_of(pattern: &str) -> &'static str {
    match pattern.contains('[') {
        true => "`[a-z]`, or `[[]` for a bracket itself",
        false => "`*`, `**`, `?` or `[a-z]`",
    }
}

/// For values that may be anything.
pub(crate) fn any_text(_: &str) -> Result<(), (&'static str, &'static str)> {
    Ok(())
}

/// For paths from the root of sysfs.
pub(crate) fn sysfs_path(pattern: &str) -> Result<(), (&'static str, &'static str)> {
    if pattern.starts_with("/sys/") {
        return Err(("paths are below the root of sysfs", "a path without `/sys`"));
    }
    match pattern.strip_prefix('/') {
        Some(parts) => whole_parts(parts),
        None if pattern.starts_with("**") => Ok(()),
        None => Err((
            "a path of sysfs starts with `/`",
            "a path like `/devices/virtual/**`",
        )),
    }
}

/// For paths relative to a device's directory.
pub(crate) fn device_path(pattern: &str) -> Result<(), (&'static str, &'static str)> {
    if pattern.starts_with('/') {
        return Err((
            "the path is relative to the device's directory",
            "a path like `power/control`",
        ));
    }
    whole_parts(pattern)
}

/// For paths of cgroups, from the root of their hierarchy.
pub(crate) fn cgroup(pattern: &str) -> Result<(), (&'static str, &'static str)> {
    if pattern.starts_with("/sys/fs/cgroup") {
        return Err((
            "a cgroup's path begins below the root of its hierarchy",
            "a path as in /proc/PID/cgroup, like `/machine.slice/**`",
        ));
    }
    match pattern.strip_prefix('/') {
        Some(_) => Ok(()),
        None if pattern.starts_with("**") => Ok(()),
        None => Err((
            "a cgroup's path starts with `/`",
            "a path as in /proc/PID/cgroup, like `/machine.slice/**`",
        )),
    }
}

/// For names below /dev.
pub(crate) fn devname(pattern: &str) -> Result<(), (&'static str, &'static str)> {
    if pattern.starts_with('/') {
        return Err((
            "a device name is relative to /dev",
            "a name like `input/event*`",
        ));
    }
    whole_parts(pattern)
}

/// For one part of a path: names of subsystems and drivers.
pub(crate) fn one_part(pattern: &str) -> Result<(), (&'static str, &'static str)> {
    match pattern {
        "" => Err(("nothing has an empty name", "a name")),
        _ if pattern.contains('/') => Err(("a name holds no `/`", "a name")),
        _ => Ok(()),
    }
}

fn whole_parts(pattern: &str) -> Result<(), (&'static str, &'static str)> {
    if pattern.split('/').any(|part| part.is_empty()) {
        return Err(("a part of the path is empty", "names between single `/`"));
    }
    if pattern.split('/').any(|part| matches!(part, "." | "..")) {
        return Err(("`.` and `..` match nothing in sysfs", "a path without them"));
    }
    Ok(())
}
