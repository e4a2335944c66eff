//! Names that the kernel may take for something else than they are.
//!
//! What is given changes before the kernel is told of it. Meanwhile a request that names something may mean what was
//! there before, and the kernel would count a link less of that, and never let go of what was removed.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bstr::BString;
use viewfs::Error;

/// By when the kernel has been told: who holds that up for two seconds is ended.
const TOLD: Duration = Duration::from_secs(10);

/// Directories' numbers and names in them, and since when.
#[derive(Default)]
pub struct Unsure(HashMap<(u64, BString), Instant>);

impl Unsure {
    /// What is given at this name has changed.
    pub fn add(&mut self, parent: u64, name: &[u8]) {
        self.0.insert((parent, name.into()), Instant::now());
    }

    /// Let go of those that the kernel has been told of.
    pub fn expire(&mut self) {
        self.0.retain(|_, since| since.elapsed() < TOLD);
    }

    /// The kernel has asked what is there.
    pub fn looked_up(&mut self, parent: u64, name: &[u8]) {
        if !self.0.is_empty() {
            self.0.remove(&(parent, name.into()));
        }
    }

    /// ESTALE if the kernel has to ask again, which it does by itself then, and comes back (`retry_estale`,
    /// fs/namei.c).
    pub fn check(&self, parent: u64, name: &[u8]) -> Result<(), Error> {
        match !self.0.is_empty() && self.0.contains_key(&(parent, name.into())) {
            true => Err(Error::Stale),
            false => Ok(()),
        }
    }
}
