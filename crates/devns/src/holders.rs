//! `devns holders`: who still holds a device.

use std::path::{Path, PathBuf};

use cli::running::ids_of;
use cli::{Failure, Status};
use host::cgroup::{Hierarchies, procs};
use host::holders::{self, Holder, How, OnTop, UNSEEN};
use host::{Sysfs, enumerate};
use kobject::{Devnum, Devpath, Escaped};
use serde_json::json;

use crate::args::HoldersArgs;
use crate::output;

/// Print them; the exit status is 0 if there are any, as fuser(1) has it.
pub fn run(args: &HoldersArgs) -> Result<u8, Failure> {
    let device = device(&args.device)?;
    if !nix::unistd::geteuid().is_root() {
        return Err(Failure::new(Status::NotRoot, "devns holders needs root")
            .mend("run it with sudo: it looks into other users' processes"));
    }
    let mut pids = Vec::new();
    for dir in cgroups(args)? {
        pids.extend(procs(&dir).map_err(unknown)?);
    }
    pids.sort_unstable();
    pids.dedup();
    let devices = holders::partitions(device);
    let processes = holders::processes(&pids, &devices);
    let kernel = holders::on_top(&devices, &pids);
    let text = match args.json {
        true => json(device, &processes, &kernel),
        false => table(device, &processes, &kernel),
    };
    output::write(&text)?;
    Ok(u8::from(processes.is_empty() && kernel.is_empty()))
}

/// 1 is for "nobody".
fn unknown(e: impl std::fmt::Display) -> Failure {
    Failure::new(Status::Host, e.to_string())
}

fn wrong(message: String) -> Failure {
    Failure::new(Status::Usage, message)
}

/// What `text` names: a number, a path of sysfs, a name below /dev.
fn device(text: &str) -> Result<Devnum, Failure> {
    const MEND: &str = "name it as in /dev, by its path below /sys, or by its number, such as \"b 7:3\"; \
                        one that is gone has a number only";
    if let Ok(devnum) = text.parse() {
        return Ok(devnum);
    }
    let text = text.strip_prefix("/sys").unwrap_or(text);
    if text.starts_with("/devices/") {
        let found = Devpath::parse(text.as_bytes())
            .ok()
            .map(|devpath| Ok::<_, sys::Error>(enumerate::device(&Sysfs::mount(None)?, &devpath)))
            .transpose()
            .map_err(unknown)?;
        return found
            .flatten()
            .and_then(|device| device.devnum())
            .ok_or_else(|| {
                wrong(format!("there is no device with a number at {text:?}")).mend(MEND)
            });
    }
    let path = Path::new("/dev").join(text);
    match holders::devnum_at(&path) {
        Ok(Some(devnum)) => Ok(devnum),
        Ok(None) => Err(wrong(format!("{path:?} is no device")).mend(MEND)),
        Err(_) => Err(wrong(format!("there is no device {path:?}")).mend(MEND)),
    }
}

fn cgroups(args: &HoldersArgs) -> Result<Vec<PathBuf>, Failure> {
    if let Some(dir) = &args.cgroup {
        return match dir.join("cgroup.procs").exists() {
            true => Ok(vec![dir.clone()]),
            false => Err(wrong(format!("{dir:?} is no directory of a cgroup"))
                .mend("`grep cgroup /proc/self/mountinfo` says where they are")),
        };
    }
    let name = args.name.as_deref().unwrap_or_default();
    let hierarchies = Hierarchies::detect().map_err(unknown)?;
    let mut all = Vec::new();
    for id in ids_of(name).map_err(unknown)? {
        all.extend(hierarchies.dirs(&id).map_err(unknown)?);
    }
    match all.is_empty() {
        false => Ok(all),
        true => Err(wrong(format!("there is no container {name:?}"))
            .mend("the directories of /run/devns are called NAME-PID")),
    }
}

fn how(how: How) -> String {
    match how {
        How::Descriptor(number) => format!("descriptor {number}"),
        How::Mapping => "mapping".into(),
    }
}

fn table(device: Devnum, processes: &[Holder], kernel: &[OnTop]) -> String {
    let mut rows = Vec::new();
    for holder in processes {
        rows.push([
            holder.pid.to_string(),
            Escaped(holder.command.as_bytes()).to_string(),
            how(holder.how),
            holder.device.to_string(),
        ]);
    }
    for on_top in kernel {
        let name = Escaped(on_top.name.as_bytes());
        rows.push([
            "-".into(),
            "(kernel)".into(),
            format!("{} {name}", on_top.kind),
            on_top.device.to_string(),
        ]);
    }
    let mut text = String::new();
    if rows.is_empty() {
        text += &format!("nobody holds {device}, as far as can be seen\n");
    } else {
        rows.insert(0, ["PID", "COMMAND", "HOW", "DEVICE"].map(String::from));
        let wide = |column: usize| rows.iter().map(|r| r[column].chars().count()).max();
        let [pid, command, how] = [0, 1, 2].map(|column| wide(column).unwrap_or(0));
        for [a, b, c, d] in &rows {
            text += &format!("{a:>pid$}  {b:command$}  {c:how$}  {d}\n");
        }
    }
    text + &format!("not seen: {}\n", UNSEEN.join("; "))
}

fn json(device: Devnum, processes: &[Holder], kernel: &[OnTop]) -> String {
    let processes: Vec<_> = processes
        .iter()
        .map(|holder| {
            json!({
                "pid": holder.pid,
                "command": holder.command,
                "how": match holder.how { How::Descriptor(_) => "descriptor", How::Mapping => "mapping" },
                "descriptor": match holder.how { How::Descriptor(n) => Some(n), How::Mapping => None },
                "device": holder.device.to_string(),
            })
        })
        .collect();
    let kernel: Vec<_> = kernel
        .iter()
        .map(|t| json!({ "kind": t.kind, "name": t.name, "device": t.device.to_string() }))
        .collect();
    let all = json!({
        "device": device.to_string(),
        "processes": processes,
        "kernel": kernel,
        "unseen": UNSEEN,
    });
    format!("{all}\n")
}
