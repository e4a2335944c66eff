//! What is there, as text that can be compared.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

/// Everything below `top`: names, types, modes, sizes, link counts, which names are one file, contents,
/// targets, extended attributes. Inode numbers, times and the sizes of directories are a file system's
/// own business.
pub fn snapshot(top: &Path) -> String {
    let mut lines = Vec::new();
    let mut first = BTreeMap::new();
    walk(top, "", &mut first, &mut lines);
    lines.join("\n")
}

fn walk(dir: &Path, below: &str, first: &mut BTreeMap<u64, String>, lines: &mut Vec<String>) {
    let mut names: Vec<_> = match fs::read_dir(dir) {
        Ok(entries) => entries.filter_map(|e| Some(e.ok()?.file_name())).collect(),
        Err(e) => return lines.push(format!("{below}: {e}")),
    };
    names.sort();
    for name in names {
        let path = dir.join(&name);
        let shown = format!("{below}/{}", name.to_string_lossy());
        let meta = match fs::symlink_metadata(&path) {
            Ok(meta) => meta,
            Err(e) => {
                lines.push(format!("{shown}: {e}"));
                continue;
            }
        };
        let what = match () {
            () if meta.is_dir() => String::new(),
            () if meta.is_symlink() => format!("{:?}", fs::read_link(&path)),
            () if meta.is_file() => {
                let text = File::open(&path).and_then(|f| content(&f));
                format!("{text:?} {}", attributes(&path))
            }
            () => String::new(),
        };
        let same = first.entry(meta.ino()).or_insert_with(|| shown.clone());
        let facts = facts(&meta, Some(subdirectories(&path)));
        lines.push(format!("{shown} {facts} as {same} {what}"));
        if meta.is_dir() {
            walk(&path, &shown, first, lines);
        }
    }
}

fn subdirectories(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let dirs = entries.filter(|e| e.file_type().is_ok_and(|t| t.is_dir()));
    dirs.count() as u64
}

/// Type, mode, links and size. The links of a directory are only known to be right or not when it is
/// known how many directories are in it: 1 says that they are not counted.
pub fn facts(meta: &Metadata, subdirectories: Option<u64>) -> String {
    let mode = format!("{:o}", meta.mode());
    match (meta.is_dir(), subdirectories) {
        (false, _) => format!("{mode} {} {}", meta.nlink(), meta.len()),
        (true, Some(n)) if ![1, n + 2].contains(&meta.nlink()) => {
            format!("{mode} {} links, {n} directories", meta.nlink())
        }
        (true, _) => mode,
    }
}

/// The names in a directory, sorted.
pub fn names(dir: &Path) -> std::io::Result<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        names.push(format!("{:?} {kind:?}", entry.file_name()));
    }
    names.sort();
    Ok(names.join(" "))
}

/// Length and hash of what is in a file.
pub fn content(file: &File) -> std::io::Result<String> {
    let mut all = Vec::new();
    let mut page = [0; 8192];
    // a fifo has no offsets
    if file.metadata()?.is_file() {
        loop {
            match file.read_at(&mut page, all.len() as u64)? {
                0 => break,
                n => all.extend_from_slice(&page[..n]),
            }
        }
    } else if file.metadata()?.is_dir() {
        file.read_at(&mut page, 0)?;
    }
    let mut hash = DefaultHasher::new();
    all.hash(&mut hash);
    Ok(format!("{} bytes {:x}", all.len(), hash.finish()))
}

fn attributes(path: &Path) -> String {
    let mut found = Vec::new();
    for which in 0..3 {
        let mut value = [0u8; 1024];
        let name = format!("user.{which}");
        if let Ok(n) = rustix::fs::getxattr(path, &*name, &mut value[..]) {
            found.push(format!("{name}:{n}"));
        }
    }
    found.join(" ")
}
