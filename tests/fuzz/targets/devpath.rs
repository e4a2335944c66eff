//! Devpaths and device names: what parses stays where it says.
#![no_main]

use kobject::{Devname, Devpath, Properties};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = Properties::parse_lines(data);
    if let Ok(name) = Devname::parse(data) {
        assert!(
            name.parts()
                .all(|part| !part.is_empty() && part != b"." && part != b"..")
        );
        assert!(
            name.parts()
                .all(|part| !part.contains(&0) && !part.contains(&b'/'))
        );
    }
    let (first, second) = match data.iter().position(|&byte| byte == b'\n') {
        Some(at) => (&data[..at], &data[at + 1..]),
        None => (data, &b""[..]),
    };
    let Ok(path) = Devpath::parse(first) else {
        return;
    };
    assert_eq!(path.as_bytes(), first);
    assert!(first.len() <= Devpath::MAX && !first.contains(&0));
    assert!(
        first[1..]
            .split(|&b| b == b'/')
            .all(|part| !matches!(part, b"" | b"." | b".."))
    );
    assert!(path.is_within(&path));
    let mut below = path.clone();
    for above in path.ancestors() {
        assert!(below.is_within(&above) && !above.is_within(&below));
        assert_eq!(below.parent().as_ref(), Some(&above));
        below = above;
    }
    if let Ok(joined) = path.join(second) {
        assert!(joined.is_within(&path), "{joined:?} has left {path:?}");
        assert!(Devpath::parse(joined.as_bytes()).is_ok());
    }
});
