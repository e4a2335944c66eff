//! POSIX ACLs: acl(5), as the attributes that setfacl(1) and udev's uaccess write.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::errno::Errno;
use nix::sys::stat::{Mode, umask};
use rustix::fs::{XattrFlags, getxattr, removexattr, setxattr};

use super::place::{OTHER, Place, USER, as_user, as_user_of, chmod, chown, done, mode, refuses};

super::table! { "acls":
    none_at_first, a_trivial_one_is_the_mode, chmod_changes_the_mask, one_that_makes_no_sense, default_only_on_directories,
    default_is_inherited, default_takes_the_place_of_umask, default_of_directories_goes_on, removed ;
    root: a_user_is_let_in, the_mask_limits, a_group_is_let_in, a_named_user_is_kept_out, only_owners_set_them,
    setgid_goes_with_an_acl_of_a_foreign_group
}

const ACCESS: &str = "system.posix_acl_access";
const DEFAULT: &str = "system.posix_acl_default";

// include/uapi/linux/posix_acl.h
const USER_OBJ: u16 = 0x01;
const NAMED_USER: u16 = 0x02;
const GROUP_OBJ: u16 = 0x04;
const NAMED_GROUP: u16 = 0x08;
const MASK: u16 = 0x10;
const REST: u16 = 0x20;
const NOBODY: u32 = u32::MAX;

type Entry = (u16, u16, u32);

/// As include/uapi/linux/posix_acl_xattr.h lays it out.
fn encode(entries: &[Entry]) -> Vec<u8> {
    let mut bytes = 2u32.to_le_bytes().to_vec();
    for (tag, perm, id) in entries {
        bytes.extend(tag.to_le_bytes());
        bytes.extend(perm.to_le_bytes());
        bytes.extend(id.to_le_bytes());
    }
    bytes
}

fn set(path: &Path, name: &str, entries: &[Entry]) -> rustix::io::Result<()> {
    setxattr(path, name, &encode(entries), XattrFlags::empty())
}

fn get(path: &Path, name: &str) -> rustix::io::Result<Vec<Entry>> {
    let mut buffer = [0u8; 1000];
    let n = getxattr(path, name, &mut buffer[..])?;
    let entries = buffer[4..n].chunks(8);
    let entry = |b: &[u8]| {
        (
            u16::from_le_bytes([b[0], b[1]]),
            u16::from_le_bytes([b[2], b[3]]),
            u32::from_le_bytes([b[4], b[5], b[6], b[7]]),
        )
    };
    Ok(entries.map(entry).collect())
}

/// `u::rw-,u:USER:PERM,g::r--,m::MASK,o::---`, as udev's uaccess gives a seat's user access.
fn with_user(perm: u16, mask: u16) -> [Entry; 5] {
    [
        (USER_OBJ, 6, NOBODY),
        (NAMED_USER, perm, USER),
        (GROUP_OBJ, 4, NOBODY),
        (MASK, mask, NOBODY),
        (REST, 0, NOBODY),
    ]
}

fn none_at_first(place: &Place) {
    for path in [place.file("a", b""), place.subdir("dir")] {
        refuses(get(&path, ACCESS), Errno::ENODATA);
        refuses(get(&path, DEFAULT), Errno::ENODATA);
    }
}

fn a_trivial_one_is_the_mode(place: &Place) {
    let path = place.file("a", b"");
    let trivial = [
        (USER_OBJ, 7, NOBODY),
        (GROUP_OBJ, 5, NOBODY),
        (REST, 1, NOBODY),
    ];
    done(set(&path, ACCESS, &trivial));
    assert_eq!(mode(&path), 0o751);
    refuses(get(&path, ACCESS), Errno::ENODATA);
}

fn chmod_changes_the_mask(place: &Place) {
    let path = place.file("a", b"");
    done(set(&path, ACCESS, &with_user(6, 6)));
    assert_eq!(mode(&path), 0o660);
    chmod(&path, 0o640);
    let now = done(get(&path, ACCESS));
    assert_eq!(now, with_user(6, 4));
    chmod(&path, 0o604);
    let mut wanted = with_user(6, 0);
    wanted[4].1 = 4;
    assert_eq!(done(get(&path, ACCESS)), wanted);
}

fn one_that_makes_no_sense(place: &Place) {
    let path = place.file("a", b"");
    // a named user asks for a mask
    let without_mask = [
        (USER_OBJ, 6, NOBODY),
        (NAMED_USER, 6, USER),
        (GROUP_OBJ, 4, NOBODY),
        (REST, 0, NOBODY),
    ];
    refuses(set(&path, ACCESS, &without_mask), Errno::EINVAL);
    refuses(set(&path, ACCESS, &[(USER_OBJ, 6, NOBODY)]), Errno::EINVAL);
    let raw = |bytes: &[u8]| setxattr(&path, ACCESS, bytes, XattrFlags::empty());
    refuses(raw(b"\x02\0\0\0odd"), Errno::EINVAL);
    // EOPNOTSUPP is of another version of the layout
    refuses(raw(b"\x07\0\0\0"), Errno::EOPNOTSUPP);
    assert_eq!(mode(&path), 0o644);
}

fn default_only_on_directories(place: &Place) {
    let (file, dir) = (place.file("a", b""), place.subdir("dir"));
    refuses(set(&file, DEFAULT, &with_user(6, 6)), Errno::EACCES);
    done(set(&dir, DEFAULT, &with_user(6, 6)));
    assert_eq!(done(get(&dir, DEFAULT)), with_user(6, 6));
    // it says nothing of the directory itself
    assert_eq!(mode(&dir), 0o755);
    refuses(get(&dir, ACCESS), Errno::ENODATA);
}

fn create(path: &Path, mode: u32) {
    let mut options = OpenOptions::new();
    drop(done(
        options.write(true).create_new(true).mode(mode).open(path),
    ));
}

fn default_is_inherited(place: &Place) {
    let dir = place.subdir("dir");
    done(set(&dir, DEFAULT, &with_user(7, 7)));
    create(&dir.join("file"), 0o640);
    // the mode that was asked for is a limit, and none of it is execution
    assert_eq!(done(get(&dir.join("file"), ACCESS)), with_user(7, 4));
    assert_eq!(mode(&dir.join("file")), 0o640);
    refuses(get(&dir.join("file"), DEFAULT), Errno::ENODATA);
    let fifo = dir.join("fifo");
    done(nix::unistd::mkfifo(&fifo, Mode::from_bits_truncate(0o620)));
    assert_eq!(done(get(&fifo, ACCESS)), with_user(7, 2));
}

fn default_takes_the_place_of_umask(place: &Place) {
    let dir = place.subdir("dir");
    let trivial = [
        (USER_OBJ, 7, NOBODY),
        (GROUP_OBJ, 6, NOBODY),
        (REST, 4, NOBODY),
    ];
    done(set(&dir, DEFAULT, &trivial));
    umask(Mode::from_bits_truncate(0o077));
    create(&dir.join("file"), 0o666);
    assert_eq!(mode(&dir.join("file")), 0o664);
    refuses(get(&dir.join("file"), ACCESS), Errno::ENODATA);
    create(&place.path("beside"), 0o666);
    assert_eq!(mode(&place.path("beside")), 0o600);
}

fn default_of_directories_goes_on(place: &Place) {
    let dir = place.subdir("dir");
    let mut entries = with_user(7, 7);
    // or its owner could not go there
    entries[0].1 = 7;
    done(set(&dir, DEFAULT, &entries));
    for sub in [dir.join("sub"), dir.join("sub/sub")] {
        done(fs::create_dir(&sub));
        assert_eq!(done(get(&sub, DEFAULT)), entries);
        // 0777 and the umask, which has no say
        let mut access = entries;
        access[4].1 = 0;
        assert_eq!(done(get(&sub, ACCESS)), access);
    }
}

fn removed(place: &Place) {
    let (file, dir) = (place.file("a", b""), place.subdir("dir"));
    done(set(&file, ACCESS, &with_user(6, 6)));
    done(removexattr(&file, ACCESS));
    refuses(get(&file, ACCESS), Errno::ENODATA);
    assert_eq!(mode(&file), 0o660);
    done(set(&dir, DEFAULT, &with_user(6, 6)));
    done(removexattr(&dir, DEFAULT));
    refuses(get(&dir, DEFAULT), Errno::ENODATA);
    umask(Mode::from_bits_truncate(0o077));
    create(&dir.join("file"), 0o666);
    assert_eq!(mode(&dir.join("file")), 0o600);
}

fn a_user_is_let_in(place: &Place) {
    let path = place.file("a", b"text");
    chmod(&path, 0o600);
    as_user(USER, || refuses(fs::read(&path), Errno::EACCES));
    done(set(&path, ACCESS, &with_user(6, 6)));
    as_user(USER, || done(fs::write(&path, b"more")));
    as_user(OTHER, || refuses(fs::read(&path), Errno::EACCES));
    // at once when it is taken back
    done(removexattr(&path, ACCESS));
    as_user(USER, || refuses(fs::read(&path), Errno::EACCES));
}

fn the_mask_limits(place: &Place) {
    let path = place.file("a", b"text");
    done(set(&path, ACCESS, &with_user(6, 4)));
    as_user(USER, || {
        done(fs::read(&path));
        refuses(OpenOptions::new().append(true).open(&path), Errno::EACCES);
    });
}

fn a_group_is_let_in(place: &Place) {
    let path = place.file("a", b"text");
    let entries = [
        (USER_OBJ, 6, NOBODY),
        (GROUP_OBJ, 0, NOBODY),
        (NAMED_GROUP, 4, OTHER),
        (MASK, 4, NOBODY),
        (REST, 0, NOBODY),
    ];
    done(set(&path, ACCESS, &entries));
    as_user(USER, || refuses(fs::read(&path), Errno::EACCES));
    as_user_of(USER, USER, &[OTHER], || done(fs::read(&path)));
}

fn a_named_user_is_kept_out(place: &Place) {
    let path = place.file("a", b"text");
    let mut entries = with_user(0, 6);
    entries[4].1 = 4;
    done(set(&path, ACCESS, &entries));
    as_user(USER, || refuses(fs::read(&path), Errno::EACCES));
    as_user(OTHER, || done(fs::read(&path)));
}

fn only_owners_set_them(place: &Place) {
    let path = place.file("a", b"");
    chmod(&path, 0o666);
    as_user(USER, || {
        refuses(set(&path, ACCESS, &with_user(6, 6)), Errno::EPERM);
        refuses(removexattr(&path, ACCESS), Errno::EPERM);
    });
    chown(&path, USER, USER);
    as_user(USER, || done(set(&path, ACCESS, &with_user(6, 6))));
}

fn setgid_goes_with_an_acl_of_a_foreign_group(place: &Place) {
    let path = place.file("a", b"");
    chown(&path, USER, OTHER);
    chmod(&path, 0o2755);
    as_user(USER, || done(set(&path, ACCESS, &with_user(6, 6))));
    assert_eq!(mode(&path) & 0o7000, 0);
}
