//! Globs of each kind, checked for what could never match.

use crate::{
    glob::{Glob, Globs},
    load::Loader,
    yaml::Node,
};

impl Loader<'_> {
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
                    format!("`{pattern}`: {message}"),
                    expected.to_owned(),
                ),
                (_, Err(message)) => self.error(
                    item.at,
                    format!("`{pattern}`: {message}"),
                    "a glob".to_owned(),
                ),
                (_, Ok(glob)) => globs.push(glob),
            }
        }
        Globs(globs)
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
