//! Failures as a user meets them: one sentence, what to do about it, an exit status.

use std::fmt;

/// The exit statuses, besides 0. `--help` lists them; see [`STATUSES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Something failed that none of the others names.
    Other = 1,
    /// Wrong use, wrong rules, a policy that does not exist.
    Usage = 2,
    /// Not root.
    NotRoot = 3,
    /// The host lacks something: /dev/fuse, a cgroup hierarchy.
    Host = 4,
    /// The mountpoint is missing, no directory, or taken.
    Mountpoint = 5,
}

/// For `--help`.
pub const STATUSES: &str = "Exit status:
  0  success
  1  something failed
  2  wrong use, an error in a rule file, or a policy that does not exist
  3  not root
  4  the host lacks something (`devns doctor` says what)
  5  the mountpoint is missing, not a directory, or taken";

/// A failure: what went wrong, and the mend.
#[derive(Debug)]
pub struct Failure {
    /// The exit status.
    pub status: Status,
    message: String,
    mend: Option<String>,
}

impl Failure {
    /// A failure with this exit status.
    pub fn new(status: Status, message: impl Into<String>) -> Failure {
        Failure {
            status,
            message: message.into(),
            mend: None,
        }
    }

    /// With what the user can do about it.
    pub fn mend(mut self, mend: impl Into<String>) -> Failure {
        self.mend = Some(mend.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.mend {
            Some(mend) => write!(f, "; {mend}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Failure {}

impl From<sys::Error> for Failure {
    fn from(e: sys::Error) -> Failure {
        Failure::new(Status::Other, e.to_string())
    }
}

impl From<engine::EngineError> for Failure {
    fn from(e: engine::EngineError) -> Failure {
        Failure::new(Status::Other, e.to_string())
    }
}

impl From<std::io::Error> for Failure {
    fn from(e: std::io::Error) -> Failure {
        Failure::new(Status::Other, crate::reason(&e))
    }
}

/// Refuse to go on unless root on a host with FUSE.
pub fn need_root_and_fuse(what: &str) -> Result<(), Failure> {
    if !nix::unistd::geteuid().is_root() {
        return Err(
            Failure::new(Status::NotRoot, format!("{what} needs root")).mend("run it with sudo")
        );
    }
    if !std::path::Path::new("/dev/fuse").exists() {
        return Err(Failure::new(Status::Host, "/dev/fuse is not there")
            .mend("load the module with `modprobe fuse`, or give this machine the device"));
    }
    match std::fs::File::options()
        .read(true)
        .write(true)
        .open("/dev/fuse")
    {
        Ok(_) => Ok(()),
        Err(e) => Err(Failure::new(
            Status::Host,
            format!("/dev/fuse cannot be opened: {}", crate::reason(&e)),
        )
        .mend("`devns doctor` says what is missing")),
    }
}
