//! The system calls: namespaces, mounts, netlink, seccomp, bpf. The only unsafe code.
//!
//! Every function is a safe wrapper around one call or one short, fixed sequence of calls; what
//! to call, and when, is decided elsewhere. Errors carry the call with its arguments.
#![allow(unsafe_code)]

pub mod bpf;
pub mod caps;
pub mod devmapper;
pub mod error;
pub mod keyring;
pub mod link;
pub mod loopdev;
pub mod mount;
pub mod namespace;
pub mod process;
pub mod pty;
pub mod seccomp;
pub mod stat;

pub use error::{Context, Error, Result};
