//! What `cargo test` printed, in a few lines.

/// Counts and times, collected line by line.
#[derive(Debug, Default)]
pub struct Summary {
    /// The binary whose tests are running.
    current: String,
    binaries: Vec<Binary>,
    failed: Vec<String>,
    unhappy: bool,
}

#[derive(Debug)]
struct Binary {
    name: String,
    passed: u32,
    failed: u32,
    seconds: f64,
}

impl Summary {
    /// Take in one line of the output.
    pub fn read(&mut self, line: &str) {
        let line = plain(line);
        let line = line.trim();
        // Running tests/hotplug.rs (target/release/deps/hotplug-0123456789abcdef)
        if let Some(rest) = line.strip_prefix("Running ") {
            self.current = named(rest);
        } else if let Some(rest) = line.strip_prefix("Doc-tests ") {
            self.current = format!("doc tests of {rest}");
        } else if let Some(rest) = line.strip_prefix("test result: ") {
            self.binaries.push(Binary {
                name: std::mem::take(&mut self.current),
                passed: number_before(rest, " passed"),
                failed: number_before(rest, " failed"),
                seconds: number_before(rest.trim_end_matches('s'), ""),
            });
        } else if let Some(test) = line
            .strip_prefix("test ")
            .and_then(|l| l.strip_suffix(" ... FAILED"))
        {
            self.failed.push(format!("{}: {test}", self.current));
        }
    }

    /// cargo has ended, well or not.
    pub fn ended(&mut self, well: bool) {
        self.unhappy = !well;
    }

    /// How many tests passed.
    pub fn passed(&self) -> u32 {
        self.binaries.iter().map(|b| b.passed).sum()
    }

    /// What is wrong, if anything is.
    pub fn trouble(&self) -> Option<String> {
        match (self.failed.is_empty(), self.unhappy) {
            (true, false) => None,
            (true, true) => Some("cargo test failed".into()),
            (false, _) => Some(format!("tests failed:\n  {}", self.failed.join("\n  "))),
        }
    }

    /// The lines to show.
    pub fn lines(&self) -> Vec<String> {
        let failed: u32 = self.binaries.iter().map(|b| b.failed).sum();
        let seconds: f64 = self.binaries.iter().map(|b| b.seconds).sum();
        let ran = self
            .binaries
            .iter()
            .filter(|b| b.passed + b.failed > 0)
            .count();
        let passed = self.passed();
        let mut lines = vec![format!(
            "{passed} tests passed, {failed} failed, in {ran} binaries, {seconds:.0} s"
        )];
        let mut slow: Vec<&Binary> = self.binaries.iter().filter(|b| b.seconds >= 1.0).collect();
        slow.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
        lines.extend(
            slow.iter()
                .take(8)
                .map(|b| format!("  {:6.1} s  {}", b.seconds, b.name)),
        );
        lines
    }
}

/// Without colours: escape sequences that end in `m`.
fn plain(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('\x1b') {
        out += before;
        rest = after.split_once('m').map_or("", |(_, text)| text);
    }
    out + rest
}

/// `tests/hotplug.rs (target/release/deps/hotplug-0123)`: the package or test, from what is built.
fn named(rest: &str) -> String {
    let (source, built) = rest.split_once(" (").unwrap_or((rest, ""));
    let file = built
        .trim_end_matches(')')
        .rsplit('/')
        .next()
        .unwrap_or_default();
    match file.rsplit_once('-') {
        Some((name, _)) if source.starts_with("unittests") => format!("unit tests of {name}"),
        _ => source.to_string(),
    }
}

/// The last number in `text` before `mark`; 0 if there is none.
fn number_before<T: std::str::FromStr + Default>(text: &str, mark: &str) -> T {
    let before = if mark.is_empty() {
        text
    } else {
        text.split(mark).next().unwrap_or_default()
    };
    let word = before
        .rsplit(|c: char| !c.is_ascii_digit() && c != '.')
        .next()
        .unwrap_or_default();
    word.parse().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "\
\x1b[1m\x1b[32m     Running\x1b[0m unittests src/lib.rs (target/release/deps/kobject-5b3c)
test action::tests::words ... \x1b[32mok\x1b[m
test result: \x1b[32mok\x1b[m. 40 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.31s
     Running tests/hotplug.rs (target/release/deps/hotplug-77aa)
test arrives ... FAILED
test result: FAILED. 3 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 12.50s
   Doc-tests kobject
test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
";

    #[test]
    fn counts_times_and_failures() {
        let mut summary = Summary::default();
        OUTPUT.lines().for_each(|line| summary.read(line));
        summary.ended(false);
        assert_eq!(
            summary.lines(),
            [
                "45 tests passed, 1 failed, in 3 binaries, 13 s",
                "    12.5 s  tests/hotplug.rs"
            ]
        );
        assert_eq!(
            summary.trouble().unwrap(),
            "tests failed:\n  tests/hotplug.rs: arrives"
        );
        assert_eq!(summary.binaries[0].name, "unit tests of kobject");
        assert_eq!(summary.binaries[2].name, "doc tests of kobject");
    }

    #[test]
    fn a_failure_to_build_is_trouble_too() {
        let mut summary = Summary::default();
        summary.read("error: could not compile `policy`");
        summary.ended(false);
        assert_eq!(summary.trouble().unwrap(), "cargo test failed");
    }
}
