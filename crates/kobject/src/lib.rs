//! Device vocabulary: devpaths, devices, uevents, the synthetic uevent grammar, sets of CPUs.
//!
//! Everything here is a value: no I/O, no clock. Whatever comes from a kernel, a container or a device is parsed once, into types
//! that cannot hold what their consumers would have to check again. Kernel strings are bytes; what is not UTF-8 is kept.

mod action;
mod cpuset;
mod device;
mod devname;
mod devnum;
mod devpath;
mod escape;
mod properties;
mod said;
pub mod synth;
pub mod trace;
mod udev;
mod uevent;

pub use action::{Action, ActionError};
pub use cpuset::{CpuSet, CpuSetError};
pub use device::Device;
pub use devname::{Devname, DevnameError};
pub use devnum::{DevKind, Devnum, DevnumError};
pub use devpath::{Devpath, DevpathError};
pub use escape::Escaped;
pub use properties::Properties;
pub use said::UdevSaid;
pub use udev::{UdevMessage, UdevMessageError};
pub use uevent::{Uevent, UeventError};

/// A string of the kernel's: bytes, usually but not always UTF-8, never with a NUL.
pub type Bytes = bstr::BString;
