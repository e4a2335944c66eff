//! `devns run`: a process in namespaces that sees the devices its policy shows.

mod agent;
mod channel;
mod command;
mod container;
mod first;
mod idmap;
mod options;
mod proc_masks;
mod reload;
mod rootfs;
mod sealed;
mod signals;
mod stage;
mod state;
mod streams;
mod terminal;
mod watcher;

pub use container::run;

/// Exit status when devns itself fails, as `docker run` and `env` have it.
pub const OURS: u8 = 125;
/// Exit status when the command cannot be executed.
pub const NOT_EXECUTABLE: u8 = 126;
/// Exit status when the command is not there.
pub const NOT_FOUND: u8 = 127;
