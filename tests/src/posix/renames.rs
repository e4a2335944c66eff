//! rename(2) and renameat2(2).

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::symlink;
use std::path::Path;

use nix::errno::Errno;
use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::place::{MetadataExt, Place, USER, as_user, chmod, chown, done, names, refuses, stat};

super::table! { "renames":
    the_file_stays_itself, the_replaced_one_goes, between_directories, a_directory_moves_with_all_in_it,
    not_into_itself, only_an_empty_directory_is_replaced, file_and_directory_do_not_mix, to_another_name_of_itself,
    noreplace, exchange, exchange_of_unlike_kinds, wrong_flags, a_symlink_itself, missing_ones,
    an_open_directory_goes_along, dots ;
    root: a_directory_of_somebody_elses_stays_below,
}

fn with(old: &Path, new: &Path, flags: RenameFlags) -> rustix::io::Result<()> {
    renameat_with(CWD, old, CWD, new, flags)
}

fn the_file_stays_itself(place: &Place) {
    let (a, b) = (place.file("a", b"text"), place.path("b"));
    let before = stat(&a);
    let mut open = done(File::open(&a));
    done(fs::rename(&a, &b));
    refuses(fs::symlink_metadata(&a), Errno::ENOENT);
    assert_eq!(stat(&b).ino(), before.ino());
    assert_eq!(stat(&b).nlink(), 1);
    let mut text = String::new();
    done(open.read_to_string(&mut text));
    assert_eq!(text, "text");
    assert_eq!(place.names(), ["b"]);
}

fn the_replaced_one_goes(place: &Place) {
    let (a, b) = (place.file("a", b"new"), place.file("b", b"old"));
    let mut old = done(File::open(&b));
    done(fs::rename(&a, &b));
    assert_eq!(done(fs::read(&b)), b"new");
    assert_eq!(done(old.metadata()).nlink(), 0);
    let mut text = String::new();
    done(old.read_to_string(&mut text));
    assert_eq!(text, "old");
    assert_eq!(place.names(), ["b"]);
}

fn between_directories(place: &Place) {
    let (from, to) = (place.subdir("from"), place.subdir("to"));
    done(fs::write(from.join("a"), b"x"));
    done(fs::rename(from.join("a"), to.join("b")));
    assert!(names(&from).is_empty());
    assert_eq!(names(&to), ["b"]);
    done(fs::remove_dir(&from));
}

fn a_directory_moves_with_all_in_it(place: &Place) {
    let (a, into) = (place.subdir("a"), place.subdir("into"));
    done(fs::create_dir_all(a.join("b/c")));
    done(fs::write(a.join("b/c/file"), b"deep"));
    done(fs::metadata(a.join("b/c/file")));
    done(fs::rename(&a, into.join("z")));
    assert_eq!(done(fs::read(into.join("z/b/c/file"))), b"deep");
    refuses(fs::metadata(a.join("b/c/file")), Errno::ENOENT);
    // `..` is where it is now
    let up = done(fs::metadata(into.join("z/..")));
    assert_eq!(up.ino(), stat(&into).ino());
}

fn not_into_itself(place: &Place) {
    let a = place.subdir("a");
    done(fs::create_dir(a.join("b")));
    refuses(fs::rename(&a, a.join("b/c")), Errno::EINVAL);
    refuses(fs::rename(&a, a.join("b")), Errno::EINVAL);
    refuses(fs::rename(a.join("b"), &a), Errno::ENOTEMPTY);
}

fn only_an_empty_directory_is_replaced(place: &Place) {
    let (a, b) = (place.subdir("a"), place.subdir("b"));
    done(fs::write(a.join("in-a"), b""));
    done(fs::write(b.join("in-b"), b""));
    refuses(fs::rename(&a, &b), Errno::ENOTEMPTY);
    done(fs::remove_file(b.join("in-b")));
    done(fs::rename(&a, &b));
    assert_eq!(names(&b), ["in-a"]);
    assert_eq!(place.names(), ["b"]);
}

fn file_and_directory_do_not_mix(place: &Place) {
    let (file, dir) = (place.file("file", b""), place.subdir("dir"));
    refuses(fs::rename(&file, &dir), Errno::EISDIR);
    refuses(fs::rename(&dir, &file), Errno::ENOTDIR);
    assert_eq!(place.names(), ["dir", "file"]);
}

fn to_another_name_of_itself(place: &Place) {
    let (a, b) = (place.file("a", b""), place.path("b"));
    done(fs::hard_link(&a, &b));
    // both stay: rename(2)
    done(fs::rename(&a, &b));
    assert_eq!(place.names(), ["a", "b"]);
    assert_eq!(stat(&a).nlink(), 2);
    done(fs::rename(&a, &a));
}

fn noreplace(place: &Place) {
    let (a, b) = (place.file("a", b"a"), place.file("b", b"b"));
    refuses(with(&a, &b, RenameFlags::NOREPLACE), Errno::EEXIST);
    assert_eq!(done(fs::read(&b)), b"b");
    let c = place.path("c");
    done(with(&a, &c, RenameFlags::NOREPLACE));
    assert_eq!(place.names(), ["b", "c"]);
    done(symlink("nowhere", &a));
    refuses(with(&b, &a, RenameFlags::NOREPLACE), Errno::EEXIST);
}

fn exchange(place: &Place) {
    let (a, b) = (place.file("a", b"a"), place.file("b", b"b"));
    let inodes = (stat(&a).ino(), stat(&b).ino());
    done(with(&a, &b, RenameFlags::EXCHANGE));
    assert_eq!((stat(&b).ino(), stat(&a).ino()), inodes);
    assert_eq!(done(fs::read(&a)), b"b");
    assert_eq!(done(fs::read(&b)), b"a");
    refuses(
        with(&a, &place.path("c"), RenameFlags::EXCHANGE),
        Errno::ENOENT,
    );
}

fn exchange_of_unlike_kinds(place: &Place) {
    let (file, dir) = (place.file("file", b"text"), place.subdir("dir"));
    done(fs::write(dir.join("below"), b""));
    done(with(&file, &dir, RenameFlags::EXCHANGE));
    assert!(stat(&file).is_dir() && stat(&dir).is_file());
    assert_eq!(names(&file), ["below"]);
    refuses(
        with(&file, &file.join("below"), RenameFlags::EXCHANGE),
        Errno::EINVAL,
    );
}

fn wrong_flags(place: &Place) {
    let (a, b) = (place.file("a", b""), place.file("b", b""));
    let both = RenameFlags::NOREPLACE | RenameFlags::EXCHANGE;
    refuses(with(&a, &b, both), Errno::EINVAL);
    let unknown = RenameFlags::from_bits_retain(1 << 20);
    refuses(with(&a, &b, unknown), Errno::EINVAL);
}

fn a_symlink_itself(place: &Place) {
    place.file("target", b"");
    done(symlink("target", place.path("link")));
    done(fs::rename(place.path("link"), place.path("moved")));
    assert!(stat(&place.path("moved")).is_symlink());
    // and it is replaced itself
    place.file("new", b"new");
    done(fs::rename(place.path("new"), place.path("moved")));
    assert!(stat(&place.path("moved")).is_file());
    assert_eq!(place.names(), ["moved", "target"]);
}

fn missing_ones(place: &Place) {
    let a = place.file("a", b"");
    let none = Errno::ENOENT;
    refuses(fs::rename(place.path("none"), place.path("b")), none);
    refuses(fs::rename(&a, place.path("none/b")), none);
    refuses(fs::rename(&a, place.path("a/b")), Errno::ENOTDIR);
}

fn an_open_directory_goes_along(place: &Place) {
    use rustix::fs::{Mode, OFlags, open, openat};
    let a = place.subdir("a");
    let held = done(open(&a, OFlags::DIRECTORY, Mode::empty()));
    done(fs::rename(&a, place.path("b")));
    let make = OFlags::CREATE | OFlags::WRONLY;
    done(openat(&held, "new", make, Mode::RUSR));
    assert_eq!(names(&place.path("b")), ["new"]);
    done(fs::remove_file(place.path("b/new")));
    done(fs::remove_dir(place.path("b")));
    // nothing can be made in what has gone
    refuses(openat(&held, "more", make, Mode::RUSR), Errno::ENOENT);
}

fn dots(place: &Place) {
    let a = place.subdir("a");
    refuses(fs::rename(a.join("."), place.path("b")), Errno::EBUSY);
    refuses(fs::rename(&a, a.join("..")), Errno::EBUSY);
}

/// Its `..` would change, which takes a right to write to it.
fn a_directory_of_somebody_elses_stays_below(place: &Place) {
    place.open_to_all();
    let (theirs, into) = (place.subdir("theirs"), place.subdir("into"));
    chmod(&into, 0o777);
    let own = place.subdir("own");
    chown(&own, USER, USER);
    as_user(USER, || {
        refuses(fs::rename(&theirs, into.join("x")), Errno::EACCES);
        done(fs::rename(&theirs, place.path("same-parent")));
        done(fs::rename(&own, into.join("own")));
    });
}
