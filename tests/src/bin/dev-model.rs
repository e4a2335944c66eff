//! Random changes of a directory by two threads, compared with a tmpfs.
//!
//! `dev-model DIR REFERENCE SEQUENCES` tries as many sequences of each kind in new directories below
//! both. The exit status is 1, and the shortest sequence is shown, when an outcome differs.

use std::path::Path;
use std::process::ExitCode;

use nix::sys::stat::{Mode, umask};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let (dir, reference, sequences) = match args[..] {
        [dir, reference, n] if n.parse::<u32>().is_ok_and(|n| n > 0) => {
            (dir, reference, n.parse().unwrap_or(1))
        }
        _ => {
            eprintln!("usage: dev-model DIR REFERENCE SEQUENCES");
            return ExitCode::from(2);
        }
    };
    umask(Mode::from_bits_truncate(0o022));
    match tests::model::compare(Path::new(dir), Path::new(reference), sequences) {
        Ok(equal) => {
            println!(
                "{} sequences in turn, as many at once: equal",
                equal.sequences
            );
            ExitCode::SUCCESS
        }
        Err(why) => {
            println!("{why}");
            ExitCode::from(1)
        }
    }
}
