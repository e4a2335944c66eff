//! Two trees compared: what differs, and whether somebody has reviewed that.

#![allow(dead_code)] // each test takes what it needs

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use tests::probe::{Answers, Difference, How, Kind, Probe, differences};

use crate::attacks;
use crate::reviewed;

/// The prober, for a tree at `root`, as whom the script becomes; `written`: what to write where.
pub fn script(root: &str, becomes: &str, written: &BTreeMap<String, &str>) -> String {
    let scratch = serde_json::to_string(written).expect("JSON");
    attacks::script(&format!(
        "ROOT, SCRATCH, IDENTITY = {root:?}, {scratch}, dict({becomes})\n{}",
        include_str!("../../attacks/differential.py")
    ))
}

/// kptr_restrict=1 while one of these lives: with 0, nobody is refused a pointer.
pub struct Restricted;

/// How many there are, and what was there before.
static RESTRICTED: Mutex<(u32, String)> = Mutex::new((0, String::new()));
const KPTR: &str = "/proc/sys/kernel/kptr_restrict";

impl Restricted {
    pub fn pointers() -> Restricted {
        let mut now = RESTRICTED.lock().expect("kptr_restrict");
        if now.0 == 0 {
            now.1 = std::fs::read_to_string(KPTR).expect("kptr_restrict");
        }
        std::fs::write(KPTR, "1").expect("kptr_restrict");
        now.0 += 1;
        Restricted
    }
}

impl Drop for Restricted {
    fn drop(&mut self) {
        if let Ok(mut now) = RESTRICTED.lock() {
            now.0 -= 1;
            if now.0 == 0 {
                let _ = std::fs::write(KPTR, now.1.trim());
            }
        }
    }
}

/// What came of comparing as one identity.
pub struct Judge {
    name: String,
    /// Files that a rule lets the container's root write.
    granted: BTreeSet<String>,
    native: Answers,
    view: Answers,
    /// What nobody has reviewed.
    pub found: Vec<Difference>,
    /// The reviews that were needed.
    pub used: BTreeSet<&'static str>,
}

impl Judge {
    pub fn new(name: &str, granted: &[&str]) -> Judge {
        Judge {
            name: name.into(),
            granted: granted.iter().map(|p| p.to_string()).collect(),
            native: Answers::new(),
            view: Answers::new(),
            found: Vec::new(),
            used: BTreeSet::new(),
        }
    }

    /// Compare at these paths.
    pub fn compare(
        &mut self,
        native: &mut Probe,
        view: &mut Probe,
        paths: &BTreeSet<String>,
        how: How,
    ) {
        self.compare_with(paths, |paths| {
            let before = native.ask(paths, how);
            let view = view.ask(paths, how);
            (before, view, native.ask(paths, how))
        });
    }

    /// Compare what `look` gives for paths: native, view, native again. What differs is looked at
    /// again: a counter may have moved, and both native looks agree by chance.
    pub fn compare_with(
        &mut self,
        paths: &BTreeSet<String>,
        mut look: impl FnMut(&BTreeSet<String>) -> (Answers, Answers, Answers),
    ) {
        let mut open: Option<Vec<Difference>> = None;
        let mut paths = paths.clone();
        for round in 0..8 {
            let (before, view, after) = look(&paths);
            let mut now = differences(&before, &view, &after);
            now.retain(|d| !self.is_reviewed(d, &before, &after));
            if round == 0 {
                self.native.extend(after);
                self.view.extend(view);
            }
            if let Some(open) = &open {
                let same = |a: &Difference, b: &Difference| {
                    a.path == b.path && a.request == b.request && a.kind == b.kind
                };
                now.retain(|d| open.iter().any(|o| same(o, d)));
            }
            paths = now.iter().map(|d| d.path.clone()).collect();
            if now.is_empty() {
                return;
            }
            open = Some(now);
            std::thread::sleep(Duration::from_millis(20));
        }
        self.found.extend(open.unwrap_or_default());
    }

    fn is_reviewed(&mut self, d: &Difference, before: &Answers, after: &Answers) -> bool {
        if self.is_granted(d) {
            return true;
        }
        let natives = [before, after];
        let mut natives = natives.into_iter().filter_map(|n| n.get(&d.path));
        let why = natives.find_map(|native| reviewed::why(d, native));
        self.used.extend(why);
        why.is_some()
    }

    /// What a rule lets the container's root write is its own, and so are `uevent` files, where what is
    /// written goes nowhere but to the container.
    fn is_granted(&self, d: &Difference) -> bool {
        let is_own = self.granted.contains(&d.path) || d.path.ends_with("/uevent");
        let same_but_owner = |a: &str, b: &str| {
            let (a, b): (Vec<_>, Vec<_>) = (a.split(' ').collect(), b.split(' ').collect());
            a.len() == 4 && b.len() == 4 && a[1] == b[1] && a[3] == b[3]
        };
        let what = d.request.as_str();
        is_own
            && match what {
                "stat" => same_but_owner(&d.native, &d.view),
                "access w" | "link" => true,
                // its owner needs no capability for that
                "open r without atime" => d.native == "EPERM",
                _ => {
                    reviewed::is_for_writing(what)
                        || what.contains("xattr")
                        || what == "read w"
                        || what.starts_with("map shared")
                        || what.starts_with("chown")
                        || what.starts_with("chmod")
                }
            }
    }

    /// What the view answered.
    #[track_caller]
    pub fn got(&self, path: &str, request: &str) -> &str {
        of(&self.view, path, request)
    }

    /// What native sysfs answered.
    #[track_caller]
    pub fn native(&self, path: &str, request: &str) -> &str {
        of(&self.native, path, request)
    }

    /// What is more than native.
    pub fn more(&self) -> Vec<&Difference> {
        self.found.iter().filter(|d| d.kind == Kind::More).collect()
    }

    /// There is nothing more than native, and nothing less but what was reviewed.
    #[track_caller]
    pub fn verdict(&self) {
        let short = |d: &Difference| {
            let cut = |s: &str| s.chars().take(60).collect::<String>();
            format!(
                "{:?}: {} of {}: {:?}, natively {:?}",
                d.kind,
                d.request,
                d.path,
                cut(&d.view),
                cut(&d.native)
            )
        };
        let found: Vec<String> = self.found.iter().map(short).collect();
        assert!(
            found.is_empty(),
            "{}: {} differences, such as {:#?}",
            self.name,
            found.len(),
            &found[..found.len().min(40)]
        );
    }
}

#[track_caller]
fn of<'a>(answers: &'a Answers, path: &str, request: &str) -> &'a str {
    match answers.get(path).and_then(|a| a.get(request)) {
        Some(answer) => answer,
        None => panic!("nobody asked for {request} of {path}"),
    }
}
