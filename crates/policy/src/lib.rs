//! Rules to decisions, decisions to views, views to changes; pure.
//!
//! [`Rules::load`] reads what an admin wrote, [`Rules::select`] finds the [`Policy`] of a container. A [`DeviceTable`] holds what is
//! known of the host's devices; a [`View`] applies one policy to it and says, device by device and path by path, what the container
//! sees and why. [`View::refresh`] turns a change of the table into a [`ViewChange`]. [`format()`] is for those who write rules.

mod attrs;
mod builtin;
mod candidates;
mod change;
mod decide;
mod decision;
mod error;
mod explain;
mod facts;
mod files;
mod format;
mod glob;
mod language;
mod load;
mod matcher;
mod node;
mod policy;
mod revoke;
mod rules;
mod says;
mod table;
mod template;
mod view;
mod views;
mod wait;
mod words;
mod yaml;

pub use attrs::{Attribute, Attributes};
pub use builtin::{Builtin, builtins};
pub use change::{Shown, ViewChange};
pub use decision::{Decision, Reason, RuleRef, Show};
pub use error::{Place, RuleError, RuleErrors, Severity};
pub use explain::{
    CloseRule, Entry, Explanation, FailedKey, Is, PathExplanation, PathReason, Way, explain,
    explain_path,
};
pub use facts::{Facts, Udev};
pub use files::{FileText, Files, Source};
pub use format::format;
pub use language::schema;
pub use node::{NoLink, NoLinkReason, Owner};
pub use policy::{Cpus, Limits, Policy};
pub use revoke::OnRevoke;
pub use rules::{Container, Rules, SelectError};
pub use says::{Ancestors, Events};
pub use table::DeviceTable;
pub use view::{FileAccess, Sight, Verdict, View};
pub use views::{ForContainers, Views};
pub use wait::Wanted;
