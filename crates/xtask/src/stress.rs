//! `cargo xtask stress`.

mod container;
mod storm;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use container::{Held, Reader};
use serde_json::Value;
use storm::{FIRST, LOOPS, Storm};

use crate::packages;
use crate::say::{build_binaries, need_root, output, progress, target};

/// Plug and pull devices as fast as the kernel can, while two containers walk /sys and /dev
#[derive(clap::Args)]
#[command(after_help = HELP)]
pub struct Args {
    /// How many devices come and go
    #[arg(long, value_name = "N", default_value_t = 2000)]
    cycles: u32,
}

const HELP: &str = "\
Loop devices from 200 on, zram devices, and veth and macvtap in one container's network namespace.
Afterwards each container must have heard of each of its devices as often as it came and went, and
of no other; no walk may have met an error other than that of a device that is gone, or a hidden
name; nothing may be left in /sys and /dev; devns must hold as many descriptors as before, and not
much more memory.";

/// Which containers see what; nobody sees the last third.
const RULES: &str = "\
version: 1
policies:
  left:
    rules:
      - match: { subsystem: block, devname: [loop200, loop201, loop202, loop203, loop204, loop205, loop206, loop207, \"zram*\"] }
        show: rw
  right:
    rules:
      - match: { subsystem: block, devname: [loop208, loop209, loop210, loop211, loop212, loop213, loop214, loop215] }
        show: ro
";

/// Cycles after which buffers and pools have grown to what they need.
const WARM_UP: u32 = 240;

/// What devns may hold more of memory afterwards, in KiB. A walk's requests and a storm's events never
/// come twice in the same order, and malloc's arenas grow to the worst seen: measured were 450 KiB
/// after 2000 cycles and 520 after 5000. With 2000 cycles, a leak of 1 KiB in each is found.
const MARGIN: u64 = 1536;

/// Storm, then look.
pub fn run(args: &Args) -> Result<()> {
    need_root("cargo xtask stress")?;
    packages::ensure(&["iproute2", "python3", "util-linux"])?;
    let bin = build_binaries()?;
    // where the kernel has them as modules
    for module in ["loop", "zram", "veth", "macvtap"] {
        let _ = Command::new("modprobe").arg("--quiet").arg(module).status();
    }
    let before = output(Command::new("findmnt").args(["-rn", "-o", "TARGET"]))?;
    let rules = Rules::write()?;
    let mut left = Reader::start(&bin, &rules.0, "left", r"^loop2(0[89]|1\d|2[0-3])$")?;
    let mut right = Reader::start(
        &bin,
        &rules.0,
        "right",
        r"^(loop2(0[0-7]|1[6-9]|2[0-3])|zram\d+|st\d|tap\d+)$",
    )?;
    // an answer: it is up, and listens
    for reader in [&mut left, &mut right] {
        reader.ask("hello")?;
    }
    let mut storm = Storm::new(left.first_process()?);
    storm.one_of_each()?;
    for reader in [&mut left, &mut right] {
        reader.ask("learn")?;
    }
    let present = [&mut left, &mut right]
        .map(|r| r.ask("list"))
        .into_iter()
        .collect::<Result<Vec<_>>>()?;
    let seen = present
        .iter()
        .map(|p| p["names"].as_array().map_or(0, Vec::len));
    progress(&format!(
        "one of each: left and right have {:?} places for them",
        seen.collect::<Vec<_>>()
    ));
    storm.calm()?;
    let mut faults = Vec::new();
    progress(&format!("warming up with {WARM_UP} cycles"));
    weather(&mut storm, [&mut left, &mut right], 0..WARM_UP, &mut faults)?;
    let held = [left.held()?, right.held()?];
    progress(&format!("{} cycles", args.cycles));
    let walks = weather(
        &mut storm,
        [&mut left, &mut right],
        WARM_UP..WARM_UP + args.cycles,
        &mut faults,
    )?;
    progress(&format!("walks: left {}, right {}", walks[0], walks[1]));
    let counts = std::mem::take(&mut storm.counts);
    for (reader, before) in [&mut left, &mut right].into_iter().zip(held) {
        events(reader, &counts, &mut faults)?;
        let now = reader.held()?;
        progress(&format!(
            "{}: {} -> {} descriptors, {} -> {} KiB",
            reader.name, before.fds, now.fds, before.rss, now.rss
        ));
        growth(reader.name, before, now, &mut faults);
    }
    drop(storm);
    left.end()?;
    right.end()?;
    if output(Command::new("findmnt").args(["-rn", "-o", "TARGET"]))? != before {
        faults.push("there are other mounts than before".to_string());
    }
    if !faults.is_empty() {
        bail!("{} faults:\n  {}", faults.len(), faults.join("\n  "));
    }
    progress("no fault");
    Ok(())
}

/// Storm while both walk, calm down, and see that nothing stale is left; how often each has walked.
fn weather(
    storm: &mut Storm,
    mut readers: [&mut Reader; 2],
    cycles: std::ops::Range<u32>,
    faults: &mut Vec<String>,
) -> Result<[u64; 2]> {
    for reader in &mut readers {
        reader.ask("go")?;
    }
    let (began, count) = (Instant::now(), cycles.len());
    for (done, number) in cycles.enumerate() {
        storm.cycle(number)?;
        if done % 500 == 499 {
            progress(&format!(
                "{} of {count}, {:.0} s",
                done + 1,
                began.elapsed().as_secs_f64()
            ));
        }
    }
    storm.calm()?;
    let mut walks = [0; 2];
    for (reader, walks) in readers.iter_mut().zip(&mut walks) {
        let report = reader.ask("rest")?;
        *walks = report["walks"].as_u64().unwrap_or_default();
        if *walks == 0 {
            faults.push(format!("{} has not walked once", reader.name));
        }
        complain(reader.name, &report, faults);
        stale(reader, faults)?;
    }
    Ok(walks)
}

fn complain(name: &str, report: &Value, faults: &mut Vec<String>) {
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

/// The engine may still be at the last events; a second later nothing may be there.
fn stale(reader: &mut Reader, faults: &mut Vec<String>) -> Result<()> {
    let until = Instant::now() + Duration::from_secs(5);
    loop {
        let list = reader.ask("list")?;
        let names = list["names"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str);
        let base = |path: &str| path.rsplit('/').next().unwrap_or_default().to_string();
        // a zram device may be somebody else's, and shows too
        let gone = |path: &&str| !Path::new("/sys/block").join(base(path)).exists();
        let stale: Vec<&str> = names.filter(gone).collect();
        if stale.is_empty() {
            return Ok(());
        }
        if Instant::now() > until {
            faults.push(format!("{} still has {}", reader.name, stale.join(", ")));
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Each device that shows was announced as often as it came, and no other was.
fn events(
    reader: &mut Reader,
    counts: &std::collections::BTreeMap<String, u64>,
    faults: &mut Vec<String>,
) -> Result<()> {
    let heard = reader.ask("events")?;
    let heard = heard["heard"].as_object().context("no events")?;
    for lost in heard.keys().filter(|key| key.starts_with("lost")) {
        faults.push(format!(
            "{}'s own listener {lost}: its counts mean nothing",
            reader.name
        ));
    }
    for (name, count) in counts {
        let number: Option<u32> = name.strip_prefix("loop").and_then(|n| n.parse().ok());
        let third = number.map_or(0, |n| (n - FIRST) / (LOOPS / 3));
        let shows = third == u32::from(reader.name == "right")
            && (number.is_some() || reader.name == "left");
        let wanted = if shows { *count } else { 0 };
        for action in ["add", "remove"] {
            let got = heard
                .get(&format!("{action} {name}"))
                .and_then(Value::as_u64)
                .unwrap_or(0);
            if got != wanted {
                faults.push(format!(
                    "{} heard {action} {name} {got} times, not {wanted}",
                    reader.name
                ));
            }
        }
    }
    Ok(())
}

fn growth(name: &str, before: Held, now: Held, faults: &mut Vec<String>) {
    if now.fds != before.fds {
        faults.push(format!(
            "{name}: {} descriptors, {} before",
            now.fds, before.fds
        ));
    }
    if now.rss > before.rss + MARGIN {
        faults.push(format!(
            "{name}: {} KiB of memory, {} before",
            now.rss, before.rss
        ));
    }
}

/// The rule file while this lives.
struct Rules(PathBuf);

impl Rules {
    fn write() -> Result<Rules> {
        let path = target().join(format!("stress-{}.yaml", std::process::id()));
        std::fs::write(&path, RULES).with_context(|| format!("{path:?}"))?;
        Ok(Rules(path))
    }
}

impl Drop for Rules {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
