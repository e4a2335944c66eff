use std::os::unix::fs::symlink;

use nix::sys::stat::Mode;
use tempfile::TempDir;

use super::*;

/// A root directory with this /etc/group.
fn root(text: &[u8]) -> (TempDir, OwnedFd) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("etc")).unwrap();
    std::fs::write(dir.path().join("etc/group"), text).unwrap();
    let fd = File::open(dir.path()).unwrap().into();
    (dir, fd)
}

fn look(root: &OwnedFd) -> Names {
    let mut names = Names::of("etc/group");
    names.look(root);
    names
}

#[test]
fn names_are_found_and_garbage_is_none() {
    let text =
        b"root:x:0:\nvideo:x:44:a,b\nvideo:x:45:\n\n:::\nbad\nworse:x:-1:\nhuge:x:4294967296:\n\
                 plus:x:+5:\nempty:x::\n\xff\xfe:x:7:\n#c:x:8:\nlast:x:9";
    let (_dir, fd) = root(text);
    let names = look(&fd);
    for (name, id) in [
        ("root", Some(0)),
        ("video", Some(44)),
        ("last", Some(9)),
        ("bad", None),
        ("worse", None),
        ("huge", None),
        ("plus", None),
        ("empty", None),
        ("nobody", None),
    ] {
        assert_eq!(names.id(name), id, "{name}");
    }
}

#[test]
fn a_change_is_seen_and_a_file_that_goes_takes_its_names_along() {
    let (dir, fd) = root(b"video:x:44:\n");
    let mut names = look(&fd);
    assert_eq!(names.id("video"), Some(44));
    std::fs::write(dir.path().join("etc/group"), "video:x:4455:\n").unwrap();
    names.look(&fd);
    assert_eq!(names.id("video"), Some(4455));
    std::fs::remove_file(dir.path().join("etc/group")).unwrap();
    names.look(&fd);
    assert_eq!(names.id("video"), None);
}

/// Requirement 7: the container's files are read within its root, regular ones only, bounded.
#[test]
fn nothing_but_a_small_regular_file_of_the_containers_own_is_read() {
    let (dir, fd) = root(b"");
    let group = dir.path().join("etc/group");
    let put = |make: &dyn Fn()| {
        std::fs::remove_file(&group).unwrap();
        make();
        // a fifo that is opened would hold us up here
        look(&fd)
    };
    let fifo = || nix::unistd::mkfifo(&group, Mode::from_bits_truncate(0o644)).unwrap();
    assert!(put(&fifo).ids.is_empty());
    let huge = || {
        let mut text = b"video:x:44:\n".to_vec();
        text.resize(MOST as usize + 1, b'\n');
        std::fs::write(&group, text).unwrap();
    };
    assert!(put(&huge).ids.is_empty());
    // the host's own file, by an absolute link and by one that climbs
    let outside = dir.path().join("secret");
    std::fs::write(&outside, "video:x:44:\n").unwrap();
    let inner = dir.path().join("root");
    std::fs::create_dir_all(inner.join("etc")).unwrap();
    let inner_fd: OwnedFd = File::open(&inner).unwrap().into();
    for target in [
        outside.to_str().unwrap(),
        "../../secret",
        "../../../../../secret",
    ] {
        symlink(target, inner.join("etc/group")).unwrap();
        assert!(look(&inner_fd).ids.is_empty(), "{target}");
        std::fs::remove_file(inner.join("etc/group")).unwrap();
    }
    // within its root a link is as good as a file
    std::fs::write(inner.join("real"), "video:x:44:\n").unwrap();
    symlink("/real", inner.join("etc/group")).unwrap();
    assert_eq!(look(&inner_fd).id("video"), Some(44));
    let directory = || std::fs::create_dir(&group).unwrap();
    assert!(put(&directory).ids.is_empty());
}
