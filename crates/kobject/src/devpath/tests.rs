use proptest::prelude::*;

use super::*;

fn path(text: &str) -> Devpath {
    Devpath::parse(text.as_bytes()).unwrap()
}

#[test]
fn what_is_no_devpath() {
    for (bytes, error) in [
        (&b""[..], DevpathError::Relative),
        (b"devices", DevpathError::Relative),
        (b"/", DevpathError::Root),
        (b"//", DevpathError::EmptyPart),
        (b"/a/", DevpathError::EmptyPart),
        (b"/a//b", DevpathError::EmptyPart),
        (b"/.", DevpathError::Dots),
        (b"/a/../b", DevpathError::Dots),
        (b"/a/..", DevpathError::Dots),
        (b"/a\0b", DevpathError::Nul),
        (
            &[b"/".as_slice(), &[b'x'; 4095]].concat(),
            DevpathError::TooLong,
        ),
    ] {
        assert_eq!(Devpath::parse(bytes), Err(error), "{}", Escaped(bytes));
    }
    assert!(Devpath::parse(&[b"/".as_slice(), &[b'x'; 4094]].concat()).is_ok());
    assert!(Devpath::parse(b"/.../a.b/..c").is_ok());
}

#[test]
fn parts() {
    let tap = path("/devices/virtual/net/tap0/tap4");
    assert_eq!(tap.name(), b"tap4");
    assert_eq!(tap.parent(), Some(path("/devices/virtual/net/tap0")));
    let above: Vec<String> = tap.ancestors().map(|above| above.to_string()).collect();
    assert_eq!(
        above,
        [
            "/devices/virtual/net/tap0",
            "/devices/virtual/net",
            "/devices/virtual",
            "/devices"
        ]
    );
    assert_eq!(path("/devices").parent(), None);
    assert_eq!(path("/devices").name(), b"devices");
    assert_eq!(path("/devices").ancestors().count(), 0);
}

#[test]
fn within_is_by_whole_parts() {
    let b = path("/a/b");
    for (other, rel) in [
        ("/a/b", Some("")),
        ("/a/b/c", Some("c")),
        ("/a/b/c/d", Some("c/d")),
        ("/a/bc", None),
        ("/a", None),
        ("/b", None),
    ] {
        assert_eq!(
            path(other).relative_to(&b),
            rel.map(str::as_bytes),
            "{other}"
        );
        assert_eq!(path(other).is_within(&b), rel.is_some());
    }
}

#[test]
fn joining_checks() {
    let a = path("/a");
    assert_eq!(a.join(b"b/c"), Ok(path("/a/b/c")));
    assert_eq!(a.join(b""), Err(DevpathError::EmptyPart));
    assert_eq!(a.join(b"/b"), Err(DevpathError::EmptyPart));
    assert_eq!(a.join(b"../b"), Err(DevpathError::Dots));
}

#[test]
fn a_subtree_is_contiguous() {
    let mut paths = ["/a-b", "/a/c", "/a", "/a!b", "/a/b", "/b", "/a/b/c"].map(path);
    paths.sort();
    assert_eq!(
        paths.map(|path| path.to_string()),
        ["/a", "/a/b", "/a/b/c", "/a/c", "/a!b", "/a-b", "/b"]
    );
}

#[test]
fn shown_for_people() {
    assert_eq!(
        Devpath::parse(b"/devices/x\n\xff").unwrap().to_string(),
        "/devices/x\\x0a\\xff"
    );
    assert_eq!(format!("{:?}", path("/devices")), "Devpath(/devices)");
}

proptest! {
    #[test]
    fn invariants(bytes in prop_oneof![prop::collection::vec(any::<u8>(), 0..40), "(/[a-c.]{0,3}){0,6}".prop_map(String::into_bytes)]) {
        let Ok(path) = Devpath::parse(&bytes) else { return Ok(()) };
        prop_assert_eq!(path.as_bytes(), &bytes[..]);
        let parts: Vec<&[u8]> = bytes[1..].split(|byte| *byte == b'/').collect();
        prop_assert!(parts.iter().all(|part| !part.is_empty() && *part != b"." && *part != b".."));
        prop_assert_eq!(path.name(), *parts.last().unwrap());
        prop_assert_eq!(path.ancestors().count(), parts.len() - 1);
        for above in path.ancestors() {
            prop_assert!(path.is_within(&above) && !above.is_within(&path) && above < path);
            let rel = path.relative_to(&above).unwrap();
            prop_assert_eq!(above.join(rel).unwrap(), path.clone());
        }
        if let Some(parent) = path.parent() {
            prop_assert_eq!(parent.join(path.name()).unwrap(), path);
        }
    }

    #[test]
    fn order_agrees_with_parts(a in "(/[ab!-]{1,2}){1,4}", b in "(/[ab!-]{1,2}){1,4}") {
        let parts = |text: &str| text[1..].split('/').map(str::to_owned).collect::<Vec<_>>();
        prop_assert_eq!(path(&a).cmp(&path(&b)), parts(&a).cmp(&parts(&b)));
    }
}
