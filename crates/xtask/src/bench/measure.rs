//! The operations, taking turns.

use std::fs::{self, File};
use std::hint::black_box;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use super::mounts::Mounts;

/// How often.
pub struct Plan {
    /// Rounds, in each of which every operation has its turn.
    pub rounds: usize,
    /// How often an operation is done in its turn.
    batch: u32,
    /// Rounds of walks, which take long.
    walks: usize,
}

impl Plan {
    /// For results to keep.
    pub const FULL: Plan = Plan {
        rounds: 101,
        batch: 500,
        walks: 9,
    };
    /// For a look.
    pub const QUICK: Plan = Plan {
        rounds: 11,
        batch: 200,
        walks: 3,
    };
}

/// What one operation took.
pub struct Measured {
    /// The operation.
    pub name: String,
    /// Microseconds, median.
    pub native: f64,
    /// Microseconds, median.
    pub ours: f64,
}

impl Measured {
    /// Ours as a multiple of native.
    pub fn ratio(&self) -> f64 {
        self.ours / self.native
    }
}

/// Every machine has it, it never changes, and a class lists it.
const ATTRIBUTE: &str = "devices/virtual/mem/null/dev";
const LINK: &str = "class/mem/null";
const DIRECTORY: &str = "class/tty";

/// Does an operation on the file system at a path, some times.
type Operation = fn(&Path, u32) -> Result<()>;

const OPERATIONS: [(&str, Operation); 5] = [
    ("stat, cached", stat),
    ("readlink", readlink),
    ("open+read+close of an attribute", open_read_close),
    ("pread on an open fd", pread),
    ("readdir", readdir),
];

/// Measure everything.
pub fn all(mounts: &Mounts, plan: &Plan) -> Result<Vec<Measured>> {
    let mut samples = vec![(Vec::new(), Vec::new()); OPERATIONS.len()];
    for _ in 0..plan.rounds {
        for ((_, operation), (native, ours)) in OPERATIONS.iter().zip(&mut samples) {
            native.push(timed(|| operation(&mounts.native, plan.batch))? / f64::from(plan.batch));
            ours.push(timed(|| operation(&mounts.ours, plan.batch))? / f64::from(plan.batch));
        }
    }
    let entries = fs::read_dir(mounts.ours.join(DIRECTORY))?.count();
    let name = |name: &str| match name {
        "readdir" => format!("readdir of {entries}"),
        name => name.to_string(),
    };
    let names = OPERATIONS.iter().map(|(n, _)| name(n));
    let mut measured: Vec<Measured> = names
        .zip(samples)
        .map(|(name, (native, ours))| of(name, native, ours))
        .collect();
    measured.extend(walks(mounts, plan)?);
    Ok(measured)
}

fn walks(mounts: &Mounts, plan: &Plan) -> Result<[Measured; 2]> {
    let mut first = (Vec::new(), Vec::new());
    let mut warm = (Vec::new(), Vec::new());
    let mut counts = (0, 0);
    for _ in 0..plan.walks {
        let turns = [
            (&mounts.native, &mut first.0, &mut warm.0, &mut counts.0),
            (&mounts.ours, &mut first.1, &mut warm.1, &mut counts.1),
        ];
        for (place, first, warm, count) in turns {
            // 2: dentries and inodes, not pages
            fs::write("/proc/sys/vm/drop_caches", "2").context("drop_caches")?;
            first.push(timed(|| walk(place).map(|n| *count = n))?);
            warm.push(timed(|| walk(place).map(|n| *count = n))?);
        }
    }
    // under builtin:all both have the same; far apart, a comparison means nothing
    if counts.0.abs_diff(counts.1) * 20 > counts.0 {
        bail!("native has {} entries, ours {}", counts.0, counts.1);
    }
    let count = counts.1;
    Ok([
        of(format!("first walk of {count}"), first.0, first.1),
        of(format!("warm walk of {count}"), warm.0, warm.1),
    ])
}

fn of(name: String, native: Vec<f64>, ours: Vec<f64>) -> Measured {
    Measured {
        name,
        native: median(native),
        ours: median(ours),
    }
}

/// Of an odd number of samples, as every plan has.
fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

/// How many microseconds it takes.
fn timed(f: impl FnOnce() -> Result<()>) -> Result<f64> {
    let began = Instant::now();
    f()?;
    Ok(began.elapsed().as_secs_f64() * 1e6)
}

fn stat(top: &Path, times: u32) -> Result<()> {
    let path = top.join(ATTRIBUTE);
    for _ in 0..times {
        black_box(fs::symlink_metadata(&path).with_context(|| format!("{path:?}"))?);
    }
    Ok(())
}

fn readlink(top: &Path, times: u32) -> Result<()> {
    let path = top.join(LINK);
    for _ in 0..times {
        black_box(fs::read_link(&path).with_context(|| format!("{path:?}"))?);
    }
    Ok(())
}

fn open_read_close(top: &Path, times: u32) -> Result<()> {
    let path = top.join(ATTRIBUTE);
    let mut page = [0; 4096];
    for _ in 0..times {
        let mut file = File::open(&path).with_context(|| format!("{path:?}"))?;
        black_box(file.read(&mut page)?);
    }
    Ok(())
}

fn pread(top: &Path, times: u32) -> Result<()> {
    let path = top.join(ATTRIBUTE);
    let file = File::open(&path).with_context(|| format!("{path:?}"))?;
    let mut page = [0; 4096];
    for _ in 0..times {
        black_box(file.read_at(&mut page, 0)?);
    }
    Ok(())
}

fn readdir(top: &Path, times: u32) -> Result<()> {
    let path = top.join(DIRECTORY);
    for _ in 0..times {
        black_box(
            fs::read_dir(&path)
                .with_context(|| format!("{path:?}"))?
                .count(),
        );
    }
    Ok(())
}

/// lstat of everything; how many entries.
fn walk(top: &Path) -> Result<usize> {
    let mut count = 0;
    let mut directories = vec![top.to_path_buf()];
    while let Some(dir) = directories.pop() {
        // what is gone meanwhile is not counted
        let Ok(entries) = fs::read_dir(&dir) else {
            continue;
        };
        for entry in entries.flatten() {
            let Ok(meta) = entry.metadata() else {
                continue;
            };
            count += 1;
            if meta.is_dir() {
                directories.push(entry.path());
            }
        }
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_ratios() {
        let m = of("x".into(), vec![9.0, 1.0, 2.0], vec![8.0, 4.0, 1.0]);
        assert_eq!((m.native, m.ours, m.ratio()), (2.0, 4.0, 2.0));
    }
}
