//! FreeBSD's devfs.rules(5).
//!
//! There all rules of a ruleset are applied to a node in their order, each adding what it says; here the first that matches decides. So
//! rules come in the opposite order, and where one hides or shows and another sets a mode, a rule for both comes first.

mod directories;
mod flat;
mod pattern;
mod read;
mod rule;
mod translate;

use crate::{ImportError, text::File, wrong};
use flat::flatten;
use read::Ruleset;

const DEFAULTS_FILE: &str = "/etc/defaults/devfs.rules";

/// What FreeBSD has there, in short.
const DEFAULTS: &str = "[devfsrules_hide_all=1]
add hide
[devfsrules_unhide_basic=2]
add path null unhide
add path zero unhide
add path crypto unhide
add path random unhide
add path urandom unhide
[devfsrules_unhide_login=3]
add path 'pty[l-sL-S]*' unhide
add path 'tty[l-sL-S]*' unhide
add path ptmx unhide
add path pts unhide
add path 'pts/*' unhide
add path fd unhide
add path 'fd/*' unhide
add path stdin unhide
add path stdout unhide
add path stderr unhide
[devfsrules_jail=4]
add include $devfsrules_hide_all
add include $devfsrules_unhide_basic
add include $devfsrules_unhide_login
add path fuse unhide
add path zfs unhide
[devfsrules_jail_vnet=5]
add include $devfsrules_hide_all
add include $devfsrules_unhide_basic
add include $devfsrules_unhide_login
add include $devfsrules_jail
add path pf unhide
";

/// The rulesets of some files.
#[derive(Debug, Default)]
pub(crate) struct Files {
    rulesets: Vec<Ruleset>,
}

impl Files {
    pub fn read(&mut self, file: &str, text: &str) -> Result<(), ImportError> {
        for ruleset in read::rulesets(file, text)? {
            self.rulesets.retain(|other| other.number != ruleset.number);
            self.rulesets.push(ruleset);
        }
        Ok(())
    }

    /// A policy for each ruleset.
    pub fn policies(self, file: &mut File) -> Result<(), ImportError> {
        let mut all = self.rulesets.clone();
        for mut ruleset in read::rulesets(DEFAULTS_FILE, DEFAULTS)? {
            for rule in &mut ruleset.rules {
                // its lines there are others
                rule.file = format!("{DEFAULTS_FILE} [{}]", ruleset.name);
                rule.line = 0;
            }
            let known =
                |other: &Ruleset| other.number == ruleset.number || other.name == ruleset.name;
            if !all.iter().any(known) {
                all.push(ruleset);
            }
        }
        for ruleset in &self.rulesets {
            let flattened = flatten(ruleset, &all)?;
            let source = read::place(&ruleset.file, ruleset.line);
            let policy = translate::policy(file, ruleset, flattened)
                .map_err(|message| wrong(source, message))?;
            file.push(policy);
        }
        Ok(())
    }
}
