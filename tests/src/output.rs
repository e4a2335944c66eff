//! Programs that run to their end.

use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use crate::Running;

/// How long a program may take that says nothing else.
pub const LIMIT: Duration = Duration::from_secs(60);

/// What a program left: its exit status and what it wrote.
#[derive(Debug)]
pub struct Output {
    /// The command line.
    pub what: String,
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote to stdout.
    pub stdout: String,
    /// What it wrote to stderr.
    pub stderr: String,
}

impl Output {
    /// The exit status, None when a signal ended it.
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// Itself, if the exit status is 0.
    ///
    /// # Panics
    /// When it is not.
    #[track_caller]
    pub fn ok(self) -> Output {
        self.exits(0)
    }

    /// Itself, if the exit status is `code`.
    ///
    /// # Panics
    /// When it is not.
    #[track_caller]
    pub fn exits(self, code: i32) -> Output {
        assert_eq!(self.code(), Some(code), "{self}");
        self
    }

    /// Itself, if stderr has `text`.
    ///
    /// # Panics
    /// When it has not.
    #[track_caller]
    pub fn says(self, text: &str) -> Output {
        assert!(self.stderr.contains(text), "stderr lacks {text:?}: {self}");
        self
    }

    /// The lines of stdout.
    pub fn lines(&self) -> Vec<&str> {
        self.stdout.lines().collect()
    }

    /// What it wrote to stdout, as JSON.
    ///
    /// # Panics
    /// When that is none.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        match serde_json::from_str(&self.stdout) {
            Ok(value) => value,
            Err(e) => panic!("no JSON ({e}): {self}"),
        }
    }
}

impl std::fmt::Display for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let short = |s: &str| s.chars().take(20_000).collect::<String>();
        write!(
            f,
            "{}\n{}\n--- stdout\n{}--- stderr\n{}---",
            self.what.chars().take(600).collect::<String>(),
            self.status,
            short(&self.stdout),
            short(&self.stderr)
        )
    }
}

/// Run `command` on the host without stdin.
///
/// # Panics
/// When it cannot be started, or does not end within [`LIMIT`].
#[track_caller]
pub fn run(command: &mut Command) -> Output {
    Running::start(command.stdin(Stdio::null())).wait(LIMIT)
}

/// Run a shell script on the host.
///
/// # Panics
/// When it does not exit with 0.
#[track_caller]
pub fn sh(script: &str) -> String {
    run(Command::new("sh").args(["-euc", script])).ok().stdout
}
