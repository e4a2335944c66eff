//! The FUSE core that both file systems share.
//!
//! A request goes kernel -> [`adapter`] (converts, calls, replies) -> [`core`] (nodes, handles)
//! -> a [`Tree`]. The tree of /sys is [`Filtered`]: the policy's view of a [`Source`]. Nothing
//! here knows where a source gets its content, so a fake one tests everything unmounted.

mod adapter;
mod core;
mod error;
mod filter;
#[cfg(test)]
mod fixtures;
mod nodes;
mod pool;
mod relay;
mod scene;
mod session;
mod source;
mod store;
mod tree;

pub use crate::core::{Core, Outdated};
pub use error::Error;
pub use filter::{Filtered, Uevents};
pub use pool::{Caller, Pool};
pub use relay::{Relay, RelayError};
pub use scene::{Missed, Scene, SharedScene};
pub use session::{Caches, Mount, Session};
pub use source::{Directory, Source, by_path};
pub use store::{Attributes, Maker, Name, New, Replace, Room, Store, Time, Wanted};
pub use tree::{Change, Entry, Kind, Lifetime, Reader, Stat, Tree, Writer};
