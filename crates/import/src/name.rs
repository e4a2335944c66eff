//! Names below /dev, as globs and as links.

use kobject::Devname;

/// Names that no link takes (docs/rules.md, "Who gets a name").
const STANDARD: &[&str] = &[
    "null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts", "shm", "mqueue", "fd",
    "stdin", "stdout", "stderr", "core", "console",
];

/// The name of a path below /dev, cleaned as a file system would: `/dev//snd/` is `snd`. None for another path.
pub(crate) fn below_dev(path: &str) -> Option<String> {
    let mut parts = path.split('/').filter(|part| !part.is_empty());
    if !path.starts_with('/') || parts.next() != Some("dev") {
        return None;
    }
    let name = parts.collect::<Vec<_>>().join("/");
    Devname::parse(name.as_bytes()).ok().map(|_| name)
}

/// Whether only udev makes names like this one: `disk/by-id/...`, `serial/by-path/...`, always a link.
pub(crate) fn is_link_of_udev(name: &str) -> bool {
    let mut parts = name.split('/').skip(1);
    parts.next().is_some_and(|part| part.starts_with("by-")) && parts.next().is_some()
}

/// A glob that matches this name only.
pub(crate) fn literal(name: &str) -> String {
    let mut glob = String::new();
    for c in name.chars() {
        match c {
            '*' | '?' | '[' => glob.extend(['[', c, ']']),
            c => glob.push(c),
        }
    }
    glob
}

/// A link of this name.
pub(crate) fn link(name: &str) -> String {
    name.replace('%', "%%")
}

/// Whether no link can have this name.
pub(crate) fn is_standard(name: &str) -> bool {
    let first = name.split('/').next().unwrap_or_default();
    STANDARD.contains(&first)
}
