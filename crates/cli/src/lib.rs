//! What the suite's command lines share: rules, errors and exit statuses, one view mounted.

pub mod devices;
pub mod failure;
pub mod files;
mod gate;
mod keeper;
mod log;
pub mod mount;
mod open_files;
pub mod reload;
mod revoked;
pub mod rules;
pub mod running;

pub use devices::{Devices, Target};
pub use failure::{Failure, Status};
pub use files::reason;
pub use gate::{CgroupGate, Grants};
pub use keeper::Keeper;
pub use log::{finish_log, log_in_background, start_log};
pub use open_files::raise_open_files;
pub use revoked::{Kill, Revoked};
