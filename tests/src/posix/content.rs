//! What is in files: sizes, holes, space, appending, maps, files without a name.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;

use nix::errno::Errno;
use rustix::fs::{FallocateFlags, SeekFrom, fallocate, seek};

use super::place::{MetadataExt, Place, done, refuses, stat};

super::table! { "content":
    what_is_written_is_read, truncate_cuts_and_fills, o_trunc, appending, appending_through_two_descriptors,
    holes_are_zeroes, holes_are_found, fallocate_makes_room, fallocate_keeps_the_size, punching_holes,
    sizes_seen_by_everybody, access_modes, shared_maps, a_map_of_a_short_file, copy_file_range_copies, fsync_is_taken, far_offsets ;
    root:
}

fn rw(path: &Path) -> File {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    done(options.open(path))
}

fn what_is_written_is_read(place: &Place) {
    let file = rw(&place.path("a"));
    for (length, offset) in [
        (1, 0),
        (4096, 4096),
        (5000, 4000),
        (131_072, 1),
        (300_001, 77),
    ] {
        let data: Vec<u8> = (0..length).map(|n| (n * 7 % 251) as u8).collect();
        done(file.write_all_at(&data, offset));
        let mut back = vec![0; data.len()];
        done(file.read_exact_at(&mut back, offset));
        assert!(data == back, "{length} bytes at {offset}");
        let other = done(fs::read(place.path("a")));
        assert!(other[offset as usize..][..data.len()] == data);
    }
    assert_eq!(stat(&place.path("a")).len(), 300_078);
    assert_eq!(done(file.read_at(&mut [0; 8], 300_078)), 0);
}

fn truncate_cuts_and_fills(place: &Place) {
    let path = place.file("a", &[7; 10_000]);
    let file = rw(&path);
    done(file.set_len(4097));
    assert_eq!(stat(&path).len(), 4097);
    done(file.set_len(9000));
    let content = done(fs::read(&path));
    assert!(content[..4097].iter().all(|b| *b == 7));
    // what was cut off does not come back
    assert!(content[4097..].iter().all(|b| *b == 0));
    done(nix::unistd::truncate(&path, 3));
    assert_eq!(done(fs::read(&path)), [7; 3]);
    refuses(nix::unistd::truncate(&path, -1), Errno::EINVAL);
    refuses(nix::unistd::truncate(place.dir(), 0), Errno::EISDIR);
    refuses(done(File::open(&path)).set_len(0), Errno::EINVAL);
}

fn o_trunc(place: &Place) {
    let path = place.file("a", b"something");
    let held = rw(&path);
    drop(done(File::create(&path)));
    assert_eq!(done(held.metadata()).len(), 0);
    assert_eq!(done(held.read_at(&mut [0; 8], 0)), 0);
}

fn appending(place: &Place) {
    let path = place.file("a", b"one");
    let mut file = done(OpenOptions::new().append(true).open(&path));
    done(file.write_all(b"two"));
    done(fs::write(&path, b"1"));
    done(file.write_all(b"three"));
    // the offset says nothing: open(2) of O_APPEND
    done(file.write_all_at(b"4", 0));
    assert_eq!(done(fs::read(&path)), b"1three4");
}

fn appending_through_two_descriptors(place: &Place) {
    let path = place.path("log");
    let open = || done(OpenOptions::new().append(true).create(true).open(&path));
    let (mut a, mut b) = (open(), open());
    for n in 0..50 {
        done(writeln!(a, "a{n}"));
        done(writeln!(b, "b{n}"));
    }
    let text = done(fs::read_to_string(&path));
    let wanted: String = (0..50).map(|n| format!("a{n}\nb{n}\n")).collect();
    assert_eq!(text, wanted);
}

fn holes_are_zeroes(place: &Place) {
    let path = place.path("a");
    let file = rw(&path);
    done(file.write_all_at(b"end", 1 << 20));
    let content = done(fs::read(&path));
    assert_eq!(content.len(), (1 << 20) + 3);
    assert!(content[..1 << 20].iter().all(|b| *b == 0));
    // 512-byte blocks: a hole takes none
    let blocks = stat(&path).blocks();
    assert!((1..200).contains(&blocks), "{blocks} blocks");
}

/// A file system may take a hole for data, and say that it ends at the end: lseek(2). One that
/// says more must be right.
fn holes_are_found(place: &Place) {
    let file = rw(&place.path("a"));
    done(file.write_all_at(&[1; 4096], 1 << 20));
    let at = |from| seek(&file, from).map_err(|e| Errno::from_raw(e.raw_os_error()));
    let data = done(at(SeekFrom::Data(0)));
    assert!(data == 0 || data == 1 << 20, "data at {data}");
    assert_eq!(done(at(SeekFrom::Data(1 << 20))), 1 << 20);
    let end = (1 << 20) + 4096;
    assert_eq!(done(at(SeekFrom::Hole(1 << 20))), end);
    let hole = done(at(SeekFrom::Hole(0)));
    assert!(hole == 0 || hole == end, "a hole at {hole}");
    refuses(at(SeekFrom::Data(end)), Errno::ENXIO);
    refuses(at(SeekFrom::Hole(end + 1)), Errno::ENXIO);
}

/// Done, or said to be impossible, with nothing changed: then posix_fallocate(3) writes zeroes.
fn allocate(file: &File, flags: FallocateFlags, offset: u64, length: u64) -> bool {
    match fallocate(file, flags, offset, length) {
        Ok(()) => true,
        Err(e) => {
            assert_eq!(e, rustix::io::Errno::OPNOTSUPP);
            false
        }
    }
}

fn fallocate_makes_room(place: &Place) {
    let path = place.file("a", b"text");
    if allocate(&rw(&path), FallocateFlags::empty(), 0, 10_000) {
        let content = done(fs::read(&path));
        assert_eq!((content.len(), &content[..5]), (10_000, &b"text\0"[..]));
        assert!(stat(&path).blocks() >= 16);
    }
    let file = done(File::open(&path));
    refuses(
        fallocate(&file, FallocateFlags::empty(), 0, 10),
        Errno::EBADF,
    );
    refuses(
        fallocate(rw(&path), FallocateFlags::empty(), 0, 0),
        Errno::EINVAL,
    );
}

fn fallocate_keeps_the_size(place: &Place) {
    let path = place.file("a", b"text");
    allocate(&rw(&path), FallocateFlags::KEEP_SIZE, 0, 10_000);
    assert_eq!(stat(&path).len(), 4);
}

fn punching_holes(place: &Place) {
    let path = place.file("a", &[9; 20_000]);
    let punch = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    if allocate(&rw(&path), punch, 4000, 9000) {
        let content = done(fs::read(&path));
        assert_eq!(content.len(), 20_000);
        for (at, byte) in content.iter().enumerate() {
            let wanted = if (4000..13_000).contains(&at) { 0 } else { 9 };
            assert_eq!(*byte, wanted, "byte {at}");
        }
    }
}

fn sizes_seen_by_everybody(place: &Place) {
    let path = place.path("a");
    let (one, other) = (rw(&path), rw(&path));
    for n in 1..100u64 {
        done(one.write_all_at(&[n as u8], n - 1));
        assert_eq!(stat(&path).len(), n);
        assert_eq!(done(other.metadata()).len(), n);
        let mut byte = [0];
        assert_eq!(done(other.read_at(&mut byte, n - 1)), 1);
        assert_eq!(byte, [n as u8]);
    }
}

fn access_modes(place: &Place) {
    let path = place.file("a", b"text");
    let reader = done(File::open(&path));
    refuses(reader.write_at(b"x", 0), Errno::EBADF);
    let writer = done(OpenOptions::new().write(true).open(&path));
    refuses(writer.read_at(&mut [0; 2], 0), Errno::EBADF);
    // what was opened stays as it was opened
    super::place::chmod(&path, 0);
    done(writer.write_at(b"x", 0));
    done(reader.read_at(&mut [0; 2], 0));
}

/// Python, since a map takes unsafe code in Rust.
#[track_caller]
fn python(script: &str, path: &Path) -> String {
    let mut command = Command::new(crate::inside::PYTHON);
    let output = command.args(["-c", script]).arg(path).output();
    let output = output.unwrap_or_else(|e| panic!("{}: {e}", crate::inside::PYTHON));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{text}");
    String::from_utf8_lossy(&output.stdout).trim().to_string()
}

fn shared_maps(place: &Place) {
    let path = place.file("a", &[b'.'; 8192]);
    let script = "
import mmap, os, sys
fd = os.open(sys.argv[1], os.O_RDWR)
one = mmap.mmap(fd, 8192)
other = mmap.mmap(os.open(sys.argv[1], os.O_RDWR), 8192)
one[100:103] = b'map'
assert other[100:103] == b'map'
assert os.pread(fd, 3, 100) == b'map'
os.pwrite(fd, b'file', 5000)
assert one[5000:5004] == b'file', one[5000:5004]
private = mmap.mmap(fd, 8192, flags=mmap.MAP_PRIVATE)
private[0:2] = b'no'
one[8190:] = b'zz'
one.flush()
print('mapped')
";
    assert_eq!(python(script, &path), "mapped");
    let content = done(fs::read(&path));
    assert_eq!(&content[100..103], b"map");
    assert_eq!(&content[5000..5004], b"file");
    assert_eq!((&content[..2], &content[8190..]), (&b".."[..], &b"zz"[..]));
}

fn a_map_of_a_short_file(place: &Place) {
    let path = place.file("a", b"short");
    let script = "
import mmap, os, sys
fd = os.open(sys.argv[1], os.O_RDWR)
m = mmap.mmap(fd, 5)
m[0:1] = b'S'
os.truncate(fd, 4)
os.truncate(fd, 4096)
m = mmap.mmap(fd, 4096)
assert m[:8] == b'Shor\\0\\0\\0\\0', m[:8]
print('mapped')
";
    assert_eq!(python(script, &path), "mapped");
}

fn copy_file_range_copies(place: &Place) {
    let from = rw(&place.file("a", &[5; 9000]));
    let to = rw(&place.path("b"));
    let (mut at, mut into, mut left) = (1000, 10, 8000);
    while left > 0 {
        let n = done(rustix::fs::copy_file_range(
            &from,
            Some(&mut at),
            &to,
            Some(&mut into),
            left,
        ));
        assert!(n > 0);
        left -= n;
    }
    let content = done(fs::read(place.path("b")));
    assert_eq!(content.len(), 8010);
    assert!(content[..10].iter().all(|b| *b == 0) && content[10..].iter().all(|b| *b == 5));
}

fn fsync_is_taken(place: &Place) {
    let file = rw(&place.file("a", b"x"));
    done(file.sync_all());
    done(file.sync_data());
    done(done(File::open(place.dir())).sync_all());
}

fn far_offsets(place: &Place) {
    let path = place.path("far");
    let file = rw(&path);
    let far = (5 << 30) + 123;
    done(file.write_all_at(b"far", far));
    assert_eq!(stat(&path).len(), far + 3);
    let mut text = [0; 3];
    done(file.read_exact_at(&mut text, far));
    assert_eq!(&text, b"far");
    assert_eq!(done(seek(&file, SeekFrom::End(0))), far + 3);
}
