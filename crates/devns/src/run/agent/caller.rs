//! One call, looked into as its caller would: with its root, its directory and its ids, and with no
//! capability.

use std::ffi::CString;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat};
use nix::libc::{PATH_MAX, dev_t};
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, chroot, fchdir};
use sys::caps::{self, CapSet};
use sys::namespace::OWNER_UID;
use sys::seccomp::{Listener, StatfsCall, Subject, SysfsFigures};
use sys::stat::{device_of, flags_of};
use sys::{Context, Error, Result};

/// Paths are read up to the end of a page: the next may not be there, and need not.
const PAGE: u64 = 4096;

/// Answer the call `id` of thread `tid` if it is about a file of `view`: the figures stand in the caller's
/// memory then, and it may return. False, or an error: the kernel may answer as well.
///
/// The calling thread is of no use for anything else afterwards, it has become the caller.
pub fn answer(
    listener: &Listener,
    id: u64,
    tid: u32,
    call: StatfsCall,
    view: dev_t,
) -> Result<bool> {
    let caller = Caller::open(tid, call.subject)?;
    // the pages of the buffer are fetched here, where that holds no lock of the caller's
    let tid = Pid::from_raw(tid as i32);
    read_memory(tid, call.buffer, call.layout.size() as usize)?;
    // only now is it sure that the number was still the caller's when all that was opened and read
    if !listener.is_valid(id) {
        return Ok(false);
    }
    let file = caller.find()?;
    if device_of(file.as_fd())? != view {
        return Ok(false);
    }
    let flags = flags_of(file.as_fd())?;
    let bytes = SysfsFigures { flags }.bytes(call.layout);
    // what was walked may have taken its time
    if !listener.is_valid(id) {
        return Ok(false);
    }
    // it cannot go to another process: the descriptor is of the memory, not of a number. Unlike the
    // kernel it gets through to a private page that is read-only, which its owner can do as well
    caller
        .memory
        .write_all_at(&bytes, call.buffer)
        .call(|| format!("write(<memory of {tid}>, {:#x})", call.buffer))?;
    Ok(true)
}

/// What is needed of a thread that waits, opened and read with all our rights.
struct Caller {
    root: OwnedFd,
    directory: OwnedFd,
    memory: File,
    uid: u32,
    gid: u32,
    groups: Vec<u32>,
    sought: Sought,
}

enum Sought {
    Path(CString),
    File(OwnedFd),
}

impl Caller {
    /// Reading the path may take as long as the container likes.
    fn open(tid: u32, subject: Subject) -> Result<Caller> {
        let dir = format!("/proc/{tid}");
        let path = OFlag::O_PATH | OFlag::O_CLOEXEC;
        let thread = open(dir.as_str(), path | OFlag::O_DIRECTORY, Mode::empty())
            .call(|| format!("open({dir:?})"))?;
        let at = |name: &str, flags: OFlag| {
            openat(&thread, name, flags | OFlag::O_CLOEXEC, Mode::empty())
                .call(|| format!("open(\"{dir}/{name}\")"))
        };
        let mut status = String::new();
        File::from(at("status", OFlag::O_RDONLY)?)
            .read_to_string(&mut status)
            .call(|| format!("read(\"{dir}/status\")"))?;
        let ids = |key: &str| numbers(&status, key);
        // real, effective, saved, of the file system: proc_pid_status(5)
        let (Some(&uid), Some(&gid)) = (ids("Uid:").get(3), ids("Gid:").get(3)) else {
            return Err(Error::new(format!("read({dir}/status)"), Errno::EINVAL));
        };
        Ok(Caller {
            root: at("root", path)?,
            directory: at("cwd", path)?,
            memory: File::from(at("mem", OFlag::O_WRONLY)?),
            uid,
            gid,
            groups: ids("Groups:"),
            sought: match subject {
                Subject::Path(address) => {
                    Sought::Path(read_path(Pid::from_raw(tid as i32), address)?)
                }
                Subject::Descriptor(fd) => Sought::File(at(&format!("fd/{fd}"), path)?),
            },
        })
    }

    /// Become it, and open the file that it asks about. This may take as long as the container likes.
    fn find(&self) -> Result<OwnedFd> {
        // of what the threads of a process share, this one gets a copy
        unshare(CloneFlags::CLONE_FS).call(|| "unshare(CLONE_FS)".into())?;
        fchdir(&self.root).call(|| "fchdir(<root>)".into())?;
        chroot(".").call(|| "chroot(<root>)".into())?;
        fchdir(&self.directory).call(|| "fchdir(<cwd>)".into())?;
        become_caller(self.uid, self.gid, &self.groups)?;
        match &self.sought {
            Sought::File(file) => file.try_clone().call(|| "dup(<the file>)".into()),
            Sought::Path(path) => {
                // the file is not opened: no driver or server hears of it
                let flags = OFlag::O_PATH | OFlag::O_CLOEXEC;
                open(path.as_c_str(), flags, Mode::empty()).call(|| format!("open({path:?})"))
            }
        }
    }
}

/// The numbers behind `key` in a status file.
fn numbers(status: &str, key: &str) -> Vec<u32> {
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    line.unwrap_or_default()
        .split_whitespace()
        .filter_map(|n| n.parse().ok())
        .collect()
}

/// Make the calling thread act with these ids and groups, for good, and with no capability. Its real
/// uid is nobody's, so that no process of the caller's uid may signal it.
fn become_caller(uid: u32, gid: u32, groups: &[u32]) -> Result<()> {
    // to setresuid(2) that is "leave it as it is"
    if uid == u32::MAX || gid == u32::MAX {
        return Err(Error::new("become_caller(-1)", Errno::EINVAL));
    }
    caps::no_setuid_fixup()?;
    caps::act_as_thread(uid, gid, OWNER_UID)?;
    caps::take_groups(groups)?;
    caps::set(CapSet::EMPTY, CapSet::EMPTY, CapSet::EMPTY)
}

/// The string that begins at `address`.
fn read_path(tid: Pid, address: u64) -> Result<CString> {
    let mut path = Vec::new();
    while path.len() < PATH_MAX as usize {
        let at = address.wrapping_add(path.len() as u64);
        let piece = read_memory(tid, at, (PAGE - at % PAGE) as usize)?;
        if let Some(end) = piece.iter().position(|b| *b == 0) {
            path.extend(&piece[..end]);
            return CString::new(path).call(|| "a path".into());
        }
        path.extend(&piece);
    }
    Err(Error::new("a path", Errno::ENAMETOOLONG))
}

/// All of `length` bytes of a thread's memory.
fn read_memory(tid: Pid, address: u64, length: usize) -> Result<Vec<u8>> {
    let mut found = vec![0u8; length];
    let n = sys::process::read_memory(tid, address as usize, &mut found)?;
    match n == length {
        true => Ok(found),
        false => Err(Error::new(
            format!("read(<memory of {tid}>, {address:#x})"),
            Errno::EFAULT,
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_ends_where_it_ends() {
        let me = nix::unistd::getpid();
        let read = |bytes: &[u8]| read_path(me, bytes.as_ptr() as u64);
        assert_eq!(read(b"/sys\0/dev\0").unwrap().as_c_str(), c"/sys");
        assert_eq!(read(b"\0").unwrap().as_c_str(), c"");
        let mut long = vec![b'x'; 9000];
        long.push(0);
        assert_eq!(read(&long[5000..]).unwrap().as_bytes().len(), 4000);
        assert!(read(&long).is_err());
        assert!(read_path(me, 0).is_err());
        assert!(read_path(me, u64::MAX - 1).is_err());
    }

    #[test]
    fn a_thread_becomes_the_caller_and_nobody_else_does() {
        let find = |key: &str| {
            let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
            numbers(&status, key)
        };
        let before = find("Uid:");
        std::thread::spawn(move || {
            become_caller(1000, 1001, &[7, 8]).unwrap();
            assert_eq!(find("Uid:"), [OWNER_UID, 1000, OWNER_UID, 1000]);
            assert_eq!(find("Gid:")[3], 1001);
            assert_eq!(find("Groups:"), [7, 8]);
            assert_eq!(caps::get().unwrap(), (CapSet::EMPTY, CapSet::EMPTY));
            assert!(become_caller(0, 0, &[]).is_err());
        })
        .join()
        .unwrap();
        assert_eq!(find("Uid:"), before);
        assert!(become_caller(u32::MAX, 0, &[]).is_err());
    }
}
