//! What it costs to reload one rule over 100,000 devices and 1,000 containers, beside one find(1) over as many files; and what an idle
//! container's view weighs. Prints JSON: `cargo xtask bench policy` says what it means.
//!
//! Both are done in turn, so that whatever drifts, drifts for both.

// the other benchmark has use for all of it
#[allow(dead_code)]
mod host;

use std::{
    alloc::System,
    fs,
    hint::black_box,
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use cap::Cap;
use policy::{Rules, Views};

/// Counts what is allocated: the resident set also has what was needed for a moment.
#[global_allocator]
static HEAP: Cap<System> = Cap::new(System, usize::MAX);

const DEVICES: usize = 100_000;
const CONTAINERS: usize = 1000;
/// How many different policies they have.
const POLICIES: usize = 50;
const ROUNDS: usize = 15;

/// Policies with twenty rules of their own each, and a common base in which one rule changes.
fn rules(changed: &str) -> Rules {
    let mut text = format!(
        "  common:\n    base: []\n    rules:\n      - {{ match: {{ subsystem: mem }}, show: rw }}\n      - {{ match: {{ subsystem: block, devname: \"{changed}\" }}, show: ro }}\n"
    );
    for number in 0..POLICIES {
        text.push_str(&host::rules(&format!("p{number}"), number * 20, 20, ""));
    }
    host::parse(&text)
}

fn views(rules: &Rules, table: &policy::DeviceTable) -> Views<usize> {
    let mut views = Views::new();
    for container in 0..CONTAINERS {
        let policy = rules.policy(&format!("p{}", container % POLICIES)).unwrap();
        views.add(container, &policy, table);
    }
    views
}

/// A tree with as many files as there are devices, ten in a directory.
fn files(top: &Path) {
    for number in 0..DEVICES / 10 {
        let dir = top.join(format!("{}/{}", number / 100, number % 100));
        fs::create_dir_all(&dir).unwrap();
        for file in 0..10 {
            fs::write(dir.join(format!("file{file}")), "").unwrap();
        }
    }
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

fn main() {
    // cargo asks benches that are run as tests for nothing
    if std::env::args().any(|arg| arg == "--test" || arg == "--list") {
        return;
    }
    let table = host::table(DEVICES);
    let dir = tempfile::tempdir().unwrap();
    files(dir.path());
    let (one, other) = (rules("sd7000"), rules("sd8000"));

    let before = HEAP.allocated();
    let mut shared = views(&one, &table);
    let bytes = HEAP.allocated() - before;
    assert_eq!(shared.len(), POLICIES);
    let shown: usize = (0..CONTAINERS)
        .filter_map(|container| shared.view(container))
        .map(|view| view.shown().count())
        .sum();

    let (mut reloads, mut finds, mut told) = (Vec::new(), Vec::new(), 0);
    for round in 0..ROUNDS {
        let rules = if round % 2 == 0 { &other } else { &one };
        let began = Instant::now();
        let changes = shared.reload(&table, |policy| rules.policy(policy.name()).unwrap());
        reloads.push(began.elapsed().as_secs_f64() * 1e3);
        told = changes.iter().map(|c| c.containers.len()).sum();
        black_box(changes);
        let began = Instant::now();
        let status = Command::new("find")
            .arg(dir.path())
            .stdout(Stdio::null())
            .status()
            .unwrap();
        finds.push(began.elapsed().as_secs_f64() * 1e3);
        assert!(status.success());
    }
    assert_eq!(told, CONTAINERS, "the reload concerns everybody");
    println!(
        "{{\"devices\": {}, \"containers\": {CONTAINERS}, \"policies\": {POLICIES}, \"reload_ms\": {:.3}, \"find_ms\": {:.3}, \"bytes_a_container\": {}, \"bytes_a_view\": {}, \"shown\": {}}}",
        table.len(),
        median(reloads),
        median(finds),
        bytes / CONTAINERS,
        bytes / POLICIES,
        shown / CONTAINERS,
    );
}
