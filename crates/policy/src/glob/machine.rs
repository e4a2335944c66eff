//! Running a pattern: all ways at once (Thompson's construction), a bit for each.

use super::Token;

/// The tokens of a pattern, made ready to be run: a set of states is as many bits, of which bit n says that the first n tokens can have
/// taken what was read.
#[derive(Debug)]
pub(super) struct Machine {
    /// How many tokens.
    length: usize,
    words: usize,
    /// Bytes that no token tells apart have one class: a row for each byte would take 2 KiB for every pattern.
    classes: [u8; 256],
    /// For each class, the tokens that take it and are done.
    takes: Vec<u64>,
    /// Those that take any byte, and any but `/`, and go on.
    all: Vec<u64>,
    part: Vec<u64>,
    /// Those that may take nothing, by how many tokens that skips less one.
    skips: [Vec<u64>; 3],
}

/// What a run has come to.
#[derive(Debug)]
pub(super) struct States<'a> {
    machine: &'a Machine,
    bits: Vec<u64>,
}

impl Machine {
    pub fn of(tokens: &[Token]) -> Machine {
        let words = (tokens.len() + 1).div_ceil(64);
        let none = || vec![0; words];
        let (classes, firsts) = classes(tokens);
        let mut machine = Machine {
            length: tokens.len(),
            words,
            classes,
            takes: vec![0; firsts.len() * words],
            all: none(),
            part: none(),
            skips: [none(), none(), none()],
        };
        for (at, token) in tokens.iter().enumerate() {
            let (word, bit) = (at / 64, 1 << (at % 64));
            for (class, byte) in firsts.iter().enumerate() {
                if token.takes(*byte) {
                    machine.takes[class * words + word] |= bit;
                }
            }
            match token {
                Token::Part => machine.part[word] |= bit,
                Token::All => machine.all[word] |= bit,
                _ => {}
            }
            for by in token.skips() {
                machine.skips[by - 1][word] |= bit;
            }
        }
        machine
    }

    pub fn run(&self, text: &[u8]) -> Option<States<'_>> {
        let bits = match self.words {
            1 => vec![self.run_one(text)?],
            _ => self.run_many(text)?,
        };
        Some(States {
            machine: self,
            bits,
        })
    }

    /// Where all states fit one word, as of nearly all patterns.
    fn run_one(&self, text: &[u8]) -> Option<u64> {
        let (all, part) = (self.all[0], self.part[0]);
        let [one, two, three] = [self.skips[0][0], self.skips[1][0], self.skips[2][0]];
        let skip = |mut states: u64| loop {
            let more = (states & one) << 1 | (states & two) << 2 | (states & three) << 3;
            if states | more == states {
                return states;
            }
            states |= more;
        };
        let mut states = skip(1);
        for byte in text {
            let stays = if *byte == b'/' { all } else { all | part };
            let next = (states & self.takes[self.class(*byte)]) << 1 | states & stays;
            if next == 0 {
                return None;
            }
            states = skip(next);
        }
        Some(states)
    }

    fn run_many(&self, text: &[u8]) -> Option<Vec<u64>> {
        let mut states = vec![0; self.words];
        states[0] = 1;
        self.skip(&mut states);
        let mut next = vec![0; self.words];
        for byte in text {
            let takes = &self.takes[self.class(*byte) * self.words..][..self.words];
            next.fill(0);
            for word in 0..self.words {
                let part = if *byte == b'/' { 0 } else { self.part[word] };
                next[word] |= states[word] & (self.all[word] | part);
                add_shifted(&mut next, word, states[word] & takes[word], 1);
            }
            if next.iter().all(|word| *word == 0) {
                return None;
            }
            self.skip(&mut next);
            std::mem::swap(&mut states, &mut next);
        }
        Some(states)
    }

    fn class(&self, byte: u8) -> usize {
        usize::from(self.classes[usize::from(byte)])
    }

    /// Adds the states that are reached without reading anything.
    fn skip(&self, states: &mut [u64]) {
        loop {
            let before = states.to_vec();
            for word in 0..self.words {
                for (by, skips) in (1..).zip(&self.skips) {
                    let from = states[word] & skips[word];
                    add_shifted(states, word, from, by);
                }
            }
            if states == before {
                return;
            }
        }
    }
}

/// The class of each byte, and the first byte of each class.
fn classes(tokens: &[Token]) -> ([u8; 256], Vec<u8>) {
    let mut begins = [false; 257];
    let mut tell = |low: u8, high: u8| {
        begins[usize::from(low)] = true;
        begins[usize::from(high) + 1] = true;
    };
    tell(b'/', b'/');
    for token in tokens {
        match token {
            Token::Byte(byte) => tell(*byte, *byte),
            Token::Class { ranges, .. } => ranges.iter().for_each(|(low, high)| tell(*low, *high)),
            Token::One | Token::Part | Token::All | Token::Below | Token::Above => {}
        }
    }
    let (mut classes, mut firsts) = ([0; 256], vec![0]);
    for byte in 1..=u8::MAX {
        if begins[usize::from(byte)] {
            firsts.push(byte);
        }
        // as many as there are bytes at the most
        classes[usize::from(byte)] = (firsts.len() - 1) as u8;
    }
    (classes, firsts)
}

/// Adds the bits `from` of word `word`, `by` places up.
fn add_shifted(states: &mut [u64], word: usize, from: u64, by: u32) {
    states[word] |= from << by;
    if let Some(above) = states.get_mut(word + 1) {
        *above |= from >> (64 - by);
    }
}

#[cfg(test)]
impl Machine {
    /// What it takes, in bytes.
    pub fn size(&self) -> usize {
        let lists = [&self.takes, &self.all, &self.part];
        let words: usize = lists.into_iter().chain(&self.skips).map(Vec::len).sum();
        std::mem::size_of::<Machine>() + words * 8
    }
}

impl States<'_> {
    /// Whether the whole pattern can have taken the text.
    pub fn is_done(&self) -> bool {
        let end = self.machine.length;
        self.bits[end / 64] >> (end % 64) & 1 == 1
    }

    /// Whether there is something of the pattern left that more text could be taken by.
    pub fn can_go_on(&self) -> bool {
        (0..self.machine.length).any(|at| self.bits[at / 64] >> (at % 64) & 1 == 1)
    }
}

impl Token {
    /// Whether it takes this byte and is done.
    fn takes(&self, byte: u8) -> bool {
        let in_part = byte != b'/';
        match self {
            Token::Byte(wanted) => byte == *wanted,
            Token::One => in_part,
            Token::Class { negated, ranges } => {
                let listed = ranges
                    .iter()
                    .any(|(low, high)| (low..=high).contains(&&byte));
                in_part && listed != *negated
            }
            Token::Below => !in_part,
            Token::Part | Token::All | Token::Above => false,
        }
    }

    /// How many tokens further on it leads without reading anything.
    fn skips(&self) -> &'static [usize] {
        match self {
            Token::Part | Token::All => &[1],
            Token::Below => &[2],
            Token::Above => &[1, 3],
            Token::Byte(_) | Token::One | Token::Class { .. } => &[],
        }
    }
}
