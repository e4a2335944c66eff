//! Names of files as other files have them.

use crate::{Files, glob::Glob, load::globs::expected_of, words::quoted};

use super::MOST_FILES;

/// The directory of a file, and its name there.
pub(super) fn split(name: &str) -> (&str, &str) {
    match name.rsplit_once('/') {
        Some(("", last)) => ("/", last),
        Some((dir, last)) => (dir, last),
        None => ("", name),
    }
}

/// A name as seen from a directory.
pub(super) fn join(dir: &str, name: &str) -> String {
    match dir {
        "" => name.to_owned(),
        _ if name.starts_with('/') => name.to_owned(),
        _ if dir.ends_with('/') => format!("{dir}{name}"),
        _ => format!("{dir}/{name}"),
    }
}

type Wrong = (String, Option<String>);

/// The files whose names match a pattern, each part of which matches one name; sorted. As in a shell, what begins with a dot is matched
/// only by what does too: editors leave such files.
pub(super) fn matching(files: &dyn Files, dir: &str, pattern: &str) -> Result<Vec<String>, Wrong> {
    let mut found = vec![match pattern.strip_prefix('/') {
        Some(_) => "/".to_owned(),
        None => dir.to_owned(),
    }];
    let mut is_glob = false;
    for part in pattern.trim_start_matches('/').split('/') {
        is_glob |= part.contains(['*', '?', '[']);
        if !is_glob {
            found = found.iter().map(|dir| join(dir, part)).collect();
            continue;
        }
        if part.contains("**") {
            return Err((
                format!(
                    "{}: `**` does not go through directories here",
                    quoted(pattern)
                ),
                Some("`*` for each directory on the way".to_owned()),
            ));
        }
        let glob = Glob::new(part).map_err(|why| {
            let message = format!("{}: {why}", quoted(pattern));
            (message, Some(expected_of(part).to_owned()))
        })?;
        let mut next = Vec::new();
        for dir in &found {
            let names = files
                .list(dir)
                .map_err(|why| (format!("the directory {} {why}", quoted(dir)), None))?;
            let fits = |name: &String| {
                glob.matches(name.as_bytes()) && name.starts_with('.') == part.starts_with('.')
            };
            next.extend(
                names
                    .iter()
                    .filter(|name| fits(name))
                    .map(|name| join(dir, name)),
            );
            if next.len() > MOST_FILES {
                let message = format!("{} matches more than {MOST_FILES} names", quoted(pattern));
                return Err((message, None));
            }
        }
        found = next;
    }
    found.sort();
    Ok(found)
}
