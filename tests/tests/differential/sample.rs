//! Which files everything is asked of.

#![allow(dead_code)] // each test takes what it needs

use std::collections::{BTreeMap, BTreeSet};

/// One in how many of the files is asked for: `DIFFERENTIAL_SHARE`, for machines that are emulated and
/// take minutes for all of them.
pub fn share() -> usize {
    match std::env::var("DIFFERENTIAL_SHARE") {
        Ok(text) => text
            .parse()
            .expect("DIFFERENTIAL_SHARE is a number from 1 on"),
        Err(_) => 1,
    }
}

/// What is asked of which path.
pub struct Sample {
    /// Everything.
    pub all: BTreeSet<String>,
    /// What tells kinds of files apart.
    pub some: BTreeSet<String>,
    /// Configuration spaces.
    pub pci: BTreeSet<String>,
    /// Files that only root may read.
    pub secret: BTreeSet<String>,
    /// Text that everybody may read and nobody write.
    pub text: BTreeSet<String>,
}

const FORMAT: u32 = 0o170_000;
const FILE: u32 = 0o100_000;
/// That many of a kind are enough.
const FEW: usize = 4;

impl Sample {
    /// A sample of `inodes` (path, mode, size): whatever is binary or among `wanted`, a file of every
    /// mode and size, and of every other kind (a name but for its digits, with a mode) and of all
    /// directories and unreadable and writable files that part whose turn it is: `turn` of `turns`, so
    /// that each is asked for in one of them.
    pub fn of<'a>(
        inodes: &[(String, u32, u64)],
        wanted: impl Iterator<Item = &'a String>,
        turn: usize,
        turns: usize,
    ) -> Sample {
        let mut all: BTreeSet<String> = wanted.cloned().collect();
        let (mut some, mut pci) = (BTreeSet::new(), BTreeSet::new());
        let (mut secret, mut text) = (BTreeSet::new(), BTreeSet::new());
        let (mut sorts, mut kinds) = (BTreeSet::new(), BTreeMap::new());
        let mut others = 0;
        for (path, mode, size) in inodes {
            let is_file = mode & FORMAT == FILE;
            let name = path.rsplit('/').next().unwrap_or_default();
            let name: String = name
                .chars()
                .map(|c| if c.is_ascii_digit() { '0' } else { c })
                .collect();
            let is_pci = name == "config" && path.starts_with("/devices/pci");
            let is_binary = is_file && *size != 4096 || is_pci;
            let is_first = sorts.insert((*mode, *size));
            let count = kinds.len();
            let kind = kinds
                .entry((name.clone(), *mode))
                .or_insert_with(|| (count, path));
            let is_turn = kind.1 == path && kind.0 % turns == turn;
            if is_pci {
                pci.insert(path.clone());
            }
            if is_binary || is_first || is_turn {
                all.insert(path.clone());
            } else if !is_file || mode & 0o444 != 0o444 || mode & 0o222 != 0 {
                others += 1;
                if others % turns == turn {
                    some.insert(path.clone());
                }
            }
            let is_asked = all.contains(path) || some.contains(path);
            // to read that one is to plug a device, so nobody does
            let is_read = is_asked && name != "hot_add";
            if is_file && mode & 0o777 == 0o400 && is_read {
                secret.insert(path.clone());
            }
            if is_file && mode & 0o777 == 0o444 && *size == 4096 && all.contains(path) {
                text.insert(path.clone());
            }
        }
        Sample {
            all,
            some,
            pci,
            secret,
            text,
        }
    }

    /// One in `share` of it, other ones in each `turn`, but all of `wanted`, and some configuration spaces,
    /// files that only root may read and texts for everybody.
    pub fn thin<'a>(
        mut self,
        wanted: impl Iterator<Item = &'a String>,
        turn: usize,
        share: usize,
    ) -> Sample {
        let mut keep: BTreeSet<String> = wanted.cloned().collect();
        for kind in [&mut self.pci, &mut self.secret, &mut self.text] {
            let enough = every(kind, turn, share.min(kind.len() / FEW));
            keep.extend(enough);
        }
        for of in [&mut self.all, &mut self.some] {
            keep.extend(every(of, turn, share));
            of.retain(|path| keep.contains(path));
        }
        for kind in [&mut self.pci, &mut self.secret, &mut self.text] {
            kind.retain(|path| keep.contains(path));
        }
        self
    }
}

/// One in `share` of `paths`, other ones in each `turn`.
pub fn every(paths: &BTreeSet<String>, turn: usize, share: usize) -> BTreeSet<String> {
    let (share, paths) = (share.max(1), paths.iter());
    paths.skip(turn % share).step_by(share).cloned().collect()
}
