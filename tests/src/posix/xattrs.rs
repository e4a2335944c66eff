//! Extended attributes: xattr(7).

use std::os::unix::fs::symlink;
use std::path::Path;

use nix::errno::Errno;
use rustix::fs::{XattrFlags, getxattr, listxattr, removexattr, setxattr};

use super::place::{Place, USER, as_user, chmod, chown, done, refuses};

super::table! { "xattrs":
    set_got_listed_removed, create_and_replace, of_directories, bytes_of_every_kind, buffers_that_are_too_small,
    names_that_cannot_be, not_of_links_and_fifos, kept_over_rename_and_link, through_a_descriptor, several ;
    root: user_attributes_want_the_mode, trusted_ones_want_a_capability, security_ones
}

const SET: XattrFlags = XattrFlags::empty();

fn get(path: &Path, name: &str) -> rustix::io::Result<Vec<u8>> {
    let mut buffer = vec![0; 65_536];
    let n = getxattr(path, name, &mut buffer[..])?;
    buffer.truncate(n);
    Ok(buffer)
}

/// The names in `user.`, sorted.
fn list(path: &Path) -> Vec<String> {
    let mut buffer = vec![0; 65_536];
    let n = done(listxattr(path, &mut buffer[..]));
    let text = String::from_utf8_lossy(&buffer[..n]).into_owned();
    let mut all: Vec<String> = text
        .split_terminator('\0')
        .filter(|name| name.starts_with("user."))
        .map(String::from)
        .collect();
    all.sort();
    all
}

fn set_got_listed_removed(place: &Place) {
    let path = place.file("a", b"");
    refuses(get(&path, "user.a"), Errno::ENODATA);
    done(setxattr(&path, "user.a", b"one", SET));
    assert_eq!(done(get(&path, "user.a")), b"one");
    done(setxattr(&path, "user.a", b"two, longer", SET));
    assert_eq!(done(get(&path, "user.a")), b"two, longer");
    assert_eq!(list(&path), ["user.a"]);
    done(removexattr(&path, "user.a"));
    refuses(get(&path, "user.a"), Errno::ENODATA);
    refuses(removexattr(&path, "user.a"), Errno::ENODATA);
    assert!(list(&path).is_empty());
}

fn create_and_replace(place: &Place) {
    let path = place.file("a", b"");
    let replace = || setxattr(&path, "user.a", b"2", XattrFlags::REPLACE);
    let create = || setxattr(&path, "user.a", b"1", XattrFlags::CREATE);
    refuses(replace(), Errno::ENODATA);
    done(create());
    refuses(create(), Errno::EEXIST);
    done(replace());
    assert_eq!(done(get(&path, "user.a")), b"2");
}

fn of_directories(place: &Place) {
    let path = place.subdir("dir");
    done(setxattr(&path, "user.a", b"one", SET));
    assert_eq!(done(get(&path, "user.a")), b"one");
    assert_eq!(list(&path), ["user.a"]);
}

fn bytes_of_every_kind(place: &Place) {
    let path = place.file("a", b"");
    let all: Vec<u8> = (0..=255).collect();
    let long = vec![b'x'; 4000];
    for value in [&b""[..], b"\0", &all, &long] {
        done(setxattr(&path, "user.a", value, SET));
        assert_eq!(done(get(&path, "user.a")), value);
    }
}

fn buffers_that_are_too_small(place: &Place) {
    let path = place.file("a", b"");
    done(setxattr(&path, "user.name", b"value", SET));
    refuses(
        getxattr(&path, "user.name", &mut [0u8; 4][..]),
        Errno::ERANGE,
    );
    refuses(listxattr(&path, &mut [0u8; 3][..]), Errno::ERANGE);
    assert_eq!(done(getxattr(&path, "user.name", &mut [0u8; 5][..])), 5);
}

fn names_that_cannot_be(place: &Place) {
    let path = place.file("a", b"");
    let set = |name: &str| setxattr(&path, name, b"x", SET);
    refuses(set("nowhere.a"), Errno::EOPNOTSUPP);
    refuses(set("plain"), Errno::EOPNOTSUPP);
    refuses(set(&format!("user.{}", "n".repeat(251))), Errno::ERANGE);
    refuses(set(""), Errno::ERANGE);
    done(set(&format!("user.{}", "n".repeat(250))));
    refuses(
        setxattr(&path, "user.big", &vec![0; 65_537], SET),
        Errno::E2BIG,
    );
    refuses(get(&path, "nowhere.a"), Errno::EOPNOTSUPP);
}

fn not_of_links_and_fifos(place: &Place) {
    let fifo = place.path("fifo");
    done(nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU));
    refuses(setxattr(&fifo, "user.a", b"x", SET), Errno::EPERM);
    let link = place.path("link");
    done(symlink("nowhere", &link));
    refuses(
        rustix::fs::lsetxattr(&link, "user.a", b"x", SET),
        Errno::EPERM,
    );
    refuses(setxattr(&link, "user.a", b"x", SET), Errno::ENOENT);
}

fn kept_over_rename_and_link(place: &Place) {
    let (a, b) = (place.file("a", b""), place.path("b"));
    done(setxattr(&a, "user.a", b"one", SET));
    done(std::fs::rename(&a, &b));
    assert_eq!(done(get(&b, "user.a")), b"one");
    done(std::fs::hard_link(&b, &a));
    done(setxattr(&a, "user.a", b"two", SET));
    assert_eq!(done(get(&b, "user.a")), b"two");
    // a new file of the name has none
    done(std::fs::remove_file(&a));
    place.file("a", b"");
    refuses(get(&a, "user.a"), Errno::ENODATA);
}

fn through_a_descriptor(place: &Place) {
    let path = place.file("a", b"");
    let file = done(std::fs::File::open(&path));
    done(rustix::fs::fsetxattr(&file, "user.a", b"one", SET));
    done(std::fs::remove_file(&path));
    let mut buffer = [0u8; 10];
    let n = done(rustix::fs::fgetxattr(&file, "user.a", &mut buffer[..]));
    assert_eq!(&buffer[..n], b"one");
    done(rustix::fs::fremovexattr(&file, "user.a"));
}

fn several(place: &Place) {
    let path = place.file("a", b"");
    let mut names: Vec<String> = (0..30).map(|n| format!("user.name-{n}")).collect();
    for name in &names {
        done(setxattr(&path, name.as_str(), name.as_bytes(), SET));
    }
    names.sort();
    assert_eq!(list(&path), names);
    for name in &names {
        assert_eq!(done(get(&path, name)), name.as_bytes());
        done(removexattr(&path, name.as_str()));
    }
    assert!(list(&path).is_empty());
}

fn user_attributes_want_the_mode(place: &Place) {
    let path = place.file("a", b"");
    done(setxattr(&path, "user.a", b"x", SET));
    chmod(&path, 0o644);
    as_user(USER, || {
        done(get(&path, "user.a"));
        refuses(setxattr(&path, "user.a", b"y", SET), Errno::EACCES);
        refuses(removexattr(&path, "user.a"), Errno::EACCES);
    });
    chmod(&path, 0o600);
    as_user(USER, || refuses(get(&path, "user.a"), Errno::EACCES));
    chown(&path, USER, USER);
    as_user(USER, || done(setxattr(&path, "user.a", b"y", SET)));
    // in a sticky directory only its owner sets them
    let dir = place.subdir("dir");
    chmod(&dir, 0o1777);
    as_user(USER, || {
        refuses(setxattr(&dir, "user.a", b"y", SET), Errno::EPERM);
    });
}

/// `CAP_SYS_ADMIN` over the host's user namespace, which no container has.
fn trusted_ones_want_a_capability(place: &Place) {
    let path = place.file("a", b"");
    match setxattr(&path, "trusted.a", b"x", SET) {
        Ok(()) => assert_eq!(done(get(&path, "trusted.a")), b"x"),
        Err(e) => {
            assert_eq!(e, rustix::io::Errno::PERM);
            refuses(get(&path, "trusted.a"), Errno::ENODATA);
        }
    }
    chmod(&path, 0o666);
    as_user(USER, || {
        refuses(setxattr(&path, "trusted.a", b"y", SET), Errno::EPERM);
        refuses(get(&path, "trusted.a"), Errno::ENODATA);
    });
}

/// Without the capability there are none; what a security module keeps there is not asked about.
fn security_ones(place: &Place) {
    let path = place.file("a", b"");
    chmod(&path, 0o666);
    as_user(USER, || {
        refuses(setxattr(&path, "security.x", b"y", SET), Errno::EPERM);
    });
}
