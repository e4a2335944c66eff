use std::fmt;

use crate::devnum::decimal;

/// Sets of CPUs end here: more than any kernel is built for (`NR_CPUS`), and no text makes us hold more than 8 KiB.
const LIMIT: u32 = 1 << 16;

/// A set of CPU numbers, as the kernel writes it: a list (`0-3,8`) or a mask (`1,0000000f`).
///
/// The texts are those of `%*pbl` and `%*pb` (`bitmap_list_string` and `bitmap_string` in the kernel's `lib/vsprintf.c`); some of
/// cpufreq's files have the numbers one by one instead (`0 1 2`, `cpufreq_show_cpus` in `drivers/cpufreq/cpufreq.c`). One newline at
/// the end is read over, and never written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct CpuSet {
    /// 32 CPUs each, the lowest first; the last one is not 0.
    groups: Vec<u32>,
}

/// Text that is no [`CpuSet`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected CPU numbers below {LIMIT} like {0}")]
pub struct CpuSetError(&'static str);

impl CpuSet {
    /// Reads a list: `0-3,8`. The empty text is the empty set.
    pub fn parse_list(text: &[u8]) -> Result<CpuSet, CpuSetError> {
        let error = CpuSetError("`0-3,8`");
        let mut set = CpuSet::default();
        let text = line(text).ok_or(error)?;
        for range in text.split(',').filter(|_| !text.is_empty()) {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let (first, last) = (cpu(first).ok_or(error)?, cpu(last).ok_or(error)?);
            if first > last {
                return Err(error);
            }
            set.extend(first..=last);
        }
        Ok(set)
    }

    /// Reads a mask, `1,0000000f`: the set, and how many hexadecimal digits it is written with.
    pub fn parse_mask(text: &[u8]) -> Result<(CpuSet, usize), CpuSetError> {
        let error = CpuSetError("`1,0000000f`");
        let text = line(text).ok_or(error)?;
        let (mut groups, mut digits) = (Vec::new(), 0);
        for (at, group) in text.split(',').enumerate() {
            let whole = at == 0 || group.len() == 8;
            let hex = group.bytes().all(|byte| byte.is_ascii_hexdigit());
            if !(hex && whole && (1..=8).contains(&group.len()))
                || groups.len() == LIMIT as usize / 32
            {
                return Err(error);
            }
            digits += group.len();
            groups.push(u32::from_str_radix(group, 16).map_err(|_| error)?);
        }
        groups.reverse();
        let mut set = CpuSet { groups };
        set.trim();
        Ok((set, digits))
    }

    /// Reads numbers with blanks between them: `0 1 2`.
    pub fn parse_numbers(text: &[u8]) -> Result<CpuSet, CpuSetError> {
        let error = CpuSetError("`0 1 2`");
        let text = line(text).ok_or(error)?;
        let numbers = text.split(' ').filter(|number| !number.is_empty());
        numbers.map(|number| cpu(number).ok_or(error)).collect()
    }

    /// As a mask of this many hexadecimal digits. CPUs that it has no place for are left out.
    pub fn mask(&self, digits: usize) -> String {
        let mut text = String::with_capacity(digits + digits / 8);
        for place in (0..digits).rev() {
            let group = self.groups.get(place / 8).copied().unwrap_or(0);
            let digit = group >> (place % 8 * 4) & 0xf;
            text.extend(char::from_digit(digit, 16));
            if place % 8 == 0 && place > 0 {
                text.push(',');
            }
        }
        text
    }

    /// As numbers with blanks between them.
    pub fn numbers(&self) -> String {
        let numbers: Vec<String> = self.iter().map(|cpu| cpu.to_string()).collect();
        numbers.join(" ")
    }

    /// Those that both have.
    pub fn intersection(&self, other: &CpuSet) -> CpuSet {
        let pairs = self.groups.iter().zip(&other.groups);
        let mut both = CpuSet {
            groups: pairs.map(|(a, b)| a & b).collect(),
        };
        both.trim();
        both
    }

    /// Whether it has this CPU.
    pub fn contains(&self, cpu: u32) -> bool {
        let group = self.groups.get(cpu as usize / 32).copied().unwrap_or(0);
        group >> (cpu % 32) & 1 == 1
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// The CPUs, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        (0..self.groups.len() as u32 * 32).filter(|cpu| self.contains(*cpu))
    }

    fn trim(&mut self) {
        while self.groups.last() == Some(&0) {
            self.groups.pop();
        }
    }
}

/// Numbers from the limit on are left out: no kernel has such CPUs.
impl Extend<u32> for CpuSet {
    fn extend<I: IntoIterator<Item = u32>>(&mut self, cpus: I) {
        for cpu in cpus.into_iter().filter(|cpu| *cpu < LIMIT) {
            let at = cpu as usize / 32;
            if self.groups.len() <= at {
                self.groups.resize(at + 1, 0);
            }
            self.groups[at] |= 1 << (cpu % 32);
        }
    }
}

impl FromIterator<u32> for CpuSet {
    fn from_iter<I: IntoIterator<Item = u32>>(cpus: I) -> CpuSet {
        let mut set = CpuSet::default();
        set.extend(cpus);
        set
    }
}

/// As a list.
impl fmt::Display for CpuSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut cpus = self.iter().peekable();
        let mut comma = "";
        while let Some(first) = cpus.next() {
            let mut last = first;
            while let Some(next) = cpus.next_if_eq(&(last + 1)) {
                last = next;
            }
            match first == last {
                true => write!(f, "{comma}{first}")?,
                false => write!(f, "{comma}{first}-{last}")?,
            }
            comma = ",";
        }
        Ok(())
    }
}

/// The one line of a file, without its end.
fn line(text: &[u8]) -> Option<&str> {
    std::str::from_utf8(text.strip_suffix(b"\n").unwrap_or(text)).ok()
}

fn cpu(text: &str) -> Option<u32> {
    decimal(text).filter(|cpu| *cpu < LIMIT)
}

#[cfg(test)]
mod tests;
