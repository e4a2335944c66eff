//! Globs by trying everything.

/// Tries everything.
pub fn glob(pattern: &str, text: &str) -> bool {
    if let Some(rest) = pattern.strip_prefix("**/") {
        return glob(rest, text)
            || text
                .match_indices('/')
                .any(|(at, _)| glob(rest, &text[at + 1..]));
    }
    glob_bytes(pattern.as_bytes(), text.as_bytes())
}

fn glob_bytes(p: &[u8], t: &[u8]) -> bool {
    if p == b"/**" {
        return t.is_empty() || t[0] == b'/';
    }
    if p.starts_with(b"/**/") {
        return glob_bytes(&p[3..], t)
            || (t.first() == Some(&b'/') && (1..t.len()).any(|n| glob_bytes(&p[3..], &t[n..])));
    }
    match p.first() {
        None => t.is_empty(),
        Some(b'*') if p.starts_with(b"**") => (0..=t.len()).any(|n| glob_bytes(&p[2..], &t[n..])),
        Some(b'*') => {
            (0..=t.len()).any(|n| !t[..n].contains(&b'/') && glob_bytes(&p[1..], &t[n..]))
        }
        Some(b'?') => !t.is_empty() && t[0] != b'/' && glob_bytes(&p[1..], &t[1..]),
        Some(b'[') => {
            let end = p.iter().position(|b| *b == b']').unwrap();
            !t.is_empty() && p[1..end].contains(&t[0]) && glob_bytes(&p[end + 1..], &t[1..])
        }
        Some(b) => t.first() == Some(b) && glob_bytes(&p[1..], &t[1..]),
    }
}

pub fn any_glob(patterns: &[String], text: &str) -> bool {
    patterns.iter().any(|pattern| glob(pattern, text))
}

/// Whether something below `path` can match: part by part, trying every way for `**`.
pub fn leads_to(pattern: &str, path: &str) -> bool {
    fn parts(pattern: &[&str], path: &[&str]) -> bool {
        match (pattern, path) {
            ([], _) => false,
            (["**", ..], _) => true,
            (_, []) => true,
            ([p, pattern @ ..], [t, path @ ..]) => glob(p, t) && parts(pattern, path),
        }
    }
    let split = |text: &str| {
        text.split('/')
            .skip(1)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let (pattern, path) = (split(pattern), split(path));
    parts(
        &pattern.iter().map(String::as_str).collect::<Vec<_>>(),
        &path.iter().map(String::as_str).collect::<Vec<_>>(),
    )
}
