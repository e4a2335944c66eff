//! `cargo xtask stress`.

mod container;
mod interfaces;
mod storm;
mod verdict;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use container::{Reader, Who};
use storm::{FIRST, Storm, THIRD};

use crate::packages;
use crate::say::{build_binaries, need_root, output, progress, target};

/// Plug and pull devices as fast as the kernel can, while two containers walk /sys and /dev
#[derive(clap::Args)]
#[command(after_help = HELP)]
pub struct Args {
    /// How many devices come and go
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(100..))]
    cycles: u32,
}

const HELP: &str = "\
Half of the devices are loop devices from 200 on (and a zram device now and then); half
are interfaces in one container's own network namespace: veth pairs, one end of which is
renamed before it goes (and a macvtap now and then). Eight processes read in that
container and two in another; every fourth holds files open, polls them and reads them
again.

It passes if, one second after the last change,
  - everything that is listed or found inside is in a native sysfs of the same network
    namespace, and everything there that the container has to see is inside, with some
    devices still plugged and again with none;
  - no reader has met an error but ENOENT and ENODEV, and what reading the same attributes
    answers natively: such errors are learned beforehand, EINVAL of an interface that goes
    is known, so are ENXIO and EPERM of opening a device node, and EIO of opening what has
    just gone and the kernel would have read by itself;
  - no reader has seen a hidden name;
  - what the processes have put into /dev that change it, two in each container, is there
    as they left it: own entries are as those of a tmpfs on which the same was done, also
    below a directory and under a name that a device had; a mode, owner or ACL of a node
    has lasted as long as its device, a node that was made of it too, and nothing of
    either any longer;
  - they could remove everything, after which /dev has the names and the room that it had
    at the start;
  - each container has heard of each of its block devices that it came as often as that it
    went, and of no other's; what it has not heard of was gone before devns had looked at
    it, as devns says itself, and that is not so of more than every second;
  - devns holds as many descriptors as after a warm-up, and not much more memory, nodes,
    and files that the kernel reads by itself;
  - the mounts of the host are what they were.

The kernel may need a minute for every 5,000 devices.";

/// Which containers see what; nobody sees the last third.
const RULES: &str = "\
version: 1
policies:
  left:
    rules:
      - match: { subsystem: block, devname: [loop200, loop201, loop202, loop203, loop204, loop205, loop206, loop207] }
        show: rw
        node: { link: 'by/stress/%k' }
      - match: { subsystem: block, devname: \"zram*\" }
        show: rw
  right:
    rules:
      - match: { subsystem: block, devname: [loop208, loop209, loop210, loop211] }
        show: ro
        node: { link: 'by/stress/%k' }
      - match: { subsystem: block, devname: [loop212, loop213, loop214, loop215] }
        show: rw
        node: { link: 'by/stress/%k' }
";

const LEFT: Who = Who {
    name: "left",
    options: &["--userns"],
    hidden: r"^loop2(0[89]|1\d|2[0-3])$",
    processes: 8,
    changers: 2,
    first: FIRST,
    other: FIRST + THIRD,
};

/// It may make nodes.
const RIGHT: Who = Who {
    name: "right",
    options: &["--cap-add", "MKNOD"],
    hidden: r"^(loop2(0[0-7]|1[6-9]|2[0-3])|zram\d+|st\d+|tap\d+)$",
    processes: 2,
    changers: 2,
    first: FIRST + THIRD,
    other: FIRST,
};

/// Devices after which buffers and pools have grown to what they need.
const WARM_UP: u32 = 1000;

/// Storm, then look.
pub fn run(args: &Args) -> Result<()> {
    need_root("cargo xtask stress")?;
    packages::ensure(&["iproute2", "python3", "util-linux"])?;
    let bin = build_binaries()?;
    // where the kernel has them as modules
    for module in ["loop", "zram", "veth", "macvtap"] {
        let _ = Command::new("modprobe").arg("--quiet").arg(module).status();
    }
    let began = Instant::now();
    let before = mounts()?;
    let mut faults = in_weather(&bin, args.cycles)?;
    if mounts()? != before {
        faults.push("there are other mounts than before".to_string());
    }
    if !faults.is_empty() {
        bail!("{} faults:\n  {}", faults.len(), faults.join("\n  "));
    }
    progress(&format!("no fault, {} s", began.elapsed().as_secs()));
    Ok(())
}

fn mounts() -> Result<String> {
    output(Command::new("findmnt").args(["-rn", "-o", "TARGET"]))
}

/// The faults that were found.
fn in_weather(bin: &Path, cycles: u32) -> Result<Vec<String>> {
    let rules = Rules::write()?;
    let mut left = Reader::start(bin, &rules.0, &LEFT)?;
    let mut right = Reader::start(bin, &rules.0, &RIGHT)?;
    // an answer: it is up, and listens
    for reader in [&mut left, &mut right] {
        reader.ask("hello")?;
    }
    let mut faults = Vec::new();
    let mut storm = Storm::new(left.first_process()?)?;
    storm.one_of_each()?;
    let ended = Instant::now();
    let mut readers = [left, right];
    verdict::compare(&mut readers, ended, storm.interfaces(), &mut faults)?;
    for reader in &mut readers {
        let report = reader.ask("learn")?;
        verdict::complain(reader.name, &report, &mut faults);
    }
    progress(&format!("warming up with {WARM_UP} devices"));
    weather(&mut storm, &mut readers, WARM_UP, &mut faults)?;
    let before = verdict::settled(&readers, None)?;
    progress(&format!("{cycles} devices"));
    weather(&mut storm, &mut readers, cycles, &mut faults)?;
    for reader in &mut readers {
        verdict::events(reader, &storm, &mut faults)?;
    }
    let now = verdict::settled(&readers, Some(&before))?;
    for (reader, (before, now)) in readers.iter().zip(before.into_iter().zip(now)) {
        verdict::growth(reader.name, &before, &now, &mut faults);
    }
    drop(storm);
    for reader in readers {
        reader.end()?;
    }
    Ok(faults)
}

/// Storm while all read, and see that nothing is stale: as it was left, and when it is calm.
fn weather(
    storm: &mut Storm,
    readers: &mut [Reader; 2],
    cycles: u32,
    faults: &mut Vec<String>,
) -> Result<()> {
    for reader in readers.iter_mut() {
        reader.ask("go")?;
    }
    storm.blow(cycles)?;
    let ended = Instant::now();
    for reader in readers.iter_mut() {
        let report = reader.ask("rest")?;
        verdict::readers(reader.name, &report, faults)?;
        verdict::complain(reader.name, &report, faults);
    }
    verdict::compare(readers, ended, storm.interfaces(), faults)?;
    storm.calm()?;
    verdict::compare(readers, Instant::now(), storm.interfaces(), faults)?;
    for reader in readers.iter_mut() {
        let report = reader.ask("calm")?;
        verdict::complain(reader.name, &report, faults);
    }
    Ok(())
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
