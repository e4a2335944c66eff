//! Nodes that the container has made itself: they go for good with the device that they were made of. The next
//! one of its number is another device, and what somebody could do to the first is no right to it.

use std::collections::{HashMap, HashSet};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use bstr::{BString, ByteSlice};
use rustix::fs::{AtFlags, fstat};
use viewfs::Kind;

use super::state::{Number, State, number_of_node};
use crate::own;

impl State {
    /// Remove what the container has made of those devices that showed `before` and have gone, even if others
    /// have their numbers now. All of its entries are looked at, of which its limits leave it few, and only if
    /// it has made such a node.
    pub(super) fn drop_made(&mut self, before: &HashMap<Number, u64>) {
        let gone = |number: &Number| {
            let arrival = before.get(number);
            arrival.is_some() && arrival != self.devices.get(number)
        };
        let gone: HashSet<Number> = self.made.iter().copied().filter(gone).collect();
        if gone.is_empty() {
            return;
        }
        self.made.retain(|number| !gone.contains(number));
        let mut left: Vec<(BString, Arc<OwnedFd>)> = Vec::new();
        left.extend(self.own_at(b"").map(|root| (BString::default(), root)));
        while let Some((path, dir)) = left.pop() {
            for (name, kind) in own::names(dir.as_fd()).unwrap_or_default() {
                if !matches!(kind, Kind::Directory | Kind::Block | Kind::Char) {
                    continue;
                }
                let Ok(fd) = own::child(dir.as_fd(), &name) else {
                    continue;
                };
                if kind == Kind::Directory {
                    let path = BString::from([path.as_slice(), b"/", &name].concat());
                    left.push((path, Arc::new(fd)));
                } else if let Ok(stat) = fstat(&fd)
                    && gone.contains(&number_of_node(&stat))
                    && rustix::fs::unlinkat(&dir, name.as_bytes(), AtFlags::empty()).is_ok()
                {
                    // who still has it open by O_PATH gets nothing of the next device either
                    self.numbers.retire_inode(stat.st_ino);
                    self.drop_implied(&path);
                }
            }
        }
    }
}
