//! A shell in a container.

use std::time::Duration;

use crate::{Container, Running};

/// A shell in a container, asked one thing after the other.
pub struct Shell(pub Running);

impl Shell {
    /// Start one.
    ///
    /// # Panics
    /// When devns cannot be started.
    #[track_caller]
    pub fn start(container: &Container) -> Shell {
        Shell(container.start(&["sh"]))
    }

    /// What a command prints, in one line.
    ///
    /// # Panics
    /// When there is no answer within ten seconds.
    #[track_caller]
    pub fn ask(&mut self, command: &str) -> String {
        self.0.say(&format!(
            "echo \"<$({command} 2>&1)>\" | tr '\\n' ' '; echo"
        ));
        let line = self.0.expect("<");
        line.trim().trim_matches(['<', '>']).trim().to_owned()
    }

    /// Ask until that is the answer: what a device brings comes a moment after it.
    ///
    /// # Panics
    /// When it is not within five seconds.
    #[track_caller]
    pub fn says(&mut self, command: &str, answer: &str) {
        let mut last = String::new();
        for _ in 0..200 {
            last = self.ask(command);
            if last == answer {
                return;
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        panic!("{command}: {last:?}, not {answer:?}\n{}", self.0.so_far());
    }

    /// Ask until nothing is at `path`.
    ///
    /// # Panics
    /// When something stays there.
    #[track_caller]
    pub fn lacks(&mut self, path: &str) {
        self.says(&format!("test -L {path} -o -e {path} || echo none"), "none");
    }
}
