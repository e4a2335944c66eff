//! The gate of a cgroup that somebody else made: a container runtime, or systemd.
//!
//! Whoever made it has put up a gate too. Programs of cgroup v2 are ANDed, so one beside theirs grants
//! nothing: theirs has to go, and be remembered. [`Takeover::look`] puts ours in its place and does so again
//! when its owner has put up another; [`Takeover::restore`] puts back what was there last. At no moment is
//! neither attached, and what stays of an owner that was killed is ours, which grants less or the same.
//!
//! A program above the cgroup, or a v1 list above it, stays: what it denies nobody below can be given.

mod find;
mod v1;
mod v2;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::{Access, Range, Version};

/// Whose gate is to be taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    /// That of a cgroup, by its directory, which need not be there yet.
    Dir(PathBuf),
    /// Those of the cgroups that a process is in when it is looked for.
    Process(i32),
}

/// Text that is no [`Whose`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected the directory of a cgroup, or PID: and the number of a process")]
pub struct WhoseError;

impl FromStr for Whose {
    type Err = WhoseError;

    /// `PID:123`, else an absolute path.
    fn from_str(text: &str) -> Result<Whose, WhoseError> {
        match text.strip_prefix("PID:") {
            Some(pid) => match pid.parse() {
                Ok(pid @ 1..) => Ok(Whose::Process(pid)),
                _ => Err(WhoseError),
            },
            None if text.starts_with('/') => Ok(Whose::Dir(text.into())),
            None => Err(WhoseError),
        }
    }
}

impl fmt::Display for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Whose::Dir(dir) => write!(f, "{}", dir.display()),
            Whose::Process(pid) => write!(f, "PID:{pid}"),
        }
    }
}

/// Gates of somebody else's that are, or will be, ours.
///
/// Nothing is touched before the first [`Takeover::look`]: what is granted until then is granted together.
/// Dropping it changes nothing; [`Takeover::restore`] gives the gates back.
#[derive(Debug)]
pub struct Takeover {
    gates: Vec<Gate>,
}

#[derive(Debug)]
enum Gate {
    V1(v1::Gate),
    V2(v2::Gate),
}

impl Takeover {
    /// Finds the cgroups and gets ready. Of a process that is in several hierarchies with a device gate,
    /// those are taken that restrict it; if none does, that of v2, else that of v1.
    ///
    /// # Errors
    /// With a text that says what to do: no such process; no cgroup directory; a hierarchy's root, where
    /// no gate can be; a cgroup that the caller is in itself; a kernel that takes no device program.
    pub fn prepare(whose: &Whose) -> io::Result<Takeover> {
        let gates = find::find(whose)?.into_iter().map(|found| {
            Ok(match found.version {
                Version::V1 => Gate::V1(v1::Gate::new(found.dir)),
                Version::V2 => Gate::V2(v2::Gate::new(found.dir)?),
            })
        });
        Ok(Takeover {
            gates: gates.collect::<io::Result<_>>()?,
        })
    }

    /// The directories that would be taken over, there or not.
    ///
    /// # Errors
    /// As [`Takeover::prepare`].
    pub fn find(whose: &Whose) -> io::Result<Vec<PathBuf>> {
        let found = find::find(whose)?.into_iter();
        Ok(found.map(|found| found.dir).collect())
    }

    /// The directories, there or not.
    pub fn dirs(&self) -> Vec<&Path> {
        let gates = self.gates.iter();
        gates
            .map(|gate| match gate {
                Gate::V1(gate) => gate.dir(),
                Gate::V2(gate) => gate.dir(),
            })
            .collect()
    }

    /// Makes `access` the whole of what `range` grants, as [`Cgroup::grant`](super::Cgroup::grant) does.
    ///
    /// # Errors
    /// As there. That a v1 cgroup above does not have it is no error but a note of the next look.
    pub fn grant(&mut self, range: Range, access: Access) -> io::Result<()> {
        range.check()?;
        self.each(|gate| match gate {
            Gate::V1(gate) => gate.want(range, Some(access)),
            Gate::V2(gate) => gate.grant(range, access),
        })
    }

    /// Takes back what was granted for this very range.
    ///
    /// # Errors
    /// As [`Cgroup::revoke`](super::Cgroup::revoke).
    pub fn revoke(&mut self, range: Range) -> io::Result<()> {
        range.check()?;
        self.each(|gate| match gate {
            Gate::V1(gate) => gate.want(range, None),
            Gate::V2(gate) => gate.revoke(range),
        })
    }

    /// Looks whether the gates are ours, and takes over those that are not: the first time, after their
    /// owner has put up another, and when the directory is another cgroup's by now. To be called again and
    /// again; it costs a few system calls. The result is what the admin has to know, each sentence once.
    ///
    /// # Errors
    /// When a gate could not be taken over; the others were.
    pub fn look(&mut self) -> io::Result<Vec<String>> {
        let mut notes = Vec::new();
        self.each(|gate| {
            notes.extend(match gate {
                Gate::V1(gate) => gate.look()?,
                Gate::V2(gate) => gate.look()?,
            });
            Ok(())
        })?;
        Ok(notes)
    }

    /// Gives the gates back as they were last. What its owner has changed meanwhile, or has removed, is left
    /// alone. Where that fails ours stays, with what is granted now.
    ///
    /// # Errors
    /// Of the first gate that could not be given back; the others were.
    pub fn restore(&mut self) -> io::Result<()> {
        self.each(|gate| match gate {
            Gate::V1(gate) => gate.restore(),
            Gate::V2(gate) => gate.restore(),
        })
    }

    /// Does it to every gate; the first error.
    fn each(&mut self, mut f: impl FnMut(&mut Gate) -> io::Result<()>) -> io::Result<()> {
        let mut done = Ok(());
        for gate in &mut self.gates {
            done = done.and(f(gate));
        }
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_or_an_absolute_path() {
        for text in ["PID:1", "/sys/fs/cgroup/x"] {
            assert_eq!(text.parse::<Whose>().unwrap().to_string(), text);
        }
        for text in ["", "x", "PID:", "PID:0", "PID:-1", "PID:x", "pid:1"] {
            assert_eq!(text.parse::<Whose>(), Err(WhoseError), "{text:?}");
        }
    }
}
