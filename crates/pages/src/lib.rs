//! Nothing but a build script: it writes man pages and completions beside the binaries, into `man` and `completions`, from the very command
//! lines that the binaries have.
//!
//! Who needs them there depends on this package.
