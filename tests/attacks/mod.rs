//! What the tests of attacks share: scripts that run inside, and what came of each attempt.

#![allow(dead_code)] // each test takes what it needs

use std::collections::BTreeMap;

use tests::{Container, Output};

/// What every script begins with.
const LIB: &str = include_str!("lib.py");

/// A script with its library.
pub fn script(body: &str) -> String {
    format!("{LIB}\n{body}")
}

/// What came of each attempt, by name.
pub struct Attempts {
    by_name: BTreeMap<String, String>,
    /// Everything that was written, for who wonders.
    pub output: Output,
}

impl Attempts {
    /// Run the attempts of `body` in `container`.
    ///
    /// # Panics
    /// When the script does not come to its end.
    #[track_caller]
    pub fn inside(container: &Container, body: &str) -> Attempts {
        Attempts::of(container.python(&script(body)))
    }

    /// Take up what a script wrote.
    ///
    /// # Panics
    /// When it did not come to its end.
    #[track_caller]
    pub fn of(output: Output) -> Attempts {
        let output = output.ok();
        let pairs = output
            .lines()
            .into_iter()
            .filter_map(|l| l.split_once('\t'));
        let by_name = pairs.map(|(k, v)| (k.to_string(), v.to_string())).collect();
        Attempts { by_name, output }
    }

    /// The result of the attempt `name`.
    ///
    /// # Panics
    /// When it was not made.
    #[track_caller]
    pub fn get(&self, name: &str) -> &str {
        match self.by_name.get(name) {
            Some(result) => result,
            None => panic!("nobody tried {name:?}: {}", self.output),
        }
    }

    /// Each of these attempts has this result.
    ///
    /// # Panics
    /// When one has not.
    #[track_caller]
    pub fn are(&self, expected: &[(&str, &str)]) {
        let wrong: Vec<String> = expected
            .iter()
            .filter(|(name, result)| self.get(name) != *result)
            .map(|(name, result)| format!("{name}: {}, expected {result}", self.get(name)))
            .collect();
        assert!(wrong.is_empty(), "{wrong:#?}\n{}", self.output);
    }

    /// Every attempt whose name begins with `prefix` has one of `results`; there is at least one.
    ///
    /// # Panics
    /// Otherwise.
    #[track_caller]
    pub fn all(&self, prefix: &str, results: &[&str]) {
        let those: Vec<_> = self
            .by_name
            .iter()
            .filter(|(k, _)| k.starts_with(prefix))
            .collect();
        assert!(
            !those.is_empty(),
            "nobody tried {prefix:?}: {}",
            self.output
        );
        let wrong: Vec<_> = those
            .iter()
            .filter(|(_, v)| !results.contains(&v.as_str()))
            .collect();
        assert!(
            wrong.is_empty(),
            "{wrong:#?}, expected {results:?}\n{}",
            self.output
        );
    }
}

/// With a user namespace and without one; a name for messages, and the container.
pub fn both() -> [(&'static str, Container); 2] {
    let limited = || Container::new().limit(std::time::Duration::from_secs(20));
    [("plain", limited()), ("userns", limited().userns())]
}

/// The same with its agent for statfs(2) and with one that answers nothing: no guarantee rests on it.
pub fn both_with_and_without_agent() -> [(&'static str, Container); 4] {
    let [(plain, a), (userns, b)] = both();
    let [(_, c), (_, d)] =
        both().map(|(name, container)| (name, container.args(["--statfs", "real"])));
    [(plain, a), (userns, b), (plain, c), (userns, d)]
}
