//! What comes of everything that can be asked of a tree, and how two trees differ in it.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::output::LIMIT;
use crate::{Running, tree};

/// What came of each request at each path: `ok`, `ok` and what was got, or the name of an errno.
pub type Answers = BTreeMap<String, BTreeMap<String, String>>;

/// A running prober.
pub struct Probe {
    running: Running,
    /// The credentials that it asks with.
    pub who: Value,
}

/// How much is asked of each path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Everything.
    All,
    /// What tells kinds of files apart: attributes, opening, reading, listing.
    Some,
}

impl Probe {
    /// Run `script` in `container`.
    ///
    /// # Panics
    /// When it does not start.
    #[track_caller]
    pub fn inside(container: &crate::Container, script: &str) -> Probe {
        Probe::new(container.start(&["python3", "-c", script]))
    }

    /// Run `script` as [`tree::beside`] does, beside the container of `like`.
    ///
    /// # Panics
    /// When it does not start.
    #[track_caller]
    pub fn native(like: &Probe, userns: bool, script: &str) -> Probe {
        Probe::of(tree::beside(like.first_process(), userns, script, &[]))
    }

    /// Run a command that is a prober.
    ///
    /// # Panics
    /// When it does not start.
    #[track_caller]
    pub fn of(mut command: Command) -> Probe {
        Probe::new(Running::start(command.stdin(Stdio::piped())))
    }

    #[track_caller]
    fn new(mut running: Running) -> Probe {
        // an emulated machine takes its time
        let line = running.line(LIMIT, |l| l.starts_with("ready "));
        let line = line.unwrap_or_else(|| panic!("not ready: {}", running.so_far()));
        let who = serde_json::from_str(line.trim_start_matches("ready ")).expect("JSON");
        Probe { running, who }
    }

    /// The host's pid of the first process of the container that it runs in.
    #[track_caller]
    pub fn first_process(&self) -> i32 {
        self.running.first_process()
    }

    /// Everything there is: path, type and mode in octal, size.
    ///
    /// # Panics
    /// When it does not answer.
    #[track_caller]
    pub fn walk(&mut self) -> Vec<(String, u32, u64)> {
        let all = self.order(&json!({"walk": true}));
        let all = all.as_array().expect("a list").iter().map(|inode| {
            let text = |at: usize| inode[at].as_str().unwrap_or_default();
            let mode = u32::from_str_radix(text(1), 8).expect("a mode");
            (text(0).to_string(), mode, inode[2].as_u64().unwrap_or(0))
        });
        all.collect()
    }

    /// Ask everything, or some of it, of these paths.
    ///
    /// # Panics
    /// When it does not answer.
    #[track_caller]
    pub fn ask(&mut self, paths: &BTreeSet<String>, how: How) -> Answers {
        let how = if how == How::All { "all" } else { "some" };
        answers(self.order(&json!({"ask": paths, "how": how})))
    }

    /// Give an order, and take the answer.
    ///
    /// # Panics
    /// When there is none.
    #[track_caller]
    pub fn order(&mut self, order: &Value) -> Value {
        self.begin(order);
        self.answer()
    }

    /// Give an order.
    #[track_caller]
    pub fn begin(&mut self, order: &Value) {
        self.running.say(&order.to_string());
    }

    /// Take the answer to what was ordered first.
    ///
    /// # Panics
    /// When there is none.
    #[track_caller]
    pub fn answer(&mut self) -> Value {
        let line = self.running.line(LIMIT, |l| l.starts_with("{\"answer\""));
        let line = line.unwrap_or_else(|| panic!("no answer: {}", self.running.so_far()));
        let mut answer: Value = serde_json::from_str(&line).expect("JSON");
        answer["answer"].take()
    }

    /// Wait for a line of its stdout.
    #[track_caller]
    pub fn expect(&mut self, text: &str) {
        self.running.expect(text);
    }
}

/// An answer, by path and request.
///
/// # Panics
/// When it is something else.
pub fn answers(value: Value) -> Answers {
    serde_json::from_value(value).expect("answers")
}

/// How a view's answer differs from the native one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// It succeeds where that does not, or says something else.
    More,
    /// It fails where that succeeds, or says a part.
    Less,
    /// Both fail, each in its own way.
    Errno,
}

/// A difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// How the view differs.
    pub kind: Kind,
    /// Where.
    pub path: String,
    /// What was asked.
    pub request: String,
    /// What came of it natively.
    pub native: String,
    /// And in the view.
    pub view: String,
}

/// Requests whose answers are data or names, so that there can be a part of one.
const DATA: [&str; 9] = [
    "read", "reopen", "stream", "map", "splice", "sendfile", "list", "types", "held",
];

/// What there is between two native answers and the view's that was given between them.
pub fn differences(before: &Answers, view: &Answers, after: &Answers) -> Vec<Difference> {
    let mut all = Vec::new();
    for (path, requests) in view {
        for (request, view) in requests {
            let of = |native: &Answers| native.get(path)?.get(request).cloned();
            // it came or went meanwhile, or is another kind of file: `stat` says so
            let (before, after) = match (of(before), of(after)) {
                (None, None) if request != "stat" => continue,
                (before, after) => (
                    before.unwrap_or_else(|| "ENOENT".into()),
                    after.unwrap_or_else(|| "ENOENT".into()),
                ),
            };
            if let Some(mut kind) = differs(&before, view, &after) {
                // of a number, the first digits are no part
                let is_data = DATA.iter().any(|d| request.starts_with(d));
                if kind == Kind::Less && view.starts_with("ok") && !is_data {
                    kind = Kind::More;
                }
                all.push(Difference {
                    kind,
                    path: path.clone(),
                    request: request.clone(),
                    native: after,
                    view: view.clone(),
                });
            }
        }
    }
    all
}

/// How `view` differs from what is natively said before and after.
pub fn differs(before: &str, view: &str, after: &str) -> Option<Kind> {
    if view == before || view == after {
        return None;
    }
    let is_ok = |answer: &str| answer == "ok" || answer.starts_with("ok ");
    let natives = || [before, after].into_iter().filter(|n| is_ok(n));
    match (is_ok(view), natives().count()) {
        (true, 0) => Some(Kind::More),
        (true, _) if natives().any(|n| is_part(view, n)) => Some(Kind::Less),
        // it moves by itself: then it looks the same but for the figures
        (true, _) if before != after && natives().any(|n| shape(n) == shape(view)) => None,
        (true, _) => Some(Kind::More),
        (false, 0) => Some(Kind::Errno),
        (false, _) => Some(Kind::Less),
    }
}

/// Whether `view` says a part of what `native` says: the first bytes, or some of the names.
fn is_part(view: &str, native: &str) -> bool {
    let list = |answer: &str| -> Option<BTreeSet<String>> {
        serde_json::from_str(answer.strip_prefix("ok ")?).ok()
    };
    match (list(view), list(native)) {
        (Some(view), Some(native)) => view.is_subset(&native),
        _ => native.starts_with(view),
    }
}

/// `answer` with every number as 0.
pub fn shape(answer: &str) -> String {
    let mut out = String::with_capacity(answer.len());
    for c in answer.chars() {
        match c.is_ascii_digit() {
            true if out.ends_with('0') => {}
            true => out.push('0'),
            false => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_counts_as_more() {
        let more = [
            ("EACCES", "ok", "EACCES"),
            ("ok a", "ok ab", "ok a"),
            ("ok a", "ok b", "ok a"),
            ("ok 1", "ok x", "ok 2"),
            (r#"ok ["a"]"#, r#"ok ["a", "b"]"#, r#"ok ["a"]"#),
        ];
        for (before, view, after) in more {
            assert_eq!(differs(before, view, after), Some(Kind::More), "{view}");
        }
        let less = [
            ("ok", "EACCES", "ok"),
            ("ok abc", "ok ab", "ok abc"),
            (r#"ok ["a", "b"]"#, r#"ok ["b"]"#, r#"ok ["a", "b"]"#),
        ];
        for (before, view, after) in less {
            assert_eq!(differs(before, view, after), Some(Kind::Less), "{view}");
        }
        assert_eq!(
            differs("EPERM", "EACCES", "EPERM"),
            Some(Kind::Errno),
            "both are refused"
        );
        for (before, view, after) in [
            ("EACCES", "EACCES", "EACCES"),
            ("ok 12 a", "ok 15 a", "ok 17 a"),
            ("ok", "EACCES", "EACCES"),
        ] {
            assert_eq!(differs(before, view, after), None, "{view}");
        }
    }
}
