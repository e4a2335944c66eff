//! Python programs that run inside containers, and beside them on the host for comparison.
//!
//! They are handed over as an argument (`python3 -c`), since a container may see none of the
//! host's files.

/// Debian's own Python, for what runs on the host: there may be another one before it that only
/// root can run.
pub const PYTHON: &str = "/usr/bin/python3";

/// Prints `ready`, then every uevent that arrives as a line of JSON: its text, its variables in
/// order, and whether its node and its directory in /sys were there and could be opened the
/// moment it was read. Writes what lines of JSON on its stdin ask for, and ends with it.
pub const LISTEN: &str = include_str!("inside/listen.py");

/// Prints `ready`, then for every device of which it hears what can be done to its node at that moment and
/// what leads there; runs the shell commands that it reads, one a line.
pub const ACCESS: &str = include_str!("inside/access.py");

/// Prints a tree as JSON: for each path its type, mode, owner, link target, content or errno.
pub const WALK: &str = include_str!("inside/walk.py");

/// Runs a command in a terminal, types what it is told to and looks for what should appear.
pub const TERMINAL: &str = include_str!("inside/terminal.py");

/// Asks of a tree what it will not do, and prints what came of each request.
pub const REQUESTS: &str = include_str!("inside/requests.py");

/// Enumerates devices, or hears of them, by pyudev.
pub const DEVICES: &str = include_str!("inside/devices.py");

/// Prints, for each line that it reads, how often in a second `ATTRIBUTE`, a path, can be read; if that is None, how
/// often a file can be made in `DIRECTORY`.
pub const SHARE: &str = include_str!("inside/share.py");

/// Evaluates each line of its stdin, in which it has a word for each way to fill a directory.
pub const FILL: &str = include_str!("inside/fill.py");
