//! Rule files where an admin keeps them.

use std::fs::{Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};

use policy::{FileText, Files};

/// What a rule file may have, in bytes; all of them together may have no more.
const MAX_FILE: u64 = 2 << 20;
/// What a directory may have, in names.
const MAX_NAMES: usize = 10_000;

/// The file system. Links are followed: who can put files where rules are included from could write the rules as well.
#[derive(Clone, Copy, Debug)]
pub struct OnDisk;

impl Files for OnDisk {
    fn read(&self, name: &str) -> Result<FileText, String> {
        // looked at before it is opened: opening a device can do things, and a fifo would wait
        regular(&std::fs::metadata(name).map_err(unreadable)?)?;
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
            .open(name)
            .map_err(unreadable)?;
        let meta = file.metadata().map_err(unreadable)?;
        regular(&meta)?;
        Ok(FileText {
            identity: format!("{}:{}", meta.dev(), meta.ino()),
            text: text(file)?,
        })
    }

    fn list(&self, dir: &str) -> Result<Vec<String>, String> {
        let dir = if dir.is_empty() { "." } else { dir };
        let unlisted = |e: io::Error| format!("cannot be listed: {}", reason(&e));
        let entries = match std::fs::read_dir(dir) {
            Err(e) if matches!(e.raw_os_error(), Some(libc::ENOENT | libc::ENOTDIR)) => {
                return Ok(Vec::new());
            }
            entries => entries.map_err(unlisted)?,
        };
        let mut names = Vec::new();
        for entry in entries {
            // what is no text cannot be named in a rule file
            names.extend(entry.map_err(unlisted)?.file_name().into_string());
            if names.len() > MAX_NAMES {
                return Err(format!("has more than {MAX_NAMES} names"));
            }
        }
        Ok(names)
    }
}

/// The text of a file, or of stdin.
pub fn text(file: impl Read) -> Result<String, String> {
    let mut bytes = Vec::new();
    let read = file.take(MAX_FILE + 1).read_to_end(&mut bytes);
    let length = read.map_err(unreadable)?;
    if length as u64 > MAX_FILE {
        return Err(too_large());
    }
    String::from_utf8(bytes).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        format!("is not text: byte {at} is no UTF-8; save it as UTF-8")
    })
}

fn regular(meta: &Metadata) -> Result<(), String> {
    match meta.is_file() {
        false => Err("is not a regular file".to_owned()),
        true if meta.len() > MAX_FILE => Err(too_large()),
        true => Ok(()),
    }
}

fn too_large() -> String {
    format!("has more than {} MiB", MAX_FILE >> 20)
}

fn unreadable(e: io::Error) -> String {
    format!("cannot be read: {}", reason(&e))
}

/// Why a call failed, in the words of the C library, in lower case.
pub fn reason(e: &io::Error) -> String {
    match e.raw_os_error() {
        Some(n) => nix::errno::Errno::from_raw(n).desc().to_lowercase(),
        None => e.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn only_what_is_a_file_of_some_size_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
        fs::write(path("rules"), "version: 1\n").unwrap();
        fs::hard_link(path("rules"), path("again")).unwrap();
        std::os::unix::fs::symlink("rules", path("link")).unwrap();
        fs::write(path("other"), "version: 1\n").unwrap();
        fs::write(path("bytes"), b"abc\xff").unwrap();
        let large = fs::File::create(path("large")).unwrap();
        large.set_len(MAX_FILE + 1).unwrap();
        let mode = nix::sys::stat::Mode::from_bits_truncate(0o600);
        nix::unistd::mkfifo(path("fifo").as_str(), mode).unwrap();
        let read = |name: &str| OnDisk.read(&path(name));
        let rules = read("rules").unwrap();
        assert_eq!(rules.text, "version: 1\n");
        assert_eq!(read("link").unwrap(), rules);
        assert_eq!(read("again").unwrap(), rules);
        assert_ne!(read("other").unwrap().identity, rules.identity);
        for (name, why) in [
            ("gone", "cannot be read: no such file or directory"),
            ("fifo", "is not a regular file"),
            ("", "is not a regular file"),
            ("large", "has more than 2 MiB"),
            ("bytes", "is not text: byte 3 is no UTF-8; save it as UTF-8"),
        ] {
            assert_eq!(read(name).unwrap_err(), why, "{name}");
        }
        assert_eq!(
            OnDisk.read("/dev/null").unwrap_err(),
            "is not a regular file"
        );
    }

    #[test]
    fn what_is_no_directory_has_no_names() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().to_str().unwrap();
        fs::write(dir.path().join("a"), "").unwrap();
        assert_eq!(OnDisk.list(path).unwrap(), ["a"]);
        for name in ["gone", "a", "a/b"] {
            assert!(OnDisk.list(&format!("{path}/{name}")).unwrap().is_empty());
        }
    }

    #[test]
    fn no_end_of_text_is_too_much() {
        assert_eq!(text(io::repeat(b'#')).unwrap_err(), "has more than 2 MiB");
        assert_eq!(text(&b"x"[..]).unwrap(), "x");
    }
}
