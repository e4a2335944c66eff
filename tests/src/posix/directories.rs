//! Directories: listings, what changes while they are read, link counts.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;

use nix::errno::Errno;
use nix::sys::stat::Mode;
use rustix::fs::{Dir, FileType, OFlags, open};

use super::place::{MetadataExt, Place, done, names, refuses, stat};

super::table! { "directories":
    made_and_removed, only_empty_ones_go, listings_know_the_types, many_names, removing_while_listing,
    adding_while_listing, rewinding, a_removed_one_is_empty, the_link_count_is_of_directories, deep_ones,
    dots_are_listed, inodes_are_one_each ;
    root:
}

fn listing(dir: &std::path::Path) -> Dir {
    done(Dir::new(done(open(
        dir,
        OFlags::DIRECTORY,
        rustix::fs::Mode::empty(),
    ))))
}

fn made_and_removed(place: &Place) {
    let sub = place.subdir("sub");
    let meta = stat(&sub);
    assert_eq!(meta.mode(), libc::S_IFDIR | 0o755);
    done(fs::remove_dir(&sub));
    refuses(fs::symlink_metadata(&sub), Errno::ENOENT);
    refuses(fs::remove_dir(&sub), Errno::ENOENT);
    refuses(fs::create_dir(place.path("a/b")), Errno::ENOENT);
}

fn only_empty_ones_go(place: &Place) {
    let sub = place.subdir("sub");
    done(symlink("x", sub.join("link")));
    refuses(fs::remove_dir(&sub), Errno::ENOTEMPTY);
    done(fs::remove_file(sub.join("link")));
    done(fs::remove_dir(&sub));
    done(symlink(place.subdir("real"), place.path("link")));
    refuses(fs::remove_dir(place.path("link")), Errno::ENOTDIR);
}

fn listings_know_the_types(place: &Place) {
    place.file("file", b"");
    place.subdir("dir");
    done(symlink("x", place.path("link")));
    done(nix::unistd::mkfifo(&place.path("fifo"), Mode::S_IRUSR));
    let wanted = [
        ("file", FileType::RegularFile),
        ("dir", FileType::Directory),
        ("link", FileType::Symlink),
        ("fifo", FileType::Fifo),
    ];
    let mut seen = 0;
    for entry in listing(place.dir()).map(done) {
        let name = entry.file_name().to_string_lossy().into_owned();
        if let Some((_, kind)) = wanted.iter().find(|(n, _)| *n == name) {
            // a file system may not say, and never says wrong
            assert!([*kind, FileType::Unknown].contains(&entry.file_type()));
            assert_eq!(entry.ino(), stat(&place.path(&name)).ino(), "{name}");
            seen += 1;
        }
    }
    assert_eq!(seen, 4);
}

fn many_names(place: &Place) {
    let wanted: BTreeSet<String> = (0..1500).map(|n| format!("a-name-of-length-{n}")).collect();
    for name in &wanted {
        place.file(name, b"");
    }
    let all = place.names();
    assert_eq!(all.len(), wanted.len());
    assert_eq!(all.into_iter().collect::<BTreeSet<_>>(), wanted);
    for name in &wanted {
        done(fs::remove_file(place.path(name)));
    }
    assert!(place.names().is_empty());
}

/// As `rm -r` does: every name is there once, whatever goes meanwhile.
fn removing_while_listing(place: &Place) {
    for n in 0..700 {
        place.file(&format!("name-{n}"), b"");
    }
    let mut removed = BTreeSet::new();
    for entry in done(fs::read_dir(place.dir())) {
        let name = done(entry).file_name();
        done(fs::remove_file(place.dir().join(&name)));
        assert!(removed.insert(name));
    }
    assert_eq!(removed.len(), 700);
    assert!(place.names().is_empty());
}

/// What comes meanwhile may be seen or not; what was there all the time is seen once.
fn adding_while_listing(place: &Place) {
    for n in 0..400 {
        place.file(&format!("old-{n}"), b"");
    }
    let mut old = 0;
    for (n, entry) in done(fs::read_dir(place.dir())).enumerate().take(5000) {
        let name = done(entry).file_name().to_string_lossy().into_owned();
        old += usize::from(name.starts_with("old-"));
        if n < 300 {
            place.file(&format!("new-{n}"), b"");
        }
    }
    assert_eq!(old, 400);
}

fn rewinding(place: &Place) {
    place.file("a", b"");
    let mut dir = listing(place.dir());
    let count = |dir: &mut Dir| dir.by_ref().map(done).count();
    assert_eq!(count(&mut dir), 3);
    place.file("b", b"");
    dir.rewind();
    assert_eq!(count(&mut dir), 4);
    done(fs::remove_file(place.path("a")));
    done(fs::remove_file(place.path("b")));
    dir.rewind();
    assert_eq!(count(&mut dir), 2);
}

fn a_removed_one_is_empty(place: &Place) {
    let sub = place.subdir("sub");
    let mut dir = listing(&sub);
    done(fs::remove_dir(&sub));
    let left: Vec<_> = dir.by_ref().filter_map(Result::ok).collect();
    let real = left
        .iter()
        .filter(|e| !e.file_name().to_bytes().starts_with(b"."));
    assert_eq!(real.count(), 0);
    assert!(place.names().is_empty());
}

/// Two and one for each directory in it; or 1, which says that it is not counted.
fn the_link_count_is_of_directories(place: &Place) {
    let sub = place.subdir("sub");
    let is = |wanted: u64| {
        let count = stat(&sub).nlink();
        assert!([1, wanted].contains(&count), "{count}, not {wanted}");
    };
    is(2);
    done(fs::create_dir(sub.join("a")));
    done(fs::create_dir(sub.join("b")));
    done(fs::write(sub.join("file"), b""));
    is(4);
    done(fs::rename(sub.join("a"), place.path("a")));
    is(3);
    done(fs::remove_dir(sub.join("b")));
    is(2);
}

fn deep_ones(place: &Place) {
    let mut path = place.dir().to_path_buf();
    for _ in 0..40 {
        path.push("d");
        done(fs::create_dir(&path));
    }
    done(fs::write(path.join("file"), b"deep"));
    assert_eq!(done(fs::read(path.join("file"))), b"deep");
    done(fs::remove_dir_all(place.path("d")));
    assert!(place.names().is_empty());
}

fn dots_are_listed(place: &Place) {
    let sub = place.subdir("sub");
    let mut all: Vec<_> = listing(&sub)
        .map(|e| done(e).file_name().to_string_lossy().into_owned())
        .collect();
    all.sort();
    assert_eq!(all, [".", ".."]);
    assert!(names(&sub).is_empty());
}

fn inodes_are_one_each(place: &Place) {
    let mut seen = BTreeSet::new();
    for n in 0..50 {
        let path = match n % 2 {
            0 => place.file(&n.to_string(), b""),
            _ => place.subdir(&n.to_string()),
        };
        let meta = stat(&path);
        assert_eq!(meta.dev(), stat(place.dir()).dev());
        assert!(meta.ino() > 0 && seen.insert(meta.ino()));
    }
}
