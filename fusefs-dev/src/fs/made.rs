//! Nodes that the container has made itself: they go for good with the device that they were made of. The next
//! one of its number is another device, and what somebody could do to the first is no right to it.

use std::collections::{HashMap, HashSet};
use std::os::fd::AsFd;

use rustix::fs::{AtFlags, fstat};
use viewfs::Kind;

use super::bounds::each;
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
        let Some(root) = self.own_at(b"") else {
            return;
        };
        let mut removed = Vec::new();
        each(root, |path, dir, name, kind| {
            if matches!(kind, Kind::Block | Kind::Char)
                && let Ok(fd) = own::child(dir.as_fd(), name)
                && let Ok(stat) = fstat(&fd)
                && gone.contains(&number_of_node(&stat))
                && rustix::fs::unlinkat(dir, name, AtFlags::empty()).is_ok()
            {
                removed.push((path.clone(), stat.st_ino));
            }
        });
        for (path, inode) in removed {
            // who still has it open by O_PATH gets nothing of the next device either
            self.numbers.lose_inode(inode);
            self.drop_implied(&path);
        }
    }
}
