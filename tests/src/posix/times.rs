//! Times: which calls move which, and what utimensat(2) sets.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};

use super::place::{MetadataExt, OTHER, Place, USER, as_user, chmod, chown, done, refuses, stat};

super::table! { "times":
    content_moves_mtime_and_ctime, attributes_move_ctime_alone, names_move_the_directory, listing_moves_no_mtime,
    rename_moves_both_directories, links_move_ctime, set_and_kept, now_and_omit, of_a_symlink, of_a_descriptor,
    a_failure_moves_nothing, new_files_are_of_now, writing_moves_what_was_set ;
    root: who_may_set
}

type Time = (i64, i64);

/// Modification and change, in seconds and nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Times {
    m: Time,
    c: Time,
}

fn times(path: &Path) -> Times {
    let meta = stat(path);
    Times {
        m: (meta.mtime(), meta.mtime_nsec()),
        c: (meta.ctime(), meta.ctime_nsec()),
    }
}

/// Longer than the kernel's coarse clock takes for a tick at 100 Hz.
fn tick() {
    std::thread::sleep(Duration::from_millis(12));
}

/// The times before and after `work`.
fn around(path: &Path, work: impl FnOnce()) -> (Times, Times) {
    let before = times(path);
    tick();
    work();
    (before, times(path))
}

#[track_caller]
fn moves_both(path: &Path, work: impl FnOnce()) {
    let (before, after) = around(path, work);
    assert!(after.m > before.m, "mtime: {before:?} {after:?}");
    assert!(after.c > before.c, "ctime: {before:?} {after:?}");
}

#[track_caller]
fn moves_ctime(path: &Path, work: impl FnOnce()) {
    let (before, after) = around(path, work);
    assert_eq!(after.m, before.m, "mtime");
    assert!(after.c > before.c, "ctime: {before:?} {after:?}");
}

#[track_caller]
fn moves_nothing(path: &Path, work: impl FnOnce()) {
    let (before, after) = around(path, work);
    assert_eq!(after, before);
}

fn at(seconds: i64, nanoseconds: i64) -> Timespec {
    Timespec {
        tv_sec: seconds,
        tv_nsec: nanoseconds,
    }
}

fn set(path: &Path, access: Timespec, change: Timespec) -> rustix::io::Result<()> {
    let times = Timestamps {
        last_access: access,
        last_modification: change,
    };
    utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW)
}

const NOW: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: rustix::fs::UTIME_NOW,
};

const OMIT: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: rustix::fs::UTIME_OMIT,
};

fn content_moves_mtime_and_ctime(place: &Place) {
    let path = place.file("a", b"text");
    let file = done(OpenOptions::new().read(true).write(true).open(&path));
    moves_both(&path, || done(file.write_all_at(b"x", 0)));
    moves_both(&path, || done(file.set_len(1)));
    moves_both(&path, || done(file.set_len(9)));
    moves_both(&path, || drop(done(File::create(&path))));
    moves_nothing(&path, || {
        done(file.read_at(&mut [0; 4], 0));
        drop(done(OpenOptions::new().write(true).open(&path)));
    });
    // what a descriptor says is what the path says
    let meta = done(file.metadata());
    assert_eq!((meta.mtime(), meta.mtime_nsec()), times(&path).m);
}

fn attributes_move_ctime_alone(place: &Place) {
    let path = place.file("a", b"text");
    moves_ctime(&path, || chmod(&path, 0o600));
    let (uid, gid) = (stat(&path).uid(), stat(&path).gid());
    moves_ctime(&path, || chown(&path, uid, gid));
    moves_ctime(&path, || {
        done(rustix::fs::setxattr(
            &path,
            "user.a",
            b"x",
            rustix::fs::XattrFlags::empty(),
        ));
    });
    let dir = place.subdir("dir");
    moves_ctime(&dir, || chmod(&dir, 0o700));
}

fn names_move_the_directory(place: &Place) {
    let dir = place.subdir("dir");
    let file = dir.join("a");
    moves_both(&dir, || done(fs::write(&file, b"")));
    moves_both(&dir, || done(fs::hard_link(&file, dir.join("b"))));
    moves_both(&dir, || done(fs::rename(dir.join("b"), dir.join("c"))));
    moves_both(&dir, || done(fs::remove_file(dir.join("c"))));
    moves_both(&dir, || done(symlink("x", dir.join("link"))));
    moves_both(&dir, || done(fs::create_dir(dir.join("sub"))));
    moves_both(&dir, || done(fs::remove_dir(dir.join("sub"))));
    let mode = nix::sys::stat::Mode::S_IRUSR;
    moves_both(&dir, || done(nix::unistd::mkfifo(&dir.join("fifo"), mode)));
    // what is in a file is not the directory's business
    moves_nothing(&dir, || {
        done(fs::write(&file, b"text"));
        chmod(&file, 0o600);
    });
}

fn listing_moves_no_mtime(place: &Place) {
    let dir = place.subdir("dir");
    done(fs::write(dir.join("a"), b""));
    moves_nothing(&dir, || {
        super::place::names(&dir);
        refuses(fs::metadata(dir.join("none")), Errno::ENOENT);
        refuses(fs::create_dir(dir.join("a")), Errno::EEXIST);
    });
}

fn rename_moves_both_directories(place: &Place) {
    let (from, to) = (place.subdir("from"), place.subdir("to"));
    done(fs::write(from.join("a"), b""));
    moves_both(&from, || {
        moves_both(&to, || done(fs::rename(from.join("a"), to.join("b"))));
    });
}

fn links_move_ctime(place: &Place) {
    let path = place.file("a", b"");
    moves_ctime(&path, || done(fs::hard_link(&path, place.path("b"))));
    moves_ctime(&path, || done(fs::remove_file(place.path("b"))));
    moves_nothing(&path, || done(symlink("a", place.path("link"))));
}

fn set_and_kept(place: &Place) {
    for path in [place.file("a", b""), place.subdir("dir")] {
        for (access, change) in [
            (at(1, 2), at(3, 4)),
            (at(1_000_000_000, 999_999_999), at(0, 0)),
            // past 2038
            (at(5_000_000_000, 1), at(4_294_967_296, 123_456_789)),
        ] {
            done(set(&path, access, change));
            let meta = stat(&path);
            let wanted = (access.tv_sec, access.tv_nsec, change.tv_sec, change.tv_nsec);
            let found = (
                meta.atime(),
                meta.atime_nsec(),
                meta.mtime(),
                meta.mtime_nsec(),
            );
            assert_eq!(found, wanted);
        }
        let now = std::time::SystemTime::now();
        let changed = stat(&path).ctime();
        let now = now
            .duration_since(std::time::UNIX_EPOCH)
            .map(|d| d.as_secs());
        assert!(now.is_ok_and(|now| changed.abs_diff(now as i64) < 5));
    }
    refuses(
        set(&place.path("a"), at(0, 1_000_000_000), OMIT),
        Errno::EINVAL,
    );
    refuses(set(&place.path("none"), NOW, NOW), Errno::ENOENT);
}

fn now_and_omit(place: &Place) {
    let path = place.file("a", b"");
    done(set(&path, at(10, 0), at(20, 0)));
    done(set(&path, OMIT, at(30, 0)));
    assert_eq!((stat(&path).atime(), stat(&path).mtime()), (10, 30));
    done(set(&path, at(40, 0), OMIT));
    assert_eq!((stat(&path).atime(), stat(&path).mtime()), (40, 30));
    done(set(&path, OMIT, NOW));
    assert_eq!(stat(&path).atime(), 40);
    assert!(stat(&path).mtime() > 1_000_000_000);
    moves_nothing(&path, || done(set(&path, OMIT, OMIT)));
}

fn of_a_symlink(place: &Place) {
    let path = place.file("a", b"");
    done(set(&path, at(1, 0), at(1, 0)));
    let link = place.path("link");
    done(symlink("a", &link));
    done(set(&link, at(5, 0), at(6, 0)));
    assert_eq!((stat(&link).mtime(), stat(&path).mtime()), (6, 1));
}

fn of_a_descriptor(place: &Place) {
    let path = place.file("a", b"");
    let file = done(File::open(&path));
    let times = Timestamps {
        last_access: at(7, 8),
        last_modification: at(9, 10),
    };
    done(rustix::fs::futimens(&file, &times));
    assert_eq!((stat(&path).mtime(), stat(&path).mtime_nsec()), (9, 10));
    done(fs::remove_file(&path));
    done(rustix::fs::futimens(&file, &times));
}

fn a_failure_moves_nothing(place: &Place) {
    let (dir, file) = (place.subdir("dir"), place.file("file", b"text"));
    done(fs::write(dir.join("a"), b""));
    moves_nothing(&dir, || {
        refuses(fs::remove_dir(&dir), Errno::ENOTEMPTY);
        refuses(fs::rename(&file, &dir), Errno::EISDIR);
        refuses(fs::hard_link(&file, dir.join("a")), Errno::EEXIST);
    });
    moves_nothing(&file, || {
        refuses(nix::unistd::truncate(&file, -1), Errno::EINVAL);
        refuses(fs::create_dir(&file), Errno::EEXIST);
        refuses(fs::hard_link(&file, dir.join("a")), Errno::EEXIST);
    });
}

fn new_files_are_of_now(place: &Place) {
    let before = times(&place.file("before", b""));
    tick();
    for path in [place.file("a", b""), place.subdir("dir")] {
        let after = times(&path);
        assert!(after.m > before.m && after.c > before.c);
        assert!(stat(&path).atime() > 1_000_000_000);
    }
}

/// A time that was set goes when the file is written, also through a descriptor that was open.
fn writing_moves_what_was_set(place: &Place) {
    let path = place.file("a", b"");
    let file = done(OpenOptions::new().write(true).open(&path));
    done(set(&path, at(1, 0), at(1, 0)));
    done(file.write_all_at(b"x", 0));
    assert!(stat(&path).mtime() > 1_000_000_000);
    done(set(&path, at(1, 0), at(1, 0)));
    drop(file);
    assert_eq!(stat(&path).mtime(), 1);
}

fn who_may_set(place: &Place) {
    let path = place.file("a", b"");
    done(fs::set_permissions(
        &path,
        fs::Permissions::from_mode(0o666),
    ));
    as_user(USER, || {
        // who may write may say now, and nothing else
        done(set(&path, NOW, NOW));
        refuses(set(&path, at(1, 0), at(1, 0)), Errno::EPERM);
        refuses(set(&path, OMIT, NOW), Errno::EPERM);
    });
    chmod(&path, 0o644);
    as_user(USER, || refuses(set(&path, NOW, NOW), Errno::EACCES));
    chown(&path, OTHER, OTHER);
    as_user(OTHER, || done(set(&path, at(1, 0), at(2, 0))));
    assert_eq!(stat(&path).mtime(), 2);
}
