//! What the suite's command lines share: rules, errors and exit statuses, one view mounted.

pub mod failure;
mod log;
pub mod mount;
pub mod rules;

pub use failure::{Failure, Status};
pub use log::{finish_log, log_in_background, start_log};
