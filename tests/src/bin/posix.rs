//! What a writable directory of Linux does, tried in one directory.
//!
//! `posix [--uid N] DIR [FILTER]` tries the cases whose name has FILTER in it, as TAP lines; with
//! `--uid N` as that user, after DIR was made one's own directory by whoever starts it. `posix --fill
//! DIR` fills a file system that has limits, and says what it held. The exit status is 1 when a case
//! failed, 2 when nothing was tried.

use std::path::Path;
use std::process::ExitCode;

use nix::unistd::{Gid, Uid, setgid, setgroups, setuid};
use tests::posix::{self, Outcome};

const USAGE: &str = "usage: posix [--uid N] DIR [FILTER] | posix --fill DIR";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let (uid, rest) = match args[..] {
        ["--fill", dir] => {
            let (inodes, bytes) = posix::fill(Path::new(dir));
            println!("room for {inodes} inodes and {bytes} bytes");
            return ExitCode::SUCCESS;
        }
        ["--uid", uid, ref rest @ ..] => (uid.parse().ok(), rest),
        ref rest => (None, rest),
    };
    let (dir, filter) = match *rest {
        [dir] if !dir.starts_with('-') => (dir, ""),
        [dir, filter] if !dir.starts_with('-') => (dir, filter),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    if let Some(uid) = uid
        && let Err(e) = become_user(uid)
    {
        eprintln!("posix: cannot become user {uid}: {e}");
        return ExitCode::from(2);
    }
    let outcomes = posix::suite(Path::new(dir), filter);
    println!("1..{}", outcomes.len());
    let mut failed = outcomes.is_empty();
    for (number, (name, outcome)) in outcomes.iter().enumerate() {
        let number = number + 1;
        match outcome {
            Outcome::Passed => println!("ok {number} - {name}"),
            Outcome::NeedsRoot => println!("ok {number} - {name} # SKIP needs root"),
            Outcome::Failed(why) => {
                failed = true;
                println!("not ok {number} - {name}\n  {why}");
            }
        }
    }
    match (failed, outcomes.is_empty()) {
        (_, true) => ExitCode::from(2),
        (true, _) => ExitCode::from(1),
        (false, _) => ExitCode::SUCCESS,
    }
}

fn become_user(uid: u32) -> nix::Result<()> {
    setgroups(&[])?;
    setgid(Gid::from_raw(uid))?;
    setuid(Uid::from_raw(uid))
}
