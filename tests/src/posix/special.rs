//! Fifos and sockets in use, device nodes, statfs.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};

use nix::errno::Errno;
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use nix::unistd::mkfifo;

use super::place::{MetadataExt, Place, USER, as_user, chmod, done, mode, refuses, stat};

super::table! { "special":
    a_fifo_carries, a_fifo_without_readers, fifos_are_renamed_and_linked, a_socket_connects, a_stale_socket_refuses,
    datagrams, mknod_of_what_is_no_device, statfs_says_something ;
    root: a_socket_wants_write, device_nodes
}

fn nonblocking(read: bool, path: &std::path::Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(read).write(!read);
    options.custom_flags(libc::O_NONBLOCK).open(path)
}

fn a_fifo_carries(place: &Place) {
    let path = place.path("fifo");
    done(mkfifo(&path, Mode::from_bits_truncate(0o600)));
    assert!(stat(&path).file_type().is_fifo());
    let mut reader = done(nonblocking(true, &path));
    let mut writer = done(nonblocking(false, &path));
    done(writer.write_all(b"through"));
    let mut text = [0; 20];
    let n = done(reader.read(&mut text));
    assert_eq!(&text[..n], b"through");
    assert_eq!(stat(&path).len(), 0);
    drop(writer);
    assert_eq!(done(reader.read(&mut text)), 0);
    refuses(mkfifo(&path, Mode::S_IRUSR), Errno::EEXIST);
}

fn a_fifo_without_readers(place: &Place) {
    let path = place.path("fifo");
    done(mkfifo(&path, Mode::from_bits_truncate(0o600)));
    refuses(nonblocking(false, &path), Errno::ENXIO);
    // what is in it goes with the last who has it open
    let both = || done(OpenOptions::new().read(true).write(true).open(&path));
    let mut first = both();
    done(first.write_all(b"lost"));
    drop(first);
    let mut reader = done(nonblocking(true, &path));
    assert_eq!(done(reader.read(&mut [0; 8])), 0);
}

fn fifos_are_renamed_and_linked(place: &Place) {
    let (path, other) = (place.path("fifo"), place.path("other"));
    done(mkfifo(&path, Mode::from_bits_truncate(0o600)));
    let mut reader = done(nonblocking(true, &path));
    done(fs::hard_link(&path, &other));
    done(fs::rename(&path, place.path("renamed")));
    let mut writer = done(nonblocking(false, &other));
    done(writer.write_all(b"same"));
    let mut text = [0; 8];
    assert_eq!(done(reader.read(&mut text)), 4);
    assert_eq!(stat(&other).nlink(), 2);
}

fn a_socket_connects(place: &Place) {
    let path = place.path("socket");
    let listener = done(UnixListener::bind(&path));
    let meta = stat(&path);
    assert!(meta.file_type().is_socket());
    assert_eq!(mode(&path), 0o755);
    let mut client = done(UnixStream::connect(&path));
    let (mut server, _) = done(listener.accept());
    done(client.write_all(b"hello"));
    let mut text = [0; 5];
    done(server.read_exact(&mut text));
    assert_eq!(&text, b"hello");
    refuses(UnixListener::bind(&path), Errno::EADDRINUSE);
    refuses(File::open(&path), Errno::ENXIO);
    // under another name it is the same
    done(fs::rename(&path, place.path("renamed")));
    done(UnixStream::connect(place.path("renamed")));
    refuses(UnixStream::connect(&path), Errno::ENOENT);
}

fn a_stale_socket_refuses(place: &Place) {
    let path = place.path("socket");
    drop(done(UnixListener::bind(&path)));
    refuses(UnixStream::connect(&path), Errno::ECONNREFUSED);
    let file = place.file("file", b"");
    refuses(UnixStream::connect(file), Errno::ECONNREFUSED);
    done(fs::remove_file(&path));
    done(UnixListener::bind(&path));
}

/// As syslog's /dev/log is.
fn datagrams(place: &Place) {
    let path = place.path("log");
    let log = done(UnixDatagram::bind(&path));
    let client = done(UnixDatagram::unbound());
    done(client.send_to(b"<13>said", &path));
    let mut text = [0; 20];
    let n = done(log.recv(&mut text));
    assert_eq!(&text[..n], b"<13>said");
}

fn mknod_of_what_is_no_device(place: &Place) {
    let bits = Mode::from_bits_truncate(0o640);
    for (n, kind) in [SFlag::S_IFREG, SFlag::S_IFIFO, SFlag::S_IFSOCK]
        .into_iter()
        .enumerate()
    {
        let path = place.path(&n.to_string());
        done(mknod(&path, kind, bits, 0));
        assert_eq!(stat(&path).mode(), kind.bits() | 0o640);
        refuses(mknod(&path, kind, bits, 0), Errno::EEXIST);
    }
    refuses(
        mknod(&place.path("d"), SFlag::S_IFDIR, bits, 0),
        Errno::EPERM,
    );
}

fn statfs_says_something(place: &Place) {
    let all = done(nix::sys::statvfs::statvfs(place.dir()));
    assert_eq!(all.name_max(), 255);
    assert!(all.block_size() >= 512 && all.fragment_size() >= 512);
    assert!(all.blocks_free() <= all.blocks() && all.files_free() <= all.files());
}

fn a_socket_wants_write(place: &Place) {
    let path = place.path("socket");
    let _listener = done(UnixListener::bind(&path));
    chmod(&path, 0o755);
    as_user(USER, || refuses(UnixStream::connect(&path), Errno::EACCES));
    chmod(&path, 0o757);
    as_user(USER, || done(UnixStream::connect(&path)));
}

/// Without the capability the kernel refuses before it asks the file system. With it, a file system
/// may still refuse a number that it knows not to be allowed: only null is asked for, which every
/// container has.
fn device_nodes(place: &Place) {
    let (path, bits) = (place.path("null"), Mode::from_bits_truncate(0o666));
    match mknod(&path, SFlag::S_IFCHR, bits, makedev(1, 3)) {
        Ok(()) => {
            let meta = stat(&path);
            assert!(meta.file_type().is_char_device());
            assert_eq!(meta.rdev(), makedev(1, 3));
            assert_eq!(mode(&path), 0o644);
            done(fs::remove_file(&path));
        }
        Err(e) => assert_eq!(e, Errno::EPERM),
    }
    place.open_to_all();
    as_user(USER, || {
        let made = mknod(&place.path("zero"), SFlag::S_IFCHR, bits, makedev(1, 5));
        refuses(made, Errno::EPERM);
    });
}
