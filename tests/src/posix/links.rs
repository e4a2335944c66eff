//! Hard and symbolic links, unlink, names that cannot be.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::symlink;

use nix::errno::Errno;

use super::place::{MetadataExt, OTHER, Place, USER, as_user, chmod, chown, done, refuses, stat};

super::table! { "links":
    a_hard_link_is_the_same_file, the_link_count_follows, the_last_name_keeps_an_open_file,
    an_open_file_without_a_name_says_so, a_directory_has_no_hard_links, symlinks_say_what_was_written,
    a_symlink_may_lead_nowhere, a_loop_is_eloop, a_hard_link_of_a_symlink_is_of_the_link, dots_cannot_be_unlinked ;
    root: sticky_guards_names,
}

fn a_hard_link_is_the_same_file(place: &Place) {
    let (a, b) = (place.file("a", b"one"), place.path("b"));
    done(fs::hard_link(&a, &b));
    assert_eq!(stat(&a).ino(), stat(&b).ino());
    done(fs::write(&a, b"two and more"));
    assert_eq!(done(fs::read(&b)), b"two and more");
    chmod(&b, 0o600);
    assert_eq!(stat(&a).mode() & 0o7777, 0o600);
    refuses(fs::hard_link(&a, &b), Errno::EEXIST);
    refuses(
        fs::hard_link(place.path("none"), place.path("c")),
        Errno::ENOENT,
    );
}

fn the_link_count_follows(place: &Place) {
    let a = place.file("a", b"");
    assert_eq!(stat(&a).nlink(), 1);
    let file = done(File::open(&a));
    for (n, name) in ["b", "c", "d"].iter().enumerate() {
        done(fs::hard_link(&a, place.path(name)));
        assert_eq!(stat(&a).nlink(), n as u64 + 2);
    }
    let sub = place.subdir("sub");
    done(fs::rename(place.path("d"), sub.join("d")));
    assert_eq!(stat(&a).nlink(), 4);
    for (n, path) in [a.clone(), place.path("b"), place.path("c"), sub.join("d")]
        .iter()
        .enumerate()
    {
        done(fs::remove_file(path));
        assert_eq!(done(file.metadata()).nlink(), 3 - n as u64);
    }
}

fn the_last_name_keeps_an_open_file(place: &Place) {
    let path = place.path("gone");
    let mut file = done(
        OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path),
    );
    done(file.write_all(b"before"));
    done(fs::remove_file(&path));
    refuses(fs::symlink_metadata(&path), Errno::ENOENT);
    done(file.write_all(b" and after"));
    done(file.seek(SeekFrom::Start(0)));
    let mut text = String::new();
    done(file.read_to_string(&mut text));
    assert_eq!(text, "before and after");
    done(file.set_len(3));
    assert_eq!(done(file.metadata()).len(), 3);
    done(file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o640)));
    assert_eq!(done(file.metadata()).mode() & 0o7777, 0o640);
    assert!(place.names().is_empty());
}

fn an_open_file_without_a_name_says_so(place: &Place) {
    let path = place.file("gone", b"");
    let file = done(File::open(&path));
    done(fs::remove_file(&path));
    assert_eq!(done(file.metadata()).nlink(), 0);
    // a new file of that name is another one
    place.file("gone", b"new");
    assert_eq!(done(file.metadata()).len(), 0);
    assert_eq!(stat(&path).nlink(), 1);
}

fn a_directory_has_no_hard_links(place: &Place) {
    let sub = place.subdir("sub");
    refuses(fs::hard_link(sub, place.path("link")), Errno::EPERM);
}

fn symlinks_say_what_was_written(place: &Place) {
    for (n, target) in ["a", "../x/./y//z", "/proc/self/fd", &"t".repeat(4095)]
        .iter()
        .enumerate()
    {
        let link = place.path(&n.to_string());
        done(symlink(target, &link));
        assert_eq!(done(fs::read_link(&link)).to_string_lossy(), *target);
        let meta = stat(&link);
        assert_eq!(meta.len(), target.len() as u64);
        assert_eq!(meta.mode(), libc::S_IFLNK | 0o777);
        refuses(symlink("other", &link), Errno::EEXIST);
    }
    refuses(symlink("", place.path("empty")), Errno::ENOENT);
    refuses(
        symlink("t".repeat(4096), place.path("long")),
        Errno::ENAMETOOLONG,
    );
    refuses(fs::read_link(place.file("file", b"")), Errno::EINVAL);
}

fn a_symlink_may_lead_nowhere(place: &Place) {
    let link = place.path("link");
    done(symlink("later", &link));
    refuses(File::open(&link), Errno::ENOENT);
    refuses(
        OpenOptions::new().write(true).create_new(true).open(&link),
        Errno::EEXIST,
    );
    // creating through it makes its target
    done(fs::write(&link, b"here"));
    assert_eq!(done(fs::read(place.path("later"))), b"here");
    done(fs::remove_file(&link));
    assert_eq!(place.names(), ["later"]);
}

fn a_loop_is_eloop(place: &Place) {
    done(symlink("b", place.path("a")));
    done(symlink("a", place.path("b")));
    refuses(File::open(place.path("a")), Errno::ELOOP);
    refuses(fs::metadata(place.path("a/x")), Errno::ELOOP);
    refuses(fs::create_dir(place.path("a/x")), Errno::ELOOP);
}

fn a_hard_link_of_a_symlink_is_of_the_link(place: &Place) {
    done(symlink("file", place.path("link")));
    done(fs::hard_link(place.path("link"), place.path("same")));
    assert_eq!(
        stat(&place.path("same")).ino(),
        stat(&place.path("link")).ino()
    );
    assert_eq!(stat(&place.path("same")).nlink(), 2);
    place.file("file", b"");
    let follow = rustix::fs::AtFlags::SYMLINK_FOLLOW;
    let (old, new) = (place.path("link"), place.path("followed"));
    done(rustix::fs::linkat(
        rustix::fs::CWD,
        old,
        rustix::fs::CWD,
        &new,
        follow,
    ));
    assert!(stat(&new).is_file());
}

fn dots_cannot_be_unlinked(place: &Place) {
    let sub = place.subdir("sub");
    refuses(fs::remove_dir(sub.join(".")), Errno::EINVAL);
    refuses(fs::remove_dir(sub.join("..")), Errno::ENOTEMPTY);
    refuses(fs::create_dir(sub.join(".")), Errno::EEXIST);
}

fn sticky_guards_names(place: &Place) {
    chmod(place.dir(), 0o1777);
    let theirs = place.file("theirs", b"");
    chown(&theirs, OTHER, OTHER);
    as_user(USER, || {
        refuses(fs::remove_file(&theirs), Errno::EPERM);
        refuses(fs::rename(&theirs, place.path("b")), Errno::EPERM);
        let own = place.file("own", b"");
        refuses(fs::rename(&own, &theirs), Errno::EPERM);
        done(fs::remove_file(&own));
    });
    as_user(OTHER, || done(fs::remove_file(&theirs)));
    // whose the directory is may, too
    let theirs = place.file("theirs", b"");
    chown(&theirs, OTHER, OTHER);
    chown(place.dir(), USER, USER);
    as_user(USER, || done(fs::remove_file(&theirs)));
}
