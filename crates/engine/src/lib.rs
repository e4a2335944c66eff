//! The order of things: monitor, facts, policy, access, view, caches, event.
//!
//! When a device appears, access is granted, then the view published, then the kernel's caches
//! told, then the event sent. When it vanishes, access goes first. So a node is never missing
//! when its event arrives, an event never names a hidden device, and nothing opens after its
//! `remove` was read.

mod audit;
mod engine;
mod event;
mod facts;
mod hotplug;
mod own;
mod reload;
mod rescan;
mod seqnum;
mod simulation;
mod tell;
#[cfg(test)]
mod tests;
mod told;
mod uevents;
mod watch;

pub use engine::{Config, Engine, EngineError, Gate};
pub use facts::attributes;
pub use reload::Stopped;
pub use simulation::{Outcome, Simulation};
pub use told::Told;
pub use watch::{Hides, OnRevoked, Outlets, Paths, Watch};
