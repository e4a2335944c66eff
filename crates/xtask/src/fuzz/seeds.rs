//! Where fuzzing begins: recorded messages and the rule files of the tests.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The seeds of a target, from the repository at `top`.
pub fn of(target: &str, top: &Path) -> Result<Vec<Vec<u8>>> {
    let mut seeds = small(target, top)?;
    // libFuzzer makes no larger inputs than it has seen, but for very slowly
    let rules = || PATH_RULE.repeat((super::LARGEST - 2 * WHOLE.len()) / PATH_RULE.len() - 1);
    seeds.push(match target {
        "rules" => [WHOLE, &rules()].concat().into_bytes(),
        "reload" => [WHOLE, "\n===\n", WHOLE, &rules()].concat().into_bytes(),
        _ => {
            let all = seeds.concat();
            let times = super::LARGEST / all.len().max(1) + 1;
            all.repeat(times)[..super::LARGEST].to_vec()
        }
    });
    Ok(seeds)
}

/// Those of the size that is usual.
fn small(target: &str, top: &Path) -> Result<Vec<Vec<u8>>> {
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
        "udevdb" => DATABASE
            .iter()
            .map(|text| text.as_bytes().to_vec())
            .collect(),
        "trace" => traces(&sent('K')?),
        "reload" => {
            let whole = [
                WHOLE.to_owned(),
                WHOLE.replace("- name: disks\n        match:", "- match:"),
            ];
            let mut pairs: Vec<String> = Vec::new();
            for (from, to) in CHANGES {
                let new = WHOLE.replacen(from, to, 1);
                pairs.push(format!("{WHOLE}\n===\n{new}"));
                pairs.push(format!("{new}\n===\n{WHOLE}"));
            }
            pairs.push(whole.join("\n===\n"));
            pairs.into_iter().map(String::into_bytes).collect()
        }
        "import" => {
            let data = top.join("crates/import/tests/data");
            let as_kind = |kind: &str, extension: &str| -> Result<Vec<Vec<u8>>> {
                let texts = files(&data, extension)?;
                Ok(texts
                    .iter()
                    .map(|text| format!("{kind}\n{text}").into_bytes())
                    .collect())
            };
            let mut sources = as_kind("flags", "txt")?;
            sources.extend(as_kind("cdi", "cdi.json")?);
            sources.extend(as_kind("cdi", "cdi.yaml")?);
            sources.extend(as_kind("devfs", "devfs.rules")?);
            sources.extend(
                FLAGS
                    .iter()
                    .map(|flag| format!("flags\n{flag}").into_bytes()),
            );
            sources.push(sources.join(&b"\n===\n"[..]));
            sources
        }
        "rules" | "format" => {
            let mut texts = files(&top.join("crates/policy/src/builtin"), "yaml")?;
            texts.extend(files(&top.join("crates/policy/tests/data"), "yaml")?);
            texts.extend(files(&top.join("examples"), "yaml")?);
            texts.push(WHOLE.into());
            if target == "rules" {
                texts.extend(INCLUDING.map(str::to_owned));
            }
            texts.into_iter().map(String::into_bytes).collect()
        }
        _ => GLOBS
            .iter()
            .map(|(glob, path)| format!("{glob}\n{path}").into_bytes())
            .collect(),
    })
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

const TRACE: &str = "monitor will print the received events for:
UDEV - the event which udev sends out after rule processing
KERNEL - the kernel uevent

UDEV  [4689.361000] add      /devices/x y/input0 (z) (input)
ACTION=add
DEVPATH=/devices/x y/input0 (z)
MODALIAS=input:b0003

NAME=\"a
b\"
SEQNUM=160203

";

const DATABASE: [&str; 7] = [
    "S:disk/by-id/x\nI:123\nL:-7\nE:ID_FS_TYPE=ext4\nE:EMPTY=\nG:systemd\nS:y\nV:1\n",
    "G:seat\nG:uaccess\nQ:seat\nV:1\n",
    "G:seat\nG:uaccess\n",
    "L:x\nS:../../null\nS:/etc/passwd\nS:\nS:a//b\nS:a/../b\nS:ok\nS",
    "L:2147483648\nE:=\nE:A\nE\n",
    "V:1\nV:2\nQ:\nQ:a\nG:b",
    "",
];

/// What is changed in the file below to take it up anew.
const CHANGES: [(&str, &str); 12] = [
    ("show: rw", "show: hide"),
    ("subsystem: [block", "subsystem: [mem"),
    ("devtype: disk, ", ""),
    ("attr: { idVendor: \"1\" }", "attr: { serial: \"1\" }"),
    ("tag: uaccess", "tag: \"*\""),
    ("link: \"disk/by-id/*\"", "link: x"),
    ("scope: device", "scope: subtree"),
    ("ancestors: skeleton", "ancestors: files"),
    ("events: both", "events: none"),
    ("/kernel/mm/**", "/kernel/**"),
    ("hide: [\"power/**\"]", "hide: [queue]"),
    ("base: [minimal]", "base: [all]"),
];

const FLAGS: [&str; 4] = [
    "/dev/ttyUSB0:/dev/modem:rw",
    "/dev/snd:r",
    "/dev/sda:w\n/dev/dri/card0:/dev/a/b:m",
    "vendor.com/gpu=all",
];

/// Files that include others, which stand behind a line of their own.
const INCLUDING: [&str; 4] = [
    "version: 1\ninclude: [\"conf.d/*.yaml\", b.yaml]\n=== conf.d/a.yaml\nversion: 1\npolicies: { a: { base: b } }\n\
     === b.yaml\nversion: 1\npolicies: { b: {} }\n",
    "version: 1\ninclude: a/../rules.yaml\n",
    "version: 1\ninclude: a\n=== a\nversion: 1\ninclude: \"[a-b]\"\n=== b\nversion: 1\ninclude: a\n",
    "version: 1\ninclude: \"*\"\npolicies: { p: {} }\n=== x\nversion: 1\npolicies: { p: {} }\n",
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
    cpus: cgroup
    ancestors: skeleton
    rules:
      - name: disks
        match: { subsystem: [block, "usb*"], devtype: disk, devname: "loop[35]", devnum: "b 7:0-9", driver: "*" }
        show: rw
        sysfs: { write: [uevent, "queue/**"], hide: ["power/**"] }
        node: { mode: "0660", uid: 1000, gid: disk, link: ["by/%n", "%k%%", "s/%E{ID_SERIAL}"] }
        on_revoke: kill
        events: both
      - match: { subsystem: usb, attr: { idVendor: "1" }, parent: { attr: { class: "0x*" } } }
        show: ro
        ancestors: files
        events: udev
      - match: { any: [{ tag: uaccess }, { link: "disk/by-id/*" }], not: { devname: "sd*" } }
        show: rw
      - match: { parent: { subsystem: usb, property: { ID_MODEL: "*" } } }
        show: ro
      - match: { devpath: "/devices/**/usb1" }
        scope: device
        show: hide
      - path: /kernel/mm/**
        show: ro
"#;

/// One more of its rules.
const PATH_RULE: &str = "      - { path: \"/kernel/*\", show: ro }\n";

/// Recorded messages of the kernel's as udevadm would have printed them, and as we do.
fn traces(messages: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut traces = vec![TRACE.as_bytes().to_vec()];
    for (at, message) in messages.iter().enumerate() {
        let message = String::from_utf8_lossy(message);
        let mut strings = message.split_terminator('\0');
        let Some((action, devpath)) = strings.next().and_then(|first| first.split_once('@')) else {
            continue;
        };
        let pairs: Vec<(&str, &str)> = strings.filter_map(|pair| pair.split_once('=')).collect();
        let mut text = format!("KERNEL[{at}.250000] {action} {devpath} (x)\n");
        text.extend(pairs.iter().map(|(key, value)| format!("{key}={value}\n")));
        traces.push(format!("{text}\n").into_bytes());
        // Rust's escapes are JSON's for all that is said here
        let pairs = pairs
            .iter()
            .map(|(key, value)| format!("{key:?}:{value:?}"));
        let pairs = pairs.collect::<Vec<_>>().join(",");
        let line =
            format!("{{\"source\":\"kernel\",\"time\":{at}.25,\"properties\":{{{pairs}}}}}\n");
        traces.push(line.into_bytes());
    }
    traces
}

/// The texts of the files below `dir` whose names end in `.extension`, ordered by path.
fn files(dir: &Path, extension: &str) -> Result<Vec<String>> {
    let mut paths = Vec::new();
    walk(dir, &mut paths)?;
    let end = format!(".{extension}");
    paths.retain(|path| path.to_string_lossy().ends_with(&end));
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
