//! Locks: flock(2), and those of fcntl(2) that belong to the open file (`F_OFD_*`), which one process
//! can hold against itself.

use std::fs::{File, OpenOptions};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, Flock, FlockArg, fcntl};

use super::place::{Place, done, refuses};

super::table! { "locks":
    flock_excludes, flock_is_shared, flock_goes_with_the_descriptor, ranges_exclude, ranges_are_told,
    a_lock_is_the_files_not_the_names ;
    root:
}

fn rw(path: &Path) -> File {
    done(OpenOptions::new().read(true).write(true).open(path))
}

fn try_flock(file: File, arg: FlockArg) -> Result<Flock<File>, Errno> {
    Flock::lock(file, arg).map_err(|(_, e)| e)
}

fn flock_excludes(place: &Place) {
    let path = place.file("a", b"");
    let held = done(try_flock(rw(&path), FlockArg::LockExclusiveNonblock));
    let try_it = || try_flock(rw(&path), FlockArg::LockExclusiveNonblock);
    refuses(try_it(), Errno::EAGAIN);
    drop(held);
    done(try_it());
}

fn flock_is_shared(place: &Place) {
    let path = place.file("a", b"");
    let one = done(try_flock(rw(&path), FlockArg::LockSharedNonblock));
    let two = done(try_flock(rw(&path), FlockArg::LockSharedNonblock));
    let exclusive = || try_flock(rw(&path), FlockArg::LockExclusiveNonblock);
    refuses(exclusive(), Errno::EAGAIN);
    drop(one);
    refuses(exclusive(), Errno::EAGAIN);
    drop(two);
    done(exclusive());
}

/// Of directories too, as udev locks them.
fn flock_goes_with_the_descriptor(place: &Place) {
    let open = || done(File::open(place.dir()));
    let held = done(try_flock(open(), FlockArg::LockExclusiveNonblock));
    refuses(
        try_flock(open(), FlockArg::LockSharedNonblock),
        Errno::EAGAIN,
    );
    drop(held);
    done(try_flock(open(), FlockArg::LockSharedNonblock));
}

fn range(kind: i32, start: i64, length: i64) -> libc::flock {
    libc::flock {
        l_type: kind as i16,
        l_whence: libc::SEEK_SET as i16,
        l_start: start,
        l_len: length,
        l_pid: 0,
    }
}

fn lock(file: &File, kind: i32, start: i64, length: i64) -> nix::Result<i32> {
    fcntl(file, FcntlArg::F_OFD_SETLK(&range(kind, start, length)))
}

fn ranges_exclude(place: &Place) {
    let path = place.file("a", b"0123456789");
    let (one, two) = (rw(&path), rw(&path));
    done(lock(&one, libc::F_WRLCK, 0, 5));
    refuses(lock(&two, libc::F_WRLCK, 4, 2), Errno::EAGAIN);
    refuses(lock(&two, libc::F_RDLCK, 0, 0), Errno::EAGAIN);
    done(lock(&two, libc::F_WRLCK, 5, 5));
    done(lock(&one, libc::F_UNLCK, 4, 1));
    done(lock(&two, libc::F_WRLCK, 4, 1));
    drop(one);
    done(lock(&two, libc::F_WRLCK, 0, 0));
}

fn ranges_are_told(place: &Place) {
    let path = place.file("a", b"0123456789");
    let (one, two) = (rw(&path), rw(&path));
    done(lock(&one, libc::F_RDLCK, 2, 3));
    let mut told = range(libc::F_WRLCK, 0, 0);
    done(fcntl(&two, FcntlArg::F_OFD_GETLK(&mut told)));
    let found = (i32::from(told.l_type), told.l_start, told.l_len);
    assert_eq!(found, (libc::F_RDLCK, 2, 3));
    let mut free = range(libc::F_RDLCK, 0, 0);
    done(fcntl(&two, FcntlArg::F_OFD_GETLK(&mut free)));
    assert_eq!(i32::from(free.l_type), libc::F_UNLCK);
}

fn a_lock_is_the_files_not_the_names(place: &Place) {
    let (a, b) = (place.file("a", b""), place.path("b"));
    done(std::fs::hard_link(&a, &b));
    let held = done(try_flock(rw(&a), FlockArg::LockExclusiveNonblock));
    let try_it = |path| try_flock(rw(path), FlockArg::LockExclusiveNonblock);
    refuses(try_it(&b), Errno::EAGAIN);
    done(std::fs::rename(&a, place.path("c")));
    refuses(try_it(&b), Errno::EAGAIN);
    place.file("a", b"");
    done(try_it(&a));
    drop(held);
}
