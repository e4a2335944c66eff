//! The processes of a container, from outside.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

/// `pid` and what it has started, less what is in another pid namespace.
pub fn descendants(pid: u32) -> Result<Vec<u32>> {
    let ours = pid_namespace(std::process::id())?;
    let mut found = vec![pid];
    let mut at = 0;
    while at < found.len() {
        for child in children(found[at])? {
            if pid_namespace(child).is_ok_and(|theirs| theirs == ours) {
                found.push(child);
            }
        }
        at += 1;
    }
    Ok(found)
}

/// The child of devns that is in another pid namespace.
pub fn first_process(devns: u32) -> Result<u32> {
    let ours = pid_namespace(std::process::id())?;
    let found = children(devns)?
        .into_iter()
        .find(|child| pid_namespace(*child).is_ok_and(|theirs| theirs != ours));
    found.context("the container has no process in a namespace of its own")
}

fn pid_namespace(pid: u32) -> Result<PathBuf> {
    fs::read_link(format!("/proc/{pid}/ns/pid")).with_context(|| format!("process {pid}"))
}

fn children(pid: u32) -> Result<Vec<u32>> {
    let mut all = Vec::new();
    let path = format!("/proc/{pid}/task");
    for task in fs::read_dir(&path).with_context(|| path.clone())? {
        let text = fs::read_to_string(task?.path().join("children")).unwrap_or_default();
        all.extend(
            text.split_whitespace()
                .filter_map(|p| p.parse::<u32>().ok()),
        );
    }
    Ok(all)
}
