//! Owners, groups, modes, umask, set-id bits.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, symlink};
use std::path::Path;

use nix::errno::Errno;
use nix::sys::stat::{Mode, umask};

use super::place::{
    MetadataExt, OTHER, Place, USER, as_user, as_user_of, chmod, chown, done, mode, refuses, stat,
};

super::table! { "owners":
    new_files_are_ones_own, umask_takes_bits, chmod_sets_what_it_says, chmod_of_an_open_file, chmod_follows_links,
    a_mode_of_nothing_at_creation, chown_to_oneself ;
    root: chown_gives_away, only_owners_change_modes, only_root_gives_away, a_group_of_ones_own,
    set_id_goes_with_chown, set_id_goes_with_writing, set_id_goes_with_truncation, a_setgid_directory_gives_its_group,
    setgid_of_a_foreign_group_is_dropped, groups_count, owners_come_before_groups, links_have_owners,
    access_is_checked_at_open
}

fn ids(path: &Path) -> (u32, u32) {
    let meta = stat(path);
    (meta.uid(), meta.gid())
}

fn try_chmod(path: &Path, mode: u32) -> std::io::Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

fn try_chown(path: &Path, uid: Option<u32>, gid: Option<u32>) -> std::io::Result<()> {
    std::os::unix::fs::chown(path, uid, gid)
}

fn new_files_are_ones_own(place: &Place) {
    let me = (
        nix::unistd::geteuid().as_raw(),
        nix::unistd::getegid().as_raw(),
    );
    done(symlink("x", place.path("link")));
    done(nix::unistd::mkfifo(&place.path("fifo"), Mode::S_IRUSR));
    for path in [
        place.file("file", b""),
        place.subdir("dir"),
        place.path("link"),
        place.path("fifo"),
    ] {
        assert_eq!(ids(&path), me, "{path:?}");
    }
}

fn umask_takes_bits(place: &Place) {
    for (mask, file, dir) in [
        (0, 0o666, 0o777),
        (0o077, 0o600, 0o700),
        (0o027, 0o640, 0o750),
        (0o777, 0, 0),
    ] {
        umask(Mode::from_bits_truncate(mask));
        let name = format!("{mask:o}");
        assert_eq!(mode(&place.file(&name, b"")), file);
        assert_eq!(mode(&place.subdir(&format!("d{name}"))), dir);
        let fifo = place.path(&format!("f{name}"));
        done(nix::unistd::mkfifo(&fifo, Mode::from_bits_truncate(0o666)));
        assert_eq!(mode(&fifo), file);
    }
}

fn chmod_sets_what_it_says(place: &Place) {
    let (file, dir) = (place.file("file", b""), place.subdir("dir"));
    for bits in [0, 0o1, 0o421, 0o644, 0o777, 0o1000, 0o4755, 0o1777] {
        chmod(&file, bits);
        chmod(&dir, bits);
        assert_eq!((mode(&file), mode(&dir)), (bits, bits));
    }
    chmod(&dir, 0o2755);
    assert_eq!(mode(&dir), 0o2755);
    refuses(try_chmod(&place.path("none"), 0o644), Errno::ENOENT);
}

fn chmod_of_an_open_file(place: &Place) {
    let path = place.file("a", b"");
    let file = done(File::open(&path));
    done(file.set_permissions(fs::Permissions::from_mode(0o751)));
    assert_eq!(mode(&path), 0o751);
    chmod(&path, 0o600);
    assert_eq!(done(file.metadata()).mode() & 0o7777, 0o600);
}

fn chmod_follows_links(place: &Place) {
    let path = place.file("a", b"");
    done(symlink("a", place.path("link")));
    chmod(&place.path("link"), 0o611);
    assert_eq!(mode(&path), 0o611);
    assert_eq!(mode(&place.path("link")), 0o777);
}

/// The mode is for later opens.
fn a_mode_of_nothing_at_creation(place: &Place) {
    let path = place.path("a");
    let mut file = done(
        OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o000)
            .open(&path),
    );
    done(file.write_all(b"text"));
    assert_eq!((mode(&path), stat(&path).len()), (0, 4));
}

fn chown_to_oneself(place: &Place) {
    let path = place.file("a", b"");
    let (uid, gid) = ids(&path);
    done(try_chown(&path, Some(uid), Some(gid)));
    done(try_chown(&path, None, None));
    assert_eq!(ids(&path), (uid, gid));
}

fn chown_gives_away(place: &Place) {
    let paths = [place.file("file", b""), place.subdir("dir")];
    for path in &paths {
        done(try_chown(path, Some(USER), None));
        assert_eq!(ids(path), (USER, 0));
        done(try_chown(path, None, Some(OTHER)));
        assert_eq!(ids(path), (USER, OTHER));
        done(try_chown(path, Some(0), Some(0)));
        assert_eq!(ids(path), (0, 0));
    }
}

fn only_owners_change_modes(place: &Place) {
    let path = place.file("a", b"");
    chmod(&path, 0o666);
    as_user(USER, || refuses(try_chmod(&path, 0o777), Errno::EPERM));
    chown(&path, USER, USER);
    as_user(USER, || done(try_chmod(&path, 0o400)));
    assert_eq!(mode(&path), 0o400);
}

fn only_root_gives_away(place: &Place) {
    let path = place.file("a", b"");
    chown(&path, USER, USER);
    as_user(USER, || {
        refuses(try_chown(&path, Some(OTHER), None), Errno::EPERM);
        refuses(try_chown(&path, None, Some(OTHER)), Errno::EPERM);
        done(try_chown(&path, Some(USER), None));
    });
    as_user(OTHER, || {
        refuses(try_chown(&path, Some(OTHER), None), Errno::EPERM);
    });
}

fn a_group_of_ones_own(place: &Place) {
    let path = place.file("a", b"");
    chown(&path, USER, USER);
    as_user_of(USER, USER, &[OTHER], || {
        done(try_chown(&path, None, Some(OTHER)));
    });
    assert_eq!(ids(&path), (USER, OTHER));
}

fn set_id_goes_with_chown(place: &Place) {
    let path = place.file("a", b"");
    chown(&path, USER, USER);
    chmod(&path, 0o6755);
    as_user(USER, || done(try_chown(&path, None, Some(USER))));
    assert_eq!(mode(&path), 0o755);
    // without the group's x it is no set-id bit, and stays: chown(2)
    chmod(&path, 0o2644);
    as_user(USER, || done(try_chown(&path, Some(USER), None)));
    assert_eq!(mode(&path) & 0o6000, 0o2000);
    let dir = place.subdir("dir");
    chown(&dir, USER, USER);
    chmod(&dir, 0o2755);
    as_user(USER, || done(try_chown(&dir, None, Some(USER))));
    assert_eq!(mode(&dir), 0o2755);
}

fn set_id_goes_with_writing(place: &Place) {
    let path = place.file("a", b"text");
    chmod(&path, 0o6777);
    as_user(USER, || {
        let mut file = done(OpenOptions::new().write(true).open(&path));
        done(file.write_all(b"x"));
    });
    assert_eq!(mode(&path), 0o777);
}

fn set_id_goes_with_truncation(place: &Place) {
    let path = place.file("a", b"text");
    chmod(&path, 0o6777);
    as_user(USER, || done(nix::unistd::truncate(&path, 1)));
    assert_eq!(mode(&path), 0o777);
    chmod(&path, 0o4777);
    as_user(USER, || drop(done(File::create(&path))));
    assert_eq!(mode(&path), 0o777);
}

fn a_setgid_directory_gives_its_group(place: &Place) {
    let dir = place.subdir("dir");
    chown(&dir, 0, OTHER);
    chmod(&dir, 0o2777);
    as_user(USER, || {
        let (file, sub) = (dir.join("file"), dir.join("sub"));
        done(fs::write(&file, b""));
        done(fs::create_dir(&sub));
        assert_eq!(ids(&file), (USER, OTHER));
        assert_eq!(ids(&sub), (USER, OTHER));
        assert_eq!(mode(&sub), 0o2755);
        assert_eq!(mode(&file), 0o644);
        // who is not of the group makes no set-gid file there
        let made = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o2755)
            .open(dir.join("setgid"));
        done(made);
        assert_eq!(mode(&dir.join("setgid")), 0o755);
    });
}

fn setgid_of_a_foreign_group_is_dropped(place: &Place) {
    let path = place.file("a", b"");
    chown(&path, USER, OTHER);
    as_user(USER, || done(try_chmod(&path, 0o2755)));
    assert_eq!(mode(&path), 0o755);
    as_user_of(USER, USER, &[OTHER], || done(try_chmod(&path, 0o2755)));
    assert_eq!(mode(&path), 0o2755);
}

fn groups_count(place: &Place) {
    let path = place.file("a", b"text");
    chown(&path, 0, OTHER);
    chmod(&path, 0o640);
    as_user(USER, || refuses(fs::read(&path), Errno::EACCES));
    as_user_of(USER, OTHER, &[], || {
        done(fs::read(&path));
        refuses(OpenOptions::new().append(true).open(&path), Errno::EACCES);
    });
    as_user_of(USER, USER, &[OTHER], || done(fs::read(&path)));
}

fn owners_come_before_groups(place: &Place) {
    let path = place.file("a", b"text");
    chown(&path, USER, USER);
    chmod(&path, 0o077);
    as_user(USER, || refuses(fs::read(&path), Errno::EACCES));
    as_user_of(OTHER, USER, &[], || done(fs::read(&path)));
    chmod(&path, 0o707);
    as_user_of(OTHER, USER, &[], || {
        refuses(fs::read(&path), Errno::EACCES);
    });
    as_user(OTHER, || done(fs::read(&path)));
}

fn links_have_owners(place: &Place) {
    place.file("a", b"");
    done(symlink("a", place.path("link")));
    chown(&place.path("link"), USER, OTHER);
    assert_eq!(ids(&place.path("link")), (USER, OTHER));
    assert_eq!(ids(&place.path("a")), (0, 0));
    done(try_chown(&place.path("link"), Some(OTHER), None));
    assert_eq!(ids(&place.path("a")), (OTHER, 0));
}

fn access_is_checked_at_open(place: &Place) {
    let path = place.file("a", b"text");
    chmod(&path, 0o600);
    as_user(USER, || {
        refuses(File::open(&path), Errno::EACCES);
    });
    // at once, whatever was kept of the old mode
    chmod(&path, 0o604);
    as_user(USER, || drop(done(File::open(&path))));
    chmod(&path, 0o600);
    as_user(USER, || refuses(File::open(&path), Errno::EACCES));
    chown(&path, USER, 0);
    as_user(USER, || done(fs::write(&path, b"mine")));
}
