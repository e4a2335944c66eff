//! What a request can fail with, and the errno that says so.

/// Why a request was refused. Each has one errno; the table is [`Error::errno`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Hidden, or not there: nobody can tell which.
    #[error("no such file")]
    NotFound,
    /// The file's mode, or the lack of a rule that grants it, forbids the access.
    #[error("access denied")]
    Denied,
    /// Nobody may do this here.
    #[error("operation not permitted")]
    NotPermitted,
    /// Nothing can be created or removed here.
    #[error("read-only file system")]
    ReadOnly,
    /// The device is gone.
    #[error("no such device")]
    NoDevice,
    /// What the kernel knows by this number is not what has the name now: it looks again.
    #[error("stale file handle")]
    Stale,
    /// A name of more than 255 bytes.
    #[error("name too long")]
    NameTooLong,
    /// A number that no open file has.
    #[error("bad file handle")]
    BadHandle,
    /// Not a directory.
    #[error("not a directory")]
    NotDirectory,
    /// A directory.
    #[error("is a directory")]
    IsDirectory,
    /// Not a symbolic link, or a malformed argument.
    #[error("invalid argument")]
    Invalid,
    /// What a container may hold open is used up.
    #[error("too many open files")]
    TooMany,
    /// This container's events cannot be kept apart from those of others.
    #[error("operation not supported")]
    Unsupported,
    /// The server failed.
    #[error("input/output error")]
    Broken,
    /// What the host's kernel said.
    #[error("{}", nix::errno::Errno::from_raw(*.0).desc())]
    Host(i32),
}

impl Error {
    /// The errno that the caller gets.
    pub fn errno(self) -> i32 {
        match self {
            Error::NotFound => libc::ENOENT,
            Error::Denied => libc::EACCES,
            Error::NotPermitted => libc::EPERM,
            Error::ReadOnly => libc::EROFS,
            Error::NoDevice => libc::ENODEV,
            Error::Stale => libc::ESTALE,
            Error::NameTooLong => libc::ENAMETOOLONG,
            Error::BadHandle => libc::EBADF,
            Error::NotDirectory => libc::ENOTDIR,
            Error::IsDirectory => libc::EISDIR,
            Error::Invalid => libc::EINVAL,
            Error::TooMany => libc::ENFILE,
            Error::Unsupported => libc::EOPNOTSUPP,
            Error::Broken => libc::EIO,
            Error::Host(errno) => errno,
        }
    }
}

impl From<sys::Error> for Error {
    fn from(error: sys::Error) -> Error {
        match error.errno() {
            0 => Error::Broken,
            errno => Error::Host(errno),
        }
    }
}
