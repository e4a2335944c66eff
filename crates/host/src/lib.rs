//! The host's real /sys and /dev: monitor, enumeration, reading beneath a directory fd,
//! injection, device cgroup, cpuset.
//!
//! Nothing here knows of policies or containers: facts come out, events and grants go in.

pub mod cgroup;
pub mod enumerate;
pub mod holders;
pub mod inject;
pub mod monitor;
pub mod process;
pub mod sysfs;
pub mod udevdb;

pub use inject::Injector;
pub use monitor::Monitor;
pub use sysfs::Sysfs;
