//! What can be a name, and what comes of names that cannot.

use std::fs::{self, File, OpenOptions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use nix::errno::Errno;

use super::place::{MetadataExt, Place, USER, as_user, chmod, done, names, refuses, stat};

super::table! { "names":
    long_names, any_byte_but_slash_and_nul, a_file_is_no_directory, o_excl, o_nofollow_and_o_directory, a_name_can_be_made_again ;
    root: no_write_no_names
}

fn long_names(place: &Place) {
    let (longest, longer) = ("n".repeat(255), "n".repeat(256));
    place.file(&longest, b"");
    assert_eq!(place.names(), std::slice::from_ref(&longest));
    let too_long = Errno::ENAMETOOLONG;
    refuses(File::create(place.path(&longer)), too_long);
    refuses(fs::create_dir(place.path(&longer)), too_long);
    refuses(symlink("a", place.path(&longer)), too_long);
    refuses(fs::symlink_metadata(place.path(&longer)), too_long);
    refuses(
        fs::rename(place.path(&longest), place.path(&longer)),
        too_long,
    );
    refuses(
        fs::hard_link(place.path(&longest), place.path(&longer)),
        too_long,
    );
    done(fs::remove_file(place.path(&longest)));
}

fn any_byte_but_slash_and_nul(place: &Place) {
    let odd: Vec<u8> = (1..=255u8).filter(|b| *b != b'/').collect();
    for name in [&odd[..200], &odd[200..], b" ", b"\\040", b"..."] {
        let path = place.dir().join(std::ffi::OsStr::from_bytes(name));
        done(fs::write(&path, b"x"));
        let listed = done(fs::read_dir(place.dir()));
        let found: Vec<_> = listed.map(|e| done(e).file_name()).collect();
        assert_eq!(found, [std::ffi::OsStr::from_bytes(name)]);
        done(fs::remove_file(&path));
    }
}

fn a_file_is_no_directory(place: &Place) {
    place.file("file", b"");
    let (below, not) = (place.path("file/x"), Errno::ENOTDIR);
    refuses(File::open(&below), not);
    refuses(File::create(&below), not);
    refuses(fs::create_dir(&below), not);
    refuses(fs::remove_file(&below), not);
    refuses(fs::remove_dir(place.path("file")), not);
    refuses(fs::read_dir(place.path("file")), not);
    refuses(fs::rename(&below, place.path("y")), not);
    refuses(fs::symlink_metadata(place.path("file/")), not);
    refuses(fs::remove_file(place.subdir("dir")), Errno::EISDIR);
    refuses(File::create(place.path("dir")), Errno::EISDIR);
    refuses(File::create(place.path("none/x")), Errno::ENOENT);
}

fn o_excl(place: &Place) {
    let new = || {
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(place.path("a"))
    };
    done(new());
    refuses(new(), Errno::EEXIST);
    place.subdir("dir");
    refuses(
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(place.path("dir")),
        Errno::EEXIST,
    );
    refuses(fs::create_dir(place.path("a")), Errno::EEXIST);
}

fn o_nofollow_and_o_directory(place: &Place) {
    use rustix::fs::{Mode, OFlags, open};
    place.file("file", b"");
    done(symlink("file", place.path("link")));
    let none = Mode::empty();
    refuses(
        open(place.path("link"), OFlags::NOFOLLOW, none),
        Errno::ELOOP,
    );
    refuses(
        open(place.path("file"), OFlags::DIRECTORY, none),
        Errno::ENOTDIR,
    );
    done(open(place.dir(), OFlags::DIRECTORY, none));
    refuses(open(place.dir(), OFlags::RDWR, none), Errno::EISDIR);
    done(open(
        place.path("link"),
        OFlags::PATH | OFlags::NOFOLLOW,
        none,
    ));
}

fn a_name_can_be_made_again(place: &Place) {
    for round in 0..20u8 {
        let path = match round % 4 {
            0 => place.file("name", &[round]),
            1 => place.subdir("name"),
            2 => {
                done(symlink("x", place.path("name")));
                place.path("name")
            }
            _ => {
                done(nix::unistd::mkfifo(
                    &place.path("name"),
                    nix::sys::stat::Mode::S_IRUSR,
                ));
                place.path("name")
            }
        };
        let kind = stat(&path).mode() & libc::S_IFMT;
        let kinds = [libc::S_IFREG, libc::S_IFDIR, libc::S_IFLNK, libc::S_IFIFO];
        assert_eq!(kind, kinds[usize::from(round % 4)]);
        match round % 4 {
            1 => done(fs::remove_dir(&path)),
            _ => done(fs::remove_file(&path)),
        }
        refuses(fs::symlink_metadata(&path), Errno::ENOENT);
    }
    assert!(names(place.dir()).is_empty());
}

fn no_write_no_names(place: &Place) {
    let file = place.file("file", b"");
    chmod(&file, 0o666);
    as_user(USER, || {
        let no = Errno::EACCES;
        refuses(File::create(place.path("new")), no);
        refuses(fs::create_dir(place.path("new")), no);
        refuses(symlink("x", place.path("new")), no);
        refuses(fs::remove_file(&file), no);
        refuses(fs::rename(&file, place.path("new")), no);
        done(fs::write(&file, b"but its content"));
    });
    chmod(place.dir(), 0o700);
    as_user(USER, || {
        refuses(fs::read(&file), Errno::EACCES);
        refuses(fs::read_dir(place.dir()), Errno::EACCES);
    });
    chmod(place.dir(), 0o711);
    as_user(USER, || {
        assert_eq!(done(fs::read(&file)), b"but its content");
        refuses(fs::read_dir(place.dir()), Errno::EACCES);
    });
}
