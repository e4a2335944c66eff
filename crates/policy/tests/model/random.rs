//! Choices, all made from one number. Some can be forbidden: that is how a case gets smaller.

/// SplitMix64: enough to choose from lists.
pub struct Random {
    state: u64,
    may: u8,
}

/// What a rule or a device can have beyond what it must; a forbidden one is left out.
#[derive(Clone, Copy)]
pub enum Extra {
    /// A second key in a match, a second glob for a key.
    Second,
    /// `parent`, `not`, `any`.
    Nested,
    /// `node`, `on_revoke`.
    Node,
    /// `sysfs`.
    Sysfs,
    /// A name, `events`, `ancestors`, lines that move.
    Words,
    /// Of a device: what udev says.
    Udev,
    /// Of a device: attributes.
    Attributes,
    /// Of a device: what is not as usual.
    Unusual,
}

impl Random {
    /// `may` has a bit for each [`Extra`].
    pub fn new(seed: u64, may: u8) -> Random {
        Random { state: seed, may }
    }

    pub fn number(&mut self, below: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % below as u64).unwrap()
    }

    pub fn chance(&mut self, of: usize) -> bool {
        self.number(of) == 0
    }

    /// As [`Random::chance`], for something that can be left out.
    pub fn extra(&mut self, what: Extra, of: usize) -> bool {
        self.chance(of) && self.may & 1 << what as u8 != 0
    }

    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.number(list.len())]
    }

    pub fn some(&mut self, list: &[&str]) -> Vec<String> {
        let mut some = vec![(*self.pick(list)).to_owned()];
        if self.extra(Extra::Second, 4) {
            some.push((*self.pick(list)).to_owned());
        }
        some
    }
}
