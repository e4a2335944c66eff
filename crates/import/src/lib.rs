//! What others say about a container's devices, as rules: Docker's and podman's `--device`, CDI specifications, FreeBSD's devfs.rules.
//!
//! The rules mean the same as what they come from, and say where they come from. What has no equivalent is a [`Note`], and a comment in
//! the rules. What would be more than was given is never a rule: it is one that is commented out.

mod access;
mod cdi;
mod devfs;
mod flag;
mod grants;
mod name;
mod text;

use std::fmt;

pub use flag::{Seen, SeenDevice};

/// What is imported, source by source.
#[derive(Debug, Default)]
pub struct Import {
    flags: Vec<flag::Flag>,
    specs: Vec<cdi::Spec>,
    devfs: devfs::Files,
}

/// A rule file, in the layout of [`policy::format()`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// Its text.
    pub rules: String,
    /// What the rules do not say, or say otherwise.
    pub notes: Vec<Note>,
}

/// Something that has no equivalent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Where it stands: a flag, or a file with a line or a device.
    pub source: String,
    /// What about it.
    pub text: String,
}

/// What cannot be imported at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportError {
    /// Where it stands.
    pub source: String,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", text::shown(&self.source), self.message)
    }
}

impl std::error::Error for ImportError {}

/// An error about `source`.
fn wrong(source: impl Into<String>, message: impl Into<String>) -> ImportError {
    ImportError {
        source: source.into(),
        message: message.into(),
    }
}

impl Import {
    /// Nothing yet.
    pub fn new() -> Import {
        Import::default()
    }

    /// The value of a `--device` flag. `seen`: what is at its host path now, if somebody has looked.
    pub fn device(&mut self, flag: &str, seen: Option<Seen>) -> Result<(), ImportError> {
        self.flags.push(flag::Flag::parse(flag, seen)?);
        Ok(())
    }

    /// A CDI specification, JSON or YAML.
    pub fn cdi(&mut self, file: &str, text: &str) -> Result<(), ImportError> {
        self.specs.push(cdi::Spec::parse(file, text)?);
        Ok(())
    }

    /// A file as devfs.rules(5) has it. Several are read as FreeBSD's boot does: a ruleset replaces one of the same number.
    pub fn devfs_rules(&mut self, file: &str, text: &str) -> Result<(), ImportError> {
        self.devfs.read(file, text)
    }

    /// The rules. `policy` is the name of the policy for flags; others are named after what they come from.
    pub fn finish(self, policy: &str) -> Result<Imported, ImportError> {
        let mut file = text::File::default();
        if !self.flags.is_empty() {
            flag::policy(&mut file, policy, self.flags);
        }
        for spec in self.specs {
            spec.policies(&mut file);
        }
        self.devfs.policies(&mut file)?;
        file.finish()
    }
}
