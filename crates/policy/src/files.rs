//! Where rules files come from: this crate reads none itself.

use std::{collections::BTreeMap, sync::Arc};

/// Files by their names, which are those that an admin writes: paths with `/`, relative ones from wherever the program is.
pub trait Files {
    /// Reads a file.
    ///
    /// # Errors
    /// What comes after its name: "cannot be read: permission denied".
    fn read(&self, name: &str) -> Result<FileText, String>;

    /// The names in a directory, "" for the one where the program is; none if it is not there.
    ///
    /// # Errors
    /// What comes after its name.
    fn list(&self, dir: &str) -> Result<Vec<String>, String>;
}

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileText {
    /// The same for one file whatever it is called, and for no other file.
    pub identity: String,
    /// What it holds.
    pub text: String,
}

/// A file that rules were read from, for those who show where a rule stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its name, as in [`RuleRef::file`](crate::RuleRef::file).
    pub name: Arc<str>,
    /// What it held when it was read.
    pub text: Arc<str>,
}

/// Files by name, in memory.
impl Files for BTreeMap<String, String> {
    fn read(&self, name: &str) -> Result<FileText, String> {
        let text = self
            .get(name)
            .ok_or("cannot be read: no such file or directory")?;
        Ok(FileText {
            identity: name.to_owned(),
            text: text.clone(),
        })
    }

    fn list(&self, dir: &str) -> Result<Vec<String>, String> {
        let below = |name: &String| {
            let rest = match dir {
                "" => name,
                dir => name.strip_prefix(dir)?.strip_prefix('/')?,
            };
            rest.split('/').next().map(str::to_owned)
        };
        let mut names: Vec<String> = self.keys().filter_map(below).collect();
        names.dedup();
        Ok(names)
    }
}
