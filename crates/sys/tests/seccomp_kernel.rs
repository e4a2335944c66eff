//! The seccomp filter on the real kernel. Filters, no_new_privs and (by the raw calls used here) uids
//! belong to a thread, so every test is a thread that ends with its test. Needs root for the uid calls;
//! elsewhere it says so and passes.
#![allow(unsafe_code)]

use std::thread;

use sys::seccomp::{Filter, Layout, Listener, Subject};

/// The owner of a quiet network namespace, say.
const OWNER: u64 = 0x7eff_0001;
/// In the half of a register that the kernel drops.
const GARBAGE: u64 = 0xdead_beef_0000_0000;
const KEEP: u64 = 0xffff_ffff;

/// The result of a raw system call, or minus the errno.
fn call(nr: i64, args: [u64; 3]) -> i64 {
    // SAFETY: called with numbers, and with addresses that are 0 only: the kernel answers EFAULT
    match unsafe { libc::syscall(nr, args[0], args[1], args[2]) } {
        -1 => -i64::from(std::io::Error::last_os_error().raw_os_error().unwrap()),
        done => done,
    }
}

/// The same by `int 0x80`, with the numbers of i386.
#[cfg(target_arch = "x86_64")]
fn int80(nr: u32, args: [u32; 3]) -> i64 {
    let result: u64;
    // SAFETY: rbx, which the compiler does not lend, is saved on the stack and put back; the kernel
    // changes rax, and r8 to r11 before Linux 4.16; arguments as in call()
    unsafe {
        std::arch::asm!(
            "push rbx",
            "mov ebx, {first:e}",
            "int 0x80",
            "pop rbx",
            first = in(reg) args[0],
            inlateout("rax") u64::from(nr) => result,
            in("rcx") u64::from(args[1]),
            in("rdx") u64::from(args[2]),
            lateout("r8") _,
            lateout("r9") _,
            lateout("r10") _,
            lateout("r11") _,
        );
    }
    i64::from(result as i32)
}

/// Runs `test` on a thread that is root, may set uids and has no_new_privs and `filter`.
fn behind(filter: Filter, test: impl FnOnce() + Send + 'static) {
    if !nix::unistd::geteuid().is_root() {
        return eprintln!("skipped: needs root");
    }
    let filtered = move || {
        nix::sys::prctl::set_no_new_privs().unwrap();
        filter.install().unwrap();
        test();
    };
    if let Err(panic) = thread::spawn(filtered).join() {
        std::panic::resume_unwind(panic);
    }
}

const EPERM: i64 = -(libc::EPERM as i64);
const EFAULT: i64 = -(libc::EFAULT as i64);
const ENOSYS: i64 = -(libc::ENOSYS as i64);

#[test]
fn nobody_becomes_the_owner() {
    behind(Filter::new().deny_uid(OWNER as u32), || {
        for owner in [OWNER, OWNER | GARBAGE] {
            assert_eq!(call(libc::SYS_setuid, [owner, 0, 0]), EPERM);
            assert_eq!(call(libc::SYS_setfsuid, [owner, 0, 0]), EPERM);
            for at in 0..3 {
                let mut args = [KEEP; 3];
                args[at] = owner;
                assert_eq!(call(libc::SYS_setresuid, args), EPERM, "{args:x?}");
                if at < 2 {
                    assert_eq!(call(libc::SYS_setreuid, args), EPERM, "{args:x?}");
                }
            }
        }
        assert_eq!(call(libc::SYS_getuid, [0; 3]), 0);
        // others are free, and once another there is no way to the owner either
        assert_eq!(call(libc::SYS_setresuid, [KEEP; 3]), 0);
        assert_eq!(call(libc::SYS_setresuid, [OWNER + 1, OWNER + 1, KEEP]), 0);
        assert_eq!(call(libc::SYS_getuid, [0; 3]), OWNER as i64 + 1);
    });
}

#[test]
#[cfg(target_arch = "x86_64")]
fn nor_by_another_abi() {
    behind(Filter::new().deny_uid(OWNER as u32), || {
        // x32: refused before the kernel finds that it has none
        const X32: i64 = 0x4000_0000;
        for nr in [105, 113, 117, 122] {
            assert_eq!(call(X32 | nr, [OWNER, OWNER, OWNER]), EPERM);
        }
        if int80(20, [0; 3]) == ENOSYS {
            return eprintln!("skipped: no i386 calls in this kernel");
        }
        let (owner, keep) = (OWNER as u32, KEEP as u32);
        assert_eq!(int80(213, [owner, 0, 0]), EPERM);
        assert_eq!(int80(203, [keep, owner, 0]), EPERM);
        assert_eq!(int80(208, [keep, keep, owner]), EPERM);
        assert_eq!(int80(215, [owner, 0, 0]), EPERM);
        // the 16-bit calls take the low half for a uid of its own: not the owner's
        assert_eq!(int80(164, [0xffff, 0xffff, 0xffff]), 0);
        assert_eq!(int80(208, [owner + 1, owner + 1, keep]), 0);
        assert_eq!(int80(199, [0; 3]), OWNER as i64 + 1);
    });
}

#[test]
fn no_kernel_log() {
    const SIZE_BUFFER: u64 = 10;
    behind(Filter::new(), || {
        assert!(call(libc::SYS_syslog, [SIZE_BUFFER, 0, 0]) > 0)
    });
    behind(Filter::new().deny_syslog(), || {
        assert_eq!(call(libc::SYS_syslog, [SIZE_BUFFER, 0, 0]), EPERM);
        #[cfg(target_arch = "x86_64")]
        assert!([EPERM, ENOSYS].contains(&int80(103, [SIZE_BUFFER as u32, 0, 0])));
    });
}

#[test]
fn no_uevent_sockets() {
    let netlink = |protocol: u64| {
        [
            libc::AF_NETLINK as u64,
            (libc::SOCK_RAW | libc::SOCK_CLOEXEC) as u64,
            protocol,
        ]
    };
    let ring = |result: i64| {
        // kernel.io_uring_disabled gives EPERM
        assert!([EFAULT, EPERM, ENOSYS].contains(&result), "{result}");
        result
    };
    behind(Filter::new(), move || {
        assert!(call(libc::SYS_socket, netlink(15)) >= 0);
        ring(call(libc::SYS_io_uring_setup, [1, 0, 0]));
    });
    behind(Filter::new().deny_uevent_sockets(), move || {
        assert_eq!(call(libc::SYS_socket, netlink(15)), EPERM);
        assert_eq!(
            call(libc::SYS_socket, netlink(15).map(|arg| arg | GARBAGE)),
            EPERM
        );
        assert!(call(libc::SYS_socket, netlink(0)) >= 0);
        assert!(
            call(
                libc::SYS_socket,
                [libc::AF_UNIX as u64, libc::SOCK_STREAM as u64, 0]
            ) >= 0
        );
        assert_eq!(ring(call(libc::SYS_io_uring_setup, [1, 0, 0])), ENOSYS);
        #[cfg(target_arch = "x86_64")]
        if int80(20, [0; 3]) != ENOSYS {
            assert_eq!(int80(359, netlink(15).map(|arg| arg as u32)), EPERM);
            assert!(int80(359, netlink(0).map(|arg| arg as u32)) >= 0);
            assert_eq!(int80(425, [1, 0, 0]), ENOSYS);
            // socketcall: sockets refused whatever they are, the rest goes on to read its arguments
            assert_eq!(int80(102, [1, 0, 0]), EPERM);
            assert_eq!(int80(102, [2, 0, 0]), EFAULT);
        }
    });
}

#[test]
fn filters_are_inherited_and_add_up() {
    behind(Filter::new().deny_syslog(), || {
        Filter::new().deny_uevent_sockets().install().unwrap();
        assert_eq!(call(libc::SYS_syslog, [10, 0, 0]), EPERM);
        assert_eq!(call(libc::SYS_io_uring_setup, [1, 0, 0]), ENOSYS);
        let status = std::process::Command::new("cat")
            .arg("/proc/self/status")
            .output()
            .unwrap();
        let status = String::from_utf8_lossy(&status.stdout).into_owned();
        assert!(
            status.contains("Seccomp:\t2") && status.contains("NoNewPrivs:\t1"),
            "{status}"
        );
    });
}

#[test]
fn needs_no_new_privs() {
    if nix::sys::prctl::get_no_new_privs().unwrap() {
        return eprintln!("skipped: has no_new_privs already");
    }
    let refused = Filter::new().install().unwrap_err();
    assert_eq!(refused.errno(), libc::EACCES);
    assert_eq!(
        refused.to_string(),
        "seccomp(SECCOMP_SET_MODE_FILTER) without no_new_privs: permission denied"
    );
}

#[test]
fn refuses_what_the_kernel_cannot_take() {
    let long = (0..2000).fold(Filter::new(), |filter, n| filter.deny_uid(100_000 + n));
    behind(Filter::new(), move || {
        assert_eq!(long.install().unwrap_err().errno(), libc::EINVAL);
        assert_eq!(
            sys::seccomp::install(&[]).unwrap_err().errno(),
            libc::EINVAL
        );
    });
}

/// The caller waits until it is answered, by the listener or, at its word, by the kernel; without a
/// listener the call is not there.
#[test]
fn a_listener_is_asked_and_answers() {
    if !nix::unistd::geteuid().is_root() {
        return eprintln!("skipped: needs root");
    }
    let (tell, told) = std::sync::mpsc::channel();
    let caller = thread::spawn(move || {
        nix::sys::prctl::set_no_new_privs().unwrap();
        let filter = Filter::new().ask_about_statfs();
        let listener = filter.install_with_listener().unwrap();
        assert_eq!(
            filter.install_with_listener().unwrap_err().errno(),
            libc::EBUSY,
            "one is all there is"
        );
        tell.send((
            Listener::new(listener),
            nix::unistd::gettid().as_raw() as u32,
        ))
        .unwrap();
        let args = [GARBAGE | 77, 0x1000, 0];
        assert_eq!(call(libc::SYS_fstatfs, args), 0, "as the listener says");
        assert_eq!(call(libc::SYS_fstatfs, args), -i64::from(libc::EBADF));
        assert_eq!(call(libc::SYS_fstatfs, args), ENOSYS, "nobody listens");
    });
    let (listener, tid) = told.recv().unwrap();
    let first = listener.receive().unwrap();
    let asked = first.statfs.unwrap();
    assert_eq!(first.tid, tid);
    assert_eq!(asked.subject, Subject::Descriptor(77));
    assert_eq!((asked.buffer, asked.layout), (0x1000, Layout::Bits64));
    assert!(listener.is_valid(first.id));
    listener.succeed(first.id).unwrap();
    assert!(!listener.is_valid(first.id));
    let again = listener.go_on(first.id).unwrap_err().errno();
    assert!(
        [libc::EINPROGRESS, libc::ENOENT].contains(&again),
        "{again}"
    );
    let second = listener.receive().unwrap();
    assert_ne!(second.id, first.id);
    listener.go_on(second.id).unwrap();
    drop(listener);
    caller.join().unwrap();
}
