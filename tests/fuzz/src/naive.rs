//! The dumbest way to match a glob, as a judge: try everything, and remember what was tried.

use std::collections::HashMap;

/// Whether `glob` matches `text`; `None` when the glob has a class or is refused, which this does
/// not know about.
pub fn matches(glob: &[u8], text: &[u8]) -> Option<bool> {
    let stars = glob.windows(3).any(|w| w == b"***");
    if stars || glob.iter().any(|b| b"[]\\\0".contains(b)) || glob.len() * text.len() > 1 << 16 {
        return None;
    }
    let mut seen = HashMap::new();
    Some(at(glob, text, glob.starts_with(b"**/"), &mut seen))
}

type Seen = HashMap<(usize, usize), bool>;

fn at(glob: &[u8], text: &[u8], top: bool, seen: &mut Seen) -> bool {
    let key = (glob.len(), text.len());
    if let Some(known) = seen.get(&key) {
        return *known;
    }
    let result = (|| {
        if top && at(&glob[3..], text, false, seen) {
            // a leading `**/` stands for nothing too
            return true;
        }
        match glob {
            [] => text.is_empty(),
            [b'/', b'*', b'*'] => text.is_empty() || text[0] == b'/',
            [b'/', b'*', b'*', rest @ ..] if rest[0] == b'/' => {
                at(rest, text, false, seen)
                    || text.first() == Some(&b'/')
                        && (1..=text.len()).any(|n| at(rest, &text[n..], false, seen))
            }
            [b'*', b'*', rest @ ..] => (0..=text.len()).any(|n| at(rest, &text[n..], false, seen)),
            [b'*', rest @ ..] => (0..=text.len())
                .take_while(|&n| !text[..n].contains(&b'/'))
                .any(|n| at(rest, &text[n..], false, seen)),
            [b'?', rest @ ..] => {
                text.first().is_some_and(|&b| b != b'/') && at(rest, &text[1..], false, seen)
            }
            [byte, rest @ ..] => text.first() == Some(byte) && at(rest, &text[1..], false, seen),
        }
    })();
    seen.insert(key, result);
    result
}
