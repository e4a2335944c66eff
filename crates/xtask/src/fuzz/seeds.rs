//! Where fuzzing begins: recorded messages and the rule files of the tests.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The seeds of a target, from the repository at `top`.
pub fn of(target: &str, top: &Path) -> Result<Vec<Vec<u8>>> {
    let recordings = || files(&top.join("crates/kobject/tests/data/uevents"), "txt");
    let sent = |by: char| -> Result<Vec<Vec<u8>>> {
        let texts = recordings()?;
        // every tenth: the rest say the same of other devices
        Ok(texts
            .iter()
            .flat_map(|text| datagrams(text, by))
            .step_by(10)
            .collect())
    };
    Ok(match target {
        "uevent" => sent('K')?,
        "udev_message" => sent('U')?,
        "synth" => WRITES.iter().map(|text| text.as_bytes().to_vec()).collect(),
        "devpath" => {
            let path = |message: &Vec<u8>| {
                let first = message.split(|&b| b == 0).next().unwrap_or_default();
                let path = first
                    .iter()
                    .position(|&b| b == b'@')
                    .map_or(&b""[..], |at| &first[at + 1..]);
                [path, b"\npower/control"].concat()
            };
            sent('K')?.iter().map(path).collect()
        }
        "rules" | "format" => {
            let mut texts = files(&top.join("crates/policy/src/builtin"), "yaml")?;
            texts.extend(files(&top.join("crates/policy/tests/data"), "yaml")?);
            texts.extend(files(&top.join("examples"), "yaml")?);
            texts.push(WHOLE.into());
            texts.into_iter().map(String::into_bytes).collect()
        }
        _ => GLOBS
            .iter()
            .map(|(glob, path)| format!("{glob}\n{path}").into_bytes())
            .collect(),
    })
}

/// Words that the target's language has.
pub fn dictionary(target: &str) -> Option<String> {
    let words: &[&str] = match target {
        "rules" | "format" => &[
            "version: 1",
            "policies:",
            "containers:",
            "base:",
            "cpus:",
            "host",
            "cgroup",
            "rules:",
            "match:",
            "parent:",
            "path:",
            "show:",
            "rw",
            "ro",
            "hide",
            "scope:",
            "subtree",
            "device",
            "subsystem:",
            "devtype:",
            "devname:",
            "devpath:",
            "driver:",
            "devnum:",
            "property:",
            "sysfs:",
            "write:",
            "node:",
            "mode:",
            "\"0660\"",
            "uid:",
            "gid:",
            "link:",
            "%n",
            "%k",
            "%E{ID_SERIAL}",
            "%%",
            "on_revoke:",
            "kill",
            "limits:",
            "inodes:",
            "bytes:",
            "16M",
            "name:",
            "label:",
            "policy:",
            "minimal",
            "all",
            "**",
            "/**",
            "c 1:3",
            "b 7:*",
            "&a",
            "*a",
            "<<:",
            "!!str",
            "---",
        ],
        "globs" => &[
            "**",
            "/**",
            "**/",
            "*",
            "?",
            "[a-z]",
            "[!a-z]",
            "/devices/",
            "/kernel/",
            "/class/",
            "\\n",
        ],
        "synth" => &[
            "add", "remove", "change", "move", "online", "offline", "bind", "unbind", " A=1",
        ],
        "uevent" => &[
            "ACTION=",
            "DEVPATH=",
            "SEQNUM=",
            "DEVPATH_OLD=",
            "SYNTH_UUID=",
            "add@/",
            "\\x00",
        ],
        _ => return None,
    };
    let quoted = |w: &&str| match w.starts_with('\\') {
        true => format!("\"{}\"\n", w.replace("\\n", "\\x0a")),
        false => format!("\"{w}\"\n"),
    };
    Some(words.iter().map(quoted).collect())
}

const WRITES: [&str; 8] = [
    "add",
    "remove\n",
    "change\0",
    "bind fe4d7c9d-b8c6-4a70-9ef1-3d8a58d18eed",
    "add fe4d7c9d-b8c6-4a70-9ef1-3d8a58d18eed A=1 B=abc\n",
    "ADD",
    "add  A=1",
    "unbind x",
];

const GLOBS: [(&str, &str); 9] = [
    (
        "/devices/virtual/block/loop*",
        "/devices/virtual/block/loop3",
    ),
    ("/devices/**", "/devices/pci0000:00/0000:00:03.0/usb1"),
    ("**/usb?", "/devices/pci0000:00/0000:00:03.0/usb1"),
    ("/kernel/mm/**", "/kernel/mm"),
    (
        "/kernel/**/enabled",
        "/kernel/mm/transparent_hugepage/enabled",
    ),
    (
        "/module/[a-z]*/parameters/*",
        "/module/loop/parameters/max_loop",
    ),
    ("/fs/[!e]*", "/fs/fuse"),
    ("*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
    ("/**/**/**/a", "/a/a/a/a/a/a/b"),
];

const WHOLE: &str = r#"version: 1
containers:
  - match: { name: "web*", label: { app: games } }
    policy: p
policies:
  p:
    base: [minimal]
    limits: { inodes: 100, bytes: 1M }
    rules:
      - name: disks
        match: { subsystem: [block, "usb*"], devtype: disk, devname: "loop[35]", devnum: "b 7:0-9", driver: "*" }
        show: rw
        sysfs: { write: [uevent, "queue/**"], hide: ["power/**"] }
        node: { mode: "0660", uid: 1000, gid: disk, link: ["by/%n", "%k%%", "s/%E{ID_SERIAL}"] }
        on_revoke: kill
      - match: { parent: { subsystem: usb, property: { ID_MODEL: "*" } } }
        show: ro
      - match: { devpath: "/devices/**/usb1" }
        scope: device
        show: hide
      - path: /kernel/mm/**
        show: ro
"#;

/// The texts of the files below `dir` whose names end in `.extension`, ordered by path.
fn files(dir: &Path, extension: &str) -> Result<Vec<String>> {
    let mut paths = Vec::new();
    walk(dir, &mut paths)?;
    paths.retain(|path| path.extension().is_some_and(|e| e == extension));
    paths.sort();
    paths
        .iter()
        .map(|path| fs::read_to_string(path).with_context(|| format!("{path:?}")))
        .collect()
}

fn walk(dir: &Path, paths: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(dir).with_context(|| format!("{dir:?}"))? {
        let path = entry?.path();
        match path.is_dir() {
            true => walk(&path, paths)?,
            false => paths.push(path),
        }
    }
    Ok(())
}

/// The datagrams of a recording that were sent by the kernel (`K`) or udev (`U`); its README says how
/// it is written.
fn datagrams(text: &str, by: char) -> Vec<Vec<u8>> {
    let blocks = text.split("\n\n").map(|block| block.trim_matches('\n'));
    blocks
        .filter(|block| block.starts_with(by))
        .map(|block| block.lines().skip(1).flat_map(string).collect())
        .collect()
}

fn string(line: &str) -> Vec<u8> {
    let byte = |hex: &str| u8::from_str_radix(hex, 16).unwrap_or(b'?');
    if let Some(hex) = line.strip_prefix(" !") {
        return (0..hex.len() / 2)
            .map(|at| byte(&hex[at * 2..at * 2 + 2]))
            .collect();
    }
    let mut bytes = Vec::new();
    let mut rest = line.strip_prefix(' ').unwrap_or(line);
    while let Some((before, after)) = rest.split_once("\\x") {
        bytes.extend(before.bytes());
        let (hex, more) = after.split_at_checked(2).unwrap_or((after, ""));
        bytes.push(byte(hex));
        rest = more;
    }
    bytes.extend(rest.bytes());
    bytes.push(0);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_seeds_and_datagrams_are_as_long_as_they_were() {
        let top = crate::say::top();
        for target in super::super::TARGETS {
            assert!(of(target, &top).unwrap().len() > 5, "{target}");
        }
        let text = "K 1.5 30\n add@/devices/a\n A=b\\x0a\n\nU 1.6 6\n !0001ff\n A=\n";
        assert_eq!(datagrams(text, 'K'), [b"add@/devices/a\0A=b\n\0".to_vec()]);
        assert_eq!(datagrams(text, 'U'), [b"\0\x01\xffA=\0".to_vec()]);
    }
}
