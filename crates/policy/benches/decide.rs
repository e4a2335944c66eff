//! What one decision costs, by the number of rules, beside reading the device's `uevent` file natively.
//!
//! `cargo xtask bench policy` runs it and says what it means.

mod host;

use std::{fs, hint::black_box, io::Read};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

const COMMON: &str =
    "  common:\n    base: []\n    rules:\n      - { match: { subsystem: mem }, show: rw }\n";

fn decisions(c: &mut Criterion) {
    let table = host::table(20_000);
    // rules are about disks from 0 on: the first decides about one, none about the other
    let shown = host::disk_path(&table, 0);
    let hidden = host::disk_path(&table, 2000);
    for (what, devpath) in [
        ("shown by the first rule", &shown),
        ("hidden, no rule matches", &hidden),
    ] {
        let mut group = c.benchmark_group(what);
        for count in [10, 100, 1000] {
            let text = format!("{COMMON}{}", host::rules("p", 0, count, ""));
            let policy = host::parse(&text).policy("p").unwrap();
            let facts = table.get(devpath).unwrap();
            group.bench_with_input(BenchmarkId::from_parameter(count), &count, |b, _| {
                b.iter(|| black_box(policy.decide(black_box(&table), black_box(facts))));
            });
        }
    }
    let mut group = c.benchmark_group("native");
    let mut text = Vec::with_capacity(4096);
    group.bench_function("open+read+close of a uevent file", |b| {
        b.iter(|| {
            text.clear();
            let mut file = fs::File::open("/sys/devices/virtual/mem/null/uevent").unwrap();
            // one read(2): read_to_end would ask for the size and for the end too
            text.resize(4096, 0);
            black_box(file.read(&mut text).unwrap());
        });
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default();
    targets = decisions
}
criterion_main!(benches);
