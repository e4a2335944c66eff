//! Walks over a cgroup and those nested in it.
//!
//! A container that has its cgroup writable can nest deeper than paths (4096 bytes), stacks or file
//! descriptors reach. So a walk holds one open directory and the names on the way to it, goes down by name
//! and up by `..`, which in a cgroup hierarchy cannot lead elsewhere: directories there stay in their parent.

use std::ffi::{CStr, CString};
use std::io;
use std::io::Read;
use std::os::fd::AsFd;
use std::path::Path;

use nix::dir::{Dir, Type};
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, unlinkat};

/// Gives the text of each file `name` to `read`. What is not there or vanishes meanwhile is left out.
pub(super) fn visit(top: &Path, name: &CStr, read: &mut dyn FnMut(&str)) -> io::Result<()> {
    walk(top, false, &mut |dir| {
        let file = match openat(
            dir.as_fd(),
            name,
            OFlag::O_RDONLY | OFlag::O_CLOEXEC,
            Mode::empty(),
        ) {
            Ok(fd) => fd,
            Err(Errno::ENOENT | Errno::ENODEV) => return Ok(()),
            Err(e) => return Err(e.into()),
        };
        let mut text = String::new();
        match std::fs::File::from(file).read_to_string(&mut text) {
            Ok(_) => read(&text),
            // EOPNOTSUPP: a threaded cgroup, whose processes are listed in the one it belongs to
            Err(e) if matches!(e.raw_os_error(), Some(libc::ENODEV | libc::EOPNOTSUPP)) => {}
            Err(e) => return Err(e),
        }
        Ok(())
    })
}

/// Removes `top` and what is nested in it, bottom up. Not being there is no error.
pub(super) fn remove(top: &Path) -> io::Result<()> {
    walk(top, true, &mut |_| Ok(()))?;
    match std::fs::remove_dir(top) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// Enters `top` and every directory below it; with `remove`, removes those below when it leaves them.
fn walk(top: &Path, remove: bool, enter: &mut dyn FnMut(&Dir) -> io::Result<()>) -> io::Result<()> {
    let mut here = match Dir::open(top, FLAGS, Mode::empty()) {
        Ok(dir) => dir,
        Err(Errno::ENOENT) => return Ok(()),
        Err(e) => return Err(e.into()),
    };
    enter(&here)?;
    // the way down to `here`: each name, and the siblings still to visit on its level
    let mut names: Vec<CString> = Vec::new();
    let mut todo = vec![children(&mut here)?];
    while let Some(level) = todo.last_mut() {
        if let Some(name) = level.pop() {
            match descend(&here, &name) {
                Ok(dir) => here = dir,
                Err(Errno::ENOENT) => continue,
                Err(e) => return Err(e.into()),
            }
            enter(&here)?;
            names.push(name);
            todo.push(children(&mut here)?);
            continue;
        }
        todo.pop();
        let Some(name) = names.pop() else { break };
        here = descend(&here, c"..")?;
        if remove {
            match unlinkat(&here, name.as_c_str(), UnlinkatFlags::RemoveDir) {
                Ok(()) | Err(Errno::ENOENT) => {}
                Err(e) => return Err(e.into()),
            }
        }
    }
    Ok(())
}

const FLAGS: OFlag = OFlag::O_RDONLY
    .union(OFlag::O_DIRECTORY)
    .union(OFlag::O_NOFOLLOW)
    .union(OFlag::O_CLOEXEC);

fn descend(dir: &Dir, name: &CStr) -> nix::Result<Dir> {
    Dir::openat(dir, name, FLAGS, Mode::empty())
}

fn children(dir: &mut Dir) -> io::Result<Vec<CString>> {
    let mut names = Vec::new();
    for entry in dir.iter() {
        let entry = match entry {
            Ok(entry) => entry,
            // removed since it was opened
            Err(Errno::ENOENT) => break,
            Err(e) => return Err(e.into()),
        };
        let name = entry.file_name();
        if entry.file_type() == Some(Type::Directory) && name != c"." && name != c".." {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}
