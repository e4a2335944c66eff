//! What is wrong afterwards.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::container::{Held, Reader};
use super::storm::Storm;
use crate::say::progress;

/// What some process of each container has to have done, or it has shown nothing.
const CHANGES: &[&str] = &[
    "create",
    "rename",
    "unlink",
    "chmod node",
    "setfacl node",
    "new node",
    "name taken",
    "link placed",
];

/// How long after the last change everything has to be right.
pub const SOON: Duration = Duration::from_secs(1);
/// What devns may hold more of memory afterwards, in KiB. A walk's requests and a storm's events never
/// come twice in the same order, and malloc's arenas grow to the worst seen: measured were 650 after
/// 10,000 devices, with which a leak of 200 bytes for each is found.
const MARGIN: usize = 2048;
/// How many nodes more than in the warm-up a mount may have had: names that are gone and not yet given up.
const NODES: usize = 2048;
/// Backing files above those before that are no leak. How many there are is said only now and then, and depends
/// on what the kernel still had cached at that moment; one leaked by each device would be thousands.
const BACKINGS: usize = 1024;
/// How long descriptors may take to be closed: threads that wait for work keep theirs for 10 s.
const SETTLE: Duration = Duration::from_secs(12);
/// One in so many devices has to be announced. How many are gone before devns has looked at them depends on how
/// much else the machine has to do; but where most are, nothing is shown.
const TOLD: u64 = 2;

/// How much the readers have done, and that none of them was kept waiting.
pub fn readers(name: &str, report: &Value, faults: &mut Vec<String>) -> Result<()> {
    let numbers = |key: &str| -> Result<Vec<u64>> {
        let list = report[key].as_array().context("a report")?;
        Ok(list.iter().filter_map(Value::as_u64).collect())
    };
    let (walks, looks) = (numbers("walks")?, numbers("looks")?);
    progress(&format!(
        "{name}: {} readers, {} walks, {} looks at a name",
        looks.len(),
        walks.iter().sum::<u64>(),
        looks.iter().sum::<u64>()
    ));
    let changes = report["changes"].as_object().context("a report")?;
    let of = changes.iter().map(|(what, n)| format!("{n} {what}"));
    progress(&format!("{name}: {}", of.collect::<Vec<_>>().join(", ")));
    // only one may
    let mknod = (name == "right").then_some("mknod");
    for what in CHANGES.iter().copied().chain(mknod) {
        if !changes.contains_key(what) {
            faults.push(format!("{name}: no process has done this: {what}"));
        }
    }
    // how long a walk takes depends on the machine
    if looks.iter().any(|l| *l < 100) {
        faults.push(format!(
            "{name}: a reader has looked at next to nothing: {looks:?}"
        ));
    }
    Ok(())
}

/// What the readers met.
pub fn complain(name: &str, report: &Value, faults: &mut Vec<String>) {
    for path in report["hidden"].as_array().into_iter().flatten() {
        faults.push(format!("{name} saw {path}, which is hidden"));
    }
    for (error, met) in report["errors"].as_object().into_iter().flatten() {
        faults.push(format!(
            "{name} met {error}, {} times, first at {}",
            met[0], met[1]
        ));
    }
}

/// [`SOON`] after `ended`, everything that is listed or found inside is there natively, and all that has
/// to show does.
pub fn compare(
    readers: &mut [Reader; 2],
    ended: Instant,
    interfaces: u32,
    faults: &mut Vec<String>,
) -> Result<()> {
    // the machine is not ours alone: what somebody else plugs meanwhile is in one of two looks only
    let before = [readers[0].native()?, readers[1].native()?];
    std::thread::sleep(SOON.saturating_sub(ended.elapsed()));
    let late = ended.elapsed().as_secs_f64();
    let question = format!("list {interfaces}");
    let inside = std::thread::scope(|scope| {
        let asked = readers.each_mut().map(|reader| {
            let question = &question;
            scope.spawn(move || reader.ask(question))
        });
        asked.map(|answer| {
            answer
                .join()
                .unwrap_or_else(|_| bail!("a thread has panicked"))
        })
    });
    for ((reader, before), inside) in readers.iter().zip(before).zip(inside) {
        let (name, after) = (reader.name, reader.native()?);
        let inside = paths(&inside?["paths"]);
        let there = &paths(&before["paths"]) | &paths(&after["paths"]);
        let ours = |path: &&String| !path.starts_with("/dev/") || is_plugged_node(path);
        let stale: Vec<_> = inside.difference(&there).filter(ours).collect();
        let must = &paths(&before["shown"]) & &paths(&after["shown"]);
        let missing: Vec<_> = must.difference(&inside).collect();
        progress(&format!(
            "{name}: {late:.1} s after the last change {} paths, {} of them of pluggable devices: {} stale, {} missing",
            inside.len(),
            must.len() - missing.len(),
            stale.len(),
            missing.len()
        ));
        faults.extend(
            stale
                .iter()
                .take(10)
                .map(|p| format!("{name} still has {p}")),
        );
        faults.extend(missing.iter().take(10).map(|p| format!("{name} lacks {p}")));
    }
    Ok(())
}

/// Whether a node in /dev is that of a device that is plugged and pulled here.
fn is_plugged_node(path: &str) -> bool {
    ["loop2", "zram", "st", "tap"].iter().any(|kind| {
        let rest = path
            .strip_prefix("/dev/")
            .and_then(|p| p.strip_prefix(kind));
        rest.is_some_and(|r| !r.is_empty() && r.bytes().all(|b| b.is_ascii_digit()))
    })
}

fn paths(list: &Value) -> BTreeSet<String> {
    let all = list.as_array().into_iter().flatten();
    all.filter_map(Value::as_str).map(String::from).collect()
}

/// Each block device that shows was announced when it came and when it went, and no other was. What is
/// gone before devns has looked at it never shows, so nothing is said of it, neither the one nor the other; but
/// devns says in its log that it was so.
pub fn events(reader: &mut Reader, storm: &Storm, faults: &mut Vec<String>) -> Result<()> {
    let heard = reader.ask("events")?;
    let heard = heard["heard"].as_object().context("no events")?;
    let name = reader.name;
    let of = |key: &str| heard.get(key).and_then(Value::as_u64).unwrap_or(0);
    let mut is_deaf = false;
    for lost in heard.keys().filter(|key| key.starts_with("lost")) {
        is_deaf = true;
        faults.push(format!(
            "{name}'s own listener {lost}, {} times: its counts mean nothing",
            of(lost)
        ));
    }
    let (mut came, mut told, mut gone) = (0, 0, 0);
    for (device, count, third) in storm.counts() {
        let shows = third == usize::from(name == "right");
        let [adds, removes] = ["add", "remove"].map(|action| of(&format!("{action} {device}")));
        if adds != removes {
            faults.push(format!(
                "{name} heard of {device} {adds} times that it came, {removes} times that it went"
            ));
        }
        let most = if shows { count } else { 0 };
        if adds > most {
            faults.push(format!(
                "{name} heard add {device} {adds} times, not {most}"
            ));
        }
        if shows {
            let unseen = reader.gone(device);
            if adds + unseen < most && !is_deaf {
                faults.push(format!(
                    "{name} heard add {device} {adds} times, {unseen} times it was gone before it was looked at: \
                     {} of {most} are lost",
                    most - adds - unseen
                ));
            }
            gone += unseen;
        }
        came += most;
        told += adds;
    }
    let overruns = reader.overruns();
    progress(&format!(
        "{name}: {came} block devices came and went, {told} were announced, {gone} were gone before they were \
         looked at; {overruns} overruns"
    ));
    if told * TOLD < came {
        faults.push(format!("{name} heard of {told} block devices of {came}"));
    }
    Ok(())
}

/// What each devns holds once it holds no more descriptors than `before`, or after a while.
pub fn settled(readers: &[Reader; 2], before: Option<&[Held; 2]>) -> Result<[Held; 2]> {
    let until = Instant::now() + SETTLE;
    loop {
        // the kernel keeps unused inodes, and devns a file for each that it reads by itself
        std::fs::write("/proc/sys/vm/drop_caches", "2").context("/proc/sys/vm/drop_caches")?;
        let fds = [readers[0].descriptors()?, readers[1].descriptors()?];
        let is_calm = before.is_some_and(|b| (0..2).all(|i| fds[i].len() <= b[i].fds.len()));
        if is_calm || Instant::now() > until {
            return Ok([readers[0].held()?, readers[1].held()?]);
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// What a link in /proc/PID/fd says of an epoll descriptor.
const EPOLL: &str = "anon_inode:[eventpoll]";

/// What has grown.
pub fn growth(name: &str, before: &Held, now: &Held, faults: &mut Vec<String>) {
    progress(&format!(
        "{name}: {} -> {} descriptors, {} -> {} KiB, at most {} -> {} nodes ({} gone in silence), {} -> {} backing files",
        before.fds.len(),
        now.fds.len(),
        before.rss,
        now.rss,
        before.nodes,
        now.nodes,
        now.given_up,
        before.backings,
        now.backings
    ));
    let mut new = now.fds.clone();
    for link in &before.fds {
        if let Some(at) = new.iter().position(|n| n == link) {
            new.swap_remove(at);
        }
    }
    // the first poll makes the one on which all waits are
    if !before.fds.iter().any(|link| link == EPOLL)
        && let Some(at) = new.iter().position(|n| n == EPOLL)
    {
        new.swap_remove(at);
    }
    if !new.is_empty() && now.fds.len() > before.fds.len() {
        let (now, before) = (now.fds.len(), before.fds.len());
        let what = new.join(", ");
        faults.push(format!(
            "{name}: {now} descriptors, {before} before: {what}"
        ));
    }
    let mut bound = |what: &str, now: usize, before: usize, more: usize| {
        if now > before + more {
            faults.push(format!("{name}: {now} {what}, {before} before"));
        }
    };
    bound(
        "KiB of memory",
        now.rss as usize,
        before.rss as usize,
        MARGIN,
    );
    bound("nodes", now.nodes, before.nodes, NODES);
    bound("backing files", now.backings, before.backings, BACKINGS);
}
