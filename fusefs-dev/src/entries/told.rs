//! What was logged already.

use std::collections::HashSet;

use parking_lot::Mutex;

/// As many lines are remembered: devices that come and go make new ones without an end.
const MOST: usize = 1000;

/// Logs each line once. /dev is put together anew with each change, and the same names collide each
/// time.
#[derive(Debug, Default)]
pub struct Told(Mutex<HashSet<String>>);

impl Told {
    /// A warning.
    pub fn warn(&self, line: String) {
        self.once(log::Level::Warn, line);
    }

    /// What nobody has to know.
    pub fn debug(&self, line: String) {
        if log::log_enabled!(log::Level::Debug) {
            self.once(log::Level::Debug, line);
        }
    }

    fn once(&self, level: log::Level, line: String) {
        if self.is_new(&line) {
            log::log!(level, "{line}");
        }
    }

    #[cfg(test)]
    pub fn has(&self, line: &str) -> bool {
        self.0.lock().contains(line)
    }

    fn is_new(&self, line: &str) -> bool {
        let mut told = self.0.lock();
        if told.contains(line) {
            return false;
        }
        if told.len() == MOST {
            told.clear();
        }
        told.insert(line.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_new_once() {
        let told = Told::default();
        assert!(told.is_new("a") && told.is_new("b") && !told.is_new("a"));
        for n in 0..2 * MOST {
            told.is_new(&n.to_string());
        }
        assert!(told.0.lock().len() <= MOST);
    }
}
