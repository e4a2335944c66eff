//! A file replaced as a whole: whoever reads it reads the old text or the new one.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::Path;

use cli::{Failure, Status};

/// Replaces what `file` leads to, which keeps its mode and its owner.
pub fn file(file: &Path, text: &str) -> Result<(), Failure> {
    replace(file, text).map_err(|e| {
        let why = cli::reason(&e);
        Failure::new(Status::Host, format!("{file:?} cannot be replaced: {why}"))
            .mend("its directory must be writable, and the owner one that you may give files to")
    })
}

fn replace(path: &Path, text: &str) -> io::Result<()> {
    let path = fs::canonicalize(path)?;
    let dir = path.parent().unwrap_or(Path::new("/"));
    let old = fs::metadata(&path)?;
    let mut new = tempfile::Builder::new()
        .prefix(".devns-")
        .tempfile_in(dir)?;
    new.write_all(text.as_bytes())?;
    let meta = new.as_file().metadata()?;
    if (meta.uid(), meta.gid()) != (old.uid(), old.gid()) {
        fchown(new.as_file(), Some(old.uid()), Some(old.gid()))?;
    }
    // after chown(2), which takes bits away
    new.as_file().set_permissions(old.permissions())?;
    new.as_file().sync_all()?;
    new.persist(&path)?;
    Ok(())
}
