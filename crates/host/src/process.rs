//! What /proc says of a process.

use std::path::Path;

/// In the flags of proc_pid_stat(5) once a process has begun to exit (include/linux/sched.h).
const PF_EXITING: u64 = 0x4;

/// Whether process `pid` is there and has begun to exit.
pub fn is_ending(pid: i32) -> bool {
    flags(Path::new("/proc"), pid).is_some_and(|flags| flags & PF_EXITING != 0)
}

/// Whether process `pid` of this `proc` is there and has not begun to exit.
pub(crate) fn is_running(proc: &Path, pid: i32) -> bool {
    flags(proc, pid).is_some_and(|flags| flags & PF_EXITING == 0)
}

fn flags(proc: &Path, pid: i32) -> Option<u64> {
    let stat = std::fs::read(proc.join(pid.to_string()).join("stat")).ok()?;
    // PID (COMM) STATE PPID PGRP SESSION TTY TPGID FLAGS: the name may hold anything
    let stat = String::from_utf8_lossy(&stat);
    let (_, after) = stat.rsplit_once(')')?;
    after.split_whitespace().nth(6)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_runs_then_ends_then_is_gone() {
        let is_running = |pid| is_running(Path::new("/proc"), pid);
        assert!(is_running(std::process::id() as i32));
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = child.id() as i32;
        while is_running(pid) {
            std::thread::yield_now();
        }
        // nobody has waited for it
        assert!(is_ending(pid));
        child.wait().unwrap();
        assert!(!is_running(pid) && !is_ending(pid));
    }

    #[test]
    fn its_name_may_hold_anything() {
        let dir = tempfile::tempdir().unwrap();
        let proc = dir.path();
        std::fs::create_dir(proc.join("7")).unwrap();
        std::fs::write(
            proc.join("7/stat"),
            b"7 (a) R 0 \xff) (b) S 1 7 7 0 -1 4194308 99",
        )
        .unwrap();
        assert_eq!(flags(proc, 7), Some(4_194_308));
        assert!(!is_running(proc, 7));
    }
}
