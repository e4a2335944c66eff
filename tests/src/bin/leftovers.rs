//! What containers left behind on this host.
//!
//! `leftovers` prints what can be nobody's but this project's; `leftovers save FILE` writes down
//! everything there is, `leftovers since FILE` prints what has come since then. The exit status
//! is 1 when something was printed.

use std::process::ExitCode;
use std::time::Duration;

use tests::Leftovers;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let patience = Duration::from_secs(3);
    let left = match args[..] {
        [] => Leftovers::default().since(Leftovers::ours, patience),
        ["save", file] => {
            let all: Vec<String> = Leftovers::now().0.into_iter().collect();
            if let Err(e) = std::fs::write(file, all.join("\n")) {
                eprintln!("leftovers: {file:?} cannot be written: {e}");
                return ExitCode::from(2);
            }
            return ExitCode::SUCCESS;
        }
        ["since", file] => match std::fs::read_to_string(file) {
            Ok(text) => {
                let before = Leftovers(text.lines().map(str::to_string).collect());
                before.since(Leftovers::now, patience)
            }
            Err(e) => {
                eprintln!("leftovers: {file:?} cannot be read: {e}");
                return ExitCode::from(2);
            }
        },
        _ => {
            eprintln!("usage: leftovers [save FILE | since FILE]");
            return ExitCode::from(2);
        }
    };
    for line in &left {
        println!("{line}");
    }
    ExitCode::from(u8::from(!left.is_empty()))
}
