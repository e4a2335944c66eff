//! The rule file of the containers that are measured.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::say::target;

/// builtin:all, and one attribute that may be written.
pub const ALL: &str = "bench";

/// One rule, which shows every device.
pub const ONE: &str = "one";

/// The same after so many others that match nothing that all are `THOUSAND_RULES`.
pub const THOUSAND: &str = "thousand";

const THOUSAND_RULES: usize = 1000;

/// The rule file while this lives.
pub struct Policies(PathBuf);

impl Policies {
    /// Write it below `target`.
    pub fn write() -> Result<Policies> {
        let path = target().join(format!("bench-{}.yaml", std::process::id()));
        std::fs::write(&path, text()).with_context(|| format!("{path:?}"))?;
        Ok(Policies(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Policies {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn text() -> String {
    let mut text = format!(
        "\
version: 1
policies:
  {ALL}:
    base: [all]
    rules:
      - match: {{ subsystem: mem, devname: \"null\" }}
        show: rw
        sysfs: {{ write: [power/control] }}
  {ONE}:
    base: []
    rules:
      - {EVERY_DEVICE}
  {THOUSAND}:
    base: []
    rules:
"
    );
    for number in 1..THOUSAND_RULES {
        let _ = writeln!(text, "      - {}", matches_nothing(number));
    }
    let _ = writeln!(text, "      - {EVERY_DEVICE}");
    text
}

const EVERY_DEVICE: &str = "{ match: { devpath: /** }, show: rw }";

/// Rules of the kinds that admins write. None needs a fact that udev might still have to tell.
fn matches_nothing(number: usize) -> String {
    let keys = match number % 4 {
        0 => format!("devpath: \"/devices/nowhere/{number}/**\""),
        1 => format!("subsystem: block, devname: \"absent{number}*\""),
        2 => format!("devnum: \"c 4000:{number}\""),
        _ => format!("parent: {{ driver: absent{number} }}"),
    };
    format!("{{ match: {{ {keys} }}, show: ro }}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_are_a_thousand_and_the_last_decides() {
        let text = text();
        let (_, thousand) = text.split_once("  thousand:\n").unwrap();
        let rules: Vec<&str> = thousand.lines().filter(|l| l.contains("- {")).collect();
        assert_eq!(rules.len(), THOUSAND_RULES);
        assert!(rules[THOUSAND_RULES - 1].ends_with(EVERY_DEVICE));
        let shows_all = rules.iter().filter(|r| r.contains(EVERY_DEVICE)).count();
        assert_eq!(shows_all, 1);
    }
}
