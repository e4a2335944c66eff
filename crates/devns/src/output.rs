//! What goes to standard output.

use std::io::{self, ErrorKind, Write};

use cli::{Failure, Status};

/// Write all of `text`. Whether there may be more: who has closed a pipe, as head(1) does, has read enough, and nothing has failed.
pub fn write(text: &str) -> Result<bool, Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(e) => {
            let why = cli::reason(&e);
            Err(Failure::new(
                Status::Host,
                format!("standard output: {why}"),
            ))
        }
    }
}
