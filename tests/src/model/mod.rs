//! Random changes of a writable directory, beside a reference: what comes of each, and what is there at
//! the end, must be the same.
//!
//! Two threads work on the directory under test, one on the reference, a tmpfs. There are two ways:
//!
//! - **in turn**: the threads share all names, and each operation waits for the one before. What one
//!   thread has done, the other sees at once.
//! - **at once**: each thread has names of its own, in directories that both change. Whatever the
//!   order, each gets the same answers as alone; the reference does one thread's work after the
//!   other's.
//!
//! A sequence that fails is made as short as possible before it is shown.

mod apply;
mod operation;
mod snapshot;

use std::path::{Path, PathBuf};
use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering};

use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};

pub use apply::Client;
pub use operation::Operation;
pub use snapshot::snapshot;

/// Where both threads have names, besides the top.
const SHARED: &str = "shared";

/// How many sequences of each kind were the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Equal {
    /// Sequences that were tried, of each kind.
    pub sequences: u32,
}

/// Try `sequences` of each kind below `dir`, and below `reference`.
///
/// # Errors
/// The shortest sequence that was found whose outcome differs, and how.
pub fn compare(dir: &Path, reference: &Path, sequences: u32) -> Result<Equal, String> {
    // a directory that takes nothing is no sequence's fault
    Pair::new(dir, reference)?;
    let runner = || {
        TestRunner::new(Config {
            cases: sequences,
            // enough for the shortest, and no more than some seconds on a slow file system
            max_shrink_iters: 3000,
            failure_persistence: None,
            ..Config::default()
        })
    };
    let in_turn = runner().run(&operation::in_turn(), |all| {
        let found = Pair::new(dir, reference).and_then(|pair| pair.in_turn(&all));
        found.map_err(TestCaseError::fail)
    });
    let by_whom = |(who, operation): &(usize, Operation)| format!("thread {who}: {operation:?}");
    in_turn.map_err(|e| explain("in turn", &e, |all| all.iter().map(by_whom).collect()))?;
    let at_once = runner().run(&operation::at_once(), |all| {
        let found = Pair::new(dir, reference).and_then(|pair| pair.at_once(&all));
        found.map_err(TestCaseError::fail)
    });
    let of_both = |all: &[Vec<Operation>; 2]| {
        let lines = all.iter().enumerate();
        let lines = lines.flat_map(|(who, all)| all.iter().map(move |o| (who, o.clone())));
        lines.map(|one| by_whom(&one)).collect()
    };
    at_once.map_err(|e| explain("at once", &e, of_both))?;
    Ok(Equal { sequences })
}

fn explain<T>(way: &str, error: &TestError<T>, lines: impl Fn(&T) -> Vec<String>) -> String {
    match error {
        TestError::Abort(why) => format!("{way}: {why}"),
        TestError::Fail(why, sequence) => {
            format!("{way}: {why}\nafter\n  {}", lines(sequence).join("\n  "))
        }
    }
}

/// A directory under test, a reference; both empty, and gone when this is dropped.
struct Pair {
    dir: PathBuf,
    reference: PathBuf,
}

impl Pair {
    fn new(dir: &Path, reference: &Path) -> Result<Pair, String> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = |side| format!("model-{}-{number}-{side}", std::process::id());
        // two names, since one directory may be its own reference
        let pair = Pair {
            dir: dir.join(name("a")),
            reference: reference.join(name("b")),
        };
        for top in [&pair.dir, &pair.reference] {
            let made = std::fs::create_dir_all(top.join(SHARED));
            made.map_err(|e| format!("mkdir({top:?}): {e}"))?;
        }
        Ok(pair)
    }

    fn in_turn(&self, sequence: &[(usize, Operation)]) -> Result<(), String> {
        let mut alone = [
            Client::new(&self.reference, 0),
            Client::new(&self.reference, 0),
        ];
        let wanted: Vec<String> = sequence
            .iter()
            .map(|(who, operation)| alone[*who].apply(operation))
            .collect();
        let found = answers_in_turn(&self.dir, sequence);
        for (((_, operation), found), wanted) in sequence.iter().zip(found).zip(wanted) {
            same(&format!("{operation:?}"), &found, &wanted)?;
        }
        self.same_trees()
    }

    fn at_once(&self, sequences: &[Vec<Operation>; 2]) -> Result<(), String> {
        let mut wanted = Vec::new();
        for (who, sequence) in sequences.iter().enumerate() {
            let mut client = Client::new(&self.reference, who);
            wanted.extend(sequence.iter().map(|o| client.apply(o)));
        }
        let found = answers_at_once(&self.dir, sequences);
        let operations = sequences.iter().flatten();
        for ((operation, found), wanted) in operations.zip(found).zip(wanted) {
            same(&format!("{operation:?}"), &found, &wanted)?;
        }
        self.same_trees()
    }

    fn same_trees(&self) -> Result<(), String> {
        same(
            "the tree at the end",
            &snapshot(&self.dir),
            &snapshot(&self.reference),
        )
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        for top in [&self.dir, &self.reference] {
            if let Err(e) = std::fs::remove_dir_all(top)
                && e.kind() != std::io::ErrorKind::NotFound
            {
                eprintln!("{top:?} stays: {e}");
            }
        }
    }
}

fn same(what: &str, found: &str, wanted: &str) -> Result<(), String> {
    match found == wanted {
        true => Ok(()),
        false => Err(format!(
            "{what}: {found}\nwhere the reference has: {wanted}"
        )),
    }
}

/// What two threads get that wait for each other.
fn answers_in_turn(dir: &Path, sequence: &[(usize, Operation)]) -> Vec<String> {
    use std::sync::mpsc::channel;
    let (say, answers) = channel();
    std::thread::scope(|scope| {
        let ask = [(); 2].map(|()| {
            let (ask, asked) = channel::<&Operation>();
            let say = say.clone();
            scope.spawn(move || {
                let mut client = Client::new(dir, 0);
                for operation in asked {
                    let _ = say.send(client.apply(operation));
                }
            });
            ask
        });
        let mut all = Vec::new();
        for (who, operation) in sequence {
            let answer = match ask[*who].send(operation) {
                Ok(()) => answers.recv().ok(),
                Err(_) => None,
            };
            all.push(answer.unwrap_or_else(|| "the thread has ended".into()));
        }
        drop(ask);
        all
    })
}

/// What two threads get that do not: the first's answers, then the second's.
fn answers_at_once(dir: &Path, sequences: &[Vec<Operation>; 2]) -> Vec<String> {
    let start = &Barrier::new(2);
    std::thread::scope(|scope| {
        let threads: Vec<_> = sequences
            .iter()
            .enumerate()
            .map(|(who, sequence)| {
                scope.spawn(move || {
                    let mut client = Client::new(dir, who);
                    start.wait();
                    let answers = sequence.iter().map(|o| client.apply(o));
                    answers.collect::<Vec<_>>()
                })
            })
            .collect();
        let all = threads
            .into_iter()
            .flat_map(|t| t.join().unwrap_or_default());
        all.collect()
    })
}
