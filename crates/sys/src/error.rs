//! An error that carries the call it came from.

use std::fmt;
use std::io;

/// A system call that failed: what was called with which arguments, and the errno.
#[derive(Debug)]
pub struct Error {
    call: String,
    source: io::Error,
}

/// What the wrappers of this crate return.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error of `call`, a text such as `openat2(<sysfs>, "class/net")`.
    pub fn new(call: impl Into<String>, source: impl Into<io::Error>) -> Error {
        Error {
            call: call.into(),
            source: source.into(),
        }
    }

    /// The errno of the current thread, as an error of `call`.
    pub fn last(call: impl Into<String>) -> Error {
        Error::new(call, io::Error::last_os_error())
    }

    /// The errno, 0 when the failure was none of the kernel's.
    pub fn errno(&self) -> i32 {
        self.source.raw_os_error().unwrap_or(0)
    }

    /// The call and its arguments.
    pub fn call(&self) -> &str {
        &self.call
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // io::Error would add "(os error 2)", which tells a reader nothing more
        match self.source.raw_os_error() {
            Some(errno) => {
                let text = nix::errno::Errno::from_raw(errno).desc().to_lowercase();
                write!(f, "{}: {}", self.call, text)
            }
            None => write!(f, "{}: {}", self.call, self.source),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> io::Error {
        match error.source.raw_os_error() {
            Some(errno) => io::Error::from_raw_os_error(errno),
            None => io::Error::other(error),
        }
    }
}

/// Says which call a result came from.
pub trait Context<T> {
    /// `self`, with the call named should it be an error.
    fn call(self, call: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: Into<io::Error>> Context<T> for std::result::Result<T, E> {
    fn call(self, call: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|e| Error::new(call(), e))
    }
}
