//! Standard output. That it cannot be written is a failure and no panic.

use std::io::Write;

use cli::{Failure, Status};

/// Write all of `text`.
pub fn write(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(failed)
}

/// What it means that writing failed.
pub fn failed(e: std::io::Error) -> Failure {
    Failure::new(Status::Host, format!("standard output: {e}"))
}
